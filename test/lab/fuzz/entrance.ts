import type { Chance } from '../kit/chance.js';

/**
 * A way into the system, and rubbish for it. A case is plain data (objects, lists, texts, numbers, bytes), so that it can be printed, made
 * again from its seed, and made smaller. What a case does not say has a default: a smaller one says less.
 */
export interface Entrance<C = unknown> {
  readonly name: string;
  readonly about: string;
  /** Of all inputs, in parts of a thousand. */
  readonly share: number;
  /** Cases that are fed together, so that one meets what others have left. */
  readonly batch: number;
  /** Rows of the catalogue that it exercises. */
  readonly rows: readonly string[];
  /** The case of this number; nothing but `chance` decides. */
  make(chance: Chance, number: number): C;
  /** How many inputs (messages, requests, declarations) a case holds. Default 1. */
  inputsIn?(one: C): number;
  /** A fresh world. */
  open(): Promise<Session<C>>;
}

export interface Session<C> {
  /** Feeds the cases and looks at what became of them. Throws a {@link Violation} for what must never happen. */
  feed(cases: readonly C[], found: Findings): Promise<void>;
  close(): Promise<void>;
}

/** What sessions tell: counters for people, and what was stored, to be stored again in a real database. */
export interface Findings {
  count(what: string, by?: number): void;
  keep(sample: Sample): void;
}
export interface Sample {
  /** Where it comes from, e.g. `replies`. */
  readonly entrance: string;
  readonly kind: 'saga' | 'dead-letter';
  readonly value: unknown;
}

/** Something that must hold for every input does not. */
export class Violation extends Error {
  constructor(
    /** Short, the same for the same fault: shrinking keeps it. */
    readonly rule: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Throws a {@link Violation} unless it holds. */
export function must(holds: boolean, rule: string, say: () => string): asserts holds {
  if (!holds) throw new Violation(rule, say());
}

/** Runs what must never throw. */
export function never<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error: unknown) {
    if (error instanceof Violation) throw error;
    throw new Violation(`${what} throws`, `${what} throws: ${said(error)}`, { cause: error });
  }
}

/** An error for people, whatever it is. */
export function said(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } catch {
    return 'something that cannot be shown';
  }
}
