import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { SagaStore } from '../ports/saga-store.js';

export interface WatchParts {
  readonly store: SagaStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A difference between two clocks that is worth telling, and a change of it that is worth telling again. */
const SKEW_MS = 1_000;

/**
 * Looks at what does no harm yet: clocks that disagree, and what the store has to say of its server. Nothing depends on it.
 * Owns: what was told already, so that each thing is logged when it begins and when it is over. Does not own: when to look.
 */
export class Watch {
  private told = 0;
  private concerns: ReadonlySet<string> = new Set();

  constructor(private readonly parts: WatchParts) {}

  /** One look. Rejects when the store cannot be asked. */
  async look(): Promise<void> {
    await this.compareClocks();
    await this.askStore();
  }

  private async compareClocks(): Promise<void> {
    const { store, clock, logger } = this.parts;
    const askedAt = clock.monotonic();
    const theirs = await store.now();
    const tookMs = clock.monotonic() - askedAt;
    // Theirs is from some instant between question and answer.
    const skewMs = Math.round(theirs - (clock.now() - tookMs / 2));
    const isOff = Math.abs(skewMs) - tookMs / 2 > SKEW_MS;
    if (!isOff) {
      if (this.told !== 0) logger.info({ skewMs }, 'the clocks of this machine and of the database agree again');
      this.told = 0;
    } else if (this.told === 0 || Math.abs(skewMs - this.told) > SKEW_MS + tookMs) {
      const jumpMs = this.told === 0 ? {} : { beforeMs: this.told };
      logger.warn(
        { skewMs, ...jumpMs },
        "the clocks of this machine and of the database differ: timers follow the database's, timestamps of messages and saga ids this one's",
      );
      this.told = skewMs;
    }
  }

  private async askStore(): Promise<void> {
    const { store, logger } = this.parts;
    const found = new Map((await store.concerns?.())?.map(({ about, text }) => [about, text]));
    for (const [about, text] of found) if (!this.concerns.has(about)) logger.warn({ about }, text);
    for (const about of this.concerns) if (!found.has(about)) logger.info({ about }, 'this is well again');
    this.concerns = new Set(found.keys());
  }
}
