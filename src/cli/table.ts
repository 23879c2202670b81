import { printable } from './printable.js';
import type { Terminal } from './terminal.js';

/** A cell; `paint` colours what people see. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** Rows as a table with a head for a person, and for a pipe as lines of tab-separated plain text without a head. */
export async function printTable(terminal: Terminal, head: readonly string[], rows: readonly (readonly Cell[])[]): Promise<void> {
  if (!terminal.isTty) {
    for (const row of rows) terminal.out(tabbed(row.map(({ text }) => text)));
    return;
  }
  terminal.out(`${await tableText(terminal, head, rows)}\n`);
}

/** The table alone, without a line break at its end. */
export async function tableText(
  { colors }: Pick<Terminal, 'colors'>,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const table = new Table({
    head: [...head],
    chars: NO_LINES,
    style: { head: colors ? ['gray'] : [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  for (const row of rows) table.push(row.map(({ text, paint }) => (paint ? paint(printable(text)) : printable(text))));
  return trimLines(table.toString());
}

/** One line for a program: no field contains a tab or a line break. */
export function tabbed(fields: readonly string[]): string {
  return `${fields.map(printable).join('\t')}\n`;
}

function trimLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const NO_LINES = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
    'middle',
  ].map((place) => [place, '']),
);
