import { messageOf } from '../core/errors.js';
import type { SagaState } from '../core/state.js';
import type { Logger } from '../ports/logger.js';
import type { PublishOutcome } from '../ports/transport.js';

/**
 * What an engine tells of itself, for telemetry and faces. Called synchronously after the fact; must be quick. One that throws is
 * logged once and changes nothing.
 */
export interface EngineObserver {
  /** One transaction. `kind`: of messages and calls, or of timers. */
  batchCommitted?(batch: {
    readonly kind: 'messages' | 'timers';
    readonly items: number;
    readonly sagas: number;
    readonly ms: number;
  }): void;
  /** Every saga that a batch wrote, in its new state; started and ended ones too. */
  sagaChanged?(state: SagaState): void;
  sagaStarted?(state: SagaState): void;
  sagaEnded?(state: SagaState): void;
  /** What became of messages that were published together. */
  published?(outcomes: ReadonlyMap<PublishOutcome['fate'], number>): void;
  /** How long after its instant the oldest timer of a sweep was looked at. */
  timersSwept?(sweep: { readonly sagas: number; readonly latenessMs: number }): void;
  deadLettered?(letter: { readonly queue: string; readonly reason: string }): void;
}

const EVENTS = [
  'batchCommitted',
  'sagaChanged',
  'sagaStarted',
  'sagaEnded',
  'published',
  'timersSwept',
  'deadLettered',
] as const satisfies readonly (keyof EngineObserver)[];

/** An observer whose faults reach nobody: the first of each kind is logged. Events it does not take stay absent, which costs nothing. */
export function guarded(observer: EngineObserver, logger: Logger): EngineObserver {
  const safe: Record<string, (told: never) => void> = {};
  for (const event of EVENTS) {
    const listen = observer[event]?.bind(observer) as ((told: unknown) => void) | undefined;
    if (!listen) continue;
    let hasFailed = false;
    safe[event] = (told) => {
      try {
        listen(told);
      } catch (error: unknown) {
        if (!hasFailed) logger.error({ event, error: messageOf(error) }, 'an observer of the engine failed; said once');
        hasFailed = true;
      }
    };
  }
  return safe;
}
