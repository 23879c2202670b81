import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Api } from './api.js';

let api: Api;
beforeEach(async () => {
  api = await new Api().open();
});
afterEach(() => api.world.engine.stop());

describe('POST /sagas', () => {
  it('starts a saga: 201 with its id and where to find it', async () => {
    const { status, body, headers } = await api.post('/api/v1/sagas', {
      name: 'test-saga',
      key: 'o-1',
      input: {},
      tags: { shop: 'north' },
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: 'test-saga', version: 1, key: 'o-1', status: 'running', created: true });
    expect(headers.get('location')).toBe(`/api/v1/sagas/${(body as { id: string }).id}`);
  });

  it('answers 200 with the same saga for the same key, and 409 for the same key with another input', async () => {
    const id = await api.start({ key: 'o-1' });
    const again = await api.post('/api/v1/sagas', { name: 'test-saga', key: 'o-1', input: { total: 3 } });
    expect([again.status, again.body]).toEqual([200, expect.objectContaining({ id, created: false })]);
    const other = await api.post('/api/v1/sagas', { name: 'test-saga', key: 'o-1', input: { total: 4 } });
    expect([other.status, other.body]).toEqual([409, expect.objectContaining({ code: 'SAGA_KEY_REUSED' })]);
  });

  it('takes an Idempotency-Key where there is no business key', async () => {
    const start = () => api.post('/api/v1/sagas', { name: 'test-saga', input: {} }, { 'idempotency-key': 'r-1' });
    const [first, second] = [await start(), await start()];
    expect([first.status, second.status]).toEqual([201, 200]);
    expect((second.body as { id: string }).id).toBe((first.body as { id: string }).id);
  });

  it('[G5] gives fifty equal answers to fifty equal starts at once', async () => {
    const ids = await Promise.all(Array.from({ length: 50 }, () => api.start({ key: 'o-50' })));
    expect(new Set(ids).size).toBe(1);
  });

  it('says which definitions there are when the name is unknown', async () => {
    const { status, body } = await api.post('/api/v1/sagas', { name: 'nothing', input: {} });
    expect([status, body]).toEqual([
      404,
      expect.objectContaining({ code: 'SAGA_UNKNOWN_DEFINITION', detail: expect.stringContaining('test-saga') }),
    ]);
  });
});

describe('POST /sagas/many', () => {
  const many = (text: string, headers: Record<string, string> = {}) =>
    api.post('/api/v1/sagas/many', text, { 'content-type': 'application/x-ndjson', ...headers });
  const linesOf = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { line: number; started?: { created: boolean }; problem?: { code: string } });

  it('starts a saga for every line, and answers bad lines with their number', async () => {
    const good = JSON.stringify({ name: 'test-saga', input: 1 });
    const { status, text } = await many([good, '', '{bad', '{"name":"test-saga"}', '{"name":"none","input":1}', good].join('\n'));
    expect(status).toBe(200);
    expect(linesOf(text).map(({ line, started, problem }) => [line, started?.created ?? problem?.code])).toEqual([
      [1, true],
      [3, 'SAGA_REQUEST_INVALID'],
      [4, 'SAGA_REQUEST_INVALID'],
      [5, 'SAGA_UNKNOWN_DEFINITION'],
      [6, true],
    ]);
  });

  it('repeats safely under one Idempotency-Key', async () => {
    const lines = `${JSON.stringify({ name: 'test-saga', input: 1 })}\n`.repeat(3);
    const created = async () => linesOf((await many(lines, { 'idempotency-key': 'chunk-1' })).text).map(({ started }) => started?.created);
    expect([await created(), await created()]).toEqual([
      [true, true, true],
      [false, false, false],
    ]);
  });

  it('refuses more lines than it takes, and another media type', async () => {
    expect((await many('{"name":"test-saga","input":1}\n'.repeat(1_001))).status).toBe(413);
    expect((await many('{}', { 'content-type': 'application/json' })).status).toBe(415);
  });
});

