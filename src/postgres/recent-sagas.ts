import type { SagaState } from '../core/state.js';
import type { StoredSaga } from '../ports/saga-store.js';

/** Which write a row comes from. The stamp is drawn anew for every batch: a version alone can come twice where a failover lost writes. */
export interface WriteMark {
  readonly version: number;
  readonly stamp: number;
}
/** A saga as it was written, without the replies that may be kept with it. */
interface Recent extends StoredSaga, WriteMark {
  readonly isParked: boolean;
}

/**
 * The states that this store wrote last, so that the next step of a saga need not fetch and parse what is known. Decides nothing: the
 * row is locked and read all the same, and its mark says whether what is here is what it holds.
 * Owns: at most `limit` states with at most `maxBytes` of payloads together; those written longest ago go first. Invariant: only what was
 * committed for sure is in here.
 */
export class RecentSagas {
  private readonly byId = new Map<string, Recent>();
  private bytes = 0;

  constructor(
    private readonly limit: number,
    private readonly maxBytes: number,
  ) {}

  has(id: string): boolean {
    return this.byId.has(id);
  }
  /** Its last write here; another store may have written since. */
  last(id: string): Recent | undefined {
    return this.byId.get(id);
  }
  /** The state of this very write. */
  get(id: string, { version, stamp }: WriteMark): SagaState | undefined {
    const recent = this.byId.get(id);
    return recent?.version === version && recent.stamp === stamp ? recent.state : undefined;
  }
  /** A final saga is hardly asked for again. */
  wrote(recent: Recent): void {
    const { id, end } = recent.state;
    this.forget(id);
    if (end) return;
    this.byId.set(id, recent);
    this.bytes += recent.state.bytes;
    while (this.byId.size > this.limit || this.bytes > this.maxBytes) this.forget(this.byId.keys().next().value!);
  }

  forget(id: string): void {
    this.bytes -= this.byId.get(id)?.state.bytes ?? 0;
    this.byId.delete(id);
  }
}
