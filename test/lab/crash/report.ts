import type { Result } from '../kit/results.js';
import { percentile } from './recovery.js';
import { PARTS, type Outcome, type TrialSpec } from './trial.js';

/** `daemon/store.locked:1`, with what is unusual about it. */
export function labelOf(spec: TrialSpec, name: string): string {
  const times = spec.times === undefined ? '' : ` ×${spec.times}`;
  return `${name}:${spec.hit}${times}${spec.stopMs === undefined ? '' : ` stopped ${spec.stopMs} ms`}`;
}

/** One line for a trial. */
export function lineOf(outcome: Outcome): string {
  const { spec, name, workload, daemons, faults, recovery, sagas, ms } = outcome;
  const verdict = faults.length === 0 ? 'ok    ' : 'FAILED';
  const first =
    recovery?.firstMs === undefined ? '' : `, on after ${recovery.firstMs} ms, the last of ${recovery.sagas} after ${recovery.lastMs} ms`;
  const told = `${verdict} ${labelOf(spec, name).padEnd(40)} ${workload.padEnd(8)} ${daemons} daemon${daemons > 1 ? 's' : ' '} ${String(sagas).padStart(3)} sagas ${(ms / 1_000).toFixed(1).padStart(5)} s${first}`;
  return [told, ...faults.map((fault) => `       ${fault}`)].join('\n');
}

/** How to see a trial again. */
export function again({ name, workload }: Outcome, seed: string): string {
  return `npm run test:crash -- --point ${name} --workload ${workload} --seed ${seed}`;
}

export interface Run {
  readonly outcomes: readonly Outcome[];
  readonly command: string;
  readonly seed: string;
  readonly startedAt: Date;
  readonly seconds: number;
}

/** What the run says of itself. */
export function resultOf({ outcomes, command, seed, startedAt, seconds }: Run): Result {
  const failed = outcomes.filter(({ faults }) => faults.length > 0);
  const rows: Record<string, { passed: number; failed: number; note?: string }> = {};
  for (const outcome of outcomes) {
    for (const row of rowsOf(outcome)) {
      rows[row] ??= { passed: 0, failed: 0 };
      rows[row][outcome.faults.length === 0 ? 'passed' : 'failed'] += 1;
    }
  }
  const points = new Set(outcomes.map(({ name }) => name));
  const hit = new Set(outcomes.filter(({ isHit }) => isHit).map(({ name }) => name));
  return {
    experiment: 'crash',
    command,
    seed,
    startedAt: startedAt.toISOString(),
    seconds: Math.round(seconds),
    passed: outcomes.length - failed.length,
    failed: failed.length,
    failures: failed.map(
      (outcome) =>
        `${labelOf(outcome.spec, outcome.name)} in ${outcome.workload}: ${outcome.faults.join('; ')}; again: ${again(outcome, seed)}`,
    ),
    figures: {
      trials: outcomes.length,
      points: points.size,
      'points hit': hit.size,
      sagas: outcomes.reduce((sum, { sagas }) => sum + sagas, 0),
      'things checked': outcomes.reduce((sum, { checked }) => sum + checked, 0),
      ...recoveryFigures(outcomes),
      ...Object.fromEntries(
        PARTS.map((part) => [`seconds of a trial: ${part}`, meanSeconds(outcomes.flatMap(({ parts }) => parts[part] ?? []))]),
      ),
    },
    rows,
  };
}

function rowsOf({ spec }: Outcome): readonly string[] {
  if (spec.stopMs !== undefined) return ['G2', 'G3'];
  return [...spec.target.rows, ...((spec.times ?? 1) > 1 ? ['A12'] : [])];
}

const KINDS: readonly (readonly [what: string, isOf: (outcome: Outcome) => boolean])[] = [
  ['daemon killed, another one alive', ({ spec, daemons }) => isKilled(spec, 'daemon') && daemons > 1],
  ['the only daemon killed', ({ spec, daemons }) => isKilled(spec, 'daemon') && daemons === 1],
  ['participants killed', ({ spec }) => isKilled(spec, 'participant')],
];
function isKilled({ target, stopMs, times }: TrialSpec, victim: string): boolean {
  return target.victim === victim && stopMs === undefined && times === undefined;
}

/** Milliseconds until sagas that were under way moved on: the first of them, and the last. */
function recoveryFigures(outcomes: readonly Outcome[]): Record<string, string> {
  const figures: Record<string, string> = {};
  for (const [what, isOf] of KINDS) {
    const some = outcomes.filter(isOf).flatMap(({ recovery }) => recovery ?? []);
    for (const [which, values] of [
      ['first saga moves on', some.flatMap(({ firstMs }) => firstMs ?? [])],
      ['last saga moves on', some.flatMap(({ lastMs }) => lastMs ?? [])],
    ] as const)
      if (values.length > 0)
        figures[`${what}: ${which}`] = `p50 ${percentile(values, 50)} ms, p99 ${percentile(values, 99)} ms, ${values.length} trials`;
  }
  return figures;
}

function meanSeconds(ms: readonly number[]): number {
  return ms.length === 0 ? 0 : Math.round(ms.reduce((sum, each) => sum + each, 0) / ms.length / 100) / 10;
}

/** The table at the end: every point with its trials, then the figures. */
export function tableOf({ outcomes }: Run, result: Result): string {
  const byPoint = new Map<string, Outcome[]>();
  for (const outcome of outcomes) byPoint.set(outcome.name, [...(byPoint.get(outcome.name) ?? []), outcome]);
  const lines = [...byPoint]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, some]) => {
      const bad = some.filter(({ faults }) => faults.length > 0).length;
      const rows = [...new Set(some.flatMap(rowsOf))].join(' ');
      return `${name.padEnd(36)} ${String(some.length - bad).padStart(3)} ok ${String(bad).padStart(3)} failed   ${rows}`;
    });
  const figures = Object.entries(result.figures).map(([name, value]) => `${name.padEnd(56)} ${value}`);
  return [...lines, '', ...figures].join('\n');
}
