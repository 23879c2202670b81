import type { StoredSaga } from '../ports/saga-store.js';

/** Tells those who wait for the end of a saga, as far as this process brings it about. */
export class FinalNotices {
  private readonly waiting = new Map<string, Set<(saga: StoredSaga) => void>>();

  /** Calls back when this process finishes the saga. Returns the unsubscribe. */
  on(id: string, notify: (saga: StoredSaga) => void): () => void {
    const set = this.waiting.get(id) ?? new Set();
    this.waiting.set(id, set.add(notify));
    return () => {
      set.delete(notify);
      if (set.size === 0 && this.waiting.get(id) === set) this.waiting.delete(id);
    };
  }

  notify(saga: StoredSaga): void {
    const set = this.waiting.get(saga.state.id);
    if (set) for (const notify of set) notify(saga);
  }

  get size(): number {
    return this.waiting.size;
  }
}
