import type { DecodedReply } from '../core/codec-replies.js';
import type { AnswerAddress } from '../core/codec-starts.js';
import type { Beginning } from '../core/decide.js';
import type { SagaError } from '../core/errors.js';
import type { Send } from '../core/event.js';
import type { Plan } from '../core/plan.js';
import type { OwnKey } from '../ports/saga-store.js';
import type { SignatureFault } from '../ports/signing.js';
import type { Delivery } from '../ports/transport.js';
import type { Operated, OperatorEvent, Started } from './service.js';
import type { BegunTrace } from './tracing.js';

/** Everything that waits for a place in a batch. */
export type Work = ReplyWork | StartWork | OperatorWork | ReminderWork | DeadWork;

/** A participant's answer. */
export interface ReplyWork {
  readonly kind: 'reply';
  readonly reply: DecodedReply;
  readonly delivery: Delivery;
  /** The participant that signed it. */
  readonly by?: string | undefined;
}
/** A saga to be started; everything about it is checked already. */
export interface StartWork {
  readonly kind: 'start';
  readonly plan: Plan;
  readonly beginning: Beginning;
  readonly inputHash: string;
  /** What the hash would have been before the payload keys were exchanged. */
  readonly earlierHashes?: readonly string[];
  readonly startId: string | null;
  readonly ownKey?: OwnKey | undefined;
  /** Made for this saga, since its caller gave none. */
  readonly trace?: BegunTrace;
  readonly caller: Caller<Started> | RowCaller;
}
/** An operator's decision; it goes through the batch so that it is in line with the replies of its saga. */
export interface OperatorWork {
  readonly kind: 'operate';
  readonly sagaId: string;
  readonly event: OperatorEvent;
  /** Only if the saga is as one of these; `undefined`: however it is. */
  readonly ifVersions?: readonly number[] | undefined;
  readonly caller: Caller<Operated>;
}
/** Commands that were decided but perhaps never published: published again if they are still in flight. Writes nothing. */
export interface ReminderWork {
  readonly kind: 'remind';
  readonly sagaId: string;
  readonly sends: readonly Send[];
}
/** A delivery that cannot be understood or trusted. */
export interface DeadWork {
  readonly kind: 'dead';
  readonly delivery: Delivery;
  readonly queue: string;
  readonly reason: string;
  /** Why it is not trusted, if that is so. */
  readonly fault?: SignatureFault;
  /** A start that cannot be made: its sender is told, and no dead letter is needed. */
  readonly refusal?: { readonly error: SagaError; readonly answerTo: AnswerAddress };
}

/** Who waits for the answer: a promise in this process, or a message. */
export type Caller<T> =
  | { readonly via: 'call'; readonly answer: (result: T | SagaError) => void; /** On the monotonic clock. */ readonly expiresAt: number }
  | { readonly via: 'wire'; readonly delivery: Delivery; readonly answerTo: AnswerAddress | undefined };

/** An incoming row. It waits as long as it takes, and is looked at again when it was not concluded. */
export interface RowCaller {
  readonly via: 'row';
  /** `exists`: another saga of this key was started with the same input. `elsewhere`: the row is gone, or in somebody else's hands. */
  readonly answer: (result: Started | 'exists' | 'elsewhere' | SagaError) => void;
}

/** The saga that an item is about, if it exists already. */
export function sagaOf(work: Work): string | undefined {
  switch (work.kind) {
    case 'reply':
      return work.reply.ref.sagaId;
    case 'operate':
    case 'remind':
      return work.sagaId;
    case 'start':
    case 'dead':
      return undefined;
  }
}

/** The delivery that is settled when the item is done. */
export function deliveryOf(work: Work): Delivery | undefined {
  switch (work.kind) {
    case 'reply':
    case 'dead':
      return work.delivery;
    case 'start':
    case 'operate':
      return work.caller.via === 'wire' ? work.caller.delivery : undefined;
    case 'remind':
      return undefined;
  }
}

/** Answers the caller of an item that is not carried out. Items without a caller in this process are left alone. */
export function refuse(work: Work, error: SagaError): void {
  if ((work.kind === 'start' || work.kind === 'operate') && work.caller.via !== 'wire') work.caller.answer(error);
}
