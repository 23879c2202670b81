import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { HistoryEventView } from '../../../src/http/schemas-events.js';
import { until } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { Api } from './api.js';

// The machine may be busy.
jest.setTimeout(30_000);

let api: Api;
beforeEach(async () => {
  api = await new Api().open();
});
afterEach(async () => {
  api.stopping.abort();
  await api.world.engine.stop();
});

interface Event {
  readonly id: string;
  readonly data: HistoryEventView | undefined;
}

/** A client that reads events as they come. */
class Client {
  readonly events: Event[] = [];
  isOver = false;
  private rest = '';

  constructor(
    readonly response: Response,
    private readonly reader: ReadableStreamDefaultReader<Uint8Array>,
  ) {}

  static async open(query = '', lastEventId?: string): Promise<Client> {
    const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const response = await api.app.request(`/api/v1/events${query}`, { headers });
    const client = new Client(response, response.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>);
    void client.read();
    await turns();
    return client;
  }
  /** Of the last one, whether it was an event or a heartbeat. */
  get lastEventId(): string {
    return this.events.at(-1)!.id;
  }
  get told(): readonly string[] {
    return this.events.flatMap(({ data }) => (data ? [`${data.name} ${data.seq} ${data.event}`] : []));
  }
  async close(): Promise<void> {
    await this.reader.cancel();
  }
  private async read(): Promise<void> {
    const decoder = new TextDecoder();
    for (;;) {
      const { value, done } = await this.reader.read().catch(() => ({ value: undefined, done: true }));
      if (done) break;
      this.rest += decoder.decode(value, { stream: true });
      const blocks = this.rest.split('\n\n');
      this.rest = blocks.pop()!;
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        const data = field('data');
        this.events.push({ id: field('id')!, data: data === undefined ? undefined : (JSON.parse(data) as HistoryEventView) });
      }
    }
    this.isOver = true;
  }
}

async function startQuiet(more: Record<string, unknown> = {}): Promise<string> {
  api.world.script = () => undefined;
  return api.start(more);
}

describe('the events', () => {
  it('tell the history as it happens, to who asks for it', async () => {
    await startQuiet();
    const client = await Client.open();
    expect(client.response.headers.get('content-type')).toBe('text/event-stream');
    const id = await startQuiet();
    await api.world.clock.advance(1_000);
    expect(client.told).toEqual(['test-saga 1 started']);
    expect(client.events.at(-1)!.data).toMatchObject({
      sagaId: id,
      version: 1,
      status: 'running',
      effects: [{ do: 'sent', phase: 'action' }],
    });
    await api.post(`/api/v1/sagas/${id}/suspend`, { by: 'ada', reason: 'wait' });
    await api.world.clock.advance(1_000);
    expect(client.events.at(-1)!.data).toMatchObject({ seq: 2, event: 'suspended', by: 'ada', status: 'suspended' });
  });

  it('go on after the Last-Event-ID, without missing or repeating', async () => {
    const first = await Client.open();
    const place = first.lastEventId;
    await startQuiet();
    await startQuiet();
    await api.world.clock.advance(1_000);
    await first.close();
    await startQuiet();
    const second = await Client.open('', first.lastEventId);
    await startQuiet();
    await api.world.clock.advance(1_000);
    expect([first.told.length, second.told.length]).toEqual([2, 2]);
    const whole = await Client.open('', place);
    expect(whole.events.flatMap(({ data }) => data?.sagaId ?? [])).toEqual(
      [...first.events, ...second.events].flatMap(({ data }) => data?.sagaId ?? []),
    );
  });

  it('move the place of a client on for whom nothing is', async () => {
    const client = await Client.open('?name=nobody');
    await api.start();
    await api.world.clock.advance(60_000);
    expect(client.events.length).toBeGreaterThan(2);
    expect(client.told).toEqual([]);
    expect((await Client.open('', client.lastEventId)).told).toEqual([]);
    expect((await Client.open('', client.events[0]!.id)).told).not.toEqual([]);
  });

  it('are narrowed by saga and by name', async () => {
    const [one, other] = [await startQuiet(), await startQuiet()];
    const client = await Client.open(`?saga=${one.toUpperCase()}`);
    const nobodys = await Client.open('?name=nobody');
    for (const id of [one, other]) await api.post(`/api/v1/sagas/${id}/suspend`, { reason: 'wait' });
    await api.world.clock.advance(1_000);
    expect(client.events.flatMap(({ data }) => data?.sagaId ?? [])).toEqual([one]);
    expect(nobodys.told).toEqual([]);
  });

  it('refuse a Last-Event-ID that is none, and one that is too old, which is 410', async () => {
    const client = await Client.open();
    const get = (id: string) => api.request('GET', '/api/v1/events', undefined, { 'last-event-id': id });
    expect(await get('nonsense')).toMatchObject({ status: 400, body: { code: 'SAGA_REQUEST_INVALID' } });
    const place = client.lastEventId;
    await client.close();
    api.world.clock.leap(8 * 86_400_000);
    expect(await get(place)).toMatchObject({ status: 410, body: { code: 'SAGA_EVENTS_EXPIRED' } });
    expect((await api.get('/api/v1/events?saga=none')).status).toBe(400);
  });

  it('cost one look for all who follow them, and none when nobody does', async () => {
    const read = jest.spyOn(api.world.inner.feed, 'read');
    await api.world.clock.advance(10_000);
    expect(read).not.toHaveBeenCalled();
    const clients = [await Client.open(), await Client.open(), await Client.open()];
    await api.world.clock.advance(5_000);
    read.mockClear();
    await api.world.clock.advance(10_000);
    expect(read.mock.calls.length).toBeLessThanOrEqual(11);
    for (const client of clients) await client.close();
    read.mockClear();
    await api.world.clock.advance(10_000);
    expect(read).not.toHaveBeenCalled();
    expect(api.world.logs.count('event')).toBe(0);
  });

  it('cut a client that does not read, which may resume', async () => {
    const destroy = jest.fn();
    const response = await api.app.request('/api/v1/events', {}, { outgoing: { destroy } });
    const reader = response.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    let text = '';
    const readOn = async () => {
      const { value, done } = await reader.read();
      text += new TextDecoder().decode(value);
      return !done;
    };
    while (!text.includes('id: ')) await readOn();
    for (let round = 0; round < 3; round++) {
      await api.post('/api/v1/sagas/many', many(500), { 'content-type': 'application/x-ndjson' });
      await api.world.clock.advance(1_000);
    }
    while (await readOn());
    expect(text).not.toContain('event: history');
    expect([api.world.logs.count('does not read its events'), destroy.mock.calls.length]).toEqual([1, 1]);
    const resumed = await Client.open('', /^id: (.*)$/m.exec(text)![1]);
    await until(async () => Promise.resolve(resumed.told.filter((line) => line.endsWith(' started')).length === 1_500));
    expect(new Set(resumed.events.map(({ id }) => id)).size).toBe(resumed.events.length);
  });

  it('end when the server stops', async () => {
    const client = await Client.open();
    api.stopping.abort();
    await turns();
    expect(client.isOver).toBe(true);
    const late = await Client.open();
    expect(late.isOver).toBe(true);
  });
});

function many(count: number): string {
  return Array.from({ length: count }, () => '{"name":"test-saga","input":{"total":3}}').join('\n');
}
