import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PublishOutcome } from '../../../src/ports/transport.js';
import type { RabbitMqOptions } from '../../../src/rabbitmq/options.js';
import { RabbitMqTransport } from '../../../src/rabbitmq/rabbitmq-transport.js';
import { untilConfirmed, healthWhen, realClock, receiving, recordingLogger, settleDone, toQueue } from '../../contract/transport-parts.js';
import { privateRabbit, uniqueNamespace, type PrivateRabbit } from '../../support/servers.js';

describe('RabbitMqTransport with a broker in trouble', () => {
  let rabbit: PrivateRabbit;
  const opened: RabbitMqTransport[] = [];
  const connect = (options: Partial<RabbitMqOptions> = {}) => {
    const transport = new RabbitMqTransport({
      urls: [rabbit.url],
      clock: realClock,
      random: { next: () => 0.5 },
      logger: recordingLogger(),
      reconnectMs: { first: 50, longest: 500 },
      ...options,
    });
    opened.push(transport);
    return transport;
  };
  const needing = (queue: string) => ({ exchanges: [], queues: [{ name: queue }], bindings: [] });

  beforeAll(async () => {
    rabbit = await privateRabbit();
  }, 60_000);
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(async (transport) => transport.close()));
  });

  it.each(['kill', 'stop'] as const)(
    '[D2] loses nothing that was confirmed through %s and start under load',
    async (harm) => {
      const queue = uniqueNamespace();
      const transport = connect({ publishWaitMs: 500 });
      await transport.declare(needing(queue));
      // RabbitMQ 3.10 writes down which quorum queues it serves every few minutes and when it stops. A queue that is younger than that
      // when the broker is killed exists afterwards, but never confirms anything again.
      await rabbit.stop();
      await rabbit.start();
      const received = await receiving(connect(), queue, 200, settleDone);
      const load = new Load(transport, queue);
      const running = load.run();
      await received.atLeast(500);
      await rabbit[harm]();
      await healthWhen(transport, (health) => !health.connected);
      await rabbit.start();
      await load.untilConfirmed(load.confirmed.length + 500);
      load.stop();
      await running;
      const [marker] = await transport.publish([toQueue(queue, 'marker')]);
      expect(marker).toEqual({ fate: 'confirmed' });
      while (!received.ids.includes('marker')) await received.atLeast(received.deliveries.length + 1);
      const seen = new Set(received.ids);
      expect(load.confirmed.filter((id) => !seen.has(id))).toEqual([]);
    },
    90_000,
  );

  it('[D9] holds publishing back while the broker is short of memory, goes on consuming, and resumes', async () => {
    const queue = uniqueNamespace();
    const transport = connect({ publishWaitMs: 300, confirmTimeoutMs: 500 });
    await transport.declare(needing(queue));
    await transport.publish([toQueue(queue, 'before')]);
    await rabbit.ctl('set_vm_memory_high_watermark', '0.000001');
    // The broker tells a connection that it is held back when it publishes next.
    const during = await transport.publish([toQueue(queue, 'during')]);
    await healthWhen(transport, (health) => health.blocked);
    const held = await transport.publish([toQueue(queue, 'held')]);
    expect([...during, ...held]).toMatchObject([{ fate: 'unknown' }, { fate: 'unknown', reason: 'the broker holds publishing back' }]);
    const received = await (await receiving(transport, queue, 10, settleDone)).atLeast(1);
    expect(received.ids[0]).toBe('before');
    const waiting = connect({ publishWaitMs: 30_000, confirmTimeoutMs: 30_000 }).publish([toQueue(queue, 'waiting')]);
    await rabbit.ctl('set_vm_memory_high_watermark', '0.4');
    await healthWhen(transport, (health) => health.connected && !health.blocked);
    expect(await waiting).toEqual([{ fate: 'confirmed' }]);
    expect(await transport.publish([toQueue(queue, 'after')])).toEqual([{ fate: 'confirmed' }]);
  }, 60_000);

  it('[D9] closes in bounded time while it is held back', async () => {
    const queue = uniqueNamespace();
    const transport = connect({ publishWaitMs: 200, confirmTimeoutMs: 300, closeTimeoutMs: 500 });
    await transport.declare(needing(queue));
    await rabbit.ctl('set_vm_memory_high_watermark', '0.000001');
    await transport.publish([toQueue(queue, 'during')]);
    await healthWhen(transport, (health) => health.blocked);
    const startedAt = performance.now();
    await transport.close();
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    await rabbit.ctl('set_vm_memory_high_watermark', '0.4');
  }, 60_000);

  it('[D3] comes back when the broker closes all connections', async () => {
    const queue = uniqueNamespace();
    const transport = connect();
    await transport.declare(needing(queue));
    const received = await receiving(transport, queue, 10, settleDone);
    // It may be back before the command ends.
    const lost = healthWhen(transport, (health) => !health.connected);
    await rabbit.ctl('close_all_connections', 'because');
    await lost;
    await untilConfirmed(transport, [toQueue(queue, 'm')]);
    await received.atLeast(1);
  }, 60_000);
});

/** Publishes without end, and remembers what was confirmed. */
class Load {
  readonly confirmed: string[] = [];
  private isStopped = false;
  private sent = 0;
  private waiters: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(
    private readonly transport: RabbitMqTransport,
    private readonly queue: string,
  ) {}

  async run(): Promise<void> {
    while (!this.isStopped && this.transport.health().lastError !== 'closed') {
      const batch = Array.from({ length: 50 }, () => toQueue(this.queue, `m${this.sent++}`));
      const outcomes: readonly PublishOutcome[] = await this.transport.publish(batch);
      outcomes.forEach((outcome, i) => outcome.fate === 'confirmed' && this.confirmed.push(batch[i]!.message.messageId));
      this.waiters = this.waiters.filter(({ count, resolve }) => this.confirmed.length < count || resolve());
    }
  }
  async untilConfirmed(count: number): Promise<void> {
    await new Promise<void>((resolve) => this.waiters.push({ count, resolve }));
  }
  stop(): void {
    this.isStopped = true;
  }
}
