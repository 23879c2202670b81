import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GROUPS, INVARIANTS, isForCi, MUTANTS, ROWS } from '../../lab/catalogue/catalogue.js';
import { faultsOf, standings, summaryOf } from '../../lab/catalogue/check.js';
import { fromJest, fromResult, readFindings, rowsIn, type Findings, type JestReport } from '../../lab/catalogue/exercises.js';
import { withTables } from '../../lab/catalogue/markdown.js';
import type { Result } from '../../lab/kit/results.js';

const PAGE = 'before\n<!-- catalogue:begin -->\nyesterday’s table\n<!-- catalogue:end -->\nafter\n';

function jest(...tests: readonly (readonly [file: string, title: string, status: string, ancestor?: string])[]): JestReport {
  const file = (name: string) => ({
    name: `/repo/${name}`,
    status: 'passed',
    assertionResults: tests
      .filter(([of]) => of === name)
      .map(([, title, status, ancestor]) => ({ ancestorTitles: ancestor === undefined ? [] : [ancestor], title, status })),
  });
  const names = new Set(tests.map(([name]) => name));
  return { startTime: 0, numPassedTests: 1, numFailedTests: 0, testResults: [...names].map(file) };
}
function result(rows: Result['rows']): Result {
  const figures = { experiment: 'simulate', command: 'npm run simulate', seed: 7, startedAt: '2026-01-02T03:04:05Z', seconds: 61.4 };
  return { ...figures, passed: 3, failed: 0, failures: [], figures: {}, rows };
}
const merged = (...all: readonly Findings[]): Findings => ({
  exercises: all.flatMap(({ exercises }) => exercises),
  sources: all.flatMap(({ sources }) => sources),
  broken: all.flatMap(({ broken }) => broken),
});
/** Everything in scope, exercised once and passed. */
const everything = (): Findings =>
  fromResult(
    result(Object.fromEntries([...ROWS.values()].filter(({ waitsFor }) => !waitsFor).map(({ id }) => [id, { passed: 1, failed: 0 }]))),
  );

describe('the catalogue', () => {
  it('has every row once, numbered without a gap', () => {
    expect(GROUPS.map(({ letter, faults }) => `${letter}${faults.length}`).join(' ')).toBe('A16 B26 C14 D20 E18 F6 G9 H6 I15 J14');
    for (const { letter, faults } of GROUPS) expect(faults.map(({ id }) => id)).toEqual(faults.map((_, index) => `${letter}${index + 1}`));
    expect(INVARIANTS.map(({ id }) => id)).toEqual(INVARIANTS.map((_, index) => `V${index + 1}`));
    expect(MUTANTS.map(({ id }) => id)).toEqual(MUTANTS.map((_, index) => `M${index + 1}`));
  });

  it('has in scope what can be tested now', () => {
    const waiting = [...ROWS.values()].filter(({ waitsFor }) => waitsFor !== undefined).map(({ id }) => id);
    expect(waiting).toEqual(['B26', 'H3', 'H4', 'H6', 'I14', 'I15', 'J11']);
  });
});

describe('the rows in a title', () => {
  it.each([
    ['one', '[B12] a compensation that comes first', ['B12']],
    ['several, however they are written', '[B12 B13, C1] [V3] it holds', ['B12', 'B13', 'C1', 'V3']],
    ['one that there is not', '[B99] nobody knows it', ['B99']],
    ['none elsewhere than at its start', 'it holds [B12]', []],
    ['none in other brackets', '[Symbol] [b12] (B12) [K1] [B]', []],
    ['each once', '[B12] [B12] again', ['B12']],
  ])('%s', (_, title, rows) => expect(rowsIn(title)).toEqual(rows));
});

describe('what jest has run', () => {
  it('exercises the rows of a test and of what it stands in; what was skipped exercises nothing', () => {
    const report = jest(
      ['test/a.test.ts', '[B12] one', 'passed', '[C1] all of them'],
      ['test/a.test.ts', '[B13] two', 'failed'],
      ['test/b.test.ts', '[B14] three', 'pending'],
      ['test/b.test.ts', 'four', 'passed'],
    );
    expect(fromJest(report, '/repo').exercises).toEqual([
      { row: 'C1', by: 'test/a.test.ts', passed: 1, failed: 0, notes: [] },
      { row: 'B12', by: 'test/a.test.ts', passed: 1, failed: 0, notes: [] },
      { row: 'B13', by: 'test/a.test.ts', passed: 0, failed: 1, notes: ['[B13] two'] },
    ]);
  });

  it('names files that did not load', () => {
    const report: JestReport = { ...jest(), testResults: [{ name: '/repo/test/c.test.ts', status: 'failed', assertionResults: [] }] };
    expect(faultsOf(merged(everything(), fromJest(report, '/repo')), { ciOnly: false })).toEqual([
      'test/c.test.ts did not load: what it exercises is not known',
    ]);
  });
});

