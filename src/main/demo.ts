#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { paintFor } from '../cli/paint.js';
import { Progress } from '../cli/progress.js';
import { timelineOf } from '../cli/timeline.js';
import type { Terminal } from '../cli/terminal.js';
import { messageOf } from '../core/errors.js';
import type { SummaryView } from '../http/schemas.js';
import { assertCanListen, type ListenOptions } from '../http/server.js';
import { VARIABLES } from './config.js';
import { loadProof, type DemoOrder } from './demo-proof.js';
import { isProven, outcomeLines, proofLines, resultOf, worthShowing } from './demo-report.js';
import type { PlacedOrders } from './demo-prove.js';
import type { AskParticipant, DemoStage } from './demo-stage.js';
import type { Logger } from '../ports/logger.js';
import { createLogger } from './log.js';

/** Places the orders of `sagas/place-order`, tells what became of them, and proves it from the participants' ledgers. */

const FOLDER = fileURLToPath(new URL('../../sagas/place-order', import.meta.url));
const RETURNS = fileURLToPath(new URL('./demo-returns', import.meta.url));
const LINE_EVERY = 250;

const options = readOptions();
const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTty: process.stdout.isTTY === true,
  isErrTty: process.stderr.isTTY === true,
  colors: process.stdout.isTTY === true && !process.env['NO_COLOR'],
  // What the engine did stands at the end of a line: better wrapped than cut.
  columns: Math.max(process.stdout.columns ?? 0, 140),
  input: process.stdin,
};
const paint = paintFor(terminal);
const say = (...lines: readonly string[]) => terminal.out(lines.map((line) => `${line}\n`).join(''));
let opening: Promise<DemoStage> | undefined;
let isInterrupted = false;
let isKept = false;
const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void interrupted(signal === 'SIGINT' ? 130 : 143));

try {
  process.exitCode = await demo();
} catch (error: unknown) {
  if (!isInterrupted) terminal.err(`the demo failed: ${messageOf(error)}\n`);
  process.exitCode = 1;
} finally {
  if (!isInterrupted) await closeStage();
}

async function demo(): Promise<number> {
  const startedAt = performance.now();
  const logger = createLogger('error', (line) => terminal.err(line));
  if (options.prove) return prove(await (await import('./demo-prove.js')).openPlaced({ logger, environment: process.env }), startedAt);
  const orders = readOrders();
  say(paint.bold('Opening …'));
  opening = openStage(logger);
  const stage = await opening;
  say(`  ${stage.what}`, '', paint.bold(`Placing ${orders.length.toLocaleString('en')} orders …`));
  await place(stage, orders);
  const code = await report(stage, orders, startedAt);
  if (options.keep) await keep(stage, orders);
  return code;
}

/** Until Ctrl-C, which is then no failure. */
async function keep(stage: DemoStage, orders: readonly DemoOrder[]): Promise<void> {
  const { keepGoing } = await import('./demo-keep.js');
  isKept = true;
  say('', paint.bold('It goes on'), `  the dashboard is at ${stage.url}`, '  new orders come in all the time; Ctrl-C ends it');
  await keepGoing({ url: stage.url, orders, returns: !options.processes, signal: ending.signal });
}

async function openStage(logger: Logger): Promise<DemoStage> {
  if (!options.processes) {
    const directories = options.keep ? [FOLDER, RETURNS] : [FOLDER];
    return (await import('./demo-inside.js')).openInside({ directories, logger, ...(options.keep ? { http: await usualPort() } : {}) });
  }
  return (await import('./demo-processes.js')).openProcesses({ directory: FOLDER, logger, environment: process.env });
}

/** The daemon's usual port, or any other where that is taken. */
async function usualPort(): Promise<ListenOptions> {
  const usual = { host: '127.0.0.1', port: Number(VARIABLES.BACKSTEP_HTTP_PORT.fallback) };
  try {
    await assertCanListen(usual);
    return usual;
  } catch {
    return { ...usual, port: 0 };
  }
}

/** Also one that is still being opened; one that failed to open has closed itself. */
async function closeStage(): Promise<void> {
  const stage = await opening?.catch(() => undefined);
  await stage?.close();
}

