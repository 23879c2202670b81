import type { Clock } from '../ports/clock.js';
import type { Overview, SagaOverview } from '../ports/saga-overview.js';

/** What is open, and how late the oldest timer is. */
export type Workload = Pick<Overview, 'open' | 'overdueMs'>;

/** The store counts its rows for this, so it is not asked for every scrape of every scraper. */
const FRESH_MS = 15_000;
/** A scrape is not kept waiting by a database that does not answer. */
const WAIT_MS = 2_000;

/**
 * What the store says of the work in it, for scrapes.
 * Owns: the last answer and the question under way; there is one at a time. Does not own: the store.
 */
export class WorkloadReading {
  private last: { readonly workload: Workload; readonly at: number } | undefined;
  private asking: Promise<Workload | undefined> | undefined;

  constructor(
    private readonly store: SagaOverview,
    private readonly clock: Clock,
  ) {}

  /** Not older than 15 seconds; `undefined` when there is no answer within two. */
  async read(): Promise<Workload | undefined> {
    if (this.last && this.clock.monotonic() - this.last.at < FRESH_MS) return this.last.workload;
    const asking = (this.asking ??= this.ask().finally(() => (this.asking = undefined)));
    const noAnswer = new Promise<undefined>((resolve) => {
      const timer = this.clock.after(WAIT_MS, () => resolve(undefined));
      void asking.then(() => timer.cancel());
    });
    return Promise.race([asking, noAnswer]);
  }

  /** Why there is no answer is in the log already, and in `/readyz`. */
  private async ask(): Promise<Workload | undefined> {
    try {
      const workload = await this.store.overview({ limit: 0 });
      this.last = { workload, at: this.clock.monotonic() };
      return workload;
    } catch {
      return undefined;
    }
  }
}
