import { pass } from '../core/crash-points.js';
import type { ExclusiveResult, InboxResult, InboxSession, InboxStore } from '../ports/inbox.js';
import type { InboxConnection, InboxConnections, SqlResult } from './inbox-connections.js';
import { inTime } from './inbox-answer.js';
import { failureOf, isCommitUnknown, isConflict } from './inbox-failure.js';
import { DatabaseLocks, ProcessLocks, type NamedLocks } from './inbox-locks.js';
import { SqlInboxSession, TransactionLost } from './inbox-session.js';
import { InboxSql } from './inbox-sql.js';

/** How an inbox in PostgreSQL is kept; every field has a default. */
export interface InboxOptions {
  /** The schema of the table `backstep_inbox`. Default: where the connection's search path leads. */
  readonly schema?: string;
  /** Milliseconds that a transaction waits for a lock before it gives up. Default 5,000. */
  readonly lockTimeoutMs?: number;
  /**
   * Milliseconds that the database may take to answer what the inbox itself asks, or the pool to give a connection; after that the
   * connection counts as lost. Default 20,000; at least five seconds more than `lockTimeoutMs`.
   */
  readonly answerTimeoutMs?: number;
  /**
   * Where commands with effects outside are kept apart. `database` (default): by advisory locks, held by one more connection of the
   * pool. `process`: within this process only; for a pool of one connection (there it is the default) that no other process shares.
   */
  readonly locks?: 'database' | 'process';
}

/**
 * The inbox in PostgreSQL, whatever the participant's own library is.
 * Owns: the statements and the advisory locks. Does not own: the pool, which keeps its settings (what a transaction needs is set for
 * the transaction only).
 * Invariant: a connection whose state nobody knows is closed, never given back.
 */
export class SqlInboxStore<Tx> implements InboxStore<Tx> {
  private readonly sql: InboxSql;
  private readonly setup: string;
  private readonly kindOfLocks: 'database' | 'process' | undefined;
  private readonly answerMs: number;
  private locks: NamedLocks | undefined;

  constructor(
    private readonly connections: InboxConnections<Tx>,
    options: InboxOptions = {},
  ) {
    this.sql = new InboxSql(options.schema);
    const lockMs = Math.max(1, Math.round(options.lockTimeoutMs ?? 5_000));
    this.setup = `set local lock_timeout = ${lockMs}; ${CLOCK}`;
    this.answerMs = Math.max(options.answerTimeoutMs ?? 20_000, lockMs + MORE_THAN_LOCK_MS);
    this.kindOfLocks = options.locks;
  }

  async transact<R>(work: (session: InboxSession<Tx>) => Promise<R>): Promise<InboxResult<R>> {
    let connection: InboxConnection<Tx>;
    try {
      connection = await this.open();
    } catch (error: unknown) {
      return { fate: 'failed', why: 'unavailable', error };
    }
    let isBroken = true;
    try {
      const { result, isUsable } = await this.inTransaction(connection, work);
      isBroken = !isUsable;
      return result;
    } finally {
      await connection.release(isBroken);
    }
  }

  exclusively<R>(name: string, waitMs: number, work: (lost: AbortSignal) => Promise<R>): Promise<ExclusiveResult<R>> {
    // How large the pool is can be seen only once it is there.
    this.locks ??= this.makeLocks();
    return this.locks.hold(name, waitMs, work);
  }

  async prune(lastUsedBefore: number): Promise<number> {
    let pruned = 0;
    for (;;) {
      const { rows, isLast } = await this.onConnection(({ client }) => this.sql.pruneStep(client, lastUsedBefore));
      pruned += rows;
      if (isLast) return pruned;
    }
  }

  async migrate(): Promise<void> {
    await this.onConnection(async (connection) => {
      await connection.begin(CLOCK);
      await this.sql.createTable(connection.client);
      await connection.commit();
    });
  }

  now(): Promise<number> {
    return this.onConnection(async ({ client }) => clockIn(await client.query(CLOCK)));
  }

  async close(): Promise<void> {
    await this.locks?.close();
    await this.connections.close();
  }

  private makeLocks(): NamedLocks {
    const kind = this.kindOfLocks ?? (this.connections.max === 1 ? 'process' : 'database');
    return kind === 'process' ? new ProcessLocks() : new DatabaseLocks(() => this.open(), this.sql.name, this.answerMs);
  }

  private async inTransaction<R>(
    connection: InboxConnection<Tx>,
    work: (session: InboxSession<Tx>) => Promise<R>,
  ): Promise<{ readonly result: InboxResult<R>; readonly isUsable: boolean }> {
    let session: SqlInboxSession<Tx> | undefined;
    let value: R;
    try {
      session = new SqlInboxSession(
        connection,
        this.sql,
        clockIn(await inTime(this.answerMs, connection.begin(this.setup))),
        this.answerMs,
      );
      pass('inbox.begun');
      value = await work(session);
    } catch (error: unknown) {
      const failed = whyFailed(error, session === undefined);
      // Also a server that has become read-only is unavailable: its connections are not to be met again.
      const isUsable = !session?.isCondemned && failed.why !== 'unavailable' && (await this.isRolledBack(connection));
      return { result: { fate: 'failed', ...failed }, isUsable };
    } finally {
      session?.close();
    }
    try {
      pass('inbox.committing');
      await inTime(this.answerMs, connection.commit());
      pass('inbox.committed');
      return { result: { fate: 'committed', value }, isUsable: true };
    } catch (error: unknown) {
      if (isCommitUnknown(error)) return { result: { fate: 'unknown', error }, isUsable: false };
      return { result: { fate: 'failed', why: failureOf(error), error }, isUsable: await this.isRolledBack(connection) };
    }
  }

  private open(): Promise<InboxConnection<Tx>> {
    return inTime(this.answerMs, this.connections.open(), (late) => void late.release(true));
  }

  private async isRolledBack(connection: InboxConnection<Tx>): Promise<boolean> {
    try {
      await inTime(this.answerMs, connection.rollback());
      return true;
    } catch {
      return false;
    }
  }

  /** For what needs no transaction of its own. */
  private async onConnection<R>(work: (connection: InboxConnection<Tx>) => Promise<R>): Promise<R> {
    const connection = await this.open();
    let isBroken = true;
    try {
      const value = await work(connection);
      isBroken = false;
      return value;
    } finally {
      await connection.release(isBroken);
    }
  }
}

/** A statement that waits for a lock is answered by then, one way or the other. */
const MORE_THAN_LOCK_MS = 5_000;
const CLOCK = `select (extract(epoch from clock_timestamp()) * 1000)::float8 as now`;

function clockIn({ rows }: SqlResult): number {
  return Math.floor((rows[0] as { readonly now: number }).now);
}

/** What the database said of its own statements, or of BEGIN; an error of the work itself is never its fault, unless it is a conflict. */
function whyFailed(error: unknown, atBegin: boolean) {
  const cause = error instanceof TransactionLost ? error.cause : error;
  const isOurs = atBegin || error instanceof TransactionLost || isConflict(error);
  return { why: isOurs ? failureOf(cause) : ('refused' as const), error: cause };
}
