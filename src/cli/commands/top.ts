import type { ApiClient } from '../../http/api-client.js';
import type { OverviewView } from '../../http/schemas.js';
import { EXIT } from '../exit-codes.js';
import { LiveScreen, lookPatiently } from '../live.js';
import { printable } from '../printable.js';
import { compare, type Look } from '../rates.js';
import type { CliContext, CommonOptions } from '../terminal.js';
import { topLines, topTable } from '../top-table.js';

export interface TopOptions extends CommonOptions {
  readonly once?: boolean;
  /** Milliseconds between two looks. */
  readonly interval: number;
  /** Of the oldest, and of the stuck ones. */
  readonly limit: number;
}

/** A look that takes long is not taken as often: at most a fifth of the time is spent with looking. */
const PAUSE_FACTOR = 4;
/** Starts since then are not counted by the server. */
const TOO_LONG_MS = 300_000;

/**
 * `backstep top`: what is under way, again and again until Ctrl-C; the database is asked for what is open and what began lately, not for
 * what is finished. `--once` ends after the first look that has rates, which are the difference between two.
 */
export async function top(context: CliContext, options: TopOptions): Promise<number> {
  const { terminal } = context;
  const signal = context.untilInterrupted();
  const api = context.connect(options.url);
  const isLive = terminal.isTty && !options.json && !options.once;
  if (!isLive) {
    for await (const look of looks(context, api, options, signal, (why) => terminal.err(`${printable(why)}; asking again\n`))) {
      terminal.out(await written(context, look, options));
    }
    return EXIT.ok;
  }
  const screen = new LiveScreen(terminal);
  let shown = '';
  screen.enter();
  try {
    const away = (why: string) => screen.draw(`${printable(why)}; asking again\n\n${shown}`);
    for await (const look of looks(context, api, options, signal, away)) {
      shown = await topTable(look, terminal);
      screen.draw(`every ${options.interval / 1_000} s; Ctrl-C leaves\n\n${shown}`);
    }
  } finally {
    screen.leave();
  }
  return EXIT.ok;
}

async function written({ terminal }: CliContext, look: Look, { json, once }: TopOptions): Promise<string> {
  if (json) return `${once ? JSON.stringify(look, null, 2) : JSON.stringify(look)}\n`;
  return terminal.isTty ? topTable(look, terminal) : topLines(look);
}

/** Every look as it is had; with `--once` one, which has another one before it that nobody sees. */
async function* looks(
  context: CliContext,
  api: ApiClient,
  { interval, limit, once }: TopOptions,
  signal: AbortSignal,
  away: (why: string) => void,
): AsyncGenerator<Look> {
  let before: OverviewView | undefined;
  let seenAt = 0;
  while (!signal.aborted) {
    const askedAt = context.now();
    const since = before && askedAt - seenAt < TOO_LONG_MS ? before.at : undefined;
    const look = () => api.overview({ limit, since });
    // Whoever calls it wrongly or without a server is told at once; afterwards the server may go for a while.
    const now: OverviewView | undefined = before ? await lookPatiently(context, { signal, look, away }) : await look();
    if (!now) return;
    if (before || !once) yield compare(now, before);
    if (before && once) return;
    before = now;
    seenAt = context.now();
    await context.pause(Math.max(interval, (seenAt - askedAt) * PAUSE_FACTOR), signal);
  }
}