describe('the check', () => {
  it('has nothing to say where everything in scope was exercised and passed', () => {
    expect(faultsOf(everything(), { ciOnly: false })).toEqual([]);
    expect(summaryOf(everything(), { ciOnly: false })).toBe('185 rows, 178 of them in scope: 178 exercised and passed');
  });

  it('names a row without a test, one whose test failed, and one that there is not', () => {
    const some = { ...everything(), exercises: everything().exercises.filter(({ row }) => row !== 'A13' && row !== 'B4') };
    const report = jest(
      ['test/a.test.ts', '[B12] one', 'failed'],
      ['test/a.test.ts', '[B99] two', 'passed'],
      ['test/a.test.ts', '[B4] skipped', 'pending'],
    );
    expect(faultsOf(merged(some, fromJest(report, '/repo')), { ciOnly: false })).toEqual([
      'B12 has failed: [B12] one',
      'B99 is named by test/a.test.ts, but there is no such row',
      'A13 has no test that ran: SIGTERM under load',
      expect.stringMatching(/^B4 has no test that ran: /),
    ]);
  });

  it('does not take an experiment that exercised a row no times for a test of it', () => {
    const vacuous = merged(
      { ...everything(), exercises: everything().exercises.filter(({ row }) => row !== 'V3') },
      fromResult(result({ V3: { passed: 0, failed: 0 } })),
    );
    expect(faultsOf(vacuous, { ciOnly: false })).toEqual([expect.stringMatching(/^V3 has no test that ran/)]);
  });

  it('asks in CI only for what CI runs', () => {
    const ci = everything();
    const some = { ...ci, exercises: ci.exercises.filter(({ row }) => isForCi(ROWS.get(row)!)) };
    expect(faultsOf(some, { ciOnly: true })).toEqual([]);
    expect(faultsOf(some, { ciOnly: false }).map((fault) => fault.split(' ')[0])).toEqual(expect.arrayContaining(['A12', 'B18', 'M5']));
  });

  it('adds up what several say of one row', () => {
    const both = merged(
      fromResult(result({ B12: { passed: 40, failed: 1, note: 'seed 3' } })),
      fromJest(jest(['test/a.test.ts', '[B12] one', 'passed']), '/repo'),
    );
    expect(standings(both).get('B12')).toEqual({
      passed: 41,
      failed: 1,
      by: new Map([
        ['npm run simulate', 1],
        ['test/a.test.ts', 1],
      ]),
      notes: ['seed 3'],
    });
  });
});

describe('the tables', () => {
  it('stand between the markers, and are the same when they are made again', () => {
    const findings = merged(
      fromResult(result({ B12: { passed: 4_000, failed: 0 }, M5: { passed: 0, failed: 1 } })),
      fromJest(jest(['test/a.test.ts', '[B13] one', 'passed'], ['test/a.test.ts', '[B13] two', 'passed']), '/repo'),
    );
    const page = withTables(PAGE, findings);
    expect(page).toMatch(/^before\n<!-- catalogue:begin -->\n\n<!-- prettier-ignore-start -->[^]*\n<!-- catalogue:end -->\nafter\n$/);
    expect(page).not.toContain('yesterday’s');
    expect(page).toMatch(/^\| B12 \| .* \| `npm run simulate` \| passed \(4,000\) \|$/m);
    expect(page).toMatch(/^\| B13 \| .* \| `test\/a\.test\.ts` \(2\) \| passed \(2\) \|$/m);
    expect(page).toMatch(/^\| M5 \| .* \| `npm run simulate` \| \*\*failed: 1\*\* of 1 \|$/m);
    expect(page).toMatch(/^\| A1 \| .* \| {2}\| not run \|$/m);
    expect(page).toMatch(/^\| J11 \| .* \| {2}\| waits for: speed \|$/m);
    expect(withTables(page, findings)).toBe(page);
  });

  it('cannot be put into a page without markers', () => {
    for (const page of ['', '<!-- catalogue:end --><!-- catalogue:begin -->'])
      expect(() => withTables(page, everything())).toThrow(/no markers/);
  });
});

describe('reading what runs have left', () => {
  const folder = mkdtempSync(join(tmpdir(), 'catalogue-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, value: unknown) => {
    writeFileSync(join(folder, name), JSON.stringify(value));
    return join(folder, name);
  };

  it('takes reports of jest and folders of results', () => {
    const report = write('jest.txt', jest(['test/a.test.ts', '[B12] one', 'passed']));
    write('simulate.json', result({ B13: { passed: 1, failed: 0 } }));
    const { exercises, sources } = readFindings([report], [folder], '/repo');
    expect(exercises.map(({ row }) => row)).toEqual(['B12', 'B13']);
    expect(sources).toEqual(['tests of 1970-01-01: 1 passed, 0 failed', 'simulate of 2026-01-02, seed 7, 61 s: 3 passed, 0 failed']);
  });

  it('names a file that is something else', () => {
    const other = write('other.txt', { some: 'thing' });
    expect(() => readFindings([other], [], '/repo')).toThrow(`${other} is not what jest writes with --json`);
  });

  it('finds the markers in the page that there is', () => {
    expect(withTables(readFileSync('docs/reliability.md', 'utf8'), everything())).toContain('| A1 |');
  });
});
