import { isForCi, ROWS, type Row } from './catalogue.js';
import type { Findings } from './exercises.js';

/** What the exercises of one row amount to. */
export interface Standing {
  readonly passed: number;
  readonly failed: number;
  /** Who exercised it, each with how often. */
  readonly by: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
}

/** By row, for every row that was exercised, also such as there are not. */
export function standings({ exercises }: Findings): ReadonlyMap<string, Standing> {
  const found = new Map<string, Standing>();
  for (const { row, by, passed, failed, notes } of exercises) {
    if (passed + failed === 0) continue;
    const before = found.get(row) ?? { passed: 0, failed: 0, by: new Map(), notes: [] };
    found.set(row, {
      passed: before.passed + passed,
      failed: before.failed + failed,
      by: new Map([...before.by, [by, (before.by.get(by) ?? 0) + 1]]),
      notes: [...before.notes, ...notes],
    });
  }
  return found;
}

/** Everything that is wrong, as sentences; none is what is wanted. `ciOnly`: rows of the long run need not have been exercised. */
export function faultsOf(findings: Findings, { ciOnly }: { readonly ciOnly: boolean }): readonly string[] {
  const found = standings(findings);
  const faults = findings.broken.map((file) => `${file} did not load: what it exercises is not known`);
  for (const [id, { failed, by, notes }] of found) {
    if (!ROWS.has(id)) faults.push(`${id} is named by ${[...by.keys()].join(', ')}, but there is no such row`);
    else if (failed > 0) faults.push(`${id} has failed: ${notes.length > 0 ? notes.join('; ') : [...by.keys()].join(', ')}`);
  }
  for (const row of ROWS.values()) {
    if (isWanted(row, ciOnly) && !found.has(row.id)) faults.push(`${row.id} has no test that ran: ${textOf(row)}`);
  }
  return faults;
}

/** How many rows are in scope, and how many of those were exercised without a failure. */
export function summaryOf(findings: Findings, { ciOnly }: { readonly ciOnly: boolean }): string {
  const found = standings(findings);
  const wanted = [...ROWS.values()].filter((row) => isWanted(row, ciOnly));
  const good = wanted.filter(({ id }) => found.get(id)?.failed === 0);
  return `${ROWS.size} rows, ${wanted.length} of them in scope${ciOnly ? ' in CI' : ''}: ${good.length} exercised and passed`;
}

function isWanted(row: Row, ciOnly: boolean): boolean {
  return row.waitsFor === undefined && (!ciOnly || isForCi(row));
}

function textOf(row: Row): string {
  return 'fault' in row ? row.fault : row.text;
}
