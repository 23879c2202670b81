import type { ConfirmChannel, Message as AmqpMessage } from 'amqplib';
import { pass } from '../core/crash-points.js';
import { messageOf } from '../core/errors.js';
import { refusalOf } from '../core/wire-limits.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { Outgoing, PublishOutcome } from '../ports/transport.js';
import { explain, isAboutArguments } from './broker-errors.js';
import { senderOn, type Send } from './sender.js';

/** Who published a batch; `index` is the message's place in it. */
export interface BatchOwner {
  settle(index: number, outcome: PublishOutcome): void;
}
export interface PublishChannelUser {
  /** It takes more. */
  drained(): void;
  /** It is gone; everything on it is settled. `code` when the broker closed it for an error. */
  closed(channel: PublishChannel, code: number | undefined, reason: string): void;
  /** The broker has refused a message. */
  nacked(channel: PublishChannel): void;
  /** The oldest message has waited too long for its confirm. */
  overdue(channel: PublishChannel): void;
  /** No queue took this message. */
  returned(out: Outgoing): void;
}

interface Pending {
  readonly owner: BatchOwner;
  readonly index: number;
  readonly out: Outgoing;
  readonly sentAt: number;
  isReturned: boolean;
}

const CONFIRMED: PublishOutcome = Object.freeze({ fate: 'confirmed' });
const RETURNED: PublishOutcome = Object.freeze({ fate: 'returned' });

/**
 * One confirm channel. Owns the messages that it has sent and that are not confirmed. Does not own the connection, nor whether there
 * will be another channel. Invariants: each message is settled once; after `closed` nothing is pending.
 */
export class PublishChannel {
  private readonly pending = new Set<Pending>();
  /** By message id; kept only while messages come back, because most never do. */
  private byId: Map<string, Pending[]> | undefined;
  private readonly handOver: Send;
  private watchdog: Timer | undefined;
  private error: unknown;
  private isFull = false;
  private isOpen = true;
  private isRetired = false;
  private readonly openedAt: number;

  constructor(
    private readonly channel: ConfirmChannel,
    private readonly settings: { readonly clock: Clock; readonly confirmTimeoutMs: number; readonly maxMessageBytes: number },
    private readonly user: PublishChannelUser,
  ) {
    this.openedAt = settings.clock.monotonic();
    this.handOver = senderOn(channel);
    channel.on('error', (error) => {
      this.error = error;
    });
    channel.on('close', () => this.onClose());
    channel.on('return', (message) => this.onReturn(message));
    channel.on('drain', () => {
      this.isFull = false;
      if (this.isOpen) user.drained();
    });
  }

  /** Whether {@link send} may be called. */
  get takesMore(): boolean {
    return this.isOpen && !this.isRetired && !this.isFull;
  }
  get ageMs(): number {
    return this.settings.clock.monotonic() - this.openedAt;
  }
  get unconfirmed(): number {
    return this.pending.size;
  }

  send(owner: BatchOwner, index: number, out: Outgoing): void {
    const refusal = refusalOf(out, this.settings.maxMessageBytes);
    if (refusal !== undefined) {
      owner.settle(index, { fate: 'refused', reason: refusal });
      return;
    }
    const pending: Pending = { owner, index, out, sentAt: this.settings.clock.monotonic(), isReturned: false };
    try {
      this.isFull = !this.handOver(out, (error) => this.onConfirm(pending, error));
    } catch (error: unknown) {
      owner.settle(index, this.unsendable(error));
      return;
    }
    pass('transport.sending');
    this.pending.add(pending);
    if (this.byId) addTo(this.byId, pending);
    this.watchdog ??= this.settings.clock.after(this.settings.confirmTimeoutMs, () => this.check());
  }

  /** Gives up waiting: everything on it is of unknown outcome. The channel stays as it is. */
  expire(reason: string): void {
    const outcome: PublishOutcome = { fate: 'unknown', reason };
    for (const pending of this.pending) this.settle(pending, outcome);
  }

  /** Of no use any more: takes nothing more, and what is on it is of unknown outcome. Nobody waits for the broker's good-bye. */
  abandon(reason: string): void {
    this.isOpen = false;
    this.expire(reason);
    this.channel.close().catch(() => {});
  }

  /** Takes nothing more; what is on it gets its answers, then it closes. */
  retire(): void {
    this.isRetired = true;
    this.closeIfDone();
  }

  private closeIfDone(): void {
    if (this.isRetired && this.isOpen && this.pending.size === 0) this.channel.close().catch(() => {});
  }

  private unsendable(error: unknown): PublishOutcome {
    // A RangeError or TypeError is about this message; anything else about the channel.
    return { fate: isAboutArguments(error) ? 'refused' : 'unknown', reason: explain(error) };
  }

  private onConfirm(pending: Pending, error: unknown): void {
    if (!this.pending.has(pending)) return;
    if (!error) pass('transport.confirming');
    if (!error) this.settle(pending, pending.isReturned ? RETURNED : CONFIRMED);
    else if (/nacked/.test(messageOf(error))) {
      this.settle(pending, { fate: 'unknown', reason: 'the broker did not take it (nack)' });
      this.user.nacked(this);
    }
    // Any other error is the channel's end: `close` follows and settles everything.
  }

  /**
   * A return carries no number, only the message, and comes before its confirm. Several copies of one message to one place cannot be
   * told apart, so all of them that are unconfirmed count as returned: publishing one that did arrive again is harmless, the opposite
   * is not.
   */
  private onReturn({ fields, properties }: AmqpMessage): void {
    this.byId ??= [...this.pending].reduce(addTo, new Map<string, Pending[]>());
    const id = typeof properties.messageId === 'string' ? properties.messageId : '';
    for (const pending of this.byId.get(id) ?? []) {
      const { exchange, routingKey } = pending.out;
      if (exchange !== fields.exchange || routingKey !== fields.routingKey || pending.isReturned) continue;
      pending.isReturned = true;
      this.user.returned(pending.out);
    }
  }

  private settle(pending: Pending, outcome: PublishOutcome): void {
    this.pending.delete(pending);
    if (this.byId) removeFrom(this.byId, pending);
    if (this.pending.size === 0) {
      this.byId = undefined;
      this.watchdog?.cancel();
      this.watchdog = undefined;
      this.closeIfDone();
    }
    pending.owner.settle(pending.index, outcome);
  }

  private onClose(): void {
    const wasOpen = this.isOpen;
    this.isOpen = false;
    const reason = explain(this.error ?? 'the connection went before the confirm');
    this.expire(reason);
    const { code } = (this.error ?? {}) as { code?: number };
    if (wasOpen) this.user.closed(this, code, reason);
  }

  private check(): void {
    this.watchdog = undefined;
    const [oldest] = this.pending;
    if (!oldest) return;
    const { clock, confirmTimeoutMs } = this.settings;
    const left = oldest.sentAt + confirmTimeoutMs - clock.monotonic();
    if (left > 0) this.watchdog = clock.after(left, () => this.check());
    else this.user.overdue(this);
  }
}

function addTo(map: Map<string, Pending[]>, pending: Pending): Map<string, Pending[]> {
  const { messageId } = pending.out.message;
  const same = map.get(messageId);
  if (same) same.push(pending);
  else map.set(messageId, [pending]);
  return map;
}

function removeFrom(map: Map<string, Pending[]>, pending: Pending): void {
  const { messageId } = pending.out.message;
  const left = map.get(messageId)?.filter((one) => one !== pending) ?? [];
  if (left.length > 0) map.set(messageId, left);
  else map.delete(messageId);
}
