/**
 * Where a participant records the commands it has handled, in the same transaction as their effects. The rules (claim, barrier,
 * fence, horizon) are in `participant/`; this is the storage behind them. READ COMMITTED is assumed: a claim that meets a row of an
 * open transaction waits for it, then sees what it committed.
 */
export interface InboxStore<Tx> {
  /**
   * One transaction. `work` is called once; its error rolls back and is the result's. `unknown`: the connection went during the
   * commit, so nobody knows.
   */
  transact<R>(work: (session: InboxSession<Tx>) => Promise<R>): Promise<InboxResult<R>>;
  /**
   * Runs `work` while holding a lock on `name` that nobody else can hold, in this process or another; waits at most `waitMs`, then
   * gives `busy`. Not held by a transaction: `work` may start some. `lost` is aborted when the lock may have gone while `work` runs.
   * An error of `work` comes through.
   */
  exclusively<R>(name: string, waitMs: number, work: (lost: AbortSignal) => Promise<R>): Promise<ExclusiveResult<R>>;
  /** Deletes rows last used before the instant, in bounded steps; gives how many. */
  prune(lastUsedBefore: number): Promise<number>;
  /** Creates or upgrades what the inbox keeps its rows in. Safe when several processes do it at once. */
  migrate(): Promise<void>;
  /** The store's clock. */
  now(): Promise<number>;
  /** Gives back what the store itself has opened; pools and data sources that it was given stay open. */
  close(): Promise<void>;
}
export type InboxResult<R> =
  | { readonly fate: 'committed'; readonly value: R }
  /** Rolled back for sure. */
  | { readonly fate: 'failed'; readonly why: InboxFailure; readonly error: unknown }
  | { readonly fate: 'unknown'; readonly error: unknown };
/**
 * `conflict`: a deadlock or the like; the same work may succeed at once. `locked`: somebody held a lock too long. `unavailable`: the
 * store cannot be reached or cannot write at present. `refused`: anything else, the error of `work` among it.
 */
export type InboxFailure = 'conflict' | 'locked' | 'unavailable' | 'refused';
export type ExclusiveResult<R> =
  { readonly fate: 'done'; readonly value: R } | { readonly fate: 'busy' } | { readonly fate: 'unavailable'; readonly error: unknown };

/** `action`: the row of an action (also claimed by its compensation and fence). `compensation`: the row of its compensation. */
export type Direction = 'action' | 'compensation';
export interface InboxKey {
  /** Command id of the action: also in the row of its compensation. */
  readonly actionId: string;
  readonly direction: Direction;
}
/**
 * `claimed` is never committed. `started`: an effect outside may have happened. `success`, `rejected`: with the stored reply.
 * `tombstone`: the action never ran and never will.
 */
export type InboxState = 'claimed' | 'started' | 'success' | 'rejected' | 'tombstone';
export interface InboxClaim extends InboxKey {
  /** The command that the row is to record: the action itself, or one execution of its compensation. */
  readonly commandId: string;
  /** Of the request; '' in a claim of an action's row by its compensation or fence. */
  readonly requestHash: string;
}
export interface InboxRow extends InboxClaim {
  readonly state: InboxState;
  /** JSON text of the stored reply or rejection. */
  readonly reply: string | null;
}
export interface InboxWrite extends InboxKey {
  readonly state: Exclude<InboxState, 'claimed'>;
  readonly reply: string | null;
}

/** A row as it is to stand, made at once. */
export type InboxRecord = InboxClaim & InboxWrite;

/** What may be done inside one inbox transaction; one call at a time. */
export interface InboxSession<Tx> {
  /** The user's own handle on the transaction: a TypeORM EntityManager, a pg client. */
  readonly tx: Tx;
  /** The store's clock when the transaction began, or later. */
  readonly now: number;
  /**
   * How much was done through `tx` so far. The same number before a call of a handler and, once the session is `idle`, after it proves that
   * it has written nothing.
   */
  readonly uses: number;
  /**
   * Inserts the rows as `claimed` where they are absent, in key order, and gives for each, in the order asked, whether this call made
   * it or what stood there (locked for this transaction, and counted as used now). No key twice. Waits for open transactions that
   * hold one of them; after the lock timeout it throws, which fails the transaction as `locked`.
   */
  claim(rows: readonly InboxClaim[]): Promise<readonly Claim[]>;
  /**
   * Looks at rows of actions without locking them, and gives for each, in the order asked, the row if it is final (`success`, `rejected` or
   * `tombstone`: nothing but pruning ever changes such a row) and need not be marked as used; else `undefined`, which says nothing.
   */
  finalActions(actionIds: readonly string[]): Promise<readonly (InboxRow | undefined)[]>;
  /** Waits for what was begun through `tx` and never awaited. */
  idle(): Promise<void>;
  /**
   * Runs `work` in a savepoint: what it wrote, also what it has begun and not awaited, is gone when it throws; the error comes through.
   */
  attempt<R>(work: () => Promise<R>): Promise<R>;
  /**
   * Inserts finished rows that nobody claimed, in key order. False when one of them stood there already or came meanwhile (an open
   * transaction that makes it is waited for): then the transaction has to end in an error.
   */
  record(rows: readonly InboxRecord[]): Promise<boolean>;
  /** Sets state and reply of rows that this transaction claimed. */
  store(rows: readonly InboxWrite[]): Promise<void>;
  /** Takes claimed rows away again (an `error` is never stored). */
  release(keys: readonly InboxKey[]): Promise<void>;
  /**
   * Waits until no other transaction has the turn of this name, and has it until it ends; after the lock timeout it throws, which fails the
   * transaction as `locked`.
   */
  takeTurn(name: string): Promise<void>;
  /** An abandoned handler may still write to `tx`: roll back, and never use this connection again. */
  condemn(): void;
}
export type Claim = { readonly fresh: true } | { readonly fresh: false; readonly row: InboxRow };