describe('GET /sagas/{id}', () => {
  it('shows every step in declaration order with state, attempts, times and reply', async () => {
    api.world.script = ({ step }) => (step === 'charge' ? undefined : { body: `{"done":"${step}"}` });
    const id = await api.start({ key: 'o-1', tags: { shop: 'north' } });
    await api.world.clock.advance(0);
    const { status, body } = await api.get(`/api/v1/sagas/${id.toUpperCase()}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      status: 'running',
      direction: 'forward',
      key: 'o-1',
      tags: { shop: 'north' },
      startedAt: '2026-01-01T00:00:00.000Z',
      endedAt: null,
      reason: null,
      at: ['charge'],
      verbs: ['cancel', 'suspend'],
      definitionLoaded: true,
      steps: [
        {
          name: 'reserve',
          kind: 'step',
          state: 'succeeded',
          attempts: 1,
          command: 'p.reserve',
          commandId: `${id}.reserve.a.1`,
          reply: { done: 'reserve' },
          settledAt: '2026-01-01T00:00:00.000Z',
        },
        { name: 'charge', state: 'running', attempts: 1, timeoutAt: '2026-01-01T00:00:01.000Z' },
        { name: 'ship', kind: 'pivot', state: 'waiting', attempts: 0 },
        { name: 'confirm', kind: 'retriable', state: 'waiting' },
      ],
      stuck: [],
    });
  });

  it('shows why it turned back, and what was undone', async () => {
    api.world.script = ({ step, phase }) =>
      step === 'charge' && phase === 'a' ? { outcome: 'rejected', body: '{"code":"card-declined","message":"no"}' } : {};
    const id = await api.start();
    const { body } = await api.get(`/api/v1/sagas/${id}?wait=5s`);
    expect(body).toMatchObject({
      status: 'compensated',
      reason: { kind: 'rejected', step: 'charge', code: 'card-declined' },
      steps: [
        { name: 'reserve', state: 'compensated', compensation: { state: 'succeeded', commandId: `${id}.reserve.c.1`, attempts: 1 } },
        { name: 'charge', state: 'rejected', error: { code: 'card-declined', message: 'no' } },
        { name: 'ship', state: 'not-reached' },
        { name: 'confirm', state: 'not-reached' },
      ],
      verbs: [],
    });
  });

  it('with ?wait answers as soon as it is final', async () => {
    const id = await api.start();
    const { body } = await api.get(`/api/v1/sagas/${id}?wait=30s`);
    expect(body).toMatchObject({ status: 'completed', endedAt: '2026-01-01T00:00:00.000Z' });
    expect(api.world.clock.monotonic()).toBe(0);
  });

  it('with ?wait answers with what is known when the server begins to stop', async () => {
    api.world.script = () => undefined;
    const id = await api.start();
    const waiting = api.get(`/api/v1/sagas/${id}?wait=30s`);
    await api.world.clock.advance(0);
    api.stopping.abort();
    expect((await waiting).body).toMatchObject({ status: 'running' });
    expect((await api.get('/readyz')).status).toBe(503);
  });

  it('shows its trace, with a link where the server knows one and the trace is recorded', async () => {
    const linking = await new Api(undefined, { traceUrl: 'https://traces.example/{traceId}?id={traceId}' }).open();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceOf = async (at: Api, key: string, flags?: string) => {
      const headers = flags === undefined ? {} : { traceparent: `00-${traceId}-00f067aa0ba902b7-${flags}` };
      const { body } = await at.post('/api/v1/sagas', { name: 'test-saga', input: { total: 3 }, key }, headers);
      return ((await at.get(`/api/v1/sagas/${(body as { id: string }).id}`)).body as { trace: unknown }).trace;
    };
    expect(await traceOf(linking, 'recorded', '01')).toEqual({
      id: traceId,
      url: `https://traces.example/${traceId}?id=${traceId}`,
    });
    expect(await traceOf(linking, 'not recorded', '00')).toEqual({ id: traceId });
    expect(await traceOf(linking, 'none')).toBeNull();
    expect(await traceOf(api, 'no link', '01')).toEqual({ id: traceId });
    await linking.world.engine.stop();
  });

  it('is 404 for one that is not there', async () => {
    const { status, body, headers } = await api.get('/api/v1/sagas/00000000-0000-7000-8000-ffffffffffff');
    expect([status, body]).toEqual([
      404,
      expect.objectContaining({ type: 'urn:backstep:error:SAGA_NOT_FOUND', code: 'SAGA_NOT_FOUND', status: 404 }),
    ]);
    expect(headers.get('content-type')).toBe('application/problem+json');
  });
});

