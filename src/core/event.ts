import type { Json } from './json.js';
import type { Outcome, Phase, Reason, SagaState, Status } from './state.js';

/** Everything that can happen to a saga after its start. */
export type SagaEvent = Replied | Due | Cancelled | Suspended | Resumed | Retried | SettledByHand;

/** A reply arrived. What could not be read of it is `unusable`, which is no reason to ask again (protocol.md 8). */
export interface Replied {
  readonly kind: 'replied';
  readonly step: string;
  readonly phase: Phase;
  readonly execution: number;
  /** Echoed by the participant; `undefined` is taken as the current attempt. */
  readonly attempt: number | undefined;
  readonly outcome: Outcome;
  /** Body of a success (`null` when empty). */
  readonly body: Json;
  /** Why the body cannot be used (not JSON, too large …). The outcome still counts. */
  readonly unusable?: string;
  /** With `rejected` and `error`. */
  readonly code?: string;
  readonly message?: string;
  readonly details?: Json;
  /** Length of the body, against the saga's row limit. */
  readonly bytes?: number;
  /** The broker delivers it for the second time, perhaps because an orchestrator died between commit and acknowledgement. */
  readonly redelivered: boolean;
}
/** The clock has reached some of the saga's timers; `decide` finds out which. */
export interface Due {
  readonly kind: 'due';
}
interface ByPerson {
  readonly by: string;
  /** Why, in the person's words. */
  readonly text: string;
}
export interface Cancelled extends ByPerson {
  readonly kind: 'cancel';
}
export interface Suspended extends ByPerson {
  readonly kind: 'suspend';
}
export interface Resumed extends ByPerson {
  readonly kind: 'resume';
}
/** Try a stuck (or backing off) step again now. */
export interface Retried extends ByPerson {
  readonly kind: 'retry';
  readonly step: string;
  /** An edited request; makes a new execution, so it is refused while the outcome of the current one is unknown. */
  readonly request?: unknown;
  /** A person vouches that a command beyond the participant's horizon was not done. */
  readonly confirm?: 'not-done';
}
/** The answer that the participant could not give; it counts like a reply. */
export interface SettledByHand extends ByPerson {
  readonly kind: 'settle';
  readonly step: string;
  readonly outcome: 'success' | 'rejected';
  readonly reply?: unknown;
  readonly code?: string;
}

/** A command that is to be published now: which one; its content is in the state. */
export interface Send {
  readonly step: string;
  readonly phase: Phase;
  /** JSON text of its request, when it was built for this very decision; saves whoever publishes it from writing it again. */
  readonly body?: string;
}

/** One line of the append-only history: what happened and what was done about it. */
export interface HistoryEntry {
  /** Gapless per saga, from 1. */
  readonly seq: number;
  readonly at: number;
  readonly event: HistoryEvent;
  readonly step?: string | undefined;
  readonly phase?: Phase | undefined;
  readonly execution?: number | undefined;
  readonly attempt?: number | undefined;
  readonly outcome?: Outcome | undefined;
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly by?: string | undefined;
  /** What the engine did in consequence, in order. */
  readonly effects: readonly Effect[];
}
export type HistoryEvent =
  | 'started'
  | 'replied'
  /** Answered by a person. */
  | 'settled-by-hand'
  | 'timed-out'
  | 'backoff-over'
  | 'resent'
  | 'deadline-reached'
  | 'cancel-requested'
  | 'suspended'
  | 'resumed'
  | 'retry-requested'
  /** Replies that change nothing: recorded once, then counted. */
  | 'late-reply'
  | 'outdated-reply'
  | 'duplicate-reply'
  | 'conflicting-reply'
  | 'unexpected-reply'
  /** `decide` threw: a bug; the saga's event was put aside. */
  | 'failed-inside';
export type Effect =
  | { readonly do: 'sent'; readonly step: string; readonly phase: Phase; readonly execution: number; readonly attempt: number }
  | { readonly do: 'will-retry'; readonly step: string; readonly phase: Phase; readonly at: number }
  | { readonly do: 'skipped'; readonly step: string }
  | { readonly do: 'passed'; readonly step: string }
  | { readonly do: 'succeeded'; readonly step: string }
  | { readonly do: 'rejected'; readonly step: string; readonly code: string }
  | { readonly do: 'unknown'; readonly step: string }
  | { readonly do: 'dropped'; readonly step: string }
  | { readonly do: 'undone'; readonly step: string }
  | { readonly do: 'stuck'; readonly step: string; readonly phase: Phase; readonly message: string }
  | { readonly do: 'turned-back'; readonly reason: Reason }
  | { readonly do: 'turned-forward' }
  | { readonly do: 'attention'; readonly step: string; readonly message: string }
  | { readonly do: 'status'; readonly status: Status };

/** What `decide` gives. Nothing has happened yet: the caller stores the state and the history, then publishes the commands. */
export interface Decision {
  readonly state: SagaState;
  /** Newly in flight, or to be sent again. */
  readonly commands: readonly Send[];
  readonly history: readonly HistoryEntry[];
  /** False: nothing needs to be stored (the commands may still have to be published again). */
  readonly changed: boolean;
  /** An operator's verb that the state does not allow; nothing changed. */
  readonly refused?: Refusal;
  /** For a cancel: false while the pivot's outcome is not known, which decides (202 rather than 200). */
  readonly decided?: boolean;
}
export interface Refusal {
  readonly code: 'SAGA_NOT_ALLOWED' | 'SAGA_STEP_NOT_FOUND' | 'SAGA_REPLY_INVALID';
  readonly message: string;
  /** The message without the saga it is about: the same for every saga that is refused for the same. */
  readonly why: string;
  readonly faults?: readonly string[];
}
