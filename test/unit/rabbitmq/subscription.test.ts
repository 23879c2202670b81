import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { Delivery } from '../../../src/ports/transport.js';
import { Subscription } from '../../../src/rabbitmq/subscription.js';
import { recordingLogger } from '../../contract/transport-parts.js';
import { ManualClock, turns } from '../../support/manual-clock.js';

/** What a consumer of so many at a time tells the broker: `3*` acknowledges everything up to 3. */
async function consumer(prefetch = 1_000) {
  const frames: string[] = [];
  const deliveries: Delivery[] = [];
  let deliver: (message: ConsumeMessage) => void = () => {};
  const channel = Object.assign(new EventEmitter(), {
    prefetch: async () => {},
    consume: async (_queue: string, onMessage: typeof deliver) => {
      deliver = onMessage;
      return { consumerTag: 'me' };
    },
    cancel: async () => {},
    close: async () => void frames.push('close'),
    ack: ({ fields }: ConsumeMessage, upTo: boolean) => void frames.push(`${fields.deliveryTag}${upTo ? '*' : ''}`),
    nack: ({ fields }: ConsumeMessage) => void frames.push(`-${fields.deliveryTag}`),
  });
  const clock = new ManualClock();
  const subscription = await Subscription.open({ createChannel: async () => channel } as unknown as ChannelModel, {
    queue: 'q',
    prefetch,
    priority: 0,
    receive: (received) => void deliveries.push(...received),
    logger: recordingLogger(),
    clock,
    ended: () => {},
  });
  const arrive = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const deliveryTag = deliveries.length + i + 1;
      deliver({ fields: { deliveryTag, redelivered: false }, properties: { headers: {} }, content: Buffer.from('{}') } as never);
    }
    await turns(1);
  };
  return { subscription, frames, deliveries, clock, channel, arrive };
}

describe('a subscription', () => {
  it('acknowledges what is done together, 25 ms after the first', async () => {
    const { frames, deliveries, clock, arrive } = await consumer();
    await arrive(1);
    deliveries[0]!.settle('done');
    await clock.advance(24);
    await arrive(2);
    deliveries[1]!.settle('done');
    expect(frames).toEqual([]);
    await clock.advance(1);
    expect(frames).toEqual(['2*']);
    deliveries[2]!.settle('done');
    await clock.advance(25);
    expect(frames).toEqual(['2*', '3']);
    expect(clock.waiting).toBe(0);
  });

  it.each([
    ['64 are done', 1_000, 64],
    ['a quarter of what the broker gives is', 8, 2],
    ['it takes one at a time', 1, 1],
  ])('waits no longer when %s', async (_when, prefetch, count) => {
    const { frames, deliveries, clock, arrive } = await consumer(prefetch);
    await arrive(count);
    for (const delivery of deliveries) delivery.settle('done');
    await turns(2);
    expect(frames).toEqual([count > 1 ? `${count}*` : '1']);
    expect(clock.waiting).toBe(0);
  });

  it('gives back at once, and tells with it what is done', async () => {
    const { frames, deliveries, arrive } = await consumer();
    await arrive(2);
    deliveries[0]!.settle('done');
    deliveries[1]!.settle('requeue');
    await turns(2);
    expect(frames).toEqual(['-2', '1']);
  });

  it('tells what is done before it stops, and then at once', async () => {
    const { subscription, frames, deliveries, arrive } = await consumer();
    await arrive(2);
    deliveries[0]!.settle('done');
    await subscription.stop();
    expect(frames).toEqual(['1']);
    deliveries[1]!.settle('done');
    await turns(3);
    expect(frames).toEqual(['1', '2', 'close']);
  });

  it('tells nothing on a channel that is gone', async () => {
    const { frames, deliveries, clock, channel, arrive } = await consumer();
    await arrive(1);
    deliveries[0]!.settle('done');
    channel.emit('close');
    await clock.advance(100);
    expect([frames, clock.waiting]).toEqual([[], 0]);
  });
});
