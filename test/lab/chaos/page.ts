import type { Report } from '../kit/evidence.js';
import type { Befallen } from './nemesis.js';

export interface PageParts {
  readonly title: string;
  readonly befallen: readonly Befallen[];
  /** How often each trigger of the proxies has fired. */
  readonly fired: Readonly<Record<string, number>>;
  /** What passed through the proxies that shows that something had happened. */
  readonly seen: Readonly<Record<string, number>>;
  readonly recoveries: readonly { readonly kind: string; readonly ms: number }[];
  readonly report: Report;
  readonly figures: Readonly<Record<string, number | string>>;
}

/** What a run was, on one page. */
export function page({ title, befallen, fired, seen, recoveries, report, figures }: PageParts): string {
  return [
    title,
    '',
    ...columns(Object.entries(figures).map(([name, value]) => [name, String(value)])),
    '',
    `Faults by kind (${befallen.length})`,
    ...inColumns(counted(befallen.map(({ kind }) => kind))),
    '',
    'Frames that were meddled with',
    ...inColumns(Object.entries(fired).filter(([, count]) => count > 0)),
    '',
    'What passed from RabbitMQ',
    ...inColumns(Object.entries(seen)),
    '',
    `Sagas by end (${report.sagas})`,
    ...inColumns(Object.entries(report.ends)),
    '',
    'From the end of a fault to the first effect after it',
    ...histogram(recoveries.map(({ ms }) => ms)),
    ...slowest(recoveries),
    '',
    'What had to happen, and did',
    ...inColumns(Object.entries(report.counters).filter(([name]) => !name.startsWith('fault '))),
    '',
    'Invariants',
    ...columns(
      report.invariants
        .filter(({ checked, violationCount }) => checked > 0 || violationCount > 0)
        .map(({ id, text, checked, violationCount }) => [
          id,
          violationCount > 0 ? `${violationCount} VIOLATED` : 'holds',
          `${checked.toLocaleString('en')} checked`,
          text,
        ]),
    ),
    ...report.invariants.flatMap(({ id, violations }) => violations.slice(0, 5).map((violation) => `  ${id}: ${violation}`)),
  ].join('\n');
}

const EDGES_MS = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, Infinity];

/** Recovery times in classes: upper edge in milliseconds → count. */
export function classes(times: readonly number[]): readonly (readonly [edge: number, count: number])[] {
  return EDGES_MS.map((edge, n) => [edge, times.filter((ms) => ms <= edge && ms > (EDGES_MS[n - 1] ?? -1)).length] as const);
}

function histogram(times: readonly number[]): string[] {
  const counts = classes(times);
  const most = Math.max(1, ...counts.map(([, count]) => count));
  return counts
    .filter(([edge, count]) => count > 0 || edge <= 5_000)
    .map(([edge, count]) => {
      const name = edge === Infinity ? 'longer' : edge < 1_000 ? `≤ ${edge} ms` : `≤ ${edge / 1_000} s`;
      return `  ${name.padStart(8)} ${String(count).padStart(5)} ${'█'.repeat(Math.ceil((count / most) * 50))}`;
    });
}

function slowest(recoveries: PageParts['recoveries']): string[] {
  const worst = recoveries.toSorted((a, b) => b.ms - a.ms).slice(0, 3);
  return worst.length === 0 ? [] : [`  slowest: ${worst.map(({ kind, ms }) => `${kind} ${(ms / 1_000).toFixed(1)} s`).join(', ')}`];
}

export function counted(names: readonly string[]): [name: string, count: number][] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].toSorted(([a], [b]) => a.localeCompare(b));
}

function inColumns(pairs: readonly (readonly [name: string, value: number])[], perLine = 4): string[] {
  if (pairs.length === 0) return ['  none'];
  const width = Math.max(...pairs.map(([name]) => name.length)) + 9;
  const cells = pairs.map(([name, value]) => `${value.toLocaleString('en').padStart(7)} ${name}`.padEnd(width));
  return Array.from(
    { length: Math.ceil(cells.length / perLine) },
    (_, n) =>
      ` ${cells
        .slice(n * perLine, (n + 1) * perLine)
        .join('')
        .trimEnd()}`,
  );
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)));
  return rows.map(
    (row) =>
      `  ${row
        .map((cell, n) => cell.padEnd(widths[n] ?? 0))
        .join('  ')
        .trimEnd()}`,
  );
}
