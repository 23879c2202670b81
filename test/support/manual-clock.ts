import type { Clock, Timer } from '../../src/ports/clock.js';

/** 2026-01-01, so that instants in failures can be read. */
const START = Date.UTC(2026, 0, 1);

/** Time that moves only when a test moves it. */
export class ManualClock implements Clock {
  private elapsed = 0;
  private timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return START + this.elapsed;
  }
  monotonic(): number {
    return this.elapsed;
  }
  after(ms: number, run: () => void): Timer {
    const timer = { at: this.elapsed + Math.max(0, ms), run };
    this.timers.push(timer);
    return { cancel: () => void (this.timers = this.timers.filter((other) => other !== timer)) };
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.timers.length;
  }

  /** Moves time on, firing timers in order; what each of them starts is let run before the next. */
  async advance(ms: number): Promise<void> {
    const until = this.elapsed + ms;
    await turns();
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.elapsed = Math.max(this.elapsed, next.at);
      next.run();
      await turns();
    }
    this.elapsed = until;
    await turns();
  }

  /** Time passes, but nothing runs meanwhile: what a paused process sees. */
  leap(ms: number): void {
    this.elapsed += ms;
  }
}

/** Lets everything run that waits for nothing but its turn. */
export async function turns(count = 8): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
