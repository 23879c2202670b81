import type { DefinitionRef } from './definition-ref.js';

/**
 * Starts that clients wrote down within transactions of their own; each row waits here until its saga is there, and goes in the commit that
 * starts it (see `SagaStart.isIncoming`). Every method is one atomic act.
 */
export interface IncomingStarts {
  /** Those that one of the definitions fits, in id order, from the first one after `after`. */
  read(page: IncomingPage): Promise<readonly IncomingStart[]>;
  /** What has waited for longer than `waitedMs` for a definition that is none of these. */
  strangers(versions: readonly DefinitionRef[], waitedMs: number): Promise<readonly Stranger[]>;
  /** Takes out what starts nothing any more. */
  remove(ids: readonly string[]): Promise<void>;
  /** Writes one down that was taken out and put aside. Nothing happens where it is there, or where its saga is. */
  restore(start: WrittenStart): Promise<void>;
  /** Calls `arrived` when there may be new ones: perhaps too often, perhaps not at all. Gives what ends it. */
  watch(arrived: () => void): () => Promise<void>;
}

export interface IncomingPage {
  /** An id; '' for all. Ids are made by clients, so a later row may have a smaller one. */
  readonly after: string;
  readonly limit: number;
  readonly versions: readonly DefinitionRef[];
  /** UTF-16 units of an input that are read; what is longer is cut. */
  readonly inputLength: number;
}

/** A row as it was written, perhaps by somebody who checked nothing. */
export interface IncomingStart {
  /** The saga's, once it is there. */
  readonly id: string;
  readonly name: string;
  /** `null`: the newest one loaded. */
  readonly version: number | null;
  readonly key: string | null;
  /** As a rule texts by name. */
  readonly tags: unknown;
  /** JSON text. */
  readonly input: string;
  /** Of an input that was cut: what it was. */
  readonly whole: { readonly bytes: number; readonly sha256: string } | undefined;
  readonly traceparent: string | null;
  readonly tracestate: string | null;
}

/** What a client writes down. */
export type WrittenStart = Omit<IncomingStart, 'whole'>;

/** Rows for a definition that is not loaded. */
export interface Stranger {
  readonly name: string;
  readonly version: number | null;
  readonly count: number;
}
