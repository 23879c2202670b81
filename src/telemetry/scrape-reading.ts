import type { Clock } from '../ports/clock.js';

/** The database counts its rows for this and the broker is asked queue by queue, so neither is asked for every scrape of every scraper. */
const FRESH_MS = 15_000;
/** A scrape is not kept waiting by who does not answer. */
const WAIT_MS = 2_000;

/**
 * What somebody else says, for scrapes.
 * Owns: the last answer and the question under way; there is one at a time. Does not own: whom it is asked of.
 */
export class ScrapeReading<T> {
  private last: { readonly answer: T; readonly at: number } | undefined;
  private asking: Promise<T | undefined> | undefined;

  constructor(
    private readonly question: () => Promise<T>,
    private readonly clock: Clock,
  ) {}

  /** Not older than 15 seconds; `undefined` when there is no answer within two. */
  async read(): Promise<T | undefined> {
    if (this.last && this.clock.monotonic() - this.last.at < FRESH_MS) return this.last.answer;
    const asking = (this.asking ??= this.ask().finally(() => (this.asking = undefined)));
    const noAnswer = new Promise<undefined>((resolve) => {
      const timer = this.clock.after(WAIT_MS, () => resolve(undefined));
      void asking.then(() => timer.cancel());
    });
    return Promise.race([asking, noAnswer]);
  }

  /** Why there is no answer is in the log already, and in `/readyz`. */
  private async ask(): Promise<T | undefined> {
    try {
      const answer = await this.question();
      this.last = { answer, at: this.clock.monotonic() };
      return answer;
    } catch {
      return undefined;
    }
  }
}
