import type { ChannelModel } from 'amqplib';
import { refusalOf } from '../core/wire-limits.js';
import type { Timer } from '../ports/clock.js';
import type { Outgoing, PublishOutcome } from '../ports/transport.js';
import { explain, sizeLimitIn } from './broker-errors.js';
import type { Link } from './link.js';
import type { Settings } from './options.js';
import { PublishChannel, type BatchOwner, type PublishChannelUser } from './publish-channel.js';
import { untilDone, within } from './waiting.js';

/**
 * The broker remembers for each channel that a queue takes no more, and may forget to tell it that the queue does again: RabbitMQ 3.10
 * when a policy with a limit is removed. So a channel on which messages are refused is replaced, no more often than this.
 */
const NACK_PATIENCE_MS = 10_000;
/** AMQP's reply code for a missing permission. */
const ACCESS_REFUSED = 403;
/** How long it is told that the broker refused; whoever still may not is refused again within that. */
const DENIED_MS = 20_000;

/** One call of `publish`: what of it is sent, and what became of it. */
class Batch implements BatchOwner {
  /** Index of the first message that is not handed to a channel. */
  next = 0;
  timer: Timer | undefined;
  private readonly outcomes: PublishOutcome[];
  private left: number;

  constructor(
    readonly messages: readonly Outgoing[],
    private readonly answer: (outcomes: readonly PublishOutcome[]) => void,
  ) {
    this.outcomes = [];
    this.left = messages.length;
  }

  settle(index: number, outcome: PublishOutcome): void {
    if (this.outcomes[index]) return;
    this.outcomes[index] = outcome;
    if (--this.left > 0) return;
    this.timer?.cancel();
    this.answer(this.outcomes);
  }
}

/**
 * Publishes over one link. Owns the channel and what waits to be sent, in order. Does not own the link. Invariants: at most one channel
 * takes messages; a batch is sent in the order of the calls; every message gets an outcome, at the latest after the publish wait and
 * the confirm timeout.
 */
export class Publisher implements PublishChannelUser {
  private waiting: Batch[] = [];
  private channel: PublishChannel | undefined;
  private isClosed = false;
  private onIdle: (() => void) | undefined;
  private replacing: ChannelModel | undefined;
  private denial: { readonly reason: string; readonly at: number } | undefined;
  /** What the broker of this connection takes at most, as far as it has said. */
  private limit: { readonly of: ChannelModel | undefined; readonly bytes: number };

  constructor(
    private readonly settings: Settings,
    private readonly link: Link,
    private readonly hooks: { redeclare(connection: ChannelModel): Promise<void>; returned(out: Outgoing): void },
  ) {
    this.limit = { of: undefined, bytes: settings.maxMessageBytes };
  }

  async publish(messages: readonly Outgoing[]): Promise<readonly PublishOutcome[]> {
    if (messages.length === 0) return [];
    return new Promise((answer) => {
      const batch = new Batch(messages, (outcomes) => {
        answer(outcomes);
        this.checkIdle();
      });
      if (this.isClosed) {
        // Not at once: a caller that simply tries again must not keep the process from everything else.
        setImmediate(() => this.giveUp(batch, 'the transport is closed'));
        return;
      }
      this.waiting.push(batch);
      this.pump();
      if (batch.next < messages.length) this.limitWait(batch);
    });
  }

  /** A new connection: what waits goes over it. */
  async open(connection: ChannelModel): Promise<void> {
    const confirming = await connection.createConfirmChannel();
    if (this.link.connection !== connection || this.channel || this.isClosed) {
      confirming.on('error', () => {});
      confirming.close().catch(() => {});
      return;
    }
    if (this.limit.of !== connection) this.limit = { of: connection, bytes: this.settings.maxMessageBytes };
    this.channel = new PublishChannel(confirming, { ...this.settings, maxMessageBytes: this.limit.bytes }, this);
    this.pump();
  }

  /** The link is up, or takes messages again. */
  pump(): void {
    while (this.waiting.length > 0 && this.channel?.takesMore && this.link.isUp && !this.link.isBlocked) {
      const batch = this.waiting[0]!;
      const { messages } = batch;
      while (batch.next < messages.length && this.channel.takesMore) {
        const index = batch.next++;
        this.channel.send(batch, index, messages[index]!);
      }
      if (batch.next === messages.length && this.waiting[0] === batch) this.waiting.shift();
    }
  }

