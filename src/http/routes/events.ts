import { createRoute, z } from '@hono/zod-openapi';
import { messageOf } from '../../core/errors.js';
import type { FeedPart, FeedReader } from '../../engine/feed-hub.js';
import type { FeedEntry } from '../../ports/history-feed.js';
import type { Logger } from '../../ports/logger.js';
import type { HttpApp, HttpContext } from '../context.js';
import { historyEntryView } from '../history-view.js';
import { EventsHeaders, EventsQuery, HistoryEventSchema, type HistoryEventView } from '../schemas-events.js';
import { refusals } from './answers.js';

/** How long a client waits before it comes back after its connection broke; milliseconds. */
const COME_BACK_MS = 1_000;

/** What the server gives beside the request; nothing where a test calls. */
interface ServerParts {
  readonly outgoing?: { destroy(): void };
}

const events = createRoute({
  method: 'get',
  path: '/api/v1/events',
  summary: 'The history of all sagas as it happens, as server-sent events; resumable with Last-Event-ID',
  request: { query: EventsQuery, headers: EventsHeaders },
  responses: {
    200: { description: 'Events `history`, whose data is a HistoryEvent', content: { 'text/event-stream': { schema: z.string() } } },
    ...refusals,
  },
});

/** The feed as server-sent events. */
export function addEventsRoute(app: HttpApp, { feed, logger, stopping }: HttpContext): void {
  // The data of an event is no body that the description could refer to.
  app.openAPIRegistry.register('HistoryEvent', HistoryEventSchema);
  stopping.addEventListener('abort', () => feed.stop(), { once: true });
  app.openapi(events, async (c) => {
    const { name, saga } = c.req.valid('query');
    // An empty one is what a client has that was given none.
    const after = c.req.valid('header')['last-event-id'] || undefined;
    const wants = (entry: FeedEntry) => (name === undefined || entry.name === name) && (saga === undefined || entry.sagaId === saga);
    // Nobody waits until a client reads again that does not: its connection goes.
    const { outgoing } = (c.env ?? {}) as ServerParts;
    const cut = () => {
      logger.warn({}, 'a client does not read its events; it is cut, and may resume');
      outgoing?.destroy();
    };
    const reader = await feed.open({ after, wants, cut });
    if (stopping.aborted) reader.close();
    const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
    return c.body(streamOf(reader, logger), 200, headers);
  });
}

/** Pulled by the connection, so that a client that does not read is what falls behind, and nothing piles up here. */
function streamOf(reader: FeedReader, logger: Logger): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      start: (controller) => controller.enqueue(encoder.encode(`retry: ${COME_BACK_MS}\n`)),
      pull: async (controller) => {
        try {
          const part = await reader.next();
          if (part) return controller.enqueue(encoder.encode(textOf(part)));
        } catch (error: unknown) {
          logger.warn({ error: messageOf(error) }, 'a stream of events ends; its client may resume it');
          reader.close();
        }
        controller.close();
      },
      cancel: () => reader.close(),
    },
    { highWaterMark: 0 },
  );
}

/** A place alone moves the client's Last-Event-ID and is no event. */
function textOf({ entries, place }: FeedPart): string {
  if (entries.length === 0) return `: \nid: ${place}\n\n`;
  return entries.map((entry) => `id: ${entry.place}\nevent: history\ndata: ${JSON.stringify(eventView(entry))}\n\n`).join('');
}

function eventView({ sagaId, name, version, status, entry }: FeedEntry): HistoryEventView {
  return { sagaId, name, version, status, ...historyEntryView(entry, {}) };
}
