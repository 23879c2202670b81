/** What the policy looks at. */
export interface LingerView {
  /** Items that wait now. */
  readonly waiting: number;
  readonly maxBatch: number;
  /** Items that came per millisecond lately. */
  readonly rate: number;
  readonly maxLingerMs: number;
}

/** Company expected within the longest wait that makes a wait worth it at all, and the one that makes it worth all of it. */
const WORTH_SOME = 2;
const WORTH_ALL = 10;

/**
 * How long a batch waits for company. Nobody waits when little comes, since every wait is latency; under load a few milliseconds
 * spare transactions, which cost more than the wait.
 */
export function lingerMs({ waiting, maxBatch, rate, maxLingerMs }: LingerView): number {
  const expected = rate * maxLingerMs;
  if (waiting >= maxBatch || expected < WORTH_SOME) return 0;
  // What is here already is company enough: the batches before took longer than the linger would.
  if (waiting >= 2 * expected) return 0;
  return Math.min(maxLingerMs, Math.round((maxLingerMs * expected) / WORTH_ALL));
}

const WINDOW_MS = 100;

/** Items per millisecond, averaged over about a tenth of a second. */
export class ArrivalRate {
  private perMs = 0;
  private counted = 0;
  private since: number;

  constructor(now: number) {
    this.since = now;
  }

  count(items: number): void {
    this.counted += items;
  }

  at(now: number): number {
    const elapsed = now - this.since;
    if (elapsed < 1) return this.perMs;
    const weight = 1 - Math.exp(-elapsed / WINDOW_MS);
    this.perMs += (this.counted / elapsed - this.perMs) * weight;
    this.counted = 0;
    this.since = now;
    return this.perMs;
  }
}
