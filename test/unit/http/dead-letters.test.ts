import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DeadLettersView } from '../../../src/http/schemas-dead-letters.js';
import type { Message } from '../../../src/core/wire.js';
import { letterOf } from '../../support/dead-letters.js';
import { until } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { Api } from './api.js';

let api: Api;
beforeEach(async () => {
  api = await new Api().open();
});
afterEach(() => api.world.engine.stop());

const WHY = { by: 'ada', reason: 'because' };
const text = (body: string) => new TextEncoder().encode(body);
const message = (over: Partial<Message> = {}): Message => ({
  messageId: 'm-1',
  correlationId: 'nobody',
  type: '',
  replyTo: 'answers',
  contentType: 'application/json',
  timestamp: 1_700_000_000_000,
  appId: 'stranger',
  expirationMs: undefined,
  headers: { 'saga-outcome': 'success', 'saga-attempt': 1 },
  body: text('{"a":1}'),
  ...over,
});

/** Sends replies that nobody understands, and waits until they are among the dead letters. */
async function strangers(...messages: readonly Message[]): Promise<readonly DeadLettersView['deadLetters'][number][]> {
  const { world } = api;
  for (const one of messages) {
    await world.publish({ exchange: '', routingKey: world.names.replies, message: one });
    await world.clock.advance(1);
  }
  await until(async () => (await list()).deadLetters.length >= messages.length);
  return (await list()).deadLetters;
}
const list = async (query = '') => (await api.get(`/api/v1/dead-letters${query}`)).body as DeadLettersView;
const act = (id: string, verb: 'replay' | 'discard') => api.post(`/api/v1/dead-letters/${id}/${verb}`, WHY);

