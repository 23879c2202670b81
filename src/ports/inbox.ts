/**
 * Where a participant records the commands it has handled, in the same transaction as their effects. The rules (claim, barrier,
 * fence, horizon) are in `participant/`; this is the storage behind them. READ COMMITTED is assumed: a claim that meets a row of an
 * open transaction waits for it, then sees what it committed.
 */
export interface InboxStore<Tx> {
  /**
   * One transaction. `work` is called once; its error rolls back. `failed`: rolled back for sure (`retry`: deadlock, lost connection,
   * lock timeout: the same work may succeed when run again). `unknown`: the connection went during the commit.
   */
  transact<R>(work: (session: InboxSession<Tx>) => Promise<R>): Promise<InboxResult<R>>;
  /**
   * Runs `work` while holding a lock on `actionId` that no other process can hold; waits at most `waitMs`, then gives `busy`. Held by
   * a database session of its own, not by a transaction; `work` may start transactions.
   */
  exclusively<R>(
    actionId: string,
    waitMs: number,
    work: () => Promise<R>,
  ): Promise<{ readonly fate: 'done'; readonly value: R } | { readonly fate: 'busy' }>;
  /** Deletes rows last used before the instant, in bounded steps; gives how many. */
  prune(lastUsedBefore: number): Promise<number>;
  /** Creates or upgrades the inbox table. Safe when several processes do it at once. */
  migrate(): Promise<void>;
  /** The database's clock. */
  now(): Promise<number>;
  close(): Promise<void>;
}
export type InboxResult<R> =
  | { readonly fate: 'committed'; readonly value: R }
  | { readonly fate: 'failed'; readonly retry: boolean; readonly error: unknown }
  | { readonly fate: 'unknown'; readonly error: unknown };

/** `action`: the row of an action (also claimed by its compensation and fence). `compensation`: the row of one compensation. */
export type Direction = 'action' | 'compensation';
export interface InboxKey {
  readonly actionId: string;
  readonly direction: Direction;
  /** The command id that the row records: the action's own, or that of one execution of its compensation. */
  readonly commandId: string;
}
/**
 * `started`: an outside effect may have happened. `success`, `rejected`: the stored reply. `tombstone`: the action never ran and
 * never will.
 */
export type InboxState = 'claimed' | 'started' | 'success' | 'rejected' | 'tombstone';
export interface InboxRow extends InboxKey {
  readonly state: InboxState;
  /** Of the request that was executed; '' for tombstones made by others. */
  readonly requestHash: string;
  /** JSON text of the stored reply or rejection. */
  readonly reply: string | null;
  readonly usedAt: number;
}

/** What may be done inside one inbox transaction; one call at a time. */
export interface InboxSession<Tx> {
  /** The user's own handle on the transaction: a TypeORM EntityManager, a pg client. */
  readonly tx: Tx;
  readonly now: number;
  /**
   * Inserts the rows as `claimed` where they are absent, in key order (set-based), and gives for each whether this call made it or
   * what stood there. Waits for open transactions that hold one of them; after the lock timeout it throws, which fails the transaction.
   */
  claim(rows: readonly (InboxKey & { readonly requestHash: string })[]): Promise<readonly Claim[]>;
  /** Runs `work` in a savepoint: what it wrote is gone when it throws; the error comes through. */
  attempt<R>(work: () => Promise<R>): Promise<R>;
  /** Sets state and reply of rows that this transaction claimed or locked (set-based). */
  store(
    rows: readonly (InboxKey & { readonly state: InboxState; readonly requestHash?: string; readonly reply: string | null })[],
  ): Promise<void>;
  /** Takes claimed rows away again (an `error` is never stored). */
  release(keys: readonly InboxKey[]): Promise<void>;
}
export type Claim = { readonly fresh: true } | { readonly fresh: false; readonly row: InboxRow };
