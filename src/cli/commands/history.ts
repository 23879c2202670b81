import type { HistoryEntryView } from '../../http/schemas.js';
import { EXIT } from '../exit-codes.js';
import { printTable, tabbed } from '../table.js';
import type { CliContext, CommonOptions } from '../terminal.js';
import { effectWords, eventWords, timeOfDay } from '../words.js';

/** `backstep history ID`: every entry, in order. `--json` prints one array. */
export async function history(context: CliContext, id: string, options: CommonOptions): Promise<number> {
  const { terminal } = context;
  const entries = await context.connect(options.url).history(id);
  if (options.json) {
    terminal.out(`${JSON.stringify(entries, null, 2)}\n`);
    return EXIT.ok;
  }
  const rows = entries.map((entry) => fields(entry, terminal.isTty ? timeOfDay(entry.at) : entry.at).map((text) => ({ text })));
  await printTable(terminal, ['#', 'at (UTC)', 'what happened', 'what was done'], rows);
  return EXIT.ok;
}

/** An entry for a pipe. */
export function historyLine(entry: HistoryEntryView): string {
  return tabbed(fields(entry, entry.at));
}

function fields(entry: HistoryEntryView, at: string): string[] {
  return [String(entry.seq), at, eventWords(entry), entry.effects.map(effectWords).join('; ')];
}
