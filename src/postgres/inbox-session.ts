import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../core/errors.js';
import type { Claim, InboxClaim, InboxKey, InboxRecord, InboxRow, InboxSession, InboxWrite } from '../ports/inbox.js';
import type { InboxConnection, Queries, SqlClient, SqlResult } from './inbox-connections.js';
import { inTime } from './inbox-answer.js';
import { isConflict } from './inbox-failure.js';
import { keyText, type InboxSql } from './inbox-sql.js';

/** Thrown where the transaction cannot go on; `cause` is what the database said. */
export class TransactionLost extends Error {
  constructor(cause: unknown) {
    super(`the inbox transaction cannot go on: ${messageOf(cause)}`, { cause });
  }
}

/**
 * One inbox transaction on one connection.
 * Owns: the savepoint. Does not own: the transaction's begin and end, nor the connection.
 * Invariant: outside `attempt` there is one savepoint at most and nothing of a failed attempt is left.
 */
export class SqlInboxSession<Tx> implements InboxSession<Tx> {
  readonly tx: Tx;
  isCondemned = false;
  private hasSavepoint = false;
  private readonly watched: WatchedClient;

  constructor(
    connection: InboxConnection<Tx>,
    private readonly sql: InboxSql,
    readonly now: number,
    private readonly answerMs: number,
  ) {
    this.tx = connection.tx;
    this.watched = new WatchedClient(connection.client);
  }

  get uses(): number {
    return this.watched.statements;
  }

  idle(): Promise<void> {
    return this.guard(() => this.watched.idle());
  }

  /** Before the connection goes back. */
  close(): void {
    this.watched.close();
  }

  async claim(rows: readonly InboxClaim[]): Promise<readonly Claim[]> {
    const claims = await this.guard(() => this.sql.claim(this.watched.unseen, sortedByKey(rows)));
    return rows.map((row) => claims.get(keyText(row))!);
  }

  async finalActions(actionIds: readonly string[]): Promise<readonly (InboxRow | undefined)[]> {
    const rows = await this.guard(() => this.sql.finalActions(this.watched.unseen, actionIds));
    const byId = new Map(rows.map((row) => [row.actionId, row]));
    return actionIds.map((id) => byId.get(id));
  }

  async attempt<R>(work: () => Promise<R>): Promise<R> {
    // The savepoint of the attempt before is let go in the same round trip.
    await this.command(this.hasSavepoint ? `release savepoint ${NAME}; savepoint ${NAME}` : `savepoint ${NAME}`);
    this.hasSavepoint = true;
    try {
      const value = await work();
      return value;
    } catch (error: unknown) {
      // What comes after the rollback would stay.
      await this.idle();
      if (isConflict(error)) throw new TransactionLost(error);
      await this.command(`rollback to savepoint ${NAME}`);
      throw error;
    }
  }

  async record(rows: readonly InboxRecord[]): Promise<boolean> {
    return rows.length === 0 || (await this.guard(() => this.sql.record(this.watched.unseen, sortedByKey(rows))));
  }

  async store(rows: readonly InboxWrite[]): Promise<void> {
    if (rows.length > 0) await this.guard(() => this.sql.store(this.watched.unseen, rows));
  }

  async release(keys: readonly InboxKey[]): Promise<void> {
    if (keys.length > 0) await this.guard(() => this.sql.release(this.watched.unseen, keys));
  }

  async takeTurn(name: string): Promise<void> {
    await this.guard(() => this.sql.takeTurn(this.watched.unseen, name));
  }

  condemn(): void {
    this.isCondemned = true;
  }

  private async command(text: string): Promise<void> {
    await this.guard(() => this.watched.unseen.query(text));
  }

  private async guard<R>(statement: () => Promise<R>): Promise<R> {
    try {
      return await inTime(this.answerMs, statement());
    } catch (error: unknown) {
      throw new TransactionLost(error);
    }
  }
}

/**
 * Counts the statements that others send on a connection, whichever library they use: all of them end in its client's `query`.
 * Whoever keeps that from one transaction to the next, bound or wrapped, is counted all the same: the count is the client's.
 */
class WatchedClient {
  /** For statements that are not to be counted. */
  readonly unseen: Queries;
  private readonly count: { statements: number };
  private readonly from: number;
  private readonly before: PropertyDescriptor | undefined;
  private readonly counting: SqlClient['query'];
  /** A client answers in the order in which it is asked. */
  private last: unknown;

  constructor(private readonly client: SqlClient) {
    const count = COUNTS.get(client) ?? { statements: 0 };
    COUNTS.set(client, count);
    this.count = count;
    this.from = count.statements;
    this.before = Object.getOwnPropertyDescriptor(client, 'query');
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<SqlResult>;
    this.unseen = { query };
    this.counting = (...args: unknown[]) => {
      count.statements += 1;
      const asked = query(...args);
      this.last = asked;
      return asked;
    };
    client.query = this.counting;
  }

  get statements(): number {
    return this.count.statements - this.from;
  }

  /** Until everything is answered and nothing more follows from it; libraries ask some turns after they are called. */
  async idle(): Promise<void> {
    for (let seen = -1; seen !== this.statements;) {
      seen = this.statements;
      await Promise.allSettled([this.last]);
      await setImmediate();
    }
  }

  /** As it was; what others have put in its place meanwhile is theirs, and stays. */
  close(): void {
    if (this.client.query !== this.counting) return;
    if (this.before) Object.defineProperty(this.client, 'query', this.before);
    else delete (this.client as { query?: unknown }).query;
  }
}
const COUNTS = new WeakMap<SqlClient, { statements: number }>();

/** Mostly they come in this order: ids of sagas grow. */
function sortedByKey<Row extends InboxKey>(rows: readonly Row[]): readonly Row[] {
  for (let next = 1; next < rows.length; next++) if (compareKeys(rows[next - 1]!, rows[next]!) > 0) return rows.toSorted(compareKeys);
  return rows;
}

function compareKeys(one: InboxKey, other: InboxKey): number {
  if (one.actionId !== other.actionId) return one.actionId < other.actionId ? -1 : 1;
  if (one.direction === other.direction) return 0;
  return one.direction < other.direction ? -1 : 1;
}

const NAME = 'backstep_command';
