import type { ApiClient, Decision, Query } from '../../http/api-client.js';
import type { DeadLetterSummaryView, DeadLettersView, DeadLetterView } from '../../http/schemas-dead-letters.js';
import { messageOf, SagaError } from '../../core/errors.js';
import { EXIT, exitCodeOf, UsageError } from '../exit-codes.js';
import { cut, printable } from '../printable.js';
import { printTable, tabbed, type Cell } from '../table.js';
import type { CliContext, CommonOptions } from '../terminal.js';
import { when } from '../words.js';

export type LetterAction = 'list' | 'show' | 'replay' | 'discard';

export interface DeadLettersOptions extends CommonOptions {
  readonly status?: readonly string[];
  readonly queue?: string;
  /** A part of the reason for which it was put aside. */
  readonly about?: string;
  readonly limit: number;
  readonly all?: boolean;
  readonly yes?: boolean;
  /** Why it is replayed or discarded. */
  readonly reason?: string;
  readonly by?: string;
}

const PAGE = 500;

/** `backstep dead-letters [list | show ID | replay ID… | discard ID…]`. */
export async function deadLetters(
  context: CliContext,
  action: LetterAction,
  ids: readonly string[],
  options: DeadLettersOptions,
): Promise<number> {
  const api = context.connect(options.url);
  switch (action) {
    case 'list':
      if (ids.length > 0) throw new UsageError('list takes no ids; to see one: backstep dead-letters show ID');
      return list(context, api, options);
    case 'show':
      if (ids.length !== 1) throw new UsageError('show takes one id');
      return show(context, await api.deadLetter(ids[0]!), options);
    case 'replay':
    case 'discard':
      return decide(context, api, { action, ids, options });
  }
}

async function list({ terminal }: CliContext, api: ApiClient, options: DeadLettersOptions): Promise<number> {
  const page = await read(api, options, options.all ? Infinity : options.limit);
  if (options.json) {
    terminal.out(`${JSON.stringify(page, null, 2)}\n`);
    return EXIT.ok;
  }
  if (page.deadLetters.length === 0 && terminal.isTty) terminal.out('no dead letters\n');
  else
    await printTable(
      terminal,
      ['id', 'status', 'queue', 'type', 'put aside', 'bytes', 'why'],
      page.deadLetters.map((letter) => row(terminal.isTty, letter)),
    );
  if (page.cursor !== undefined && terminal.isTty) terminal.out('there are more: --limit N or --all\n');
  return EXIT.ok;
}

function row(isTty: boolean, letter: DeadLetterSummaryView): Cell[] {
  const replays = letter.replays > 0 ? ` (replayed ${letter.replays} times)` : '';
  return [
    { text: letter.id },
    { text: letter.status },
    { text: letter.queue },
    { text: letter.type },
    { text: isTty ? when(letter.at) : letter.at },
    { text: String(letter.bytes) },
    { text: `${isTty ? cut(letter.reason, 60) : letter.reason}${replays}` },
  ];
}

async function read(api: ApiClient, options: DeadLettersOptions, most: number): Promise<DeadLettersView> {
  const found: DeadLetterSummaryView[] = [];
  let cursor: string | undefined;
  for (;;) {
    const query: Query = { ...filterOf(options), limit: Math.min(PAGE, most - found.length), cursor };
    const page = await api.deadLetters(query);
    found.push(...page.deadLetters);
    cursor = page.cursor;
    if (cursor === undefined || found.length >= most) return { deadLetters: found, ...(cursor === undefined ? {} : { cursor }) };
  }
}

function filterOf({ status, queue, about }: DeadLettersOptions): Query {
  return { status, queue, reason: about };
}

