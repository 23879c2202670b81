import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import amqp, { type Channel, type ChannelModel } from 'amqplib';
import type { Outgoing } from '../../../src/ports/transport.js';
import type { RabbitMqOptions } from '../../../src/rabbitmq/options.js';
import { RabbitMqTransport } from '../../../src/rabbitmq/rabbitmq-transport.js';
import {
  healthWhen,
  untilConfirmed,
  realClock,
  Received,
  receiving,
  recordingLogger,
  settleDone,
  toQueue,
  type RecordingLogger,
} from '../../contract/transport-parts.js';
import { eventually } from '../../support/eventually.js';
import { amqpUrl, uniqueNamespace } from '../../support/servers.js';
import { tcpProxy, type TcpProxy } from '../../support/tcp-proxy.js';

describe('RabbitMqTransport on a bad line', () => {
  let admin: ChannelModel;
  let channel: Channel;
  let proxy: TcpProxy;
  let queue: string;
  let logger: RecordingLogger;
  const opened: RabbitMqTransport[] = [];
  const connect = (options: Partial<RabbitMqOptions> = {}) => {
    const transport = new RabbitMqTransport({
      urls: [proxy.url],
      clock: realClock,
      random: { next: () => 0.5 },
      logger,
      reconnectMs: { first: 20, longest: 100 },
      closeTimeoutMs: 1_000,
      ...options,
    });
    opened.push(transport);
    return transport;
  };
  const topology = () => ({ exchanges: [], queues: [{ name: queue }], bindings: [] });
  const numbered = (from: number, count: number): Outgoing[] => Array.from({ length: count }, (_, i) => toQueue(queue, `m${from + i}`));

  beforeEach(async () => {
    admin = await amqp.connect(amqpUrl());
    channel = await admin.createChannel();
    proxy = await tcpProxy(amqpUrl());
    queue = uniqueNamespace();
    logger = recordingLogger();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(async (transport) => transport.close()));
    await channel.deleteQueue(queue);
    await admin.close();
    await proxy.close();
  });

  it('[D13] loses nothing that was confirmed when the line is cut in the middle of frames', async () => {
    const transport = connect();
    await transport.declare(topology());
    const received = await receiving(connect({ urls: [amqpUrl()] }), queue, 100, settleDone);
    const confirmed: string[] = [];
    let sent = 0;
    for (let round = 0; round < 8; round++) {
      proxy.cutAfter(3_000 + 777 * round);
      const batch = numbered(sent, 100);
      sent += 100;
      const outcomes = await transport.publish(batch);
      outcomes.forEach((outcome, i) => outcome.fate === 'confirmed' && confirmed.push(batch[i]!.message.messageId));
    }
    await eventually(() => {
      const seen = new Set(received.ids);
      return confirmed.every((id) => seen.has(id));
    });
    expect(confirmed.length).toBeLessThan(sent);
    await untilConfirmed(transport, numbered(sent, 1));
  });

  it('comes back within a second from a cut, and a consumer too', async () => {
    const transport = connect();
    await transport.declare(topology());
    const received = await receiving(transport, queue, 10, settleDone);
    for (let round = 1; round <= 5; round++) {
      proxy.cut();
      await healthWhen(transport, (health) => !health.connected);
      await untilConfirmed(transport, numbered(round, 1));
      await received.atLeast(round);
      await healthWhen(transport, (health) => health.connected);
    }
    await eventually(() => proxy.connections === 2);
  });

  it('delivers again what was unsettled when the line was cut, and ignores its late settling', async () => {
    const transport = connect();
    await transport.declare(topology());
    await transport.publish(numbered(0, 2));
    const received = await (await receiving(transport, queue, 10)).atLeast(2);
    const [first] = received.deliveries;
    proxy.cut();
    await received.atLeast(4);
    first!.settle('done');
    expect(received.deliveries.slice(2).map((one) => one.redelivered)).toEqual([true, true]);
    for (const one of received.deliveries.slice(2)) one.settle('done');
    await transport.publish(numbered(9, 1));
    expect((await received.atLeast(5)).ids.slice(4)).toEqual(['m9']);
  });

  it('[D14] notices by its heartbeat that nothing comes any more', async () => {
    const transport = connect({ heartbeatS: 1 });
    await transport.declare(topology());
    const received = await receiving(transport, queue, 10, settleDone);
    proxy.stall('both');
    const startedAt = performance.now();
    await healthWhen(transport, (health) => !health.connected);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(transport.health().lastError).toMatch(/heartbeat|no sign of life/);
    proxy.resume();
    await untilConfirmed(transport, numbered(1, 1));
    await received.atLeast(1);
  }, 15_000);

  it('[D12] says unknown for a confirm that does not come, replaces the channel, and goes on', async () => {
    const transport = connect({ confirmTimeoutMs: 300 });
    await transport.declare(topology());
    await transport.publish(numbered(0, 1));
    proxy.stall('fromServer');
    const [outcome] = await transport.publish(numbered(1, 1));
    expect(outcome).toEqual({ fate: 'unknown', reason: 'no confirm from the broker within 300 ms' });
    proxy.resume();
    expect(await transport.publish(numbered(2, 2))).toEqual([{ fate: 'confirmed' }, { fate: 'confirmed' }]);
    expect((await channel.checkQueue(queue)).messageCount).toBe(4);
    expect(transport.health().connected).toBe(true);
  });

  it('[D12] leaves a connection on which not even a channel opens', async () => {
    const transport = connect({ confirmTimeoutMs: 200, publishWaitMs: 10_000 });
    await transport.declare(topology());
    proxy.stall('fromServer');
    const [outcome] = await transport.publish(numbered(1, 1));
    expect(outcome).toMatchObject({ fate: 'unknown' });
    await healthWhen(transport, (health) => !health.connected);
    const later = transport.publish(numbered(2, 1));
    proxy.resume();
    expect(await later).toEqual([{ fate: 'confirmed' }]);
  });

  it('[D11] says unknown, and why, for what the broker does not take', async () => {
    const full = `${queue}.full`;
    await channel.assertQueue(full, { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
    const outcomes = await connect({ urls: [amqpUrl()] }).publish([toQueue(full, 'a'), toQueue(full, 'b')]);
    expect(outcomes).toEqual([{ fate: 'confirmed' }, { fate: 'unknown', reason: 'the broker did not take it (nack)' }]);
    await channel.deleteQueue(full);
  });

  it('[C10] keeps publishing to others when one message has closed the channel', async () => {
    const transport = connect();
    await transport.declare(topology());
    const missing = { ...toQueue(queue, 'x'), exchange: `${queue}.missing` };
    const [outcome] = await transport.publish([missing]);
    expect(outcome).toMatchObject({ fate: 'unknown', reason: expect.stringContaining("no exchange '") as unknown });
    expect(await transport.publish(numbered(1, 1))).toEqual([{ fate: 'confirmed' }]);
  });

  it('[D16] says clearly that the password is wrong, once, and does not repeat it', async () => {
    const url = new URL(proxy.url);
    url.password = 'not-the-secret';
    const transport = connect({ urls: [url.href], publishWaitMs: 300 });
    const [outcome] = await transport.publish(numbered(1, 1));
    expect(transport.health()).toMatchObject({ connected: false, lastError: 'the broker refused the login: user or password is wrong' });
    expect(outcome).toMatchObject({ fate: 'unknown', reason: expect.stringContaining('password is wrong') as unknown });
    const warnings = logger.lines.filter((line) => line.level === 'warn');
    expect(warnings).toHaveLength(1);
    expect(JSON.stringify(warnings)).not.toContain('not-the-secret');
  });

  it('goes to the next URL when one does not serve', async () => {
    const dead = await tcpProxy(amqpUrl());
    dead.refuse();
    const transport = connect({ urls: [dead.url, proxy.url], reconnectMs: { first: 60_000, longest: 60_000 } });
    await transport.declare(topology());
    expect(transport.health()).toEqual({ connected: true, blocked: false });
  });

  it('[D8] reports a conflict that it finds on reconnecting, and works with the rest', async () => {
    const other = `${queue}.other`;
    const transport = connect({ conflictRetryMs: 50 });
    await transport.declare({ exchanges: [], queues: [{ name: queue }, { name: other }], bindings: [] });
    await channel.deleteQueue(other);
    await channel.assertQueue(other, { durable: true, arguments: { 'x-queue-type': 'classic' } });
    proxy.cut();
    await healthWhen(
      transport,
      (health) => health.connected && (health.lastError?.includes('x-queue-type is classic, wanted quorum') ?? false),
    );
    expect(await transport.publish(numbered(1, 1))).toEqual([{ fate: 'confirmed' }]);
    await channel.deleteQueue(other);
    await healthWhen(transport, (health) => health.connected && health.lastError === undefined);
    expect(logger.lines.filter((line) => line.level === 'error')).toHaveLength(1);
    await channel.deleteQueue(other);
  });

  it('closes in bounded time although nothing moves any more', async () => {
    const transport = connect({ closeTimeoutMs: 200 });
    await transport.declare(topology());
    await receiving(transport, queue, 10);
    proxy.stall('both');
    const publishing = transport.publish(numbered(1, 1));
    const startedAt = performance.now();
    await transport.close();
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    expect(await publishing).toMatchObject([{ fate: 'unknown' }]);
    proxy.resume();
  });

  it('[C13] survives messages of other clients with every kind of header', async () => {
    const transport = connect();
    await transport.declare(topology());
    const headers = {
      yes: true,
      nothing: null,
      table: { deep: { deeper: [1, 'a'] } },
      list: [1, 2],
      bytes: Buffer.from('bytes'),
      half: 0.5,
      when: { '!': 'timestamp', value: 1_700_000_000 },
      __proto__: { polluted: 1 },
    };
    channel.sendToQueue(queue, Buffer.from([0xff]), { headers, expiration: '60000', priority: 3 });
    const [delivery] = (await (await receiving(transport, queue, 1, settleDone)).atLeast(1)).deliveries;
    expect(delivery!.message).toMatchObject({
      messageId: '',
      correlationId: '',
      headers: { yes: 'true', table: '(table)', list: '(table)', bytes: 'bytes', half: 0.5, when: 1_700_000_000 },
    });
    expect(delivery!.message.headers).not.toHaveProperty('nothing');
  });

  it('keeps deliveries of one read together', async () => {
    const transport = connect();
    await transport.declare(topology());
    await transport.publish(numbered(0, 300));
    const received: Received = await receiving(transport, queue, 300, settleDone);
    await received.atLeast(300);
    expect(received.batches.length).toBeLessThan(100);
  });
});
