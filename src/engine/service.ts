import type { Cancelled, Resumed, Retried, SettledByHand, Suspended } from '../core/event.js';
import type { Plan } from '../core/plan.js';
import type { Status } from '../core/state.js';
import type { StoredSaga } from '../ports/saga-store.js';

/** What the faces (HTTP, command line, embedded client) may ask of a running engine. Errors are SagaErrors; see docs/errors.md. */
export interface SagaService {
  /** Definitions that are loaded, by name and version. */
  readonly definitions: readonly Plan[];
  /**
   * Starts a saga, or gives the one that was started with the same key (or start id) and the same input. Answers after the commit.
   * Throws SAGA_UNKNOWN_DEFINITION, SAGA_INPUT_INVALID, SAGA_KEY_REUSED, SAGA_UNAVAILABLE, SAGA_STORE_UNKNOWN.
   */
  start(request: StartRequest): Promise<Started>;
  /** Many starts in as few transactions as possible; the answers (or errors) in their order. */
  startMany(requests: readonly StartRequest[]): Promise<readonly (Started | Error)[]>;
  /**
   * Throws SAGA_NOT_FOUND, SAGA_NOT_ALLOWED, SAGA_STEP_NOT_FOUND, SAGA_REPLY_INVALID. With `ifVersions` only if its row has one of these
   * versions; else SAGA_CHANGED.
   */
  operate(id: string, event: OperatorEvent, ifVersions?: readonly number[]): Promise<Operated>;
  /** The saga as soon as it is final, or as it is when the time is up. */
  waitUntilFinal(id: string, waitMs: number): Promise<StoredSaga>;
  /** What is missing for full service, in sentences; empty when all is well. */
  problems(): Promise<readonly string[]>;
}
export type OperatorEvent = Cancelled | Suspended | Resumed | Retried | SettledByHand;

export interface StartRequest {
  readonly name: string;
  /** The newest loaded one when absent. */
  readonly version?: number;
  readonly key?: string;
  readonly input: unknown;
  readonly tags?: Readonly<Record<string, string>>;
  /** Makes repeating the request safe where there is no business key (wire: message id, HTTP: Idempotency-Key). */
  readonly startId?: string;
  /** The caller's trace (W3C trace context); one that is malformed is left out. */
  readonly traceparent?: string;
  /** What came with it; passed on. */
  readonly tracestate?: string;
  /** Who asks, where that is known for sure; for the history. */
  readonly by?: string;
}
export interface Started {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly key: string | null;
  readonly status: Status;
  /** False: it was there already, started with the same input. */
  readonly created: boolean;
}
export interface Operated {
  readonly saga: StoredSaga;
  /** As the decision found it. */
  readonly before: { readonly status: Status; readonly seq: number };
  /** For a cancel: false while the pivot's outcome, which decides, is not known. */
  readonly decided: boolean;
}
