import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import amqp, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import { once } from 'node:events';
import pg from 'pg';
import { Proxy } from '../../lab/chaos/proxy.js';
import { TRIGGERS } from '../../lab/chaos/triggers.js';
import { closeAtEnd } from '../../support/closing.js';
import { eventually } from '../../support/eventually.js';
import { amqpUrl, freshDatabase, uniqueNamespace } from '../../support/servers.js';

/** What a client of PostgreSQL says when its connection has gone. */
const LOST = /terminated|ECONNRESET|not queryable/;
const opened: Proxy[] = [];
const open = async (target: string) => {
  const proxy = await Proxy.open(target);
  opened.push(proxy);
  return proxy;
};
closeAtEnd(async () => {
  for (const proxy of opened) await proxy[Symbol.asyncDispose]();
});

describe('the proxy before PostgreSQL', () => {
  let database: string;
  const clients: pg.Client[] = [];
  const client = async (url: string) => {
    const made = new pg.Client({ connectionString: url });
    made.on('error', () => {});
    clients.push(made);
    await made.connect();
    return made;
  };
  const numbers = async () => {
    const { rows } = await (await client(database)).query<{ n: number }>('select n from t order by n');
    return rows.map(({ n }) => n);
  };
  const sessions = async (name: string, condition = 'true') => {
    const sql = `select count(*)::integer as n from pg_stat_activity where application_name = $1 and ${condition}`;
    const { rows } = await (await client(database)).query<{ n: number }>(sql, [name]);
    return rows[0]!.n;
  };
  const insert = async (through: pg.Client, n: number) => {
    await through.query('begin');
    await through.query('insert into t (n) values ($1)', [n]);
    await through.query('commit');
  };

  beforeAll(async () => {
    database = (await freshDatabase()).url;
    await (await client(database)).query('create table t (n integer)');
  });
  afterEach(async () => {
    await (await client(database)).query('truncate t');
    await Promise.all(clients.splice(0).map((one) => one.end().catch(() => {})));
  });

  it('passes everything while nothing is asked of it, large answers too', async () => {
    const proxy = await open(database);
    const through = await client(proxy.url);
    await insert(through, 1);
    const { rows } = await through.query<{ long: string }>(`select repeat('x', 5000000) as long`);
    expect(rows[0]!.long).toHaveLength(5_000_000);
    expect(await numbers()).toEqual([1]);
    expect(Object.values(proxy.triggers.fired).every((count) => count === 0)).toBe(true);
  });

  it('knows a request for encryption and its answer, a letter, from a message', async () => {
    const proxy = await open(database);
    const asking = new pg.Client({ connectionString: proxy.url, ssl: { rejectUnauthorized: false } });
    await expect(asking.connect()).rejects.toThrow('The server does not support SSL connections');
    await insert(await client(proxy.url), 1);
    expect(await numbers()).toEqual([1]);
  });

  it('swallows a COMMIT: the client does not know, and nothing was committed', async () => {
    const proxy = await open(database);
    const through = await client(proxy.url);
    proxy.arm('swallow-commit', { times: 1, after: 1 });
    await insert(through, 1);
    await expect(insert(through, 2)).rejects.toThrow(LOST);
    expect(await numbers()).toEqual([1]);
    await insert(await client(proxy.url), 3);
    expect(await numbers()).toEqual([1, 3]);
    expect(proxy.triggers.fired['swallow-commit']).toBe(1);
  });

  it('swallows the answer to a COMMIT: the client does not know, and everything was committed', async () => {
    const proxy = await open(database);
    const through = await client(proxy.url);
    proxy.arm('swallow-commit-answer', { times: 1 });
    await expect(insert(through, 1)).rejects.toThrow(LOST);
    expect(await numbers()).toEqual([1]);
    expect(proxy.triggers.fired['swallow-commit-answer']).toBe(1);
  });

  it('holds a COMMIT back, and passes it later', async () => {
    const proxy = await open(database);
    const through = await client(proxy.url);
    proxy.arm('hold-commit', { times: 1, holdMs: 300 });
    const from = performance.now();
    await insert(through, 1);
    expect(performance.now() - from).toBeGreaterThan(290);
    expect(await numbers()).toEqual([1]);
    expect(proxy.triggers.fired['hold-commit']).toBe(1);
  });

  it('cuts in the middle of a message: the server makes nothing of it', async () => {
    const proxy = await open(database);
    const through = await client(proxy.url);
    proxy.arm('cut-in-frame', { times: 1 });
    await expect(through.query('insert into t (n) values (1)')).rejects.toThrow(LOST);
    expect(await numbers()).toEqual([]);
    expect(proxy.triggers.fired['cut-in-frame']).toBe(1);
  });

  it('refuses, and lets in again when it is healed', async () => {
    const proxy = await open(database);
    const through = await client(proxy.url);
    proxy.refuse();
    await expect(through.query('select 1')).rejects.toThrow(LOST);
    await expect(client(proxy.url)).rejects.toThrow(LOST);
    proxy.heal();
    await insert(await client(proxy.url), 1);
    await eventually(() => proxy.connections === 1);
  });

  it('stalls one way only, and passes what it has held', async () => {
    const proxy = await open(database);
    const through = await client(proxy.url);
    await through.query(`set application_name = 'stalled'`);
    proxy.stall('toClient');
    const answer = insert(through, 1);
    // The server has answered; the client waits for that before it sends its second statement.
    await eventually(async () => (await sessions('stalled', `state = 'idle in transaction' and query = 'begin'`)) === 1);
    expect(await numbers()).toEqual([]);
    expect(await sessions('stalled', `query = 'begin'`)).toBe(1);
    proxy.heal();
    await answer;
    expect(await numbers()).toEqual([1]);
  });

  it('tells nobody of an end behind a stall until it is healed', async () => {
    const proxy = await open(database);
    const through = await client(proxy.url);
    await through.query(`set application_name = 'half-open'`);
    proxy.stall('both');
    (through as unknown as { readonly connection: { readonly stream: { destroy(): void } } }).connection.stream.destroy();
    await eventually(() => proxy.halfOpen === 1);
    expect(await sessions('half-open')).toBe(1);
    proxy.heal();
    await eventually(async () => (await sessions('half-open')) === 0);
  });

  it('delays and throttles', async () => {
    const proxy = await open(database);
    const through = await client(proxy.url);
    proxy.delay(100);
    let from = performance.now();
    await through.query('select 1');
    expect(performance.now() - from).toBeGreaterThan(190);
    proxy.heal();
    proxy.throttle(50_000, 'toClient');
    from = performance.now();
    await through.query(`select repeat('x', 20000)`);
    expect(performance.now() - from).toBeGreaterThan(380);
    proxy.heal();
    from = performance.now();
    await through.query('select 1');
    expect(performance.now() - from).toBeLessThan(90);
  });

  it('cuts after so many bytes', async () => {
    const proxy = await open(database);
    const through = await client(proxy.url);
    proxy.cutAfter(20);
    await expect(through.query('insert into t (n) values (1)')).rejects.toThrow(LOST);
    expect(await numbers()).toEqual([]);
    await insert(await client(proxy.url), 2);
    expect(await numbers()).toEqual([2]);
  });
});

