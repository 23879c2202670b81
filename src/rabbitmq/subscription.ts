import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { pass } from '../core/crash-points.js';
import { messageOf } from '../core/errors.js';
import type { Message } from '../core/wire.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Delivery } from '../ports/transport.js';
import { Acknowledgements } from './acknowledgements.js';
import { readMessage } from './properties.js';

export interface SubscriptionRequest {
  readonly queue: string;
  readonly prefetch: number;
  readonly priority: number;
  readonly receive: (deliveries: readonly Delivery[]) => void;
  readonly logger: Logger;
  readonly clock: Clock;
  /** The channel is gone, or the broker has ended the consumer because its queue is gone. Called once. */
  readonly ended: () => void;
}

/**
 * How long what is done waits for company. A quorum queue writes each acknowledgement to the disk, and whatever is published meanwhile waits
 * for that: mostly the next message of the same saga, in which somebody is interested.
 */
const COMPANY_MS = 25;
/** So many are company enough. */
const ENOUGH = 64;

/**
 * A consumer on one channel. Owns the channel, its deliveries and their settling. Does not own what comes after it. Invariants: a
 * delivery is settled on this channel or not at all; what came together is handed on together, in order, never from within a call.
 */
export class Subscription {
  private readonly acknowledgements: Acknowledgements;
  private consumerTag = '';
  private arrived: RabbitMqDelivery[] = [];
  private isFlushing = false;
  private later: Timer | undefined;
  private isStopping = false;
  private isOpen = true;

  private constructor(
    private readonly channel: Channel,
    private readonly request: SubscriptionRequest,
  ) {
    const byTag = (deliveryTag: number) => ({ fields: { deliveryTag } }) as ConsumeMessage;
    this.acknowledgements = new Acknowledgements({
      ack: (tag, upTo) => channel.ack(byTag(tag), upTo),
      requeue: (tag) => channel.nack(byTag(tag), false, true),
    });
    channel.on('error', (error) =>
      request.logger.warn({ queue: request.queue, reason: messageOf(error) }, 'A consuming channel was closed.'),
    );
    channel.on('close', () => this.end());
  }

  /** Subscribes over a channel of its own. Rejects when the broker refuses or the connection goes. */
  static async open(connection: ChannelModel, request: SubscriptionRequest): Promise<Subscription> {
    const channel = await connection.createChannel();
    const subscription = new Subscription(channel, request);
    await channel.prefetch(request.prefetch);
    const { consumerTag } = await channel.consume(
      request.queue,
      (message) => subscription.onMessage(message),
      request.priority === 0 ? {} : { priority: request.priority },
    );
    subscription.consumerTag = consumerTag;
    return subscription;
  }

  /** No further deliveries; resolves when the broker has agreed. Those under way may still be settled, then the channel closes. */
  async stop(): Promise<void> {
    if (!this.isOpen || this.isStopping) return;
    this.isStopping = true;
    await this.channel.cancel(this.consumerTag);
    this.flush();
    await this.closeWhenSettled();
  }

  /** Sends what was settled and closes the channel: the broker delivers the rest again. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.flush();
    this.isOpen = false;
    await this.channel.close();
  }

  settle(tag: number, verdict: 'done' | 'requeue'): void {
    if (!this.isOpen || !this.acknowledgements.settle(tag, verdict) || this.isFlushing) return;
    if (verdict === 'done' && this.mayWait) {
      this.later ??= this.request.clock.after(COMPANY_MS, () => this.flush());
      return;
    }
    this.isFlushing = true;
    setImmediate(() => {
      this.flush();
      if (this.isStopping) this.closeWhenSettled().catch(() => {});
    });
  }

  private onMessage(message: ConsumeMessage | null): void {
    if (message === null) {
      // The broker has ended the consumer. What it delivered is gone with the queue, or comes again.
      if (this.isOpen) this.channel.close().catch(() => {});
      this.end();
      return;
    }
    const { deliveryTag, redelivered } = message.fields;
    this.acknowledgements.delivered(deliveryTag);
    const delivery = new RabbitMqDelivery(readMessage(message), redelivered, deliveryTag, this);
    if (this.arrived.push(delivery) === 1) setImmediate(() => this.handOn());
  }

  private handOn(): void {
    const { arrived } = this;
    this.arrived = [];
    if (!this.isOpen) return;
    if (this.isStopping) {
      for (const delivery of arrived) delivery.settle('requeue');
      return;
    }
    pass('transport.delivered');
    try {
      this.request.receive(arrived);
    } catch (error: unknown) {
      this.request.logger.error({ queue: this.request.queue, error: messageOf(error) }, 'A receiver threw; its deliveries stay unsettled.');
    }
  }

  /** The broker still has enough to deliver without what is done. */
  private get mayWait(): boolean {
    return !this.isStopping && this.acknowledgements.unsent < Math.min(ENOUGH, this.request.prefetch / 4);
  }

  private flush(): void {
    this.isFlushing = false;
    this.later?.cancel();
    this.later = undefined;
    if (!this.isOpen || this.acknowledgements.unsent === 0) return;
    try {
      pass('transport.acknowledging');
      this.acknowledgements.flush();
      pass('transport.acknowledged');
    } catch (error: unknown) {
      // The channel is closing; what was not acknowledged comes again.
      this.request.logger.debug({ queue: this.request.queue, reason: messageOf(error) }, 'Acknowledgements were not sent.');
    }
  }

  private async closeWhenSettled(): Promise<void> {
    if (this.isOpen && this.arrived.length === 0 && this.acknowledgements.unsettled === 0) await this.close();
  }

  private end(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.later?.cancel();
    this.request.ended();
  }
}

class RabbitMqDelivery implements Delivery {
  constructor(
    readonly message: Message,
    readonly redelivered: boolean,
    private readonly tag: number,
    private readonly subscription: Subscription,
  ) {}

  settle(verdict: 'done' | 'requeue'): void {
    this.subscription.settle(this.tag, verdict);
  }
}
