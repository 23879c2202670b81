import { EXIT } from '../exit-codes.js';
import { printTable } from '../table.js';
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
  const rows = entries.map((entry) => [
    { text: String(entry.seq) },
    { text: terminal.isTty ? timeOfDay(entry.at) : entry.at },
    { text: eventWords(entry) },
    { text: entry.effects.map(effectWords).join('; ') },
  ]);
  await printTable(terminal, ['#', 'at (UTC)', 'what happened', 'what was done'], rows);
  return EXIT.ok;
}