describe('the proxy before RabbitMQ', () => {
  const connections: ChannelModel[] = [];
  const connect = async (url: string) => {
    const connection = await amqp.connect(url);
    connection.on('error', () => {});
    connections.push(connection);
    return connection;
  };
  const confirming = async (url: string) => {
    const channel = await (await connect(url)).createConfirmChannel();
    channel.on('error', () => {});
    return channel;
  };
  const declared = async () => {
    const queue = uniqueNamespace();
    const channel = await (await connect(amqpUrl())).createChannel();
    await channel.assertQueue(queue, { durable: false, autoDelete: false, expires: 60_000 });
    const drain = async () => {
      const texts: string[] = [];
      const next = () => channel.get(queue, { noAck: true });
      for (let message = await next(); message; message = await next()) texts.push(message.content.toString());
      return texts;
    };
    return { queue, drain };
  };
  /** What the publisher is told: `true` confirmed, `false` refused, nothing for a while: `undefined`. */
  const send = (channel: ConfirmChannel, queue: string, text: string, patienceMs = 1_000) =>
    new Promise<boolean | undefined>((resolve) => {
      channel.sendToQueue(queue, Buffer.from(text), {}, (error) => resolve(!error));
      setTimeout(() => resolve(undefined), patienceMs);
    });

  afterEach(async () => {
    await Promise.all(connections.splice(0).map((one) => one.close().catch(() => {})));
  });

  it('passes everything while nothing is asked of it, large messages too', async () => {
    const { queue, drain } = await declared();
    const channel = await confirming((await open(amqpUrl())).url);
    const texts = Array.from({ length: 300 }, (_, n) => (n === 7 ? 'x'.repeat(1_000_000) : `m${n}`));
    expect(await Promise.all(texts.map((text) => send(channel, queue, text, 10_000)))).toEqual(texts.map(() => true));
    expect(await drain()).toEqual(texts);
  });

  it('swallows a publish: it is not there, and the publisher loses the connection', async () => {
    const { queue, drain } = await declared();
    const proxy = await open(amqpUrl());
    const channel = await confirming(proxy.url);
    proxy.arm('swallow-publish', { times: 1, address: new RegExp(`/${queue}$`), after: 1 });
    expect(await send(channel, queue, 'first')).toBe(true);
    const closed = once(channel, 'close');
    void send(channel, queue, 'second');
    await closed;
    expect(await drain()).toEqual(['first']);
    expect(proxy.triggers.fired['swallow-publish']).toBe(1);
  });

  it('swallows a confirm: the message is there, its publisher is never told, and later ones are', async () => {
    const { queue, drain } = await declared();
    const proxy = await open(amqpUrl());
    const channel = await confirming(proxy.url);
    proxy.arm('swallow-confirm', { times: 1 });
    const first = send(channel, queue, 'first', 600);
    await eventually(() => proxy.triggers.fired['swallow-confirm'] === 1);
    expect(await Promise.all([first, send(channel, queue, 'second'), send(channel, queue, 'third')])).toEqual([undefined, true, true]);
    expect(await drain()).toEqual(['first', 'second', 'third']);
  });

  it('swallows a confirm and cuts', async () => {
    const { queue, drain } = await declared();
    const proxy = await open(amqpUrl());
    const channel = await confirming(proxy.url);
    proxy.arm('swallow-confirm-and-cut', { times: 1 });
    const closed = once(channel, 'close');
    void send(channel, queue, 'only');
    await closed;
    expect(await drain()).toEqual(['only']);
    expect(proxy.triggers.fired['swallow-confirm-and-cut']).toBe(1);
  });

  it('says no for a broker that said yes', async () => {
    const { queue, drain } = await declared();
    const proxy = await open(amqpUrl());
    const channel = await confirming(proxy.url);
    proxy.arm('nack-publish', { times: 1 });
    expect(await send(channel, queue, 'first')).toBe(false);
    expect(await send(channel, queue, 'second')).toBe(true);
    expect(await drain()).toEqual(['first', 'second']);
    expect(proxy.triggers.fired['nack-publish']).toBe(1);
  });

  it('swallows a consumer’s acknowledgement: the message is delivered again', async () => {
    const { queue, drain } = await declared();
    const proxy = await open(amqpUrl());
    await send(await confirming(amqpUrl()), queue, 'again');
    const channel = await (await connect(proxy.url)).createChannel();
    channel.on('error', () => {});
    proxy.arm('swallow-ack', { times: 1 });
    const closed = once(channel, 'close');
    await channel.consume(queue, (message) => message && channel.ack(message));
    await closed;
    expect(await eventually(async () => (await drain())[0])).toBe('again');
    expect(proxy.triggers.fired['swallow-ack']).toBe(1);
  });

  it('duplicates a message, and the publisher’s numbers still fit', async () => {
    const { queue, drain } = await declared();
    const proxy = await open(amqpUrl());
    const channel = await confirming(proxy.url);
    proxy.arm('duplicate-publish', { times: 2, after: 1 });
    const texts = ['one', 'two', 'three', 'four', 'five'];
    expect(await Promise.all(texts.map((text) => send(channel, queue, text)))).toEqual([true, true, true, true, true]);
    expect(await drain()).toEqual(['one', 'two', 'two', 'three', 'three', 'four', 'five']);
    expect(proxy.triggers.fired['duplicate-publish']).toBe(2);
    await channel.waitForConfirms();
  });

  it('detains a message, so that others overtake it', async () => {
    const { queue, drain } = await declared();
    const proxy = await open(amqpUrl());
    const channel = await confirming(proxy.url);
    proxy.arm('detain-publish', { times: 1, holdMs: 300 });
    expect(await Promise.all(['one', 'two', 'three'].map((text) => send(channel, queue, text)))).toEqual([true, true, true]);
    expect(await drain()).toEqual(['two', 'three']);
    expect(await eventually(async () => (await drain())[0])).toBe('one');
    expect(await send(channel, queue, 'four')).toBe(true);
    expect(proxy.triggers.fired['detain-publish']).toBe(1);
  });

  it('cuts in the middle of a message: the broker has nothing of it', async () => {
    const { queue, drain } = await declared();
    const proxy = await open(amqpUrl());
    const channel = await confirming(proxy.url);
    proxy.arm('cut-in-frame', { times: 1 });
    const closed = once(channel, 'close');
    void send(channel, queue, 'half');
    await closed;
    expect(await drain()).toEqual([]);
    expect(proxy.triggers.fired['cut-in-frame']).toBe(1);
  });

  it('is noticed by heartbeats when it is half open', async () => {
    const proxy = await open(amqpUrl());
    const connection = await connect(`${proxy.url}?heartbeat=1`);
    const closed = new Promise((resolve) => connection.once('close', resolve));
    proxy.stall('toClient');
    await closed;
    proxy.heal();
  });
});

it('has a test for every trigger', () => {
  const fired = opened.reduce<Record<string, number>>((sum, { triggers }) => {
    for (const [trigger, count] of Object.entries(triggers.fired)) sum[trigger] = (sum[trigger] ?? 0) + count;
    return sum;
  }, {});
  expect(TRIGGERS.filter((trigger) => !fired[trigger])).toEqual([]);
});