  /** Waits for confirms under way, at most the close timeout; the rest is of unknown outcome. */
  async close(): Promise<void> {
    this.isClosed = true;
    if (!this.isIdle() && this.link.isUp && !this.link.isBlocked) {
      const idle = new Promise<void>((resolve) => {
        this.onIdle = resolve;
      });
      await within(this.settings.clock, this.settings.closeTimeoutMs, idle);
    }
    for (const batch of this.waiting.splice(0)) this.giveUp(batch, 'the transport was closed');
    const channel = this.channel;
    this.channel = undefined;
    channel?.abandon('the transport was closed');
  }

  drained(): void {
    this.pump();
  }

  returned(out: Outgoing): void {
    this.hooks.returned(out);
  }

  closed(channel: PublishChannel, code: number | undefined, reason: string): void {
    if (this.channel !== channel) return;
    this.channel = undefined;
    // When the connection is going as well, its channels are closed first; the next connection brings its own.
    if (code === undefined) return;
    if (code === ACCESS_REFUSED) this.denial = { reason, at: this.settings.clock.monotonic() };
    this.learnLimit(reason);
    this.replace(true, reason);
  }

  /** What the broker does not let us publish, as it said a moment ago. */
  get denied(): string | undefined {
    const { denial } = this;
    return denial && this.settings.clock.monotonic() - denial.at < DENIED_MS ? denial.reason : undefined;
  }

  /** One message that is too large closes the channel for all that are on it: such a one must not be sent again with the others. */
  private learnLimit(reason: string): void {
    const bytes = sizeLimitIn(reason);
    if (bytes === undefined || bytes >= this.limit.bytes) return;
    this.limit = { ...this.limit, bytes };
    this.settings.logger.warn({ bytes }, 'This broker takes smaller messages than usual; larger ones are refused here.');
  }

  nacked(channel: PublishChannel): void {
    if (this.channel !== channel || channel.ageMs < NACK_PATIENCE_MS) return;
    this.channel = undefined;
    channel.retire();
    this.replace(false, 'the broker refuses messages (nack)');
  }

  overdue(channel: PublishChannel): void {
    const reason = `no confirm from the broker within ${this.settings.confirmTimeoutMs} ms`;
    if (this.link.isBlocked) {
      // A new channel would be held back like this one.
      channel.expire('the broker holds publishing back');
      return;
    }
    channel.abandon(reason);
    if (this.channel !== channel) return;
    this.channel = undefined;
    this.replace(false, reason);
  }

  private replace(isRedeclaring: boolean, reason: string): void {
    const { connection } = this.link;
    if (!connection || this.isClosed || this.replacing === connection) return;
    this.replacing = connection;
    this.settings.logger.warn({ reason }, 'The channel for publishing is replaced.');
    const isOver = () => this.isClosed || this.link.connection !== connection;
    void untilDone(
      this.settings,
      async () => {
        if (isRedeclaring) await this.hooks.redeclare(connection);
        await this.openInTime(connection);
      },
      isOver,
      (error) => this.settings.logger.warn({ reason: explain(error) }, 'No new channel for publishing yet.'),
    ).then(() => {
      if (this.replacing === connection) this.replacing = undefined;
    });
  }

  /** A broker that does not even open a channel has left this connection. */
  private async openInTime(connection: ChannelModel): Promise<void> {
    const opened = await within(this.settings.clock, this.settings.confirmTimeoutMs, this.open(connection));
    if (opened === 'late' && !this.link.isBlocked) this.link.drop(connection, 'the broker does not open a channel');
  }

  private limitWait(batch: Batch): void {
    batch.timer = this.settings.clock.after(this.settings.publishWaitMs, () => {
      this.waiting = this.waiting.filter((one) => one !== batch);
      this.giveUp(
        batch,
        this.link.isBlocked ? 'the broker holds publishing back' : `no connection to the broker: ${this.link.lastError ?? 'too busy'}`,
      );
    });
  }

  /** What of it was not sent. */
  private giveUp(batch: Batch, reason: string): void {
    const unknown: PublishOutcome = { fate: 'unknown', reason };
    const from = batch.next;
    batch.next = batch.messages.length;
    for (let index = from; index < batch.messages.length; index++) {
      const refusal = refusalOf(batch.messages[index]!, this.limit.bytes);
      batch.settle(index, refusal === undefined ? unknown : { fate: 'refused', reason: refusal });
    }
  }

  private isIdle(): boolean {
    return this.waiting.length === 0 && (this.channel?.unconfirmed ?? 0) === 0;
  }
  private checkIdle(): void {
    if (this.onIdle && this.isIdle()) this.onIdle();
  }
}
