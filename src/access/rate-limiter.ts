import type { Clock } from '../ports/clock.js';

interface Bucket {
  left: number;
  at: number;
}

/** Callers that are remembered; whoever has not called for longest is forgotten first. */
const MOST_CALLERS = 10_000;

/** So many calls a second for each caller, on average, and so many at once. Costs a look-up per call. */
export class RateLimiter {
  private readonly buckets = new Map<string, Bucket>();

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    private readonly clock: Pick<Clock, 'monotonic'>,
  ) {}

  /** Takes one, and gives 0; or takes none, and gives the milliseconds after which there is one again. */
  take(caller: string): number {
    const now = this.clock.monotonic();
    const bucket = this.buckets.get(caller) ?? { left: this.burst, at: now };
    bucket.left = Math.min(this.burst, bucket.left + ((now - bucket.at) * this.perSecond) / 1_000);
    bucket.at = now;
    this.remember(caller, bucket);
    if (bucket.left < 1) return Math.ceil(((1 - bucket.left) * 1_000) / this.perSecond);
    bucket.left -= 1;
    return 0;
  }

  private remember(caller: string, bucket: Bucket): void {
    this.buckets.delete(caller);
    this.buckets.set(caller, bucket);
    if (this.buckets.size <= MOST_CALLERS) return;
    const [oldest] = this.buckets.keys();
    this.buckets.delete(oldest!);
  }
}
