import { messageOf } from '../core/errors.js';
import type { HistoryEntry } from '../core/event.js';
import type { SagaState } from '../core/state.js';
import type { Logger } from '../ports/logger.js';
import type { SignatureFault } from '../ports/signing.js';
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
  /** Every saga that a batch wrote, in its new state and with what is new in its history; started and ended ones too. */
  sagaChanged?(state: SagaState, history: readonly HistoryEntry[]): void;
  sagaStarted?(state: SagaState): void;
  sagaEnded?(state: SagaState): void;
  /** What became of messages that were published together. */
  published?(outcomes: ReadonlyMap<PublishOutcome['fate'], number>): void;
  /** How long after its instant the oldest timer of a sweep was looked at. */
  timersSwept?(sweep: { readonly sagas: number; readonly latenessMs: number }): void;
  /** `fault`: why it was not trusted, if that is so. */
  deadLettered?(letter: { readonly queue: string; readonly reason: string; readonly fault?: SignatureFault | undefined }): void;
  /** So many dead letters are in the store now, whoever put them aside: this process, a participant, or the broker. */
  deadLettersStored?(count: number): void;
  /** So many finished sagas were removed, since their retention is over. */
  sagasForgotten?(count: number): void;
}

const EVENTS = [
  'batchCommitted',
  'sagaChanged',
  'sagaStarted',
  'sagaEnded',
  'published',
  'timersSwept',
  'deadLettered',
  'deadLettersStored',
  'sagasForgotten',
] as const satisfies readonly (keyof EngineObserver)[];

/** An observer whose faults reach nobody: the first of each kind is logged. Events it does not take stay absent, which costs nothing. */
export function guarded(observer: EngineObserver, logger: Logger): EngineObserver {
  const safe: Listeners = {};
  for (const event of EVENTS) {
    const listen = listenerOf(observer, event);
    if (!listen) continue;
    let hasFailed = false;
    safe[event] = (told, more) => {
      try {
        listen(told, more);
      } catch (error: unknown) {
        if (!hasFailed) logger.error({ event, error: messageOf(error) }, 'an observer of the engine failed; said once');
        hasFailed = true;
      }
    };
  }
  return safe;
}

/** Several observers as one. All of them are told, whichever of them fails; the first fault is thrown on. */
export function together(observers: readonly EngineObserver[]): EngineObserver {
  const all: Listeners = {};
  for (const event of EVENTS) {
    const listeners = observers.map((observer) => listenerOf(observer, event)).filter((listen) => listen !== undefined);
    if (listeners.length === 0) continue;
    const [only] = listeners;
    all[event] = listeners.length === 1 && only ? only : (told, more) => tellAll(listeners, told, more);
  }
  return all;
}

type Listener = (told: unknown, more?: unknown) => void;
/** What an {@link EngineObserver} looks like to code that does not care which event it is. */
type Listeners = { [E in (typeof EVENTS)[number]]?: Listener };

function listenerOf(observer: EngineObserver, event: (typeof EVENTS)[number]): Listener | undefined {
  return observer[event]?.bind(observer) as Listener | undefined;
}

function tellAll(listeners: readonly Listener[], told: unknown, more: unknown): void {
  let fault: { readonly error: unknown } | undefined;
  for (const listen of listeners) {
    try {
      listen(told, more);
    } catch (error: unknown) {
      fault ??= { error };
    }
  }
  if (fault) throw fault.error;
}
