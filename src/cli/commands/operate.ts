import type { Verb } from '../../http/api-client.js';
import { readJson } from '../arguments.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { printable } from '../printable.js';
import { tabbed } from '../table.js';
import type { CliContext, CommonOptions } from '../terminal.js';

export interface OperateOptions extends CommonOptions {
  readonly reason: string;
  readonly by?: string;
  readonly request?: string;
  readonly confirm?: string;
  readonly outcome?: string;
  readonly reply?: string;
  readonly code?: string;
}

/** `backstep cancel | suspend | resume ID`, `retry | settle ID STEP`: an operator's decision, with who and why. */
export async function operate(
  context: CliContext,
  verb: Verb,
  id: string,
  step: string | undefined,
  options: OperateOptions,
): Promise<number> {
  const { terminal } = context;
  const { reason, by = context.user, confirm, outcome, code } = options;
  if (reason.trim() === '') throw new UsageError('--reason must say why');
  const operated = await context.connect(options.url).operate(id, verb, {
    by,
    reason,
    ...(step === undefined ? {} : { step }),
    ...(await payload('request', options.request, context)),
    ...(await payload('reply', options.reply, context)),
    ...(confirm === undefined ? {} : { confirm }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(code === undefined ? {} : { code }),
  });
  if (options.json) terminal.out(`${JSON.stringify(operated, null, 2)}\n`);
  else if (!terminal.isTty) terminal.out(tabbed([operated.id, operated.status, operated.decided ? 'decided' : 'undecided']));
  else {
    const note = operated.decided ? '' : '; noted, what is not known yet decides';
    terminal.out(`${verb}: saga ${operated.id} is ${printable(operated.status)}${note}\n`);
  }
  return EXIT.ok;
}

async function payload(
  field: 'request' | 'reply',
  source: string | undefined,
  { terminal }: CliContext,
): Promise<Readonly<Record<string, unknown>>> {
  return source === undefined ? {} : { [field]: await readJson(source, `--${field}`, terminal) };
}
