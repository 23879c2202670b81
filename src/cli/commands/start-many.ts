import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { messageOf, SagaError } from '../../core/errors.js';
import type { ApiClient } from '../../http/api-client.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { printable } from '../printable.js';
import { Progress } from '../progress.js';
import { tabbed } from '../table.js';
import type { CliContext, CommonOptions } from '../terminal.js';
import { waitForEnd } from '../wait.js';

export interface StartManyOptions extends CommonOptions {
  /** A file of NDJSON, or `-`. */
  readonly many: string;
  readonly sagaVersion?: number;
  readonly tag?: Readonly<Record<string, string>>;
  readonly wait?: number | true;
}

/** A request carries at most so many lines and bytes; the server takes 1,000 and 16 MiB. */
const CHUNK = { lines: 500, bytes: 8_000_000 } as const;
const REQUESTS_AT_A_TIME = 4;
const WAITS_AT_A_TIME = 32;
/** Lines whose fault is printed; the rest are only counted. */
const FAULTS_PRINTED = 50;

interface Tally {
  lines: number;
  created: number;
  existing: number;
  readonly faults: { readonly line: number; readonly message: string }[];
  readonly ids: string[];
}
interface Chunk {
  readonly numbers: number[];
  readonly lines: string[];
  bytes: number;
}

/** `backstep start NAME --many FILE|-`: every line an input. Bad lines are reported with their number and skipped. */
export async function startMany(context: CliContext, name: string, options: StartManyOptions): Promise<number> {
  const api = context.connect(options.url);
  const tally: Tally = { lines: 0, created: 0, existing: 0, faults: [], ids: [] };
  const progress = new Progress(context.terminal, context.now);
  try {
    await sendAll(
      api,
      chunks(linesOf(options.many, context), tally, (input) => body(name, input, options)),
      tally,
      () => progress.show('started', tally.ids.length),
    );
    progress.end('started', tally.ids.length);
    const statuses = options.wait === undefined ? undefined : await waitForAll(context, api, tally.ids, options.wait, progress);
    report(context, tally, statuses, options.json === true);
    return tally.faults.length > 0 ? EXIT.failed : exitCodeOf(statuses);
  } catch (error: unknown) {
    progress.clear();
    if (tally.ids.length > 0) context.terminal.err(`${tally.ids.length} were started before this:\n`);
    throw error;
  } finally {
    progress.clear();
  }
}

function body(name: string, input: string, { sagaVersion, tag }: StartManyOptions): string {
  const fields = { name, ...(sagaVersion === undefined ? {} : { version: sagaVersion }), ...(tag === undefined ? {} : { tags: tag }) };
  // The input's own text is kept: parsing and writing it again could change numbers, which only the server may refuse.
  return `${JSON.stringify(fields).slice(0, -1)},"input":${input}}`;
}

