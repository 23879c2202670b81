import type { Clock, Timer } from '../ports/clock.js';

/** One timer that goes off at the earliest of the moments it was set to since it last did. */
export class EarliestTimer {
  private timer: Timer | undefined;
  private at = Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly run: () => void,
  ) {}

  setIn(ms: number): void {
    const at = this.clock.monotonic() + ms;
    if (this.at <= at) return;
    this.timer?.cancel();
    this.at = at;
    this.timer = this.clock.after(ms, () => {
      this.at = Infinity;
      this.run();
    });
  }

  cancel(): void {
    this.timer?.cancel();
    this.at = Infinity;
  }
}
