import { afterEach, describe, expect, it } from '@jest/globals';
import type { HttpServer } from '../../../src/http/server.js';
import { openServer } from '../../../src/http/server.js';
import { createMetricsApp } from '../../../src/http/metrics-app.js';
import { encodeStart } from '../../../src/core/codec-starts.js';
import { Api } from '../http/api.js';
import { until } from '../../support/engine.js';
import { samplesIn, seriesOf } from './samples.js';

const read = async (api: Api, name: string) => seriesOf((await api.get('/metrics')).text, name);
/** Of our series: among Node's own one comes with the first collection of its kind. */
const labelsIn = (text: string) => {
  const ours = text.split('\n').filter((line) => line.startsWith('backstep_'));
  return new Set([...ours.join('\n').matchAll(/[a-z]+="((?:[^"\\]|\\.)*)"/g)].map(([, value]) => value!));
};
const HOSTILE = 'x"} 1\nevil_total{a="' as const;

describe('a scrape', () => {
  it('is text in the format of Prometheus, of the engine and of the process', async () => {
    const api = await new Api().open();
    const { status, headers, text } = await api.get('/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toMatch(/^# TYPE backstep_batch_items histogram$/m);
    expect(text).toMatch(/^# TYPE backstep_sagas_started_total counter$/m);
    for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds', 'nodejs_heap_size_used_bytes'])
      expect(samplesIn(text).has(name)).toBe(true);
    for (const line of text.split('\n'))
      expect(line).toMatch(/^$|^# (HELP|TYPE) [a-z_0-9]+ |^[a-z_0-9]+(\{[^\n]*\})? (-?[0-9.e+-]+|\+Inf|Nan)$/);
  });

  it('has buckets that add up', async () => {
    const api = await new Api().open();
    const id = await api.start();
    await until(async () => (await api.world.store.find(id))?.state.end === 'completed');
    const samples = samplesIn((await api.get('/metrics')).text);
    const buckets = [...samples].filter(([key]) => key.startsWith('backstep_batch_items_bucket{kind="messages"')).map(([, value]) => value);
    expect(buckets).toEqual(buckets.toSorted((one, other) => one - other));
    expect(buckets.at(-1)).toBe(samples.get('backstep_batch_items_count{kind="messages"}'));
    expect(buckets.at(-1)).toBeGreaterThan(0);
  });

  describe('on a port of its own', () => {
    let server: HttpServer | undefined;
    afterEach(() => server?.stop(0));

    it('is all that is served there', async () => {
      const api = await new Api().open();
      server = await openServer(createMetricsApp(() => api.metrics.scrape()).fetch, { host: '127.0.0.1', port: 0 });
      const answer = await fetch(`${server.url}/metrics`);
      expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(await answer.text()).toContain('backstep_sagas_started_total{saga="test-saga"} 0');
      for (const path of ['/', '/api/v1/sagas', '/readyz']) expect((await fetch(server.url + path)).status).toBe(404);
    });
  });
});

describe('what is put aside', () => {
  it('is counted by queue and by a class of reasons, never by what the message says', async () => {
    const api = await new Api().open();
    const { world } = api;
    const { names } = world;
    const facts = { appId: HOSTILE, now: world.clock.now() };
    await world.reply('01900000-0000-7000-8000-000000000000.reserve.a.1');
    await world.reply(HOSTILE);
    const id = await api.start();
    await world.reply(`${id}.nowhere.a.1`);
    await world.publish(encodeStart({ name: HOSTILE, startId: 's-1', input: '{}' } as never, names, facts));
    await world.publish({
      exchange: '',
      routingKey: names.deadLetters,
      message: { ...encodeStart({ name: 'x', startId: 's-2', input: '' } as never, names, facts).message, headers: {} },
    });
    await until(async () => ((await read(api, 'backstep_dead_letters_stored_total'))[''] ?? 0) >= 5);
    const { text } = await api.get('/metrics');
    expect(seriesOf(text, 'backstep_dead_letters_total')).toEqual({
      '{queue="backstep.replies",reason="unknown-saga"}': 1,
      '{queue="backstep.replies",reason="unreadable"}': 1,
      '{queue="backstep.replies",reason="unknown-step"}': 1,
      '{queue="backstep.starts",reason="refused-start"}': 1,
    });
    // The fifth was put into the queue by somebody else.
    expect(seriesOf(text, 'backstep_dead_letters_stored_total')).toEqual({ '': 5 });
    expect(text).not.toContain('evil');
  });

  it('has labels that are loaded names and words of ours, whatever came', async () => {
    const api = await new Api().open();
    const before = labelsIn((await api.get('/metrics')).text);
    const settled = ['succeeded', 'action', 'reserve', 'charge', 'ship', 'confirm', 'refused-start', 'unreadable'];
    const names = ['backstep.replies', 'backstep.starts'];
    for (let at = 0; at < 20; at++) {
      await api.start({ key: `key-${at}`, tags: { [`tag-${at}`]: `value-${at}` }, input: { total: at } });
      await api.world.reply(`nonsense-${at}`);
    }
    await until(async () => (await read(api, 'backstep_sagas_ended_total'))['{saga="test-saga",outcome="completed"}'] === 20);
    await until(async () => (await read(api, 'backstep_dead_letters_total'))['{queue="backstep.replies",reason="unreadable"}'] === 20);
    const more = [...labelsIn((await api.get('/metrics')).text)].filter((label) => !before.has(label));
    const isKnown = (label: string) => settled.includes(label) || names.includes(label) || /^[\d.]+$/.test(label);
    expect(more.filter((label) => !isKnown(label))).toEqual([]);
  });
});

describe('what is read at a scrape', () => {
  it('counts the open sagas by status, and those of definitions that are not loaded together', async () => {
    const api = await new Api().open();
    api.world.script = () => undefined;
    await api.start();
    await until(() => api.world.received.length === 1);
    const overview = api.world.inner.overview.bind(api.world.inner);
    api.world.inner.overview = async (query) => {
      const found = await overview(query);
      const strange = ['elsewhere', HOSTILE].map((name) => ({ name, version: 1, status: 'running', count: 3 }) as const);
      return { ...found, open: [...found.open, ...strange], overdueMs: found.overdueMs + 2_500 };
    };
    await api.world.clock.advance(15_000);
    const { text } = await api.get('/metrics');
    expect(seriesOf(text, 'backstep_sagas_in_flight')).toEqual({
      '{saga="test-saga",status="running"}': 1,
      '{saga="(other)",status="running"}': 6,
    });
    expect(text).toContain('backstep_sagas_in_flight{saga="test-saga",status="stuck"} 0');
    expect(seriesOf(text, 'backstep_timers_overdue_seconds')['']).toBeGreaterThanOrEqual(2.5);
    expect(text).not.toContain('evil');
  });

  it('asks the store once for scrapes that come close together', async () => {
    const api = await new Api().open();
    const overview = api.world.inner.overview.bind(api.world.inner);
    let asked = 0;
    api.world.inner.overview = async (query) => {
      asked += 1;
      return overview(query);
    };
    await Promise.all([api.get('/metrics'), api.get('/metrics')]);
    await api.get('/metrics');
    expect(asked).toBe(1);
    await api.world.clock.advance(15_000);
    await api.get('/metrics');
    expect(asked).toBe(2);
  });

  it.each<[string, (after: Promise<void>) => Promise<never>]>([
    ['fails', () => Promise.reject(new Error('away'))],
    ['does not answer', (after) => after.then(() => Promise.reject(new Error('too late')))],
  ])('says that the database %s, and nothing of what only it knows; then it is well again', async (_, fails) => {
    const api = await new Api().open();
    const overview = api.world.inner.overview.bind(api.world.inner);
    let giveUp!: () => void;
    const after = new Promise<void>((resolve) => (giveUp = resolve));
    api.world.inner.overview = () => fails(after);
    const scraped = api.get('/metrics');
    await api.world.clock.advance(2_000);
    const { status, text } = await scraped;
    expect(status).toBe(200);
    const samples = samplesIn(text);
    expect(samples.get('backstep_store_up')).toBe(0);
    expect([...samples.keys()].filter((key) => /^backstep_(sagas_in_flight|timers_overdue)/.test(key))).toEqual([]);
    expect(samples.get('backstep_sagas_started_total{saga="test-saga"}')).toBe(0);
    api.world.inner.overview = overview;
    giveUp();
    await until(async () => (await read(api, 'backstep_store_up'))[''] === 1);
    expect((await api.get('/metrics')).text).toContain('backstep_sagas_in_flight{saga="test-saga",status="running"} 0');
  });

  it('tells what waits in the queues of daemons and participants, asking the broker once for scrapes that come close together', async () => {
    const api = await new Api().open();
    const asked: (readonly string[])[] = [];
    const { transport } = api.world;
    transport.queues = async (names) => {
      asked.push(names);
      return [
        { name: 'backstep.commands.p', depth: 17, consumers: 0 },
        { name: 'backstep.replies', depth: 0, consumers: 2 },
      ];
    };
    const { text } = await api.get('/metrics');
    await api.get('/metrics');
    expect(seriesOf(text, 'backstep_queue_messages')).toEqual({ '{queue="backstep.commands.p"}': 17 });
    expect(text).toContain('backstep_queue_messages{queue="backstep.replies"} 0');
    expect(text).toContain('backstep_queue_consumers{queue="backstep.commands.p"} 0');
    expect(text).toContain('backstep_queue_consumers{queue="backstep.replies"} 2');
    expect(asked).toEqual([['backstep.replies', 'backstep.starts', 'backstep.dead-letters', 'backstep.commands.p']]);
    await api.world.clock.advance(15_000);
    transport.queues = async () => [];
    expect((await api.get('/metrics')).text).not.toContain('backstep_queue_messages{');
  });

  it('tells of a broker that takes nothing, and of what waits for it', async () => {
    const api = await new Api().open();
    expect(await read(api, 'backstep_broker_up')).toEqual({ '': 1 });
    let confirm!: () => void;
    const confirmed = new Promise<void>((resolve) => (confirm = resolve));
    api.world.onPublish = async (_batch, publish) => {
      await confirmed;
      return publish();
    };
    await api.start();
    expect(await read(api, 'backstep_messages_unconfirmed')).toEqual({ '': 1 });
    confirm();
    await until(async () => (await read(api, 'backstep_messages_unconfirmed'))[''] === undefined);
    expect((await read(api, 'backstep_messages_published_total'))['{fate="confirmed"}']).toBeGreaterThanOrEqual(1);
    const { transport } = api.world;
    transport.health = () => ({ connected: true, blocked: true });
    expect(await read(api, 'backstep_broker_up')).toEqual({});
  });
});
