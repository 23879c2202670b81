import { GROUPS, INVARIANTS, MUTANTS, type Fault, type Row } from './catalogue.js';
import { standings, type Standing } from './check.js';
import type { Findings } from './exercises.js';

const BEGIN = '<!-- catalogue:begin -->';
const END = '<!-- catalogue:end -->';
/** The table is as wide as it is: nobody aligns its columns. */
const AS_IT_IS = ['<!-- prettier-ignore-start -->', '<!-- prettier-ignore-end -->'] as const;

/** The page with the tables between its markers; throws where it has none. */
export function withTables(page: string, findings: Findings): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page has no markers ${BEGIN} and ${END}, in this order`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${tables(findings)}\n\n${page.slice(end)}`;
}

function tables(findings: Findings): string {
  const found = standings(findings);
  return [
    AS_IT_IS[0],
    '',
    `Made from: ${findings.sources.join('; ') || 'nothing'}.`,
    '',
    ...GROUPS.flatMap(({ letter, title, faults }) => [`### ${letter}. ${title}`, '', ...faultTable(faults, found), '']),
    '### Invariants',
    '',
    ...table(
      ['', 'what holds', 'read from', 'checked by', 'last result'],
      INVARIANTS.map((row) => [row.id, row.text, row.from, whoExercised(found.get(row.id)), resultOf(row, found.get(row.id))]),
    ),
    '',
    '### Deliberate bugs',
    '',
    ...table(
      ['', 'a version that …', 'tried by', 'last result'],
      MUTANTS.map((row) => [row.id, row.text, whoExercised(found.get(row.id)), resultOf(row, found.get(row.id))]),
    ),
    '',
    AS_IT_IS[1],
  ].join('\n');
}

function faultTable(faults: readonly Fault[], found: ReadonlyMap<string, Standing>): string[] {
  return table(
    ['', 'fault', 'expected', 'tests', 'last result'],
    faults.map((fault) => {
      const expected = [
        fault.expected,
        fault.deviation && `_Why so:_ ${fault.deviation}`,
        fault.partWaits && `_Not yet:_ ${fault.partWaits}`,
      ];
      const standing = found.get(fault.id);
      return [fault.id, fault.fault, expected.filter(Boolean).join('. '), whoExercised(standing), resultOf(fault, standing)];
    }),
  );
}

function whoExercised(standing: Standing | undefined): string {
  if (!standing) return '';
  return [...standing.by].map(([by, count]) => `\`${by}\`${count > 1 ? ` (${count})` : ''}`).join(', ');
}

function resultOf(row: Row, standing: Standing | undefined): string {
  if (!standing) return row.waitsFor === undefined ? 'not run' : `waits for: ${row.waitsFor}`;
  const counted = (count: number) => count.toLocaleString('en');
  if (standing.failed > 0) return `**failed: ${counted(standing.failed)}** of ${counted(standing.failed + standing.passed)}`;
  return `passed (${counted(standing.passed)})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
