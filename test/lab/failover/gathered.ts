import type { Report } from '../kit/evidence.js';
import type { Given, Measure, Outcome } from './outcome.js';
import type { Stage } from './stage.js';
import { violationsIn, type Tolerated } from './verdict.js';

/** Steps of the bank's transfers wait 20 s and are tried twelve times. */
export const END_WITHIN_MS = 90_000;

/** What an experiment collects on its way. */
export class Gathered {
  readonly samples = new Map<string, number[]>();
  readonly failures: string[] = [];
  readonly facts: Record<string, number | string> = {};
  readonly series: Record<string, readonly (readonly [number, number])[]> = {};

  add(name: string, ...samples: readonly number[]): void {
    const known = this.samples.get(name);
    if (known) known.push(...samples);
    else this.samples.set(name, [...samples]);
  }
  count(name: string, more: number): void {
    this.facts[name] = Number(this.facts[name] ?? 0) + more;
  }

  /** Ends the load, waits for the sagas, asks the checker. */
  async conclude(stage: Stage, tolerated?: Tolerated): Promise<Report> {
    const { left } = await stage.calm(END_WITHIN_MS);
    if (left > 0)
      this.failures.push(`${left} sagas have not ended ${END_WITHIN_MS} ms after the load (see ${stage.directory}/last-sagas.txt)`);
    const report = await stage.check();
    this.count('sagas', report.sagas);
    for (const violation of violationsIn(report, tolerated)) this.failures.push(`${violation} (${stage.directory})`);
    return report;
  }

  /** `targets` by the names under which samples were added; names without samples show up as not measured. */
  outcome(rows: Outcome['rows'], targets: Readonly<Record<string, Partial<Omit<Measure, 'name' | 'samples'>>>>): Outcome {
    const names = new Set([...Object.keys(targets), ...this.samples.keys()]);
    const measures = [...names].map((name): Measure => ({ name, samples: this.samples.get(name) ?? [], ...targets[name] }));
    return { measures, facts: this.facts, failures: this.failures, rows, series: this.series };
  }
}

/** With `await using`. */
export function disposing<T extends { dispose(): Promise<void> }>(it: T): { readonly it: T } & AsyncDisposable {
  return { it, [Symbol.asyncDispose]: () => it.dispose() };
}

/** Sagas started per second. */
export function rateOf({ form }: Given): number {
  return { ci: 15, short: 30, long: 60 }[form];
}
