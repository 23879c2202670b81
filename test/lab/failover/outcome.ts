// What an experiment finds out, and how it is judged.

/** One thing that was measured, several times where the experiment was repeated. */
export interface Measure {
  /** For people: `first progress after kill -9 of one of two daemons, replies`. */
  readonly name: string;
  /** Milliseconds, unless `unit` says otherwise. */
  readonly samples: readonly number[];
  readonly unit?: string;
  /** At most this; absent: measured for its own sake. */
  readonly target?: number;
  /** Which of the samples has to meet the target. Default `max`. */
  readonly by?: 'p50' | 'p99' | 'max';
  /** The target holds from below: at least. */
  readonly atLeast?: boolean;
}

/** What an experiment leaves behind. */
export interface Outcome {
  readonly measures: readonly Measure[];
  /** Figures that explain: sagas, faults, losses that had to be. */
  readonly facts: Readonly<Record<string, number | string>>;
  /** Sentences; each says how to see it again. Empty: it holds. */
  readonly failures: readonly string[];
  /** Rows of the catalogue that it exercised, with a note for the table. */
  readonly rows: Readonly<Record<string, string>>;
  /** Curves, by name. */
  readonly series?: Readonly<Record<string, readonly (readonly [x: number, y: number])[]>>;
}

/** `ci`: what fits into a minute beside others; `short`: one repetition of everything; `long`: with repetitions and long outages. */
export type Form = 'ci' | 'short' | 'long';

/** What an experiment is given. */
export interface Given {
  readonly seed: number;
  readonly form: Form;
  /** Of its own; evidence goes here. */
  readonly directory: string;
  /** For people who watch. */
  readonly say: (text: string) => void;
}

/** An experiment of its own: it opens its servers and leaves nothing running. */
export interface Experiment {
  readonly name: string;
  /** For `--help`. */
  readonly about: string;
  /** Part of the CI form. */
  readonly inCi: boolean;
  /** Not side by side with others: what it measures is the time that processes take. */
  readonly alone?: 'always' | 'where measured';
  run(given: Given): Promise<Outcome>;
}

/** The value at a share of the samples, from the sorted list; the largest for 1. `NaN` where there is none. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

/** The value that has to meet the target. */
export function judged({ samples, by = 'max' }: Measure): number {
  return quantile(samples, by === 'p50' ? 0.5 : by === 'p99' ? 0.99 : 1);
}

/** Whether the target is met; what has none is. No sample at all meets nothing. */
export function isMet(measure: Measure): boolean {
  if (measure.samples.length === 0) return false;
  if (measure.target === undefined) return true;
  const value = judged(measure);
  return measure.atLeast ? value >= measure.target : value <= measure.target;
}