describe('dead letters', () => {
  it('are listed without bodies and read with them', async () => {
    const [letter] = await strangers(message());
    expect(letter).toMatchObject({
      status: 'waiting',
      queue: 'backstep.replies',
      replyTo: 'answers',
      appId: 'stranger',
      bytes: 7,
      cut: false,
      replayable: true,
      replays: 0,
      replayed: null,
      discarded: null,
    });
    expect(letter).not.toHaveProperty('body');
    const { status, body } = await api.get(`/api/v1/dead-letters/${letter!.id}`);
    expect([status, body]).toEqual([200, { ...letter, encoding: 'text', body: '{"a":1}' }]);
    expect((await api.get('/api/v1/dead-letters/nobody')).body).toMatchObject({ status: 404, code: 'SAGA_DEAD_LETTER_NOT_FOUND' });
  });

  it('come in pages, narrowed by queue, reason and status', async () => {
    await strangers(...['1', '2', '3'].map((n) => message({ messageId: `m-${n}` })));
    const first = await list('?limit=2');
    const second = await list(`?limit=2&cursor=${first.cursor}`);
    expect([...first.deadLetters, ...second.deadLetters].map(({ messageId }) => messageId)).toEqual(['m-3', 'm-2', 'm-1']);
    expect(second.cursor).toBeUndefined();
    expect((await list('?queue=backstep.starts')).deadLetters).toEqual([]);
    expect((await list(`?reason=${encodeURIComponent(first.deadLetters[0]!.reason.slice(2, 9))}`)).deadLetters).toHaveLength(3);
    expect((await list('?reason=no-such-thing')).deadLetters).toEqual([]);
    await act(first.deadLetters[0]!.id, 'discard');
    expect((await list()).deadLetters).toHaveLength(2);
    expect((await list('?status=discarded&status=waiting')).deadLetters).toHaveLength(3);
    expect((await api.get('/api/v1/dead-letters?status=lost')).status).toBe(400);
  });

  it('are put back exactly as they were, and counted', async () => {
    const original = message({ headers: { 'saga-attempt': 1, odd: 'ü' }, body: Uint8Array.from([0, 255, 1]), contentType: 'weird' });
    const [letter] = await strangers(original);
    const published: Message[] = [];
    api.world.onPublish = (batch, publish) => {
      published.push(...batch.filter(({ routingKey }) => routingKey === 'backstep.replies').map((out) => out.message));
      return publish();
    };
    await api.world.clock.advance(1_000);
    const { status, body } = await act(letter!.id, 'replay');
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ status: 'replayed', replays: 1, replayed: { ...WHY, at: expect.any(String) } }),
    ]);
    expect(published).toEqual([original]);
    // Nobody understands it any better; it waits again, and is still counted.
    await until(async () => (await list()).deadLetters.length === 1);
    expect((await list()).deadLetters).toMatchObject([{ id: letter!.id, status: 'waiting', replays: 1 }]);
  });

  it('start their saga when what was wrong is mended, and only once', async () => {
    const { world } = api;
    const start = letterOf({ id: 'a-start', queue: 'backstep.starts', messageId: 's-1', type: 'test-saga', body: '{"total":1}' });
    const within = { ...start, id: 'a-row', queue: 'backstep.incoming_start', messageId: '01990000-0000-7000-8000-00000000abcd' };
    await world.store.letters.add([start, within, { ...start, id: 'forged', sha256: 'x' }]);
    for (const id of ['a-start', 'a-row', 'a-start', 'a-row']) {
      expect((await act(id, 'replay')).status).toBe(200);
      await world.clock.advance(1_000);
    }
    // A letter whose hash is not that of its body is not the message that was put aside.
    expect(await act('forged', 'replay')).toMatchObject({ status: 409, text: expect.stringContaining('by its hash') });
    const { sagas } = await world.store.list({ limit: 10 });
    expect(sagas).toHaveLength(2);
    expect(sagas.map(({ state }) => [state.name, state.input])).toEqual([
      ['test-saga', { total: 1 }],
      ['test-saga', { total: 1 }],
    ]);
    expect(sagas.map(({ state }) => state.id)).toContain(within.messageId);
    expect(await world.store.letters.find('a-start')).toMatchObject({ status: 'replayed', replays: 2 });
  });

  it('cannot be replayed when they are not known as they were, and say why', async () => {
    const [cut] = await strangers(message({ messageId: 'long', body: text(`"${'x'.repeat(300_000)}"`) }));
    expect(cut).toMatchObject({ cut: true, replayable: false, whyNot: expect.stringContaining('only the first 262144') });
    expect(await act(cut!.id, 'replay')).toMatchObject({ status: 409, text: expect.stringContaining('only the first 262144') });
    const altered = (await strangers(message({ messageId: 'bad\u0000id' }), message())).find(({ messageId }) =>
      messageId.startsWith('bad'),
    );
    expect(await act(altered!.id, 'replay')).toMatchObject({ status: 409, text: expect.stringContaining('could not be kept') });
  });

  it('are not sent to a queue that is not there, nor to one that is not ours', async () => {
    const [letter] = await strangers(message());
    const { body: whole } = await api.get(`/api/v1/dead-letters/${letter!.id}`);
    const kept = (await api.world.store.letters.find(letter!.id))!;
    expect(whole).toMatchObject({ sha256: kept.sha256 });
    await api.world.store.letters.add(
      ['', 'elsewhere', 'backstep.dead-letters', 'backstep.commands.gone'].map((queue, at) => ({ ...kept, id: `q-${at}`, queue })),
    );
    for (const [id, why] of [
      ['q-0', 'nobody knows which queue'],
      ['q-1', 'is no queue of backstep'],
      ['q-2', 'is no queue of backstep'],
      ['q-3', 'there is no queue'],
    ])
      expect(await act(id!, 'replay')).toMatchObject({ status: 409, text: expect.stringContaining(why!) });
    expect(await api.world.store.letters.find('q-3')).toMatchObject({ status: 'waiting', replays: 0 });
  });

  it('still wait when nobody knows whether the message is back', async () => {
    const [letter] = await strangers(message());
    api.world.onPublish = async (batch) => batch.map(() => ({ fate: 'unknown', reason: 'the connection went' }) as const);
    const { status, body } = await act(letter!.id, 'replay');
    expect([status, body]).toEqual([503, expect.objectContaining({ code: 'SAGA_UNAVAILABLE' })]);
    expect(await list()).toMatchObject({ deadLetters: [{ status: 'waiting', replays: 0 }] });
  });

  it('go back to the participant they were for', async () => {
    const { world } = api;
    const [letter] = await strangers(message());
    const kept = (await world.store.letters.find(letter!.id))!;
    const queue = world.names.commands('later');
    await world.store.letters.add([{ ...kept, id: 'for-later', queue }]);
    const received: Message[] = [];
    await world.consume(queue, (deliveries) => received.push(...deliveries.map((delivery) => delivery.message)));
    expect((await act('for-later', 'replay')).status).toBe(200);
    await turns();
    expect(received).toEqual([message()]);
  });

  it('are discarded once, with who and why', async () => {
    const [letter] = await strangers(message());
    expect((await act(letter!.id, 'discard')).body).toMatchObject({ status: 'discarded', discarded: WHY });
    const { status, body } = await act(letter!.id, 'discard');
    expect([status, body]).toEqual([409, expect.objectContaining({ detail: expect.stringContaining('ada has discarded it already') })]);
    expect((await act('nobody', 'discard')).status).toBe(404);
    expect((await api.post(`/api/v1/dead-letters/${letter!.id}/discard`, { by: 'ada' })).status).toBe(422);
  });
});
