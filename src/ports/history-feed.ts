import type { HistoryEntry } from '../core/event.js';
import type { Status } from '../core/state.js';

/**
 * The history of all sagas in one line, as it becomes certain: an entry is told when nothing that would come before it can still be committed.
 * So whoever goes on from a place misses nothing, however transactions overlap. Every method is one atomic act; a place is a text that only
 * the store can read.
 */
export interface HistoryFeed {
  /** The place after all that is certain now. */
  end(): Promise<string>;
  /**
   * What comes after a place, in the feed's order: of one transaction, then of one saga, in the order of its history. Throws
   * SAGA_EVENTS_EXPIRED for a place that was given longer than {@link FEED_REACH_MS} ago, or by another store; SAGA_REQUEST_INVALID for
   * what is no place.
   */
  read(page: FeedQuery): Promise<FeedPage>;
}

export interface FeedQuery {
  readonly after: string;
  /** Up to this place; `undefined`: as far as there is anything. */
  readonly until?: string;
  /** Entries at most. */
  readonly limit: number;
}
export interface FeedPage {
  readonly entries: readonly FeedEntry[];
  /** Where to go on. */
  readonly end: string;
  /** There is more already. */
  readonly isFull: boolean;
}
export interface FeedEntry {
  /** The place after it. */
  readonly place: string;
  readonly sagaId: string;
  /** Of the definition. */
  readonly name: string;
  readonly version: number;
  /** Of the saga when this was read: the same, or later, than the entry made it. */
  readonly status: Status;
  readonly entry: HistoryEntry;
}

/** How long a place may be gone on from: seven days. */
export const FEED_REACH_MS = 604_800_000;