function show({ terminal }: CliContext, letter: DeadLetterView, options: DeadLettersOptions): number {
  if (options.json) {
    terminal.out(`${JSON.stringify(letter, null, 2)}\n`);
    return EXIT.ok;
  }
  const mark = (what: DeadLetterView['replayed']) => what && `by ${what.by} at ${what.at}: ${what.reason}`;
  const facts: [string, string | null][] = [
    ['id', letter.id],
    ['status', letter.status],
    ['queue', letter.queue],
    ['reason', letter.reason],
    ['put aside', letter.at],
    ['message id', letter.messageId],
    ['correlation id', letter.correlationId],
    ['type', letter.type],
    ['content type', letter.contentType],
    ['reply to', letter.replyTo],
    ['sender', letter.appId],
    ...Object.entries(letter.headers).map(([name, value]): [string, string] => [`header ${name}`, String(value)]),
    ['bytes', `${letter.bytes}${letter.cut ? ', of which only the beginning was kept' : ''}`],
    ['sha256', letter.sha256],
    ['cannot be replayed', letter.whyNot ?? null],
    ['replays', letter.replays > 0 ? String(letter.replays) : null],
    ['replayed', mark(letter.replayed)],
    ['discarded', mark(letter.discarded)],
    [letter.encoding === 'text' ? 'body' : 'body (base64)', letter.body],
  ];
  const width = terminal.isTty ? Math.max(...facts.map(([name]) => name.length)) + 2 : 0;
  for (const [name, value] of facts) {
    if (value === null || value === '') continue;
    terminal.out(terminal.isTty ? `${printable(name).padEnd(width)}${printable(value)}\n` : tabbed([name, value]));
  }
  return EXIT.ok;
}

interface Decided {
  readonly action: 'replay' | 'discard';
  readonly ids: readonly string[];
  readonly options: DeadLettersOptions;
}

async function decide(context: CliContext, api: ApiClient, { action, ids, options }: Decided): Promise<number> {
  const { reason = '', by = context.user } = options;
  if (reason.trim() === '') throw new UsageError('--reason must say why');
  const chosen = ids.length > 0 ? named(ids, options) : await filtered(api, action, options);
  if (typeof chosen === 'string') {
    context.terminal.err(`${chosen}\n`);
    return EXIT.usage;
  }
  let code: number = EXIT.ok;
  for (const id of chosen) {
    const done = await decideOne(context, api, { action, id, decision: { by, reason }, json: options.json === true });
    if (done !== EXIT.ok) code = code === EXIT.ok ? done : code === done ? code : EXIT.failed;
    // Nothing further can be reached either.
    if (done === EXIT.unreachable) return done;
  }
  return code;
}

function named(ids: readonly string[], { queue, about, all, status }: DeadLettersOptions): readonly string[] {
  if (queue !== undefined || about !== undefined || all || status) throw new UsageError('give either ids or what they have in common');
  return ids;
}

/** Those that are meant by a filter, or what to say instead of acting on them. */
async function filtered(api: ApiClient, action: string, options: DeadLettersOptions): Promise<readonly string[] | string> {
  if (options.queue === undefined && options.about === undefined && !options.all)
    throw new UsageError('give ids, or --queue, --about or --all with --yes');
  // All are listed before the first is touched: what is replayed may come back.
  const { deadLetters: found } = await read(api, options, Infinity);
  const count = `${found.length} dead letter${found.length === 1 ? '' : 's'}`;
  return options.yes ? found.map(({ id }) => id) : `this would ${action} ${count}; add --yes to do it`;
}

interface One {
  readonly action: 'replay' | 'discard';
  readonly id: string;
  readonly decision: Decision;
  readonly json: boolean;
}

async function decideOne({ terminal }: CliContext, api: ApiClient, { action, id, decision, json }: One): Promise<number> {
  try {
    const letter = await (action === 'replay' ? api.replayDeadLetter(id, decision) : api.discardDeadLetter(id, decision));
    if (json) terminal.out(`${JSON.stringify(letter)}\n`);
    else if (terminal.isTty) terminal.out(`${action}: dead letter ${letter.id} is ${letter.status}\n`);
    else terminal.out(tabbed([letter.id, letter.status, String(letter.replays)]));
    return EXIT.ok;
  } catch (error: unknown) {
    if (!(error instanceof SagaError)) throw error;
    terminal.err(`${printable(messageOf(error))}\n`);
    return exitCodeOf(error);
  }
}
