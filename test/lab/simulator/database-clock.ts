import type { Clock, Timer } from '../../../src/ports/clock.js';
import type { VirtualTime } from './virtual-time.js';

/** The clock of a database server: the only one that decides about sagas. It may be set, also back. */
export class DatabaseClock implements Clock {
  offset = 0;

  constructor(private readonly time: VirtualTime) {}

  now(): number {
    return Math.floor(this.time.now() + this.offset);
  }
  monotonic(): number {
    return this.time.monotonic();
  }
  after(ms: number, run: () => void): Timer {
    return this.time.after(ms, run);
  }
}
