import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What an experiment says of itself: read by the catalogue's table, docs/reliability.md and CI. */
export interface Result {
  /** E.g. `simulate`, `crash`, `chaos`, `mutants`, `fuzz`, `soak`, `failover`. */
  readonly experiment: string;
  /** The command that makes it again. */
  readonly command: string;
  readonly seed: number | string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  /** What has failed, with how to see it again. */
  readonly failures: readonly string[];
  /** Figures for people, in the order in which they are shown. */
  readonly figures: Readonly<Record<string, number | string>>;
  /** Rows of the catalogue (`A4`), invariants (`V3`) and mutants (`M5`) that it exercised, with what became of each. */
  readonly rows: Readonly<Record<string, { readonly passed: number; readonly failed: number; readonly note?: string }>>;
  /** Series for plots, by name. */
  readonly series?: Readonly<Record<string, readonly (readonly [x: number, y: number])[]>>;
}

/** Where the tables are made from. */
export const RESULTS = 'dist/lab/results';

/** Writes the result where tables and figures are made from. */
export function writeResult(result: Result): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${result.experiment}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
}
