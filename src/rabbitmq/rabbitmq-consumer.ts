import type { ChannelModel } from 'amqplib';
import type { Consumer } from '../ports/transport.js';
import { explain } from './broker-errors.js';
import type { Link } from './link.js';
import type { Settings } from './options.js';
import { Subscription, type SubscriptionRequest } from './subscription.js';
import { untilDone, within } from './waiting.js';

/**
 * A consumer that subscribes again by itself. Owns its current subscription. Does not own the link. Invariant: at most one subscription
 * at a time, and none after `stop`.
 */
export class RabbitMqConsumer implements Consumer {
  private current: Subscription | undefined;
  private resuming: ChannelModel | undefined;
  private isStopped = false;
  private onSubscribed: () => void = () => {};
  /** Resolves with the first subscription. */
  readonly subscribed = new Promise<void>((resolve) => {
    this.onSubscribed = resolve;
  });

  constructor(
    private readonly settings: Settings,
    private readonly link: Link,
    private readonly request: Omit<SubscriptionRequest, 'ended' | 'logger' | 'clock'>,
    private readonly redeclare: (connection: ChannelModel) => Promise<void>,
  ) {}

  /** Subscribes on this connection, again and again until it works, the connection is gone, or it is stopped. */
  resume(connection: ChannelModel, isDeclared: boolean): void {
    if (this.isStopped || this.current || this.resuming === connection) return;
    this.resuming = connection;
    let mustDeclare = !isDeclared;
    const isOver = () => this.isStopped || this.link.connection !== connection;
    const attempt = async () => {
      if (mustDeclare) await this.redeclare(connection);
      mustDeclare = true;
      await this.subscribe(connection);
    };
    const onFailure = (error: unknown) =>
      this.settings.logger.warn({ queue: this.request.queue, reason: explain(error) }, 'Cannot consume from a queue; trying again.');
    void untilDone(this.settings, attempt, isOver, onFailure).then(() => {
      if (this.resuming === connection) this.resuming = undefined;
    });
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    const stopping = this.current?.stop().catch(() => {}) ?? Promise.resolve();
    await within(this.settings.clock, this.settings.closeTimeoutMs, stopping);
  }

  /** Gives back what is not settled. */
  async close(): Promise<void> {
    this.isStopped = true;
    await this.current?.close().catch(() => {});
  }

  private async subscribe(connection: ChannelModel): Promise<void> {
    const { logger, clock } = this.settings;
    const own: { subscription?: Subscription; hasEnded: boolean } = { hasEnded: false };
    const ended = () => {
      own.hasEnded = true;
      if (!own.subscription || this.current !== own.subscription) return;
      this.current = undefined;
      // A connection that goes closes its channels first; a channel opened at that moment would wait for ever.
      setImmediate(() => {
        if (this.link.connection === connection) this.resume(connection, false);
      });
    };
    const subscription = await Subscription.open(connection, { ...this.request, logger, clock, ended });
    if (own.hasEnded) throw new Error('the consumer ended as soon as it had begun');
    own.subscription = subscription;
    this.current = subscription;
    if (this.isStopped) await subscription.close();
    this.onSubscribed();
  }
}
