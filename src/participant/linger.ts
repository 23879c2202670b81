import type { Clock, Timer } from '../ports/clock.js';
import type { HostSettings } from './settings.js';

const WINDOW_MS = 100;
/** Company expected within the longest wait that makes waiting worth it. */
const WORTH_WAITING = 3;

/**
 * Lets a group wait a moment for company while commands come thick and fast: a transaction costs more than the wait. When little
 * comes nobody waits, since every wait is latency.
 * Owns: the rate of arrivals and the timer of the wait.
 */
export class Linger {
  private perMs = 0;
  private counted = 0;
  private since: number;
  private timer: Timer | undefined;
  private isOver = false;

  constructor(
    private readonly clock: Clock,
    private readonly settings: Pick<HostSettings, 'maxLingerMs' | 'groupSize'>,
    private readonly over: () => void,
  ) {
    this.since = clock.monotonic();
  }

  arrived(commands: number): void {
    this.counted += commands;
  }

  /** Whether the next group should not begin yet; `over` is called when it should. */
  mustWait(waiting: number): boolean {
    if (this.timer) return waiting < this.settings.groupSize;
    if (this.isOver) {
      this.isOver = false;
      return false;
    }
    const expected = this.rate() * this.settings.maxLingerMs;
    if (expected < WORTH_WAITING || waiting >= Math.min(this.settings.groupSize, 2 * expected)) return false;
    this.timer = this.clock.after(this.settings.maxLingerMs, () => {
      this.timer = undefined;
      this.isOver = true;
      this.over();
      this.isOver = false;
    });
    return true;
  }

  cancel(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Commands per millisecond, averaged over about a tenth of a second. */
  private rate(): number {
    const now = this.clock.monotonic();
    const elapsed = now - this.since;
    if (elapsed >= 1) {
      this.perMs += (this.counted / elapsed - this.perMs) * (1 - Math.exp(-elapsed / WINDOW_MS));
      this.counted = 0;
      this.since = now;
    }
    return this.perMs;
  }
}
