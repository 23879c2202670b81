import { v7 } from 'uuid';
import type { Clock, Timer } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { Random } from '../ports/random.js';

/** A timer of Node is at most this long; a longer one would fire at once. */
const LONGEST_MS = 2_147_483_647;

/** The machine's clock and timers. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  after(ms: number, run: () => void): Timer {
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number) => {
      timer = leftMs > LONGEST_MS ? setTimeout(() => arm(leftMs - LONGEST_MS), LONGEST_MS) : setTimeout(run, Math.max(0, leftMs));
    };
    arm(ms);
    return { cancel: () => clearTimeout(timer) };
  }
}

/** The machine's chance. */
export class SystemRandom implements Random {
  next(): number {
    return Math.random();
  }
}

/** UUIDs version 7. */
export class UuidV7Ids implements Ids {
  sagaId(): string {
    return v7();
  }
}
