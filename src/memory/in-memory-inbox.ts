import { SagaError } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type {
  Claim,
  ExclusiveResult,
  InboxClaim,
  InboxFailure,
  InboxKey,
  InboxRecord,
  InboxResult,
  InboxRow,
  InboxSession,
  InboxState,
  InboxStore,
  InboxWrite,
} from '../ports/inbox.js';
import { RowLocks } from './inbox-row-locks.js';

/** What handlers get from an inbox in memory: their effects happen when the transaction commits, or never. */
export interface MemoryTransaction {
  /** Runs at the commit, in order; dropped when the handler fails. Must not throw. */
  onCommit(effect: () => void): void;
}
type Stored = InboxRow & { readonly usedAt: number };

/**
 * An inbox in memory, for tests and for processes that may forget everything when they end.
 * Owns: rows, row locks and named locks. Invariant: rows change at commit only, and a row in an open transaction is waited for.
 */
export class InMemoryInbox implements InboxStore<MemoryTransaction> {
  private readonly rows = new Map<string, Stored>();
  private readonly rowLocks: RowLocks;
  private readonly names: RowLocks;
  private failures: { readonly result: Failure; readonly isAfterCommit: boolean }[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly lockTimeoutMs = 5_000,
  ) {
    this.rowLocks = new RowLocks(clock);
    this.names = new RowLocks(clock);
  }

  async transact<R>(work: (session: InboxSession<MemoryTransaction>) => Promise<R>): Promise<InboxResult<R>> {
    const session = new MemorySession(this.clock.now(), this.rows, this.rowLocks, this.lockTimeoutMs);
    try {
      const value = await work(session);
      const failure = this.failures.shift();
      if (failure && !failure.isAfterCommit) return failure.result;
      session.commit();
      return failure?.result ?? { fate: 'committed', value };
    } catch (error: unknown) {
      return { fate: 'failed', why: session.failure ?? 'refused', error };
    } finally {
      session.end();
    }
  }

  /** The next transaction fails at its commit in this way; `unknown` with or without having been committed. For tests. */
  failNext(why: InboxFailure | 'unknown-committed' | 'unknown-undone'): void {
    const error = new Error(`asked to fail: ${why}`);
    const isUnknown = why === 'unknown-committed' || why === 'unknown-undone';
    this.failures.push({
      result: isUnknown ? { fate: 'unknown', error } : { fate: 'failed', why, error },
      isAfterCommit: why === 'unknown-committed',
    });
  }

  async exclusively<R>(name: string, waitMs: number, work: (lost: AbortSignal) => Promise<R>): Promise<ExclusiveResult<R>> {
    const owner = Symbol(name);
    if (!(await this.names.take(name, owner, waitMs))) return { fate: 'busy' };
    try {
      return { fate: 'done', value: await work(neverLost()) };
    } finally {
      this.names.releaseAll(owner);
    }
  }

  async prune(lastUsedBefore: number): Promise<number> {
    const old = [...this.rows].filter(([, row]) => row.usedAt < lastUsedBefore);
    for (const [key] of old) this.rows.delete(key);
    return Promise.resolve(old.length);
  }

  async migrate(): Promise<void> {}

  async now(): Promise<number> {
    return Promise.resolve(this.clock.now());
  }

  async close(): Promise<void> {}
}
const FINAL: ReadonlySet<InboxState> = new Set<InboxState>(['success', 'rejected', 'tombstone']);
/** A row that was used longer ago is marked as used again, which takes a claim. */
const TOUCH_AFTER_MS = 3_600_000;
type Failure = Exclude<InboxResult<never>, { fate: 'committed' }>;

/** One for each: one for all would have too many listeners. */
const neverLost = () => new AbortController().signal;

/** One open transaction: its own view of the rows that it has touched. */
class MemorySession implements InboxSession<MemoryTransaction> {
  uses = 0;
  readonly tx: MemoryTransaction = {
    onCommit: (effect) => {
      this.uses += 1;
      this.effects.push(effect);
    },
  };
  failure: InboxFailure | undefined;
  private readonly owner = Symbol('transaction');
  /** `undefined`: taken away. */
  private readonly changed = new Map<string, Stored | undefined>();
  private effects: (() => void)[] = [];
  private isOver = false;

