import type { ActivityLog } from '../ports/activity-log.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { ACTIVITY_MINUTES, type Activity, type ActivityReading } from './activity.js';
import { Repeater } from './repeater.js';

/** How old what other daemons see may be; also what a daemon that is killed has not told. */
const WRITE_MS = 5_000;
const MINUTE_MS = 60_000;

/**
 * Shares what this engine did with the other daemons, and adds up what all of them did.
 * Owns: the loop that writes. Does not own: activity and log.
 */
export class ActivityKeeper {
  private readonly loop: Repeater;

  /** `id`: of this daemon, a UUID; another one after every start. */
  constructor(
    private readonly activity: Activity,
    private readonly log: ActivityLog,
    private readonly id: string,
    parts: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.loop = new Repeater('sharing the activity', WRITE_MS, () => this.write(), parts);
  }

  start(): void {
    this.loop.start();
  }

  /** Resolves when the last of it is written, or could not be. */
  async stop(): Promise<void> {
    await this.loop.stop();
    await this.write().catch(() => {});
  }

  /** Of all daemons, as of `now`; this one's own as of this instant. Throws SAGA_UNAVAILABLE. */
  async read(now: number): Promise<ActivityReading> {
    return this.activity.read(now, await this.log.read(now - ACTIVITY_MINUTES * MINUTE_MS, this.id));
  }

  private async write(): Promise<void> {
    const minutes = this.activity.takeChanged();
    if (minutes.length === 0) return;
    try {
      await this.log.write(this.id, minutes);
    } catch (error: unknown) {
      this.activity.giveBack(minutes);
      throw error;
    }
  }
}
