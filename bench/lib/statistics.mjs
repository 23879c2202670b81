// Medians and spreads of repeated runs. Pure.

/** @param {number} value @param {number} [digits] */
export const round = (value, digits = 1) => Math.round(value * 10 ** digits) / 10 ** digits;

/** @param {readonly number[]} sorted @param {number} part 0.99 for the 99th of 100 */
export function percentile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** @typedef {{ median: number, min: number, max: number }} Spread */

/** @param {readonly number[]} values @returns {Spread} */
export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Cores that others may take of the machine before a run is worth little. */
export const DISTURBED = 0.25;

/** @param {{ othersCores: number }} run */
export const isDisturbed = ({ othersCores }) => othersCores > DISTURBED;

/**
 * What one run of one system measured.
 * @typedef {object} Run
 * @property {string} scenario
 * @property {string} system who ran: `backstep-none`, `dbos` …
 * @property {string} variant what else tells it from other runs: a rate, `empty`, `4 daemons`; may be empty
 * @property {number} turn repetitions are compared turn by turn
 * @property {number} othersCores
 * @property {number} [sagasPerSecond]
 * @property {{ p50: number, p95: number, p99: number }} [latencyMs]
 * @property {number} [cpuSecondsPer1000]
 * @property {Record<string, number>} [cpuByProcess]
 * @property {Record<string, number>} [peakMemoryMb]
 * @property {Record<string, number>} [figures] anything else, by name
 */

/**
 * Several runs of one system: medians over those that nobody disturbed, or over all where everybody was.
 * @typedef {object} Summary
 * @property {string} scenario
 * @property {string} system
 * @property {string} variant
 * @property {number} runs
 * @property {number} disturbed
 * @property {number} used
 * @property {Spread} othersCores
 * @property {Spread} [sagasPerSecond]
 * @property {{ p50: Spread, p95: Spread, p99: Spread }} [latencyMs]
 * @property {Spread} [cpuSecondsPer1000]
 * @property {Record<string, number>} cpuByProcess
 * @property {Record<string, number>} peakMemoryMb
 * @property {Record<string, Spread>} figures
 */

/** @param {readonly Run[]} runs at least one @returns {Summary} */
export function summarize(runs) {
  const clean = runs.filter((run) => !isDisturbed(run));
  const used = clean.length > 0 ? clean : runs;
  const first = /** @type {Run} */ (runs[0]);
  /** @param {(run: Run) => number | undefined} pick */
  const of = (pick) => {
    const values = used.map(pick).filter((value) => value !== undefined);
    return values.length > 0 ? spread(values) : undefined;
  };
  const sagasPerSecond = of((run) => run.sagasPerSecond);
  const cpuSecondsPer1000 = of((run) => run.cpuSecondsPer1000);
  return {
    scenario: first.scenario,
    system: first.system,
    variant: first.variant,
    runs: runs.length,
    disturbed: runs.length - clean.length,
    used: used.length,
    othersCores: spread(runs.map((run) => run.othersCores)),
    ...(sagasPerSecond && { sagasPerSecond }),
    ...(cpuSecondsPer1000 && { cpuSecondsPer1000 }),
    ...(first.latencyMs && {
      latencyMs: {
        p50: spread(used.map((run) => run.latencyMs?.p50 ?? 0)),
        p95: spread(used.map((run) => run.latencyMs?.p95 ?? 0)),
        p99: spread(used.map((run) => run.latencyMs?.p99 ?? 0)),
      },
    }),
    cpuByProcess: byName(
      used.map((run) => run.cpuByProcess ?? {}),
      median,
    ),
    // Memory is what had to be there: the most that any run took.
    peakMemoryMb: byName(
      runs.map((run) => run.peakMemoryMb ?? {}),
      (values) => Math.max(...values),
    ),
    figures: byName(
      used.map((run) => run.figures ?? {}),
      spread,
    ),
  };
}

/**
 * @template T
 * @param {readonly Record<string, number>[]} records
 * @param {(values: number[]) => T} fold
 * @returns {Record<string, T>}
 */
function byName(records, fold) {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return Object.fromEntries(names.map((name) => [name, fold(records.flatMap((record) => record[name] ?? []))]));
}

/**
 * Runs by scenario, system and variant, in the order in which they first came.
 * @param {readonly Run[]} runs
 * @returns {Run[][]}
 */
export function groups(runs) {
  /** @type {Map<string, Run[]>} */
  const found = new Map();
  for (const run of runs) {
    const name = JSON.stringify([run.scenario, run.system, run.variant]);
    found.set(name, [...(found.get(name) ?? []), run]);
  }
  return [...found.values()];
}

/**
 * How much larger ours is than theirs: the ratio of the medians, and how far the ratios of the single turns lie apart. The two met the
 * same machine in a turn, so that their ratio says more than either.
 * @param {readonly Run[]} ours @param {readonly Run[]} theirs
 * @param {(run: Run) => number | undefined} pick
 * @returns {Spread | undefined} undefined where one of them was not measured
 */
export function ratio(ours, theirs, pick) {
  const above = medianOf(ours, pick);
  const below = medianOf(theirs, pick);
  if (above === undefined || below === undefined || below === 0) return undefined;
  const pairs = ours.flatMap((run) => {
    const other = theirs.find(({ turn }) => turn === run.turn);
    const [a, b] = [pick(run), other && pick(other)];
    return a === undefined || !other || !b ? [] : [{ value: a / b, isClean: !isDisturbed(run) && !isDisturbed(other) }];
  });
  const clean = pairs.filter(({ isClean }) => isClean);
  const turns = (clean.length > 0 ? clean : pairs).map(({ value }) => value);
  const value = above / below;
  return turns.length > 0 ? { median: value, min: Math.min(...turns), max: Math.max(...turns) } : { median: value, min: value, max: value };
}

/** @param {readonly Run[]} runs @param {(run: Run) => number | undefined} pick */
function medianOf(runs, pick) {
  const clean = runs.filter((run) => !isDisturbed(run));
  const values = (clean.length > 0 ? clean : runs).map(pick).filter((value) => value !== undefined);
  return values.length > 0 ? median(values) : undefined;
}
