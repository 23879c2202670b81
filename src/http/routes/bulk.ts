import { createRoute, z, type z as Z } from '@hono/zod-openapi';
import { messageOf } from '../../core/errors.js';
import { statusOf } from '../../core/state.js';
import { carryOut, forecast, type BulkRequest, type BulkResult } from '../../engine/bulk.js';
import type { Plan } from '../../core/plan.js';
import { deciderOf } from '../access/audited.js';
import type { HttpApp, HttpContext } from '../context.js';
import { problemOf } from '../problem.js';
import { present, sagaFilter } from '../saga-filter.js';
import { BulkBody, ForecastSchema, type BulkLine } from '../schemas-bulk.js';
import { body, refusals } from './answers.js';

const bulk = createRoute({
  method: 'post',
  path: '/api/v1/bulk',
  summary: 'One decision about every saga that a filter finds; with `dryRun` what would happen',
  request: { body: body(BulkBody) },
  responses: {
    200: {
      description:
        'With `dryRun` what would happen to how many. Else a line of NDJSON for each saga, `{ id, done, status }` or `{ id, done, code, detail }`, as they are done, and a last one `{ summary }`',
      content: { 'application/json': { schema: ForecastSchema }, 'application/x-ndjson': { schema: z.string() } },
    },
    ...refusals,
  },
});

/** Operators' decisions by filter. Whoever closes the connection stops them after the batch that is under way. */
export function addBulkRoute(app: HttpApp, { service, store, stopping }: HttpContext): void {
  app.openapi(bulk, async (c) => {
    const asked = c.req.valid('json');
    const request = bulkRequest({ ...asked, by: deciderOf(c, asked.by) }, service.definitions);
    if (asked.dryRun) return c.json(forecastView(await forecast({ service, store }, request)), 200);
    const batches = await carryOut({ service, store }, request);
    // The router can type one media type for a status, not two.
    return c.body(streamOf(linesOf(batches, stopping)), 200, { 'content-type': 'application/x-ndjson' }) as never;
  });
}

function bulkRequest(asked: Z.output<typeof BulkBody>, plans: readonly Plan[]): BulkRequest {
  const { verb, filter, by, reason, step, confirm, outcome, code, limit } = asked;
  const reply = 'reply' in asked ? { reply: { value: asked.reply } } : {};
  return { verb, filter: sagaFilter(filter, plans), by, text: reason, ...present({ step, confirm, outcome, code, limit }), ...reply };
}

function forecastView({ matched, allowed, refused, sample }: Awaited<ReturnType<typeof forecast>>): Z.infer<typeof ForecastSchema> {
  return { matched, allowed, refused: [...refused], sample: sample.map((one) => ({ ...one, sends: [...one.sends] })) };
}

/** The lines of each batch, as texts; what goes wrong on the way is said in the last one. */
async function* linesOf(batches: AsyncIterable<readonly BulkResult[]>, stopping: AbortSignal): AsyncGenerator<string, undefined> {
  const summary = { matched: 0, done: 0, refused: 0 };
  let end: Pick<Extract<BulkLine, { summary: unknown }>, 'stopped' | 'problem'> = {};
  try {
    for await (const results of batches) {
      const done = results.filter((result) => result.done).length;
      summary.matched += results.length;
      summary.done += done;
      summary.refused += results.length - done;
      yield results.map((result) => written(lineOf(result))).join('');
      if (stopping.aborted) {
        end = { stopped: true };
        break;
      }
    }
  } catch (error: unknown) {
    const { code, detail } = problemOf(error);
    end = { problem: { code, detail: detail || messageOf(error) } };
  }
  yield written({ summary, ...end });
  return undefined;
}

function lineOf(result: BulkResult): BulkLine {
  if (result.done) return { id: result.id, done: true, status: statusOf(result.saga.state), ...(result.decided ? {} : { decided: false }) };
  const { code, detail, faults = [] } = problemOf(result.error);
  return { id: result.id, done: false, code, detail: [detail, ...faults].join('; ') };
}

const written = (line: BulkLine): string => `${JSON.stringify(line)}\n`;

/** Asks for the next text when the last one has been taken; a reader that goes away ends the source. */
function streamOf(texts: AsyncGenerator<string, undefined>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await texts.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      async cancel() {
        await texts.return(undefined);
      },
    },
    { highWaterMark: 1 },
  );
}
