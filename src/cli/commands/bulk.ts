import type { Verb } from '../../http/api-client.js';
import type { BulkBody, BulkLine, ForecastView } from '../../http/schemas-bulk.js';
import { readJson } from '../arguments.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { filterOf, type FindOptions } from '../find-options.js';
import { printable } from '../printable.js';
import { Progress } from '../progress.js';
import { tabbed } from '../table.js';
import type { CliContext } from '../terminal.js';
import type { OperateOptions } from './operate.js';

export interface BulkOptions extends OperateOptions, FindOptions {
  readonly failure?: string;
  readonly limit?: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** `backstep cancel --status stuck --name NAME …`: a decision about every saga that the options find, with `--yes`; what it would do with `--dry-run`. */
export async function bulk(context: CliContext, verb: Verb, options: BulkOptions): Promise<number> {
  const body = await bodyOf(context, verb, options);
  const api = context.connect(options.url);
  if (options.dryRun) {
    const forecast = await api.forecast(body);
    context.terminal.out(options.json ? `${JSON.stringify(forecast, null, 2)}\n` : told(verb, forecast, context.terminal.isTty));
    return EXIT.ok;
  }
  if (!options.yes) throw new UsageError(`${verb} of every saga that is found needs --yes; --dry-run says what would happen`);
  const progress = new Progress(context.terminal, context.now);
  let seen = 0;
  let last: BulkLine | undefined;
  try {
    for await (const line of api.bulk(body)) {
      last = line;
      write(context, line, options);
      if ('id' in line) progress.show('decided about', ++seen);
    }
  } finally {
    progress.clear();
  }
  return ended(context, last);
}

async function bodyOf(context: CliContext, verb: Verb, options: BulkOptions): Promise<BulkBody> {
  const { reason, by = context.user, confirm, outcome, code, limit, tag, failure, step } = options;
  if (reason.trim() === '') throw new UsageError('--reason must say why');
  if (options.request !== undefined) throw new UsageError('--request is for one saga: give its id');
  const filter = {
    ...filterOf(options, context.now()),
    ...(tag ? { tags: { ...tag } } : {}),
    ...(failure === undefined ? {} : { failure }),
  };
  const isAboutSteps = verb === 'retry' || verb === 'settle';
  return {
    verb,
    by,
    reason,
    filter: filter as BulkBody['filter'],
    ...(isAboutSteps && step !== undefined ? { step } : {}),
    ...(confirm === undefined ? {} : { confirm: confirm as 'not-done' }),
    ...(outcome === undefined ? {} : { outcome: outcome as 'success' | 'rejected' }),
    ...(code === undefined ? {} : { code }),
    ...(options.reply === undefined ? {} : { reply: await readJson(options.reply, '--reply', context.terminal) }),
    ...(limit === undefined ? {} : { limit }),
  };
}

function told(verb: Verb, { matched, allowed, refused, sample }: ForecastView, isTty: boolean): string {
  const some = sample.map(({ id, name, status, becomes, sends }) => ({ id, name, status, becomes, sends: sends.join(', ') }));
  if (!isTty)
    return [
      tabbed(['matched', String(matched)]),
      tabbed(['allowed', String(allowed)]),
      ...refused.map(({ why, count }) => tabbed(['refused', String(count), why])),
      ...some.map(({ id, name, status, becomes, sends }) => tabbed(['sample', id, name, status, becomes, sends])),
    ].join('');
  const lines = [
    `${verb} would find ${matched} sagas and be allowed for ${allowed}; nothing was done`,
    ...refused.map(({ why, count }) => `  ${count} refused: ${printable(why)}`),
    ...some.map(({ id, name, status, becomes, sends }) => {
      const next = sends === '' ? '' : `, sends ${printable(sends)}`;
      return `  ${id} ${printable(name)} ${status} → ${becomes}${next}`;
    }),
    ...(allowed > some.length ? [`  … and ${allowed - some.length} more`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function write({ terminal }: CliContext, line: BulkLine, { json }: BulkOptions): void {
  if (json) terminal.out(`${JSON.stringify(line)}\n`);
  else if ('summary' in line) {
    const { matched, done, refused } = line.summary;
    terminal.out(
      terminal.isTty
        ? `${done} of ${matched} done, ${refused} refused\n`
        : tabbed(['total', String(matched), String(done), String(refused)]),
    );
  } else if (!terminal.isTty)
    terminal.out(tabbed([line.id, line.done ? 'done' : 'refused', line.status ?? '', line.code ?? '', line.detail ?? '']));
  else if (!line.done) terminal.out(`${line.id} refused: ${printable(line.detail ?? '')}\n`);
}

/** The exit code: whether everything that was found is done. */
function ended({ terminal }: CliContext, last: BulkLine | undefined): number {
  if (!last || !('summary' in last)) {
    terminal.err('the answer broke off: what was not told of may be done or not\n');
    return EXIT.unreachable;
  }
  if (last.problem) terminal.err(`the rest was not done: ${printable(last.problem.detail)}\n`);
  if (last.stopped) terminal.err('the server stops: the rest was not done\n');
  if (last.problem || last.stopped) return EXIT.unreachable;
  return last.summary.refused > 0 ? EXIT.notAllowed : EXIT.ok;
}
