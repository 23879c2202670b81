import type { DefinitionRef } from './definition-ref.js';

/** Which finished sagas are looked at. */
export interface FiguresQuery {
  readonly versions: readonly DefinitionRef[];
  /** The newest so many of each version, among those that were moved to the finished ones. */
  readonly limit: number;
}

/** How the steps of a version went, in the sagas that were looked at. */
export interface VersionFigures extends DefinitionRef {
  /** How many were looked at. */
  readonly sagas: number;
  /** Those that were reached, in no order. */
  readonly steps: readonly StepFigures[];
}
export interface StepFigures {
  readonly step: string;
  /** Whose action was carried out, however it came out; not those that were skipped or never sent. */
  readonly settled: number;
  readonly rejected: number;
  /** Given up without an answer that can be used. */
  readonly unknown: number;
  /** From the first send to the outcome, retries and their pauses included: of all that settled, in milliseconds. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly actions: TryFigures;
  readonly undos: TryFigures;
}
/** Tries as the retry policy counts them; after an operator's retry those since. */
export interface TryFigures {
  readonly tries: number;
  /** Those that came to nothing: an error, or no answer in time. A rejection is an answer. */
  readonly errors: number;
}