async function* linesOf(source: string, { terminal }: CliContext): AsyncGenerator<string> {
  const input = source === '-' ? Readable.from(terminal.input) : createReadStream(source);
  try {
    // A line reader of its own: readline tells nobody when its input fails.
    let rest = '';
    for await (const chunk of input.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
    if (rest !== '') yield rest;
  } catch (error: unknown) {
    throw new UsageError(`--many cannot be read: ${messageOf(error)}`);
  }
}

async function* chunks(lines: AsyncIterable<string>, tally: Tally, write: (input: string) => string): AsyncGenerator<Chunk> {
  const empty = (): Chunk => ({ numbers: [], lines: [], bytes: 0 });
  let chunk = empty();
  for await (const line of lines) {
    tally.lines += 1;
    const input = line.trim();
    if (input === '') continue;
    const fault = faultOf(input);
    if (fault !== undefined) {
      tally.faults.push({ line: tally.lines, message: fault });
      continue;
    }
    chunk.numbers.push(tally.lines);
    chunk.lines.push(write(input));
    chunk.bytes += input.length * 3;
    if (chunk.lines.length < CHUNK.lines && chunk.bytes < CHUNK.bytes) continue;
    yield chunk;
    chunk = empty();
  }
  if (chunk.lines.length > 0) yield chunk;
}

function faultOf(input: string): string | undefined {
  try {
    JSON.parse(input);
    return undefined;
  } catch (error: unknown) {
    return `it is not JSON: ${messageOf(error)}`;
  }
}

async function sendAll(api: ApiClient, source: AsyncGenerator<Chunk>, tally: Tally, changed: () => void): Promise<void> {
  const sender = async () => {
    for (;;) {
      const next = await source.next();
      if (next.done) return;
      take(tally, next.value, await api.startMany(next.value.lines));
      changed();
    }
  };
  await Promise.all(Array.from({ length: REQUESTS_AT_A_TIME }, sender));
}

function take(tally: Tally, chunk: Chunk, results: Awaited<ReturnType<ApiClient['startMany']>>): void {
  for (const result of results) {
    if ('started' in result) {
      tally[result.started.created ? 'created' : 'existing'] += 1;
      tally.ids.push(result.started.id);
    } else {
      const { code, detail, faults = [] } = result.problem;
      tally.faults.push({ line: chunk.numbers[result.line - 1]!, message: [`${code}: ${detail}`, ...faults].join(' ') });
    }
  }
  if (results.length !== chunk.lines.length) throw new SagaError('SAGA_INTERNAL', 'the server answered for other lines than it was sent');
}

type Statuses = Readonly<Record<string, number>>;

async function waitForAll(
  context: CliContext,
  api: ApiClient,
  ids: readonly string[],
  wait: number | true,
  progress: Progress,
): Promise<Statuses> {
  const giveUpAt = wait === true ? undefined : context.now() + wait;
  const statuses: Record<string, number> = {};
  const left = [...ids];
  let ended = 0;
  const waiter = async () => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const leftMs = giveUpAt === undefined ? undefined : Math.max(0, giveUpAt - context.now());
      const { status } = await waitForEnd(api, id, leftMs, context.now);
      statuses[status] = (statuses[status] ?? 0) + 1;
      progress.show('ended', ++ended, ids.length);
    }
  };
  await Promise.all(Array.from({ length: WAITS_AT_A_TIME }, waiter));
  progress.end('ended', ended, ids.length);
  return statuses;
}

function exitCodeOf(statuses: Statuses | undefined): number {
  if (!statuses) return EXIT.ok;
  if (statuses['stuck']) return EXIT.stuck;
  if (Object.keys(statuses).some((status) => status !== 'completed' && status !== 'compensated')) return EXIT.stillRunning;
  return statuses['compensated'] ? EXIT.compensated : EXIT.ok;
}

function report({ terminal }: CliContext, tally: Tally, statuses: Statuses | undefined, asJson: boolean): void {
  const { created, existing } = tally;
  const faults = tally.faults.toSorted((one, other) => one.line - other.line);
  if (asJson) {
    terminal.out(`${JSON.stringify({ created, existing, failed: faults.length, faults, ...(statuses ? { statuses } : {}) }, null, 2)}\n`);
    return;
  }
  for (const { line, message } of faults.slice(0, FAULTS_PRINTED)) terminal.err(`line ${line}: ${printable(message)}\n`);
  if (faults.length > FAULTS_PRINTED) terminal.err(`… and ${faults.length - FAULTS_PRINTED} more lines\n`);
  const counts = { created, existing, failed: faults.length, ...statuses };
  if (!terminal.isTty) for (const [what, count] of Object.entries(counts)) terminal.out(tabbed([what, String(count)]));
  else {
    const shown = Object.entries(counts).filter(([what, count]) => count > 0 || what === 'created');
    terminal.out(`${shown.map(([what, count]) => `${count} ${what}`).join(', ')}\n`);
  }
}
