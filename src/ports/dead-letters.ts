import type { Original } from '../core/codec-dead-letters.js';

/**
 * Keeps messages that could not be understood or trusted, and what a person made of them. Every method is one atomic act; instants are the
 * store's own clock.
 */
export interface DeadLetters {
  /**
   * Keeps letters. Idempotent by `id`: one that is there is left alone, unless it comes with another `at`. Then it was put aside once more,
   * and waits again, whatever had become of it.
   */
  add(letters: readonly DeadLetter[]): Promise<void>;
  /** Newest first, without bodies. Throws SAGA_REQUEST_INVALID for a cursor that no page gave. */
  page(filter: DeadLetterFilter): Promise<DeadLetterPage>;
  find(id: string): Promise<KeptLetter | undefined>;
  /**
   * Notes that its message is in its queue again. `at` is that of the letter when it was read: if it has come back meanwhile, it still waits,
   * and the replay is only counted. Gives it as it is then; `undefined`: there is no such letter.
   */
  replayed(id: string, at: number, decree: LetterDecree): Promise<KeptLetter | undefined>;
  /** Marks one that waits as not needed; one that does not wait is left as it is. Gives it as it is then. */
  discard(id: string, decree: LetterDecree): Promise<{ readonly letter: KeptLetter; readonly done: boolean } | undefined>;
  /** Removes letters that were replayed or discarded longer ago than this, at most `limit`; gives how many. Those that wait stay. */
  forget(keepMs: number, limit: number): Promise<number>;
}

/** A message as it was put aside. */
export interface DeadLetter extends Original {
  readonly id: string;
  /** Why; it may quote the message. */
  readonly reason: string;
  /** When it was put aside, by the clock of whoever did; milliseconds since 1970. */
  readonly at: number;
  /** Of the whole body, of which at most 256 KiB are kept. */
  readonly bytes: number;
  readonly sha256: string;
}

export const LETTER_STATUSES = ['waiting', 'replayed', 'discarded'] as const;
export type LetterStatus = (typeof LETTER_STATUSES)[number];

/** A letter, and what became of it. */
export interface KeptLetter extends DeadLetter {
  readonly status: LetterStatus;
  /** How often it was put back into its queue. */
  readonly replays: number;
  /** The latest replay. */
  readonly replay: LetterMark | null;
  readonly discard: LetterMark | null;
}
export type LetterSummary = Omit<KeptLetter, 'body'>;
/** Who decided, and why. */
export interface LetterDecree {
  readonly by: string;
  readonly reason: string;
}
export interface LetterMark extends LetterDecree {
  readonly at: number;
}

export interface DeadLetterFilter {
  readonly status?: readonly LetterStatus[];
  readonly queue?: string;
  /** A part of the reason. */
  readonly reason?: string;
  /** At most; 1 to 500. */
  readonly limit: number;
  /** From the page before. */
  readonly cursor?: string;
}
export interface DeadLetterPage {
  readonly letters: readonly LetterSummary[];
  readonly cursor?: string;
}