describe('GET /sagas/{id}/history', () => {
  it('tells what happened in order, with ISO times, phases in full and repeats counted', async () => {
    const id = await api.start();
    await api.get(`/api/v1/sagas/${id}?wait=5s`);
    for (let i = 0; i < 3; i++) await api.world.reply(`${id}.reserve.a.1`, 'success', '', 1);
    await api.world.clock.advance(0);
    const { body } = await api.get(`/api/v1/sagas/${id}/history`);
    const { entries } = body as { entries: { seq: number; event: string; phase?: string; count?: number; at: string }[] };
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
    expect(entries[0]).toMatchObject({
      event: 'started',
      at: '2026-01-01T00:00:00.000Z',
      effects: [{ do: 'sent', step: 'reserve', phase: 'action' }],
    });
    expect(entries.at(-1)).toMatchObject({ event: 'duplicate-reply', step: 'reserve', phase: 'action', count: 3 });
  });

  it('comes in pages', async () => {
    const id = await api.start();
    await api.get(`/api/v1/sagas/${id}?wait=5s`);
    const seqs: number[] = [];
    for (let after: number | undefined = 0; after !== undefined;) {
      const page = (await api.get(`/api/v1/sagas/${id}/history?after=${after}&limit=2`)).body as {
        entries: { seq: number }[];
        next?: number;
      };
      seqs.push(...page.entries.map(({ seq }) => seq));
      after = page.next;
    }
    expect(seqs).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('GET /sagas', () => {
  it('lists newest first, filtered by status, name, key and tag, page by page', async () => {
    const first = await api.start({ key: 'a', tags: { shop: 'north' } });
    const second = await api.start({ key: 'b', tags: { shop: 'south' } });
    await api.world.clock.advance(0);
    const ids = async (query: string) =>
      ((await api.get(`/api/v1/sagas${query}`)).body as { sagas: { id: string }[] }).sagas.map(({ id }) => id);
    expect(await ids('')).toEqual([second, first]);
    expect(await ids('?key=a&name=test-saga')).toEqual([first]);
    expect(await ids('?tag=shop%3Dsouth')).toEqual([second]);
    expect(await ids('?status=completed&status=stuck')).toEqual([second, first]);
    expect(await ids('?status=running')).toEqual([]);
    const page = (await api.get('/api/v1/sagas?limit=1')).body as { cursor: string };
    expect(await ids(`?limit=1&cursor=${page.cursor}`)).toEqual([first]);
  });
});

describe('GET /definitions', () => {
  it('shows what is loaded, with its graph', async () => {
    const { body } = await api.get('/api/v1/definitions/test-saga');
    expect(body).toMatchObject({ name: 'test-saga', version: 1, edges: expect.arrayContaining([{ from: 'reserve', to: 'charge' }]) });
    expect(body).toMatchObject({ retention: { completedMs: null, compensatedMs: null } });
    expect((body as { steps: unknown[] }).steps[1]).toMatchObject({
      name: 'charge',
      kind: 'step',
      action: { command: 'p.charge', timeoutMs: 1_000, rejections: ['card-declined'] },
      compensation: {},
    });
    expect((await api.get('/api/v1/definitions')).body).toMatchObject({ definitions: [{ name: 'test-saga' }] });
    expect((await api.get('/api/v1/definitions/none')).status).toBe(404);
    expect((await api.get('/api/v1/definitions/test-saga?version=2')).status).toBe(404);
  });
});

describe('health', () => {
  it('is alive always, and ready only when database and broker are there', async () => {
    expect((await api.get('/healthz')).status).toBe(200);
    expect(await api.get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
    api.world.broker.disconnect();
    const { status, body, headers } = await api.get('/readyz');
    expect([status, body]).toEqual([503, { status: 'not-ready', problems: [expect.stringContaining('broker')] }]);
    expect(headers.get('retry-after')).toBe('1');
    expect((await api.get('/healthz')).status).toBe(200);
  });
});

describe('/openapi.json', () => {
  it('lists every route of the API', async () => {
    const { body } = await api.get('/openapi.json');
    const { openapi, paths } = body as { openapi: string; paths: Record<string, object> };
    expect(openapi).toMatch(/^3\.1/);
    const listed = Object.entries(paths).flatMap(([path, verbs]) => Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`));
    const served = api.app.routes
      .filter(({ method, path }) => method !== 'ALL' && path !== '/openapi.json')
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    expect(listed.toSorted()).toEqual([...new Set(served)].toSorted());
  });
});
