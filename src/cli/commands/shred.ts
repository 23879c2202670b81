import { EXIT, UsageError } from '../exit-codes.js';
import { printable } from '../printable.js';
import { tabbed } from '../table.js';
import type { CliContext, CommonOptions } from '../terminal.js';

export interface ShredOptions extends CommonOptions {
  readonly reason: string;
  readonly by?: string;
  readonly yes?: boolean;
}

/** `backstep shred SUBJECT`: what is sealed of somebody's data can never be read again. */
export async function shred(context: CliContext, subject: string, options: ShredOptions): Promise<number> {
  const { terminal } = context;
  const { reason, by = context.user } = options;
  if (reason.trim() === '') throw new UsageError('--reason must say why');
  if (!options.yes) throw new UsageError('what is shredded is gone for good; say --yes');
  const { sagas } = await context.connect(options.url).shred(subject, { by, reason });
  if (options.json) terminal.out(`${JSON.stringify({ sagas }, null, 2)}\n`);
  else if (!terminal.isTty) terminal.out(tabbed([subject, String(sagas)]));
  else terminal.out(`shredded what ${sagas} ${sagas === 1 ? 'saga' : 'sagas'} had sealed of ${printable(subject)}\n`);
  return EXIT.ok;
}
