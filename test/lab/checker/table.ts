import type { Report } from '../kit/evidence.js';

/** The report for a person: one line for each invariant, what is wrong under it, and the counters. */
export function reportTable({ experiment, seed, ok, invariants, counters, ends, sagas }: Report): string {
  const width = Math.max(...invariants.map(({ text }) => text.length));
  const count = (n: number) => n.toLocaleString('en');
  const lines = [
    `${experiment}, seed ${seed}: ${count(sagas)} sagas (${Object.entries(ends)
      .map(([status, n]) => `${count(n)} ${status}`)
      .join(', ')})`,
    '',
    ...invariants.flatMap(({ id, text, checked, violations, violationCount }) => [
      `${violationCount > 0 ? 'FAIL' : checked > 0 ? 'ok  ' : '-   '} ${id.padEnd(4)}${text.padEnd(width)}  ${count(checked).padStart(9)} checked${violationCount > 0 ? `, ${count(violationCount)} violations` : ''}`,
      ...violations.map((violation) => `       ${violation}`),
      ...(violationCount > violations.length ? [`       and ${count(violationCount - violations.length)} more`] : []),
    ]),
    '',
    ...Object.entries(counters)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, n]) => `     ${count(n).padStart(9)}  ${name}`),
    '',
    ok
      ? 'Every invariant holds.'
      : `Violated: ${invariants
          .filter(({ violationCount }) => violationCount > 0)
          .map(({ id }) => id)
          .join(', ')}.`,
  ];
  return `${lines.join('\n')}\n`;
}
