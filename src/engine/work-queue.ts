import { sagaOf, type Work } from './work.js';

/**
 * What waits for a batch. Replies and operators go before new starts: what is under way is finished before more is begun.
 * Invariant: items of one saga leave in the order in which they came, and never while another batch has that saga.
 */
export class WorkQueue {
  private urgent: Work[] = [];
  private starts: Work[] = [];

  get size(): number {
    return this.urgent.length + this.starts.length;
  }

  add(work: Work): void {
    (work.kind === 'start' ? this.starts : this.urgent).push(work);
  }

  /** Items that were taken before and go first now. */
  putBack(items: readonly Work[]): void {
    this.urgent = [...items.filter(({ kind }) => kind !== 'start'), ...this.urgent];
    this.starts = [...items.filter(({ kind }) => kind === 'start'), ...this.starts];
  }

  /** At most `limit` items, none of a saga in `busy`. */
  take(limit: number, busy: ReadonlySet<string>): Work[] {
    const taken = busy.size === 0 ? this.urgent.splice(0, limit) : this.takeFree(limit, busy);
    if (taken.length < limit) for (const start of this.starts.splice(0, limit - taken.length)) taken.push(start);
    return taken;
  }

  /** Takes every item that fits the predicate out of the queue. */
  remove(isWanted: (work: Work) => boolean): Work[] {
    const removed = [...this.urgent, ...this.starts].filter(isWanted);
    if (removed.length === 0) return removed;
    const gone = new Set(removed);
    this.urgent = this.urgent.filter((work) => !gone.has(work));
    this.starts = this.starts.filter((work) => !gone.has(work));
    return removed;
  }

  private takeFree(limit: number, busy: ReadonlySet<string>): Work[] {
    const taken: Work[] = [];
    const left: Work[] = [];
    for (const work of this.urgent) {
      const saga = sagaOf(work);
      if (taken.length < limit && (saga === undefined || !busy.has(saga))) taken.push(work);
      else left.push(work);
    }
    this.urgent = left;
    return taken;
  }
}
