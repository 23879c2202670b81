import { messageOf } from '../core/errors.js';
import type { Timer } from '../ports/clock.js';
import type { Runtime } from './runtime.js';
import { RETENTION_MARGIN_MS } from './settings.js';

/** Forgets, from time to time, the commands that nobody can ask about any more. A round that fails is made up for by the next. */
export class Housekeeping {
  private timer: Timer | undefined;
  private round: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly runtime: Runtime) {}

  start(): void {
    this.timer = this.runtime.clock.after(this.runtime.settings.pruneMs, () => {
      this.round = this.runOnce().finally(() => {
        if (!this.isStopped) this.start();
      });
    });
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.timer?.cancel();
    await this.round;
  }

  async runOnce(): Promise<void> {
    const { store, horizonMs, logger } = this.runtime;
    if (!store) return;
    try {
      const pruned = await store.prune((await store.now()) - horizonMs - RETENTION_MARGIN_MS);
      if (pruned > 0) logger.info({ rows: pruned }, 'inbox rows beyond the horizon were pruned');
    } catch (error: unknown) {
      logger.warn({ error: messageOf(error) }, 'inbox rows could not be pruned; the next round tries again');
    }
  }
}
