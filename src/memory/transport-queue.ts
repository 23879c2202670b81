import type { Message } from '../core/wire.js';
import type { QueueDeclaration } from '../ports/transport.js';

/** A message in a queue, or under way to a consumer. */
export interface Stored {
  readonly message: Message;
  /** Place among all messages of the broker: what is given back goes where it was. */
  readonly order: number;
  /** Of the broker's clock. */
  readonly expiresAt: number | undefined;
  /** How often it was given back unsettled. */
  returns: number;
}

/** Takes messages from a queue, up to its capacity. */
export interface Taker {
  /** Of several takers those with the highest get everything for as long as they take it. */
  readonly priority: number;
  /** How many more it takes now. */
  capacity(): number;
  take(batch: readonly Stored[]): void;
}

/**
 * One queue. Owns what waits in it and whose turn it is. Does not own what is under way: that belongs to the takers until it is settled
 * or given back. Invariant: what was given back comes before what was never taken, each in the order of arrival.
 */
export class BrokerQueue {
  private waiting: Stored[] = [];
  /** Index of the first in `waiting`: cheaper than shifting. */
  private head = 0;
  private readonly givenBack: Stored[] = [];
  private turn = 0;

  constructor(readonly declaration: QueueDeclaration) {}

  get length(): number {
    return this.givenBack.length + this.waiting.length - this.head;
  }

  add(stored: Stored, first: boolean): void {
    if (first) this.giveBack(stored);
    else this.waiting.push(stored);
  }

  purge(): void {
    this.waiting = [];
    this.head = 0;
    this.givenBack.length = 0;
  }

  giveBack(stored: Stored): void {
    let at = this.givenBack.length;
    while (at > 0 && this.givenBack[at - 1]!.order > stored.order) at--;
    this.givenBack.splice(at, 0, stored);
  }

  /** Deals what waits to the takers, one message at a time in turn among equals, and hands each its share at once. Gives what had expired. */
  deal(takers: readonly Taker[], now: number): Stored[] {
    const expired: Stored[] = [];
    const shares = takers.map((taker) => ({ taker, priority: taker.priority, free: taker.capacity(), batch: [] as Stored[] }));
    while (this.length > 0) {
      if (isExpired(this.peek(), now)) {
        expired.push(this.shift());
        continue;
      }
      const share = this.nextFree(shares);
      if (!share) break;
      share.free--;
      share.batch.push(this.shift());
    }
    for (const { taker, batch } of shares) if (batch.length > 0) taker.take(batch);
    return expired;
  }

  private nextFree<T extends { readonly free: number; readonly priority: number }>(shares: readonly T[]): T | undefined {
    let best: T | undefined;
    for (let tried = 0; tried < shares.length; tried++) {
      const share = shares[(this.turn + tried) % shares.length]!;
      if (share.free > 0 && (!best || share.priority > best.priority)) best = share;
    }
    if (best) this.turn = shares.indexOf(best) + 1;
    return best;
  }

  private peek(): Stored {
    return this.givenBack[0] ?? this.waiting[this.head]!;
  }

  private shift(): Stored {
    const returned = this.givenBack.shift();
    if (returned) return returned;
    const stored = this.waiting[this.head++]!;
    if (this.head > 1_000 && this.head * 2 > this.waiting.length) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
    return stored;
  }
}

function isExpired(stored: Stored, now: number): boolean {
  return stored.expiresAt !== undefined && stored.expiresAt <= now;
}
