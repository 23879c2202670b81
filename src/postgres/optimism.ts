/** For so long an instant that the database gave is counted on from by the clock of this process. Milliseconds. */
const READING_MS = 2_000;
const LONGEST_PAUSE = 64;
/** So many in a row that were not for nothing make the next pause half as long: where it fails now and then it is to be tried hardly ever. */
const REASSURING = 32;

/**
 * Whether a batch may be decided from what this process wrote last, without locking the rows before it writes them.
 * Owns: what time it is there as far as is known here, and how often that went wrong lately. After each time it did, twice as many batches as
 * after the time before go the usual way: where several daemons share sagas it costs next to nothing.
 */
export class Optimism {
  private reading: { readonly now: number; readonly at: number } | undefined;
  private pause = 0;
  private left = 0;
  private inARow = 0;

  /** What the database's clock says; `undefined`: it has to be asked, or the batch is to go the usual way. */
  now(): number | undefined {
    if (this.left > 0) {
      this.left -= 1;
      return undefined;
    }
    const elapsed = this.reading && performance.now() - this.reading.at;
    return elapsed !== undefined && elapsed < READING_MS ? Math.floor(this.reading!.now + elapsed) : undefined;
  }

  /** What is remembered was outdated lately. */
  get isDoubtful(): boolean {
    return this.left > 0 && this.left !== Infinity;
  }

  read([row]: readonly { readonly now: number }[]): void {
    if (row && row.now > 0) this.reading = { now: row.now, at: performance.now() };
  }

  justified(): void {
    this.inARow += 1;
    if (this.inARow < REASSURING) return;
    this.inARow = 0;
    this.pause >>= 1;
  }
  /** It spares nothing here. */
  never(): void {
    this.left = Infinity;
  }
  disappointed(): void {
    this.pause = Math.min(LONGEST_PAUSE, Math.max(1, this.pause * 2));
    this.left = this.pause;
    this.inARow = 0;
  }
}
