import type { Clock, Timer } from '../ports/clock.js';
import { HandlerTimeout } from './time-limit.js';

/**
 * A handler's abort signal, made when it is first looked at: most handlers never do, and making one costs more than they do.
 * Aborted `ms` after the handler began, or when the process is ending. Owns its timer until `release`.
 */
export class LazySignal {
  private readonly beganAt: number;
  private controller: AbortController | undefined;
  private timer: Timer | undefined;
  private readonly end = () => this.controller?.abort(this.ending.reason);

  constructor(
    private readonly clock: Clock,
    private readonly ms: number,
    private readonly ending: AbortSignal,
  ) {
    this.beganAt = clock.monotonic();
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      const controller = (this.controller = new AbortController());
      const leftMs = Math.max(0, this.beganAt + this.ms - this.clock.monotonic());
      this.timer = this.clock.after(leftMs, () => controller.abort(new HandlerTimeout(this.ms)));
      if (this.ending.aborted) this.end();
      else this.ending.addEventListener('abort', this.end, { once: true });
    }
    return this.controller.signal;
  }

  /** The handler has ended. */
  release(): void {
    this.timer?.cancel();
    if (this.controller) this.ending.removeEventListener('abort', this.end);
  }
}