  constructor(
    readonly now: number,
    private readonly rows: Map<string, Stored>,
    private readonly locks: RowLocks,
    private readonly lockTimeoutMs: number,
  ) {}

  async claim(asked: readonly InboxClaim[]): Promise<readonly Claim[]> {
    const claims = new Map<string, Claim>();
    for (const claim of sortedByKey(asked)) {
      const key = keyText(claim);
      await this.lock(key);
      const row = this.row(key);
      claims.set(key, row ? { fresh: false, row } : { fresh: true });
      this.changed.set(key, row ? { ...row, usedAt: this.now } : { ...claim, state: 'claimed', reply: null, usedAt: this.now });
    }
    return asked.map((claim) => claims.get(keyText(claim))!);
  }

  async finalActions(actionIds: readonly string[]): Promise<readonly (InboxRow | undefined)[]> {
    const found = actionIds.map((actionId) => this.row(keyText({ actionId, direction: 'action' })));
    return Promise.resolve(found.map((row) => (row && FINAL.has(row.state) && row.usedAt >= this.now - TOUCH_AFTER_MS ? row : undefined)));
  }

  async idle(): Promise<void> {}

  async attempt<R>(work: () => Promise<R>): Promise<R> {
    const before = this.effects.length;
    try {
      return await work();
    } catch (error: unknown) {
      this.effects = this.effects.slice(0, before);
      throw error;
    }
  }

  async record(rows: readonly InboxRecord[]): Promise<boolean> {
    for (const row of sortedByKey(rows)) {
      const key = keyText(row);
      await this.lock(key);
      if (this.row(key)) return false;
      this.changed.set(key, { ...row, usedAt: this.now });
    }
    return true;
  }

  async store(rows: readonly InboxWrite[]): Promise<void> {
    for (const row of rows) {
      const known = this.changed.get(keyText(row));
      if (!known) throw this.fail('refused', `${keyText(row)} was not claimed in this transaction`);
      this.changed.set(keyText(row), { ...known, state: row.state, reply: row.reply, usedAt: this.now });
    }
    return Promise.resolve();
  }

  async release(keys: readonly InboxKey[]): Promise<void> {
    for (const key of keys) this.changed.set(keyText(key), undefined);
    return Promise.resolve();
  }

  takeTurn(name: string): Promise<void> {
    return this.lock(`turn of ${name}`);
  }

  condemn(): void {}

  commit(): void {
    for (const [key, row] of this.changed) {
      if (row?.state === 'claimed') throw this.fail('refused', `${key} was neither stored nor released`);
    }
    for (const [key, row] of this.changed) {
      if (row) this.rows.set(key, row);
      else this.rows.delete(key);
    }
    for (const effect of this.effects) effect();
  }

  end(): void {
    this.isOver = true;
    this.locks.releaseAll(this.owner);
  }

  /** As this transaction sees it. */
  private row(key: string): Stored | undefined {
    return this.changed.has(key) ? this.changed.get(key) : this.rows.get(key);
  }

  private async lock(key: string): Promise<void> {
    const isTaken = await this.locks.take(key, this.owner, this.lockTimeoutMs);
    // Given up while it waited: nobody would ever give back what it gets now.
    if (this.isOver) this.locks.releaseAll(this.owner);
    if (!isTaken || this.isOver) throw this.fail('locked', `another transaction holds ${key}`);
  }

  private fail(why: InboxFailure, message: string): SagaError {
    this.failure = why;
    return new SagaError('SAGA_UNAVAILABLE', message);
  }
}

function sortedByKey<Row extends InboxKey>(rows: readonly Row[]): Row[] {
  return rows.toSorted((one, other) => (keyText(one) < keyText(other) ? -1 : 1));
}

function keyText({ actionId, direction }: InboxKey): string {
  return `${actionId} ${direction}`;
}
