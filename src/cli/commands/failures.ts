import { EXIT } from '../exit-codes.js';
import { paintFor, statePaint } from '../paint.js';
import { printTable } from '../table.js';
import type { CliContext, CommonOptions } from '../terminal.js';
import { lasted } from '../words.js';

export interface FailuresOptions extends CommonOptions {
  readonly name?: string;
}

/** `backstep failures`: what stuck sagas are stuck for, most frequent first; `--failure ID` of a decision acts on a group. */
export async function failures(context: CliContext, { url, json, name }: FailuresOptions): Promise<number> {
  const { terminal } = context;
  const found = await context.connect(url).failures({ name });
  if (json) {
    terminal.out(`${JSON.stringify(found, null, 2)}\n`);
    return EXIT.ok;
  }
  if (found.groups.length === 0 && terminal.isTty) terminal.out('nothing is stuck\n');
  else {
    const red = statePaint(paintFor(terminal), 'stuck');
    const now = new Date(context.now()).toISOString();
    const head = ['failure', 'sagas', 'saga', 'step', 'phase', 'code', terminal.isTty ? 'for' : 'since', 'last answer'];
    const rows = found.groups.map((group) => [
      { text: group.id },
      { text: String(group.count), paint: red },
      { text: group.name },
      { text: group.step },
      { text: group.phase },
      { text: group.code ?? '' },
      { text: terminal.isTty ? lasted(group.oldestAt, now) : group.oldestAt },
      { text: group.message },
    ]);
    await printTable(terminal, head, rows);
  }
  if (!found.complete) terminal.err(`only the newest ${found.sagas} stuck sagas were counted\n`);
  return EXIT.ok;
}
