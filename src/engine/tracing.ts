import type { GivenTrace } from '../core/trace-context.js';
import type { HistoryEntry } from '../core/event.js';
import type { Plan } from '../core/plan.js';
import type { SagaState } from '../core/state.js';

/** Makes traces of sagas. Whoever has none does without: `active` is asked once for a batch, and nothing else then. */
export interface EngineTracing {
  /** `undefined`: nothing records traces in this process now. */
  active(): SagaTracer | undefined;
}

/** Called synchronously; must be quick and must not throw. */
export interface SagaTracer {
  /** A trace for a saga whose caller gave none; `undefined` where that is not to be. */
  begin(saga: { readonly id: string; readonly name: string; readonly version: number }): BegunTrace | undefined;
  /** What a command of that saga carries, so that its handler's span finds its place. */
  traceparentOf(state: SagaState, command: { readonly id: string; readonly attempt: number }): string | undefined;
  /** A saga as a commit left it; `before` is how the batch found it, with what is new in its history. */
  changed(change: SagaChange): void;
}
export interface BegunTrace extends GivenTrace {
  /** The saga that it was made for is there now; called at most once. */
  readonly started: () => void;
}
export interface SagaChange {
  readonly plan: Plan;
  /** `undefined`: it was started. */
  readonly before: SagaState | undefined;
  readonly after: SagaState;
  readonly history: readonly HistoryEntry[];
}
