import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { BulkLine } from '../../../src/http/schemas-bulk.js';
import { until } from '../../support/engine.js';
import { Api } from './api.js';

let api: Api;
beforeEach(async () => {
  api = await new Api().open();
});
afterEach(() => api.world.engine.stop());

const WHY = { by: 'ada', reason: 'the bank is away' };
const bulk = (body: Record<string, unknown>) => api.post('/api/v1/bulk', { ...WHY, ...body });
const linesOf = (text: string): BulkLine[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as BulkLine);

/** So many sagas that wait at a step, oldest first. */
async function waitingAt(step: string, count: number, more: Record<string, unknown> = {}): Promise<string[]> {
  api.world.script = (command) => (command.step === step && command.phase === 'a' ? undefined : {});
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await api.start(more));
  await until(() => ids.every((id) => api.world.received.some((command) => command.sagaId === id && command.step === step)));
  return ids;
}
const statusOf = async (id: string): Promise<string> => ((await api.get(`/api/v1/sagas/${id}`)).body as { status: string }).status;

describe('POST /bulk', () => {
  it('says with dryRun what would happen to how many, and does nothing', async () => {
    const before = await waitingAt('charge', 2);
    const behind = await waitingAt('confirm', 1);
    const { status, body } = await bulk({ verb: 'cancel', filter: { name: 'test-saga' }, dryRun: true });
    expect([status, body]).toEqual([
      200,
      {
        matched: 3,
        allowed: 2,
        refused: [{ why: 'its pivot ship has succeeded: from there it only goes forward', count: 1 }],
        sample: before
          .toReversed()
          .map((id) => ({ id, name: 'test-saga', key: null, status: 'running', becomes: 'compensating', sends: [] })),
      },
    ]);
    for (const id of [...before, ...behind]) expect(await statusOf(id)).toBe('running');
  });

  it('decides about each saga that the filter finds, with who and why, and tells of each; what is refused says why', async () => {
    const before = await waitingAt('charge', 2);
    const [behind] = await waitingAt('confirm', 1);
    const { headers, text } = await bulk({ verb: 'cancel', filter: { status: ['running'], waitingFor: 'p' } });
    expect(headers.get('content-type')).toBe('application/x-ndjson');
    expect(linesOf(text)).toEqual([
      { id: behind, done: false, code: 'SAGA_NOT_ALLOWED', detail: expect.stringContaining('pivot ship has succeeded') },
      { id: before[1], done: true, status: 'compensating' },
      { id: before[0], done: true, status: 'compensating' },
      { summary: { matched: 3, done: 2, refused: 1 } },
    ]);
    expect((await api.get(`/api/v1/sagas/${before[0]}`)).body).toMatchObject({
      reason: { kind: 'cancelled', by: 'ada', text: WHY.reason },
    });
  });

  it('suspends and resumes, as often as there are', async () => {
    const ids = await waitingAt('charge', 3, { tags: { shop: 'north' } });
    await waitingAt('charge', 1);
    const filter = { tags: { shop: 'north' } };
    expect(linesOf((await bulk({ verb: 'suspend', filter })).text).at(-1)).toEqual({ summary: { matched: 3, done: 3, refused: 0 } });
    expect(await Promise.all(ids.map(statusOf))).toEqual(['suspended', 'suspended', 'suspended']);
    const lines = linesOf((await bulk({ verb: 'resume', filter, limit: 2 })).text);
    expect(lines).toEqual([
      ...[ids[2], ids[1]].map((id) => ({ id, done: true, status: 'running' })),
      { summary: { matched: 2, done: 2, refused: 0 } },
    ]);
  });

  it('retries what is stuck, and settles it', async () => {
    api.world.script = ({ step }) => (step === 'confirm' ? { outcome: 'error', body: '{"message":"mail is down"}' } : {});
    const ids = [await api.start(), await api.start()];
    await until(async () => (await Promise.all(ids.map(statusOf))).every((status) => status === 'stuck'));
    const again = await bulk({ verb: 'retry', filter: { status: ['stuck'] } });
    expect(linesOf(again.text).at(-1)).toEqual({ summary: { matched: 2, done: 2, refused: 0 } });
    await until(async () => (await Promise.all(ids.map(statusOf))).every((status) => status === 'stuck'));
    const settled = await bulk({ verb: 'settle', filter: { status: ['stuck'] }, step: 'confirm', outcome: 'success', reply: {} });
    expect(linesOf(settled.text).slice(0, 2)).toEqual([...ids].reverse().map((id) => ({ id, done: true, status: 'completed' })));
  });

  it('goes on through many pages, and its sagas share transactions', async () => {
    const ids = await waitingAt('charge', 250);
    api.world.commits.length = 0;
    const lines = linesOf((await bulk({ verb: 'suspend', filter: { step: 'charge' } })).text);
    expect(lines.at(-1)).toEqual({ summary: { matched: 250, done: 250, refused: 0 } });
    expect(new Set(lines.flatMap((line) => ('id' in line ? [line.id] : [])))).toEqual(new Set(ids));
    expect(api.world.commits.length).toBeLessThan(25);
    expect(Math.max(...api.world.commits.map(({ length }) => length))).toBeLessThanOrEqual(100);
  });

  it('stops after the batch when the connection is closed', async () => {
    const ids = await waitingAt('charge', 350);
    const request = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const body = JSON.stringify({ ...WHY, verb: 'suspend', filter: { name: 'test-saga' } });
    const response = await api.app.request('/api/v1/bulk', { ...request, body });
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    const suspended = (await Promise.all(ids.map(statusOf))).filter((status) => status === 'suspended').length;
    expect(suspended).toBeGreaterThanOrEqual(100);
    expect(suspended).toBeLessThan(350);
    expect(suspended % 100).toBe(0);
  });

  it('stops after the batch when the server stops, and says so', async () => {
    await waitingAt('charge', 150);
    api.stopping.abort();
    const lines = linesOf((await bulk({ verb: 'suspend', filter: { name: 'test-saga' } })).text);
    expect(lines.at(-1)).toEqual({ summary: { matched: 100, done: 100, refused: 0 }, stopped: true });
  });

  it('says what went wrong on the way in the last line', async () => {
    await waitingAt('charge', 150);
    const list = api.world.inner.list.bind(api.world.inner);
    let pages = 0;
    api.world.inner.list = (filter) => (++pages > 1 ? Promise.reject(new Error('select * from secrets')) : list(filter));
    const { text } = await bulk({ verb: 'suspend', filter: { name: 'test-saga' } });
    expect(linesOf(text).at(-1)).toMatchObject({ summary: { done: 100 }, problem: { code: 'SAGA_INTERNAL' } });
    expect(text).not.toContain('secrets');
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['no filter', { verb: 'cancel', filter: {} }, /^filter: must name at least one thing/],
    ['what has ended', { verb: 'cancel', filter: { status: ['completed'] } }, /^filter\.status/],
    ['a field that there is not', { verb: 'cancel', filter: { name: 'a', colour: 'red' } }, /^filter/],
    ['a settle without a step', { verb: 'settle', outcome: 'success', filter: { name: 'a' } }, /^step: is missing/],
    ['a settle without an outcome', { verb: 'settle', step: 'a', filter: { name: 'a' } }, /^outcome: is missing/],
    ['an outcome of a cancel', { verb: 'cancel', outcome: 'success', filter: { name: 'a' } }, /^outcome: is nothing that cancel/],
  ])('refuses %s', async (_, body, fault) => {
    const refused = await bulk(body);
    expect([refused.status, (refused.body as { faults: string[] }).faults]).toEqual([422, [expect.stringMatching(fault)]]);
  });

  it('says that the store cannot be used before it begins', async () => {
    api.world.inner.list = () => Promise.reject(new Error('away'));
    expect((await bulk({ verb: 'suspend', filter: { name: 'test-saga' } })).status).toBe(500);
  });
});
