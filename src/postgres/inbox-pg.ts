import type { Pool, PoolClient } from 'pg';
import type { InboxStore } from '../ports/inbox.js';
import type { InboxConnection, InboxConnections, SqlClient, SqlResult } from './inbox-connections.js';
import { SqlInboxStore, type InboxOptions } from './inbox-store.js';

/**
 * An inbox on the participant's own `pg` pool: handlers get the client on which the transaction runs, and must leave its begin and end
 * alone. The pool stays the caller's. It needs a connection per group under way, and one more while effects outside are.
 */
export function pgInbox(pool: Pool, options: InboxOptions = {}): InboxStore<PoolClient> {
  return new SqlInboxStore(new PgConnections(pool), options);
}

class PgConnections implements InboxConnections<PoolClient> {
  readonly max: number | undefined;

  constructor(private readonly pool: Pool) {
    this.max = pool.options.max;
  }

  async open(): Promise<InboxConnection<PoolClient>> {
    return new PgConnection(await this.pool.connect());
  }

  async close(): Promise<void> {}
}

class PgConnection implements InboxConnection<PoolClient> {
  readonly client: SqlClient;

  constructor(readonly tx: PoolClient) {
    this.client = tx as unknown as SqlClient;
    // A connection that dies while nobody asks it anything would end the process.
    tx.on('error', ignore);
  }

  async begin(setup: string): Promise<SqlResult> {
    return lastOf(await this.tx.query(`begin isolation level read committed; ${setup}`));
  }

  async commit(): Promise<void> {
    const { command } = await this.tx.query('commit');
    if (command === 'COMMIT') return;
    // What the server answers to the COMMIT of a transaction in which a statement failed and nobody cared.
    throw Object.assign(new Error('the transaction was rolled back: an error of a statement in it was passed over'), { code: '25P02' });
  }

  async rollback(): Promise<void> {
    await this.tx.query('rollback');
  }

  async release(isBroken: boolean): Promise<void> {
    this.tx.removeListener('error', ignore);
    this.tx.release(isBroken);
  }
}

/** Several statements in one text give a list of results. */
export function lastOf(results: unknown): SqlResult {
  return (Array.isArray(results) ? results.at(-1) : results) as SqlResult;
}

function ignore(): void {}
