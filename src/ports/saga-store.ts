import type { HistoryEntry } from '../core/event.js';
import type { Retention } from '../core/plan.js';
import type { SagaState } from '../core/state.js';
import type { DeadLetters } from './dead-letters.js';
import type { DefinitionRef } from './definition-ref.js';
import type { HistoryFeed } from './history-feed.js';
import type { IncomingStarts } from './incoming-starts.js';
import type { SagaFilter } from './saga-filter.js';

export type { DefinitionRef, SagaFilter };

/**
 * Keeps sagas. Its unit is the batch: one transaction however many sagas it touches. No method is called within another; every method
 * is one atomic act. Time is the store's own clock.
 */
export interface SagaStore {
  /** Starts that wait to be taken. */
  readonly incoming: IncomingStarts;
  /** What could not be understood or trusted. */
  readonly letters: DeadLetters;
  /** The history of all sagas as it happens. */
  readonly feed: HistoryFeed;

  /**
   * One transaction: locks and loads `ids` (in id order; finished sagas too), gives them and the clock to `decide`, which is pure,
   * synchronous and called exactly once, and writes what it returns. `unknown`: the connection went during the commit.
   */
  commit<R>(ids: readonly string[], decide: (loaded: Loaded) => Writes<R>): Promise<Committed<R>>;
  /**
   * The same for sagas whose timers are due, at most `limit`, oldest first, only of the versions given; rows locked by somebody else
   * are left to them. A transaction of its own that waits for nothing. Rows that turn out not to be due are re-armed by the patches.
   */
  commitDue<R>(limit: number, versions: readonly DefinitionRef[], decide: (loaded: Loaded) => Writes<R>): Promise<Committed<R>>;

  /** One saga as it is, finished or not. */
  find(id: string): Promise<StoredSaga | undefined>;
  findByKey(name: string, key: string): Promise<StoredSaga | undefined>;
  list(filter: SagaFilter): Promise<SagaPage>;
  /** Entries after `afterSeq`, in order. `undefined`: no such saga. */
  history(id: string, afterSeq: number, limit: number): Promise<readonly HistoryEntry[] | undefined>;
  /** Versions that open sagas were started with, and how many of each. */
  versionsInFlight(): Promise<readonly (DefinitionRef & { readonly count: number })[]>;

  /**
   * Makes definitions known, with their fingerprints and how long their sagas are kept, which may have changed; gives those that were known under
   * another fingerprint (nothing is written for them).
   */
  registerDefinitions(definitions: readonly RegisteredDefinition[]): Promise<readonly RegisteredDefinition[]>;
  /** Overwrites a version that has nothing in flight. */
  replaceDefinition(definition: RegisteredDefinition): Promise<void>;

  /** Deletes the own keys of all sagas about a subject; gives how many there were. What they sealed cannot be read from then on. */
  shred(subject: string): Promise<number>;

  /** Moves final sagas that are not yet where finished ones are kept, at most `limit`; gives how many. A store may move them as they end. */
  moveFinished(limit: number): Promise<number>;
  /**
   * Removes finished sagas whose retention is over, with their histories and keys: at most `limit` one by one, or any number in one piece. Gives how
   * many; 0 when nothing is left to be removed now. Those of one definition may be kept somewhat longer, never shorter; of definitions that are not
   * known they are kept.
   */
  forgetFinished(limit: number): Promise<number>;
  /** Makes room for the time to come (partitions). */
  maintain(): Promise<void>;
  now(): Promise<number>;
  /** What a person should look into although everything works; a store that has nothing to say leaves it out. */
  concerns?(): Promise<readonly Concern[]>;
  /** Reachable and writable; throws a SagaError that says what is wrong. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export interface Concern {
  /** The same as long as it is about the same: a concern is told once. */
  readonly about: string;
  readonly text: string;
}
export interface RegisteredDefinition extends DefinitionRef {
  readonly fingerprint: string;
  /** One line for each fact the fingerprint covers, so that a difference can be named. */
  readonly shape: readonly string[];
  readonly retention: Retention;
}

export interface StoredSaga {
  readonly state: SagaState;
  /** Counts writes; an update names the one it was made from. */
  readonly version: number;
  /** When its timers are looked at; lazy: may be earlier than the first timer, never later. */
  readonly wakeAt: number | null;
  /** Raw replies for a definition that whoever met them had not loaded. */
  readonly parked: readonly ParkedReply[];
  /** Its own key, sealed; `null`: shredded. Absent where it has none, and in lists. */
  readonly ownKey?: string | null | undefined;
}
export interface ParkedReply {
  readonly commandId: string;
  readonly attempt: number | null;
  readonly outcome: string;
  /** JSON text, or what was there instead. */
  readonly body: string;
  readonly redelivered: boolean;
  /** The participant that signed it; absent where nobody did. */
  readonly by?: string;
}
export interface Loaded {
  readonly now: number;
  readonly sagas: ReadonlyMap<string, StoredSaga>;
}

export interface Writes<R> {
  readonly starts: readonly SagaStart[];
  readonly updates: readonly SagaUpdate[];
  /** Handed back with the result. */
  readonly result: R;
}
/** A new saga. With a key that exists nothing is written for it. */
export interface SagaStart {
  readonly state: SagaState;
  readonly wakeAt: number | null;
  /** Of name, key and input as sent; '' where there is neither key nor start id. The same key with another hash is a conflict. */
  readonly inputHash: string;
  /** A second identity of the start: the wire's message id, or the API's idempotency key. */
  readonly startId: string | null;
  /**
   * It comes from the incoming row with the saga's id: it starts only while that row is there and nobody else has it in hand, and the row goes
   * with the commit. So it starts once, however many read the row.
   */
  readonly isIncoming?: boolean;
  readonly history: readonly HistoryEntry[];
  /** Kept apart from the saga, so that it can go alone. */
  readonly ownKey?: OwnKey | undefined;
}
export interface OwnKey {
  /** Whose data it seals. */
  readonly subject: string;
  /** Sealed. */
  readonly key: string;
}
export interface SagaUpdate {
  readonly state: SagaState;
  /** The version that was loaded. */
  readonly fromVersion: number;
  /** `undefined`: leave as it is, which keeps the update cheap. */
  readonly wakeAt: number | null | undefined;
  /** `undefined`: leave as they are. */
  readonly parked?: readonly ParkedReply[];
  readonly history: readonly HistoryEntry[];
}

export type Committed<R> =
  | {
      readonly fate: 'committed';
      readonly result: R;
      readonly now: number;
      readonly starts: readonly StartFate[];
      readonly stale: ReadonlySet<string>;
    }
  /** Rolled back for sure. `row`: the data of one of the sagas is to blame, so try with fewer; else the database is (try again later). */
  | { readonly fate: 'failed'; readonly blame: 'row' | 'database'; readonly error: unknown }
  /** Nobody knows; publish and acknowledge nothing. */
  | { readonly fate: 'unknown'; readonly error: unknown };
/** In the order of `Writes.starts`. */
export type StartFate =
  | { readonly fate: 'started' }
  | { readonly fate: 'exists'; readonly id: string; readonly inputHash: string }
  /** The incoming row is gone, or somebody else is about to start it. */
  | { readonly fate: 'elsewhere' };

export interface SagaPage {
  /** Newest first. */
  readonly sagas: readonly StoredSaga[];
  readonly cursor?: string;
}
