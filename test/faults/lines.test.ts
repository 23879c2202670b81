import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { poolOf } from '../../src/postgres/pool.js';
import { closeAtEnd } from '../support/closing.js';
import { Installation } from '../support/engine-servers.js';
import { eventually } from '../support/eventually.js';
import { amqpUrl } from '../support/servers.js';
import { tcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { AS_DEPLOYED, expectEnds, Flow, measured, plan, quantile, script } from './parts.js';

describe('bad lines under load', () => {
  let at: Installation;
  afterEach(() => at.close(), 30_000);

  async function underLoad(options: { readonly everyMs?: number; readonly heartbeatS?: number } = {}) {
    at = await Installation.open();
    const [broker, database] = [await tcpProxy(amqpUrl()), await tcpProxy(at.databaseUrl)];
    const flow = new Flow(options.everyMs ?? 80);
    const heartbeat = options.heartbeatS === undefined ? {} : { heartbeatS: options.heartbeatS };
    const opened = await at.engine([plan], {
      databaseUrl: database.url,
      // A link that is dead is noticed by the client's own time limit; short here, so that the test is.
      connect: { timeouts: { connect: 2_000, statement: 2_000, lock: 1_000, answer: 3_000, idleInTransaction: 2_000 } },
      transport: { ...AS_DEPLOYED, ...heartbeat, urls: [broker.url] },
      observer: flow.observer,
    });
    await at.participant('p', script);
    flow.run(opened.engine);
    await flow.untilNextEnd();
    const over = async () => {
      await flow.stop();
      await expectEnds(opened.store, flow.ids);
    };
    return { ...opened, flow, broker, database, over };
  }

  it('[D14] the link to the broker is half open: noticed within 25 seconds with the usual heartbeat', async () => {
    const { engine, flow, broker, over } = await underLoad();
    broker.stall('both');
    const from = performance.now();
    await eventually(async () => (await engine.problems()).join().includes('the broker cannot be reached'), {
      withinMs: 40_000,
      everyMs: 100,
    });
    const noticed = performance.now() - from;
    measured('D14', 'ms until it was noticed', noticed);
    expect(noticed).toBeLessThan(25_000);
    broker.resume();
    measured('D14', 'ms from the mended line to the next saga that ends', await flow.untilNextEnd());
    expect(flow.refused).toEqual([]);
    await over();
  }, 150_000);

  it('[D12] confirms do not come: nobody knows, so it is published again, and every saga ends', async () => {
    const { flow, broker, logs, over } = await underLoad();
    for (let round = 0; round < 3; round++) {
      broker.stall('fromServer');
      await delay(500);
      broker.cut();
      broker.resume();
      await flow.untilNextEnd();
    }
    expect(logs.lines.length).toBeGreaterThan(0);
    expect(flow.refused).toEqual([]);
    await over();
  }, 150_000);

  it('[D13] the link to the broker is cut in the middle of frames, and while connecting', async () => {
    const { flow, broker, engine, over } = await underLoad({ everyMs: 60 });
    for (let round = 0; round < 8; round++) {
      // Of a new connection the first few hundred bytes are the handshake.
      broker.cutAfter(round % 2 === 0 ? 40 + 61 * round : 2_000 + 777 * round);
      await delay(150);
      if (round % 2 === 0) broker.cut();
      await flow.untilNextEnd();
    }
    broker.cutAfter(Infinity);
    await eventually(async () => (await engine.problems()).length === 0, { withinMs: 10_000 });
    expect(flow.refused).toEqual([]);
    await over();
  }, 150_000);

  it('[D13] a server that resets the connection while it says hello, or says nothing, or rubbish, is asked again', async () => {
    at = await Installation.open();
    const broker = await tcpProxy(amqpUrl());
    let turn = 0;
    const odd = createServer((socket) => {
      socket.on('error', () => {});
      turn += 1;
      if (turn % 3 === 0) socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
      else if (turn % 3 === 1) socket.once('data', () => socket.resetAndDestroy());
      else socket.write(Buffer.from([1, 0, 0, 0, 0, 255, 255]));
    });
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
    closeAtEnd(async () => void odd.close());
    const oddUrl = `amqp://guest:guest@127.0.0.1:${(odd.address() as AddressInfo).port}`;
    const flow = new Flow();
    const { engine } = await at.engine([plan], {
      transport: { ...AS_DEPLOYED, urls: [oddUrl, broker.url], connectTimeoutMs: 2_000 },
      observer: flow.observer,
      settings: { connectWaitMs: 10_000 },
    });
    await at.participant('p', script);
    flow.run(engine);
    for (let round = 0; round < 4; round++) {
      await flow.untilNextEnd();
      broker.cut();
    }
    await flow.untilNextEnd();
    expect(turn).toBeGreaterThan(2);
    await flow.stop();
  }, 150_000);

  it('[D19] a broker that takes 20 kB/s: memory and transactions stay as they are, starts go on, and all ends afterwards', async () => {
    const { store, flow, broker, over } = await underLoad({ everyMs: 10 });
    const admin = new pg.Client({ connectionString: at.databaseUrl });
    await admin.connect();
    closeAtEnd(() => admin.end());
    broker.throttle(20_000);
    const before = process.memoryUsage().rss;
    let longest = 0;
    const [started, tookBefore] = [flow.ids.length, flow.tookMs.length];
    for (let look = 0; look < 40; look++) {
      await delay(250);
      const { rows } = await admin.query<{ ms: number }>(
        `select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::float8 * 1000 as ms
           from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
      );
      longest = Math.max(longest, rows[0]!.ms);
    }
    const grown = (process.memoryUsage().rss - before) / 1_048_576;
    measured('D19', 'MiB more memory after ten seconds', grown);
    measured('D19', 'longest transaction in ms meanwhile', longest);
    measured('D19', 'p99 of a start in ms meanwhile', quantile(flow.tookMs.slice(tookBefore), 0.99));
    expect(grown).toBeLessThan(150);
    // Back-pressure is on publishing: no transaction stays open for it, as it would for all of the ten seconds.
    expect(longest).toBeLessThan(7_000);
    expect(flow.ids.length).toBeGreaterThan(started + 50);
    broker.throttle(Infinity);
    expect((await store.versionsInFlight()).length).toBe(1);
    await over();
  }, 150_000);

  it('[E6] the link to the database is half open: given up in time, and the pool is as large as before', async () => {
    const { engine, flow, database, store, over } = await underLoad();
    const pool = poolOf(store.dataSource);
    for (const direction of ['both', 'fromServer'] as const) {
      const removed: unknown[] = [];
      pool.on('remove', (client) => removed.push(client));
      database.stall(direction);
      const from = performance.now();
      await eventually(async () => (await engine.problems()).join().includes('database'), { withinMs: 20_000 });
      const noticed = performance.now() - from;
      measured('E6', 'ms until it was noticed, with a limit of 3,000', noticed);
      expect(noticed).toBeLessThan(3_000 + 3_000);
      await eventually(() => removed.length > 0, { withinMs: 10_000 });
      database.resume();
      const wait = await flow.untilNextEnd();
      measured('E6', 'ms from the mended line to the next saga that ends', wait);
      expect(wait).toBeLessThan(8_000);
      // Every place of the pool can be used: ten at once.
      await Promise.all(Array.from({ length: 10 }, () => store.now()));
      expect(pool.totalCount).toBe(10);
      expect(pool.waitingCount).toBe(0);
    }
    expect(flow.refused.every((code) => code === 'SAGA_UNAVAILABLE' || code === 'SAGA_STORE_UNKNOWN')).toBe(true);
    await over();
  }, 150_000);

  it('[G9] all links of two engines and a participant stop one by one and come back in another order', async () => {
    at = await Installation.open();
    const flow = new Flow(20);
    const links: TcpProxy[] = [];
    const link = async (target: string) => {
      const proxy = await tcpProxy(target);
      links.push(proxy);
      return proxy.url;
    };
    const engine = async () =>
      at.engine([plan], {
        databaseUrl: await link(at.databaseUrl),
        connect: { timeouts: { connect: 2_000, statement: 2_000, lock: 1_000, answer: 3_000, idleInTransaction: 2_000 } },
        transport: { urls: [await link(amqpUrl())], heartbeatS: 2, confirmTimeoutMs: 3_000 },
        observer: flow.observer,
      });
    const [first, second] = [await engine(), await engine()];
    await at.participant('p', script, { urls: [await link(amqpUrl())], heartbeatS: 2, confirmTimeoutMs: 3_000 });
    let turn = 0;
    flow.run({ start: (request) => (turn++ % 2 === 0 ? first : second).engine.start(request) });
    await flow.untilNextEnd();
    for (const order of [
      [3, 0, 4, 1, 2],
      [2, 4, 0, 3, 1],
    ]) {
      for (const proxy of links) {
        proxy.stall('both');
        await delay(300);
      }
      await delay(2_000);
      for (const i of order) {
        links[i]!.resume();
        await delay(300);
      }
      await flow.untilNextEnd();
    }
    await flow.stop();
    measured('G9', 'sagas, all of them at their ends', await expectEnds(second.store, flow.ids, 30_000));
    expect(flow.refused.every((code) => code === 'SAGA_UNAVAILABLE' || code === 'SAGA_STORE_UNKNOWN')).toBe(true);
  }, 150_000);
});
