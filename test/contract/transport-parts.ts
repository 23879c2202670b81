import { encodeText } from '../../src/core/codec-text.js';
import { JSON_CONTENT, type Message } from '../../src/core/wire.js';
import type { Clock } from '../../src/ports/clock.js';
import type { LogFields, Logger } from '../../src/ports/logger.js';
import type { Consumer, Delivery, Outgoing, Transport } from '../../src/ports/transport.js';

/** Real time. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

export interface RecordingLogger extends Logger {
  readonly lines: { readonly level: string; readonly fields: LogFields; readonly text: string }[];
}
export function recordingLogger(): RecordingLogger {
  const lines: RecordingLogger['lines'] = [];
  const at = (level: string) => (fields: LogFields, text: string) => void lines.push({ level, fields, text });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A message to a queue, by the default exchange. */
export function toQueue(queue: string, messageId: string, changes: Partial<Message> = {}): Outgoing {
  return { exchange: '', routingKey: queue, message: message(messageId, changes) };
}
export function message(messageId: string, changes: Partial<Message> = {}): Message {
  return {
    messageId,
    correlationId: messageId,
    type: 'test.message',
    replyTo: undefined,
    contentType: JSON_CONTENT,
    timestamp: 1_800_000_000_000,
    appId: 'test',
    expirationMs: undefined,
    headers: {},
    body: encodeText(`"${messageId}"`),
    ...changes,
  };
}

/** What a consumer has received; waits for more. */
export class Received {
  readonly deliveries: Delivery[] = [];
  readonly batches: number[] = [];
  consumer!: Consumer;
  private waiters: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(private readonly onDelivery: (delivery: Delivery) => void = () => {}) {}

  get ids(): string[] {
    return this.deliveries.map((delivery) => delivery.message.messageId);
  }
  readonly take = (batch: readonly Delivery[]): void => {
    this.deliveries.push(...batch);
    this.batches.push(batch.length);
    for (const delivery of batch) this.onDelivery(delivery);
    this.waiters = this.waiters.filter(({ count, resolve }) => this.deliveries.length < count || resolve());
  };
  /** Resolves as soon as so many have come in all. */
  async atLeast(count: number): Promise<this> {
    if (this.deliveries.length < count) await new Promise<void>((resolve) => this.waiters.push({ count, resolve }));
    return this;
  }
}

/** Starts a consumer that keeps what it gets; by default it settles nothing. */
export async function receiving(
  transport: Transport,
  queue: string,
  prefetch: number,
  onDelivery?: (delivery: Delivery) => void,
): Promise<Received> {
  const received = new Received(onDelivery);
  received.consumer = await transport.consume(queue, { prefetch }, received.take);
  return received;
}
export const settleDone = (delivery: Delivery): void => delivery.settle('done');

/** Resolves when the transport's health is as wanted. */
export async function healthWhen(transport: Transport, check: (health: ReturnType<Transport['health']>) => boolean): Promise<void> {
  if (check(transport.health())) return;
  await new Promise<void>((resolve) => {
    const off = transport.onHealth((health) => {
      if (!check(health)) return;
      off();
      resolve();
    });
  });
}

/** Publishes until all of it is confirmed, as a caller does who resends. */
export async function untilConfirmed(transport: Transport, batch: readonly Outgoing[]): Promise<void> {
  for (;;) {
    const outcomes = await transport.publish(batch);
    if (outcomes.every((outcome) => outcome.fate === 'confirmed')) return;
  }
}
