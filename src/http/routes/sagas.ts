import { createRoute } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { SagaError } from '../../core/errors.js';
import { planFor, type Plan } from '../../core/plan.js';
import type { SagaService } from '../../engine/service.js';
import type { StoredSaga } from '../../ports/saga-store.js';
import type { HttpApp, HttpContext, HttpEnv } from '../context.js';
import { etagOf, isKnown } from '../etag.js';
import { historyEntryView } from '../history-view.js';
import { listFilter, present } from '../saga-filter.js';
import { storedView, summaryView } from '../saga-view.js';
import { ListQuery } from '../schemas-find.js';
import { SagaHeaders } from '../schemas-headers.js';
import * as schema from '../schemas.js';
import { answer, body, refusals } from './answers.js';

const start = createRoute({
  method: 'post',
  path: '/api/v1/sagas',
  summary: 'Start a saga',
  request: { headers: schema.StartHeaders, body: body(schema.StartBody) },
  responses: {
    200: answer(schema.StartedSchema, 'It was there already: started with the same key or Idempotency-Key and the same input'),
    201: answer(schema.StartedSchema, 'Started'),
    ...refusals,
  },
});
const list = createRoute({
  method: 'get',
  path: '/api/v1/sagas',
  summary: 'List sagas, newest first',
  request: { query: ListQuery },
  responses: { 200: answer(schema.PageSchema, 'A page'), ...refusals },
});
const show = createRoute({
  method: 'get',
  path: '/api/v1/sagas/{id}',
  summary: 'One saga with its steps; with `wait` as soon as it is final',
  request: { params: schema.SagaParams, query: schema.SagaQuery, headers: SagaHeaders },
  responses: {
    200: answer(schema.SagaSchema, 'The saga; its ETag is for If-None-Match, and for If-Match of what decides about it'),
    304: { description: 'It is still as If-None-Match says' },
    ...refusals,
  },
});
const history = createRoute({
  method: 'get',
  path: '/api/v1/sagas/{id}/history',
  summary: 'What happened to a saga, in order',
  request: { params: schema.SagaParams, query: schema.HistoryQuery },
  responses: { 200: answer(schema.HistorySchema, 'Entries; `next` is the `after` of the next page'), ...refusals },
});

/** Starting sagas and looking at them. */
export function addSagaRoutes(app: HttpApp, { service, store, stopping, traceUrl }: HttpContext): void {
  app.openapi(start, async (c) => {
    const { 'idempotency-key': startId, traceparent, tracestate } = c.req.valid('header');
    const facts = { ...present({ startId, traceparent, tracestate }), ...starterOf(c) };
    const started = await service.start({ ...startRequest(c.req.valid('json')), ...facts });
    c.header('location', `/api/v1/sagas/${started.id}`);
    return c.json(started, started.created ? 201 : 200);
  });
  app.openapi(list, async (c) => {
    const { sagas, cursor } = await store.list(listFilter(c.req.valid('query'), service.definitions));
    return c.json({ sagas: sagas.map(({ state }) => summaryView(state)), ...(cursor === undefined ? {} : { cursor }) }, 200);
  });
  app.openapi(show, async (c) => {
    const { id } = c.req.valid('param');
    const { wait } = c.req.valid('query');
    const found = wait === undefined ? undefined : await untilFinal(service, id, wait, stopping);
    const saga = found ?? (await find(store, id));
    const { version } = saga;
    const plan = planOf(service, saga);
    const etag = etagOf(version, plan !== undefined);
    c.header('etag', etag);
    if (isKnown(c.req.header('if-none-match'), etag)) return c.body(null, 304);
    return c.json(storedView(saga, plan, traceUrl), 200);
  });
  app.openapi(history, async (c) => {
    const { id } = c.req.valid('param');
    const { after, limit } = c.req.valid('query');
    const { state } = await find(store, id);
    const entries = (await store.history(id, after, limit)) ?? [];
    const last = entries.at(-1);
    const next = last && entries.length === limit && last.seq < state.seq ? { next: last.seq } : {};
    return c.json({ id, entries: entries.map((entry) => historyEntryView(entry, state.noted)), ...next }, 200);
  });
}

/** The definition that a saga was started with, if it is loaded. */
export function planOf(service: SagaService, { state, ownKey }: Pick<StoredSaga, 'state' | 'ownKey'>): Plan | undefined {
  const plan = service.definitions.find(({ name, version }) => name === state.name && version === state.version);
  return plan && planFor(plan, ownKey);
}

/** What the engine is asked for by the body of a start. */
export function startRequest({ name, version, key, input, tags }: schema.StartBody) {
  return { name, input, ...present({ version, key, tags }) };
}

/** Who starts it, where that is known for sure. */
export function starterOf(c: Context<HttpEnv>): { readonly by?: string } {
  const { auth, name } = c.get('principal');
  return auth === 'off' ? {} : { by: name };
}

async function find(store: HttpContext['store'], id: string): Promise<StoredSaga> {
  const saga = await store.find(id);
  if (!saga) throw new SagaError('SAGA_NOT_FOUND', `there is no saga ${id}`);
  return saga;
}

/** `undefined`: the server is stopping, so nobody can wait here any longer. */
async function untilFinal(service: SagaService, id: string, waitMs: number, stopping: AbortSignal): Promise<StoredSaga | undefined> {
  if (stopping.aborted) return undefined;
  let stop!: () => void;
  const stopped = new Promise<undefined>((resolve) => (stop = () => resolve(undefined)));
  stopping.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([service.waitUntilFinal(id, waitMs), stopped]);
  } finally {
    stopping.removeEventListener('abort', stop);
  }
}
