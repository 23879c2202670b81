import { randomFillSync } from 'node:crypto';
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

/** Random bytes for so many ids are asked for at once: each call of the system costs as much as making dozens of ids. */
const IDS_AT_ONCE = 256;
const BYTES_OF_AN_ID = 16;

/** UUIDs version 7, in the order in which they are made. */
export class UuidV7Ids implements Ids {
  private readonly random = new Uint8Array(IDS_AT_ONCE * BYTES_OF_AN_ID);
  private used = this.random.length;
  private readonly last = { msecs: -Infinity, seq: 0 };

  sagaId(): string {
    const random = this.sixteenBytes();
    const { msecs, seq } = this.nextAfter(Date.now(), random);
    return v7({ random, msecs, seq });
  }

  private sixteenBytes(): Uint8Array {
    if (this.used === this.random.length) {
      randomFillSync(this.random);
      this.used = 0;
    }
    return this.random.subarray(this.used, (this.used += BYTES_OF_AN_ID));
  }

  /** Of one millisecond, or while the clock is set back, ids count on from a random number (RFC 9562, 6.2, method 1). */
  private nextAfter(now: number, random: Uint8Array): { readonly msecs: number; readonly seq: number } {
    const { last } = this;
    if (now > last.msecs) {
      last.msecs = now;
      last.seq = ((random[6]! & 0x7f) << 24) | (random[7]! << 16) | (random[8]! << 8) | random[9]!;
    } else {
      last.seq = (last.seq + 1) | 0;
      if (last.seq === 0) last.msecs += 1;
    }
    return last;
  }
}
