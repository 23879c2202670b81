import type { Clock } from '../ports/clock.js';
import type { Ending } from './ending.js';
import type { HostSettings } from './settings.js';

/** Waits that grow from failure to failure, and end at once when there is nothing to wait for any more. */
export class Backoff {
  private failures = 0;

  constructor(
    private readonly clock: Clock,
    private readonly settings: Pick<HostSettings, 'backoffMs' | 'backoffMaxMs'>,
    private readonly ending: Ending,
  ) {}

  /** Whether the last try failed. */
  get isFailing(): boolean {
    return this.failures > 0;
  }

  succeeded(): void {
    this.failures = 0;
  }

  pause(): Promise<void> {
    const { backoffMs, backoffMaxMs } = this.settings;
    const ms = Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(this.failures++, 20));
    if (this.ending.isOver) return Promise.resolve();
    return new Promise((resolve) => {
      const forget = this.ending.onEnd(() => {
        timer.cancel();
        resolve();
      });
      const timer = this.clock.after(ms, () => {
        forget();
        resolve();
      });
    });
  }
}
