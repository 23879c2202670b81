import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import type { Delivery, Outgoing, PublishOutcome, Topology, Transport } from '../../src/ports/transport.js';
import { untilConfirmed, healthWhen, Received, receiving, settleDone, toQueue } from './transport-parts.js';

/** A broker with knobs, of which a test may open several transports. */
export interface TransportWorld {
  /** A name nobody else uses. */
  name(suffix: string): string;
  connect(options?: { publishWaitMs?: number }): Transport;
  /** Cuts the connections and lets none in. */
  disconnect(): Promise<void>;
  reconnect(): Promise<void>;
  /** The broker is back without anything it had. */
  wipe(): Promise<void>;
  deleteQueue(name: string): Promise<void>;
  deleteExchange(name: string): Promise<void>;
  dispose(): Promise<void>;
  /** False where queues do not count redeliveries. */
  readonly supportsDeliveryLimit: boolean;
}

/** What every transport does alike, whatever carries it. */
export function describeTransport(name: string, open: () => Promise<TransportWorld>): void {
  describe(`Transport contract: ${name}`, () => {
    let world: TransportWorld;
    let transport: Transport;
    let queue: string;
    const opened: Transport[] = [];
    const connect = (options?: { publishWaitMs?: number }) => {
      const one = world.connect(options);
      opened.push(one);
      return one;
    };
    const queues = (...names: string[]): Topology => ({ exchanges: [], queues: names.map((one) => ({ name: one })), bindings: [] });
    const numbered = (count: number): Outgoing[] => Array.from({ length: count }, (_, i) => toQueue(queue, `m${i}`));
    const fates = (outcomes: readonly PublishOutcome[]) => outcomes.map((outcome) => outcome.fate);

    beforeEach(async () => {
      world = await open();
      transport = connect();
      queue = world.name('q');
      await transport.declare(queues(queue));
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map(async (one) => one.close()));
      await world.dispose();
    });

    it('tells what waits in queues and who consumes them, and leaves out what is not there', async () => {
      expect(await transport.publish(numbered(3))).toEqual([{ fate: 'confirmed' }, { fate: 'confirmed' }, { fate: 'confirmed' }]);
      const other = world.name('other');
      await transport.declare(queues(other));
      await receiving(transport, other, 1);
      const seen = async () => (await transport.queues?.([world.name('nowhere'), queue, other])) ?? [];
      const wanted = JSON.stringify([
        { name: queue, depth: 3, consumers: 0 },
        { name: other, depth: 0, consumers: 1 },
      ]);
      // A broker counts with some delay.
      await eventually(async () => JSON.stringify(await seen()) === wanted);
    });

    it('confirms a message and delivers it as it was', async () => {
      const sent = toQueue(queue, 'id-1', {
        correlationId: 'corr-1',
        replyTo: 'answers',
        headers: { text: 'ü', small: 1, large: 1_800_000_000_000, negative: -5, empty: '' },
        expirationMs: 60_000,
        body: new Uint8Array([0, 1, 254, 255]),
      });
      expect(await transport.publish([sent])).toEqual([{ fate: 'confirmed' }]);
      const [delivery] = (await (await receiving(transport, queue, 1)).atLeast(1)).deliveries;
      expect({ ...delivery!.message, body: [...delivery!.message.body] }).toEqual({ ...sent.message, body: [0, 1, 254, 255] });
      expect(delivery!.redelivered).toBe(false);
      delivery!.settle('done');
    });

    it('delivers a message that says as little as possible', async () => {
      const bare = { correlationId: '', type: '', contentType: '', timestamp: undefined, appId: undefined, body: new Uint8Array() };
      expect(await transport.publish([toQueue(queue, '', bare)])).toEqual([{ fate: 'confirmed' }]);
      const [delivery] = (await (await receiving(transport, queue, 1, settleDone)).atLeast(1)).deliveries;
      expect(delivery!.message).toMatchObject({
        ...bare,
        body: expect.objectContaining({ length: 0 }),
        messageId: '',
        replyTo: undefined,
        headers: {},
      });
    });

    it('keeps the order, over several batches that nobody waited for', async () => {
      const sent = numbered(200);
      await Promise.all([transport.publish(sent.slice(0, 50)), transport.publish(sent.slice(50, 60)), transport.publish(sent.slice(60))]);
      const received = await (await receiving(transport, queue, 500, settleDone)).atLeast(200);
      expect(received.ids).toEqual(sent.map((out) => out.message.messageId));
    });

    it('shares nothing with the sender', async () => {
      const body = new Uint8Array([1]);
      const headers = { a: 1 };
      await transport.publish([toQueue(queue, 'm', { body, headers })]);
      body[0] = 9;
      headers.a = 9;
      const bodies: number[] = [];
      const received = await receiving(transport, queue, 1, (delivery) => {
        bodies.push(delivery.message.body[0]!);
        delivery.message.body[0] = 8;
        delivery.settle(delivery.redelivered ? 'done' : 'requeue');
      });
      const { deliveries } = await received.atLeast(2);
      expect([bodies, deliveries.map((delivery) => delivery.message.headers['a'])]).toEqual([
        [1, 1],
        [1, 1],
      ]);
    });

    it('[D7] returns what no queue takes, and only that', async () => {
      const nowhere = toQueue(world.name('nowhere'), 'm1');
      expect(fates(await transport.publish([toQueue(queue, 'm1'), nowhere, nowhere, toQueue(queue, 'm1')]))).toEqual([
        'confirmed',
        'returned',
        'returned',
        'confirmed',
      ]);
    });

    it('[C10] refuses what can never be sent, and sends the rest', async () => {
      const outcomes = await transport.publish([
        toQueue(queue, 'x'.repeat(256)),
        toQueue(queue, 'm1', { headers: { big: 'x'.repeat(70_000) } }),
        toQueue(queue, 'm2', { body: new Uint8Array(16 * 1024 * 1024 + 1) }),
        toQueue(queue, 'm3'),
      ]);
      expect(fates(outcomes)).toEqual(['refused', 'refused', 'refused', 'confirmed']);
    });

    it('routes through exchanges, and returns what no binding takes', async () => {
      const [direct, topic] = [world.name('direct'), world.name('topic')];
      await transport.declare({
        exchanges: [
          { name: direct, kind: 'direct' },
          { name: topic, kind: 'topic' },
        ],
        queues: [{ name: queue }],
        bindings: [
          { exchange: direct, routingKey: 'payments', queue },
          { exchange: topic, routingKey: '*.completed', queue },
        ],
      });
      const to = (exchange: string, routingKey: string) => ({ ...toQueue(queue, `${routingKey}`), exchange, routingKey });
      const batch = [to(direct, 'payments'), to(direct, 'mail'), to(topic, 'order.completed'), to(topic, 'order.compensated')];
      expect(fates(await transport.publish(batch))).toEqual(['confirmed', 'returned', 'confirmed', 'returned']);
      expect((await (await receiving(transport, queue, 9)).atLeast(2)).ids).toEqual(['payments', 'order.completed']);
    });

    it('[A6 B1] delivers again, in order and marked, what was not settled when the connection went', async () => {
      await transport.publish(numbered(3));
      const other = connect();
      const received = await (await receiving(other, queue, 10)).atLeast(3);
      await received.consumer.stop();
      await other.close();
      const again = await (await receiving(transport, queue, 10)).atLeast(3);
      expect(again.deliveries.map((delivery) => [delivery.message.messageId, delivery.redelivered])).toEqual([
        ['m0', true],
        ['m1', true],
        ['m2', true],
      ]);
    });

    it('delivers again what is to be requeued, and nothing that is done', async () => {
      await transport.publish(numbered(3));
      const settle = (delivery: Delivery) =>
        delivery.settle(delivery.message.messageId === 'm1' && !delivery.redelivered ? 'requeue' : 'done');
      const received = await receiving(transport, queue, 10, settle);
      await received.atLeast(4);
      await transport.publish([toQueue(queue, 'last')]);
      await received.atLeast(5);
      expect(received.ids).toEqual(['m0', 'm1', 'm2', 'm1', 'last']);
    });

    it('never acknowledges what was not settled, in whatever order the rest is', async () => {
      await transport.publish(numbered(8));
      const other = connect();
      const { deliveries, consumer } = await (await receiving(other, queue, 10)).atLeast(8);
      for (const i of [5, 2, 0, 7]) deliveries[i]!.settle('done');
      deliveries[0]!.settle('done');
      await consumer.stop();
      deliveries[3]!.settle('done');
      await other.close();
      await transport.publish([toQueue(queue, 'last')]);
      const again = await (await receiving(transport, queue, 10)).atLeast(4);
      expect(again.ids).toEqual(['m1', 'm4', 'm6', 'last']);
    });

    it('has no more unsettled deliveries than the prefetch', async () => {
      const first = await receiving(transport, queue, 3);
      await transport.publish(numbered(10));
      const second = await receiving(transport, queue, 100);
      await first.atLeast(3);
      await second.atLeast(7);
      expect([first.deliveries.length, second.deliveries.length]).toEqual([3, 7]);
      await second.consumer.stop();
      await transport.publish([toQueue(queue, 'more')]);
      first.deliveries[0]!.settle('done');
      expect((await first.atLeast(4)).ids.at(-1)).toBe('more');
    });

    it('drops what has expired', async () => {
      await transport.publish([toQueue(queue, 'short', { expirationMs: 0 }), toQueue(queue, 'long', { expirationMs: 60_000 })]);
      expect((await (await receiving(transport, queue, 10)).atLeast(1)).ids).toEqual(['long']);
    });

    it('[C1 C2] gives up a message at the delivery limit and puts it into the dead-letter queue', async () => {
      if (!world.supportsDeliveryLimit) return;
      const [limited, dead] = [world.name('limited'), world.name('dead')];
      await transport.declare({
        exchanges: [],
        queues: [{ name: dead }, { name: limited, deliveryLimit: 2, deadLetterQueue: dead }],
        bindings: [],
      });
      await transport.publish([toQueue(limited, 'poison')]);
      const received = await receiving(transport, limited, 1, (delivery) => delivery.settle('requeue'));
      const [letter] = (await (await receiving(transport, dead, 1, settleDone)).atLeast(1)).deliveries;
      expect(received.deliveries.map((delivery) => delivery.redelivered)).toEqual([false, true, true]);
      expect(letter!.message).toMatchObject({
        messageId: 'poison',
        headers: { 'x-first-death-reason': 'delivery_limit', 'x-first-death-queue': limited },
      });
    });

    it('shares a queue between consumers', async () => {
      const all = new Received(settleDone);
      const into = (own: Received) => (delivery: Delivery) => {
        own.take([delivery]);
        all.take([delivery]);
      };
      const [one, two] = [new Received(), new Received()];
      await receiving(transport, queue, 5, into(one));
      await receiving(connect(), queue, 5, into(two));
      await transport.publish(numbered(40));
      await all.atLeast(40);
      expect(new Set(all.ids).size).toBe(40);
      expect(Math.min(one.deliveries.length, two.deliveries.length)).toBeGreaterThan(0);
    });

    it('gives everything to the consumer with the highest priority for as long as it takes it, and the rest to others', async () => {
      const spare = await receiving(transport, queue, 5);
      const one = connect();
      const first = new Received();
      first.consumer = await one.consume(queue, { prefetch: 10, priority: 1 }, first.take);
      await transport.publish(numbered(6));
      await first.atLeast(6);
      await transport.publish(numbered(12).slice(6));
      await first.atLeast(10);
      await spare.atLeast(2);
      expect([first.ids, spare.ids]).toEqual([numbered(10).map(({ message }) => message.messageId), ['m10', 'm11']]);
      // What it has not settled goes to whoever is left.
      await one.close();
      await spare.atLeast(5);
      expect(spare.ids.slice(2)).toEqual(['m0', 'm1', 'm2']);
    });

    it('lets one connection at a time hold a name', async () => {
      const names = ['one', 'two'].map((one) => world.name(one));
      const [other, third] = [connect(), connect()];
      for (const each of [transport, other, third]) await receiving(each, queue, 1);
      const claim = async (by: Transport, of = names) => by.claim?.(of);
      expect(await claim(transport)).toBe(names[0]);
      expect(await claim(transport)).toBe(names[0]);
      expect(await claim(other)).toBe(names[1]);
      expect(await claim(third)).toBeUndefined();
      await transport.close();
      await eventually(async () => (await claim(third)) === names[0]);
      expect(await claim(other, names.toReversed())).toBe(names[1]);
      expect(await claim(transport)).toBeUndefined();
      await world.disconnect();
      await healthWhen(other, ({ connected }) => !connected);
      expect(await claim(other)).toBeUndefined();
      await world.reconnect();
      await healthWhen(other, ({ connected }) => connected);
      // The broker may take a moment to notice who has gone.
      await eventually(async () => (await claim(other, names.toReversed())) === names[1]);
    });

    it('delivers nothing more after a stop, and lets what is under way be settled', async () => {
      await transport.publish(numbered(2));
      const received = await (await receiving(transport, queue, 10)).atLeast(2);
      await received.consumer.stop();
      await transport.publish([toQueue(queue, 'next')]);
      for (const delivery of received.deliveries) delivery.settle('done');
      const next = await (await receiving(connect(), queue, 10)).atLeast(1);
      expect([received.ids, next.ids]).toEqual([['m0', 'm1'], ['next']]);
    });

    it('lets a receiver publish and settle at once', async () => {
      const received = await receiving(transport, queue, 10, (delivery) => {
        delivery.settle('done');
        const left = Number(delivery.message.messageId);
        if (left > 0) void transport.publish([toQueue(queue, String(left - 1))]);
      });
      await transport.publish([toQueue(queue, '3')]);
      expect((await received.atLeast(4)).ids).toEqual(['3', '2', '1', '0']);
    });

    it('[D8] declares again without complaint, and names the difference when there is one', async () => {
      const limited = world.name('limited');
      const topology = (deadLetterQueue: string): Topology => ({
        exchanges: [],
        queues: [{ name: limited, deadLetterQueue }],
        bindings: [],
      });
      await transport.declare(topology('dead-one'));
      await transport.declare(topology('dead-one'));
      await expect(connect().declare(topology('dead-two'))).rejects.toMatchObject({
        code: 'SAGA_TOPOLOGY_CONFLICT',
        message: expect.stringMatching(new RegExp(`${limited}.* is dead-one, wanted dead-two`)) as unknown,
      });
      expect(fates(await transport.publish([toQueue(limited, 'm')]))).toEqual(['confirmed']);
    });

    it('says unknown when there is no connection for too long, and works again later', async () => {
      const hasty = connect({ publishWaitMs: 50 });
      await hasty.declare(queues(queue));
      const received = await receiving(hasty, queue, 10, settleDone);
      await world.disconnect();
      await healthWhen(hasty, (health) => !health.connected);
      expect(await hasty.publish([toQueue(queue, 'lost'), toQueue(queue, 'x'.repeat(256))])).toEqual([
        { fate: 'unknown', reason: expect.any(String) as unknown },
        { fate: 'refused', reason: expect.any(String) as unknown },
      ]);
      await world.reconnect();
      await healthWhen(hasty, (health) => health.connected);
      expect(fates(await hasty.publish([toQueue(queue, 'kept')]))).toEqual(['confirmed']);
      expect((await received.atLeast(1)).ids).toEqual(['kept']);
    });

    it('publishes what waited for the connection', async () => {
      await world.disconnect();
      await healthWhen(transport, (health) => !health.connected);
      const outcomes = transport.publish(numbered(3));
      await world.reconnect();
      expect(fates(await outcomes)).toEqual(['confirmed', 'confirmed', 'confirmed']);
    });

    it('[D1] can be set up before the broker is there', async () => {
      const late = world.name('late');
      await world.disconnect();
      await healthWhen(transport, (health) => !health.connected);
      const early = connect({ publishWaitMs: 20 });
      await early.declare(queues(late));
      const received = await receiving(early, late, 10, settleDone);
      expect(early.health()).toMatchObject({ connected: false, lastError: expect.any(String) as unknown });
      await world.reconnect();
      await healthWhen(early, (health) => health.connected);
      expect(fates(await transport.publish([toQueue(late, 'm')]))).toEqual(['confirmed']);
      await received.atLeast(1);
    });

    it('[D4] declares and subscribes again when the broker lost everything', async () => {
      const received = await receiving(transport, queue, 10, settleDone);
      await world.wipe();
      await healthWhen(transport, (health) => health.connected);
      await untilConfirmed(transport, [toQueue(queue, 'after')]);
      expect((await received.atLeast(1)).ids).toContain('after');
    });

    it('[D5] declares and subscribes again when its queue was deleted', async () => {
      const received = await receiving(transport, queue, 10, settleDone);
      await world.deleteQueue(queue);
      await untilConfirmed(transport, [toQueue(queue, 'after')]);
      expect((await received.atLeast(1)).ids).toContain('after');
    });

    it('[D7] declares again when its exchange was deleted', async () => {
      const exchange = world.name('ex');
      await transport.declare({
        exchanges: [{ name: exchange, kind: 'direct' }],
        queues: [{ name: queue }],
        bindings: [{ exchange, routingKey: 'k', queue }],
      });
      await world.deleteExchange(exchange);
      const out = { ...toQueue(queue, 'm'), exchange, routingKey: 'k' };
      const [first] = await transport.publish([out]);
      expect(first).toEqual({ fate: 'unknown', reason: expect.stringContaining(exchange) as unknown });
      await untilConfirmed(transport, [out]);
    });

    it('tells when the connection goes and comes', async () => {
      const seen: boolean[] = [];
      await healthWhen(transport, (health) => health.connected);
      const off = transport.onHealth((health) => void seen.push(health.connected));
      await world.disconnect();
      await healthWhen(transport, (health) => !health.connected && health.lastError !== undefined);
      await world.reconnect();
      await healthWhen(transport, (health) => health.connected);
      off();
      await transport.close();
      expect([seen[0], seen.at(-1)]).toEqual([false, true]);
      expect(transport.health().connected).toBe(false);
      expect(fates(await transport.publish([toQueue(queue, 'm')]))).toEqual(['unknown']);
    });

    it('carries 5,000 messages, each once', async () => {
      const received = await receiving(connect(), queue, 300, settleDone);
      const sent = numbered(5_000);
      for (let from = 0; from < sent.length; from += 500) {
        const outcomes = await transport.publish(sent.slice(from, from + 500));
        expect(outcomes.every((outcome) => outcome.fate === 'confirmed')).toBe(true);
      }
      await received.atLeast(5_000);
      await received.consumer.stop();
      await transport.publish([toQueue(queue, 'last')]);
      expect((await (await receiving(transport, queue, 10)).atLeast(1)).ids).toEqual(['last']);
      expect(received.ids).toEqual(sent.map((out) => out.message.messageId));
    });
  });
}
