import type { ApiClient } from '../../http/api-client.js';
import type { HistoryEntryView, SagaView } from '../../http/schemas.js';
import { exitCodeOfStatus } from '../exit-codes.js';
import { LiveScreen, lookPatiently, ROWS } from '../live.js';
import { printable } from '../printable.js';
import type { CliContext, CommonOptions } from '../terminal.js';
import { timelineOf } from '../timeline.js';
import { historyLine } from './history.js';

/** A request waits so long for the end; what happens meanwhile is seen when it answers. */
const ROUND_MS = 1_000;

/** What is known of the saga. */
interface Seen {
  readonly saga: SagaView;
  readonly history: readonly HistoryEntryView[];
}

/**
 * `backstep watch ID`: a saga as it goes on, until it has ended; Ctrl-C leaves it to itself. On a terminal the timeline, else a line for
 * each thing that happens. The exit code says where it was in the end.
 */
export async function watch(context: CliContext, id: string, options: CommonOptions): Promise<number> {
  const { terminal } = context;
  const api = context.connect(options.url);
  const signal = context.untilInterrupted();
  const first = await look(api, id, undefined);
  const isDrawn = terminal.isTty && !options.json;
  const last = isDrawn ? await draw(context, api, first, signal) : await print(context, api, first, options.json === true, signal);
  return exitCodeOfStatus(last.saga.status);
}

/** The saga first: whatever it tells, the history that is read then tells as well. */
async function look(api: ApiClient, id: string, before: Seen | undefined): Promise<Seen> {
  const saga = await api.saga(id, before && ROUND_MS);
  const known = before?.history ?? [];
  const more = await api.history(id, known.at(-1)?.seq);
  return { saga, history: [...known, ...more] };
}

async function draw(context: CliContext, api: ApiClient, first: Seen, signal: AbortSignal): Promise<Seen> {
  const { terminal } = context;
  const screen = new LiveScreen(terminal);
  const frame = ({ saga, history }: Seen, note: string) => {
    const text = timelineOf(saga, history, terminal, context.now(), (terminal.rows ?? ROWS) - 2);
    screen.draw(`${note}\n\n${text}`);
  };
  let seen = first;
  screen.enter();
  try {
    while (seen.saga.endedAt === null && !signal.aborted) {
      frame(seen, 'watching; Ctrl-C leaves');
      const next = await lookPatiently(context, {
        signal,
        look: () => look(api, seen.saga.id, seen),
        away: (why) => frame(seen, printable(`${why}; asking again`)),
      });
      seen = next ?? seen;
    }
  } finally {
    screen.leave();
  }
  terminal.out(timelineOf(seen.saga, seen.history, terminal, context.now()));
  return seen;
}

async function print(context: CliContext, api: ApiClient, first: Seen, asJson: boolean, signal: AbortSignal): Promise<Seen> {
  const { terminal } = context;
  const lineOf = (entry: HistoryEntryView) => (asJson ? `${JSON.stringify(entry)}\n` : historyLine(entry));
  const say = (entries: readonly HistoryEntryView[]) => {
    if (entries.length > 0) terminal.out(entries.map(lineOf).join(''));
  };
  let seen = first;
  say(seen.history);
  while (seen.saga.endedAt === null && !signal.aborted) {
    let isAway = false;
    const next = await lookPatiently(context, {
      signal,
      look: () => look(api, seen.saga.id, seen),
      away: (why) => {
        if (!isAway) terminal.err(`${printable(why)}; asking again\n`);
        isAway = true;
      },
    });
    if (!next) break;
    say(next.history.slice(seen.history.length));
    seen = next;
  }
  return seen;
}