async function place(on: DemoStage, orders: readonly DemoOrder[]): Promise<void> {
  const progress = new Progress({ ...terminal, isErrTty: terminal.isErrTty && terminal.isTty }, () => performance.now());
  let told = 0;
  await on.run('place-order', orders, (ended) => {
    if (terminal.isErrTty && terminal.isTty) progress.show('orders ended', ended, orders.length);
    else if (ended - told >= LINE_EVERY || ended === orders.length) {
      told = ended;
      say(`  ${ended} of ${orders.length} ended`);
    }
  });
  progress.clear();
}

async function report(on: DemoStage, orders: readonly DemoOrder[], startedAt: number): Promise<number> {
  const sagas = await on.sagas();
  say('', paint.bold('What became of them'), ...outcomeLines(sagas, paint), '');
  const completed = worthShowing(sagas, 'completed', () => true);
  const compensated = worthShowing(sagas, 'compensated', ({ reason }) => reason?.step === 'dispatch');
  for (const one of [completed, compensated]) {
    if (!one) continue;
    const { saga, history } = await on.show(one.id);
    terminal.out(`${timelineOf(saga, history, terminal, Date.now())}\n`);
  }
  return conclude({ orders, sagas, ask: on.ask, startedAt });
}

/** Orders that were placed by other means, over the database of the environment. */
async function prove(placed: PlacedOrders, startedAt: number): Promise<number> {
  try {
    const { orders, sagas, ask } = placed;
    say(paint.bold('What became of the orders'), ...outcomeLines(sagas, paint), '');
    return await conclude({ orders, sagas, ask, startedAt });
  } finally {
    await placed.close();
  }
}

async function conclude(found: {
  readonly orders: readonly DemoOrder[];
  readonly sagas: readonly SummaryView[];
  readonly ask: AskParticipant;
  readonly startedAt: number;
}): Promise<number> {
  const { orders, sagas, ask, startedAt } = found;
  const proof = await loadProof(FOLDER);
  const statusOf = new Map(sagas.map(({ key, status }) => [key, status]));
  const ends = orders.map((order) => ({ order, status: statusOf.get(order.orderId) ?? 'unknown' }));
  const violations = proof.prove(ends, await proof.readEvidence(ask));
  const result = resultOf(sagas, violations, performance.now() - startedAt);
  const proven = isProven(result, orders.length);
  say(paint.bold("The proof, from the participants' own ledgers"), ...proofLines(orders.length, violations, paint));
  if (result.stuck > 0) say(paint.red(`  ${result.stuck} orders have not ended`));
  say('', `${result.seconds} seconds in all.`);
  if (proven && !options.prove && !options.keep) say('', ...whatNext());
  if (options.json) say(JSON.stringify(result));
  return proven ? 0 : 1;
}

function whatNext(): readonly string[] {
  return [
    paint.bold('What to try next'),
    '  npm run demo -- --keep      the same, and it goes on: a dashboard to look at',
    '  npx backstep dev            everything in one process, with API and dashboard, to play with',
    '  npm run services            PostgreSQL and RabbitMQ for the tests; then npm test',
    '  npm run demo -- --processes the same over these, in separate processes',
    '  docs/getting-started.md     a saga of your own',
  ];
}

function readOrders(): readonly DemoOrder[] {
  const lines = readFileSync(`${FOLDER}/orders.ndjson`, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.slice(0, options.orders ?? lines.length).map((line) => JSON.parse(line) as DemoOrder);
}

function readOptions(): { json?: boolean; processes?: boolean; orders?: number; prove?: boolean; keep?: boolean } {
  return new Command('demo')
    .description('places orders, shows what became of them, and proves that each happened as a whole or not at all')
    .option('--json', 'the result as one line of JSON at the end')
    .option('--processes', 'in separate processes, over the PostgreSQL and RabbitMQ of the environment')
    .option('--prove', 'place nothing: check the orders and ledgers in the database of the environment')
    .option('--keep', 'go on afterwards: the dashboard stays open, and new orders come in until Ctrl-C')
    .option('--orders <n>', 'only so many orders', (text) => {
      if (/^[1-9]\d*$/.test(text)) return Number(text);
      throw new InvalidArgumentError('It must be a whole number of at least 1.');
    })
    .parse()
    .opts();
}

async function interrupted(code: number): Promise<void> {
  if (isInterrupted) process.exit(code);
  isInterrupted = true;
  ending.abort();
  terminal.err('\nstopping …\n');
  try {
    await closeStage();
  } finally {
    process.exit(isKept ? 0 : code);
  }
}
