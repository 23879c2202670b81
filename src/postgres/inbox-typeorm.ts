import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { InboxStore } from '../ports/inbox.js';
import type { InboxConnection, InboxConnections, SqlClient, SqlResult } from './inbox-connections.js';
import { SqlInboxStore, type InboxOptions } from './inbox-store.js';
import { lastOf } from './inbox-pg.js';
import { poolOf } from './pool.js';

/**
 * An inbox on the participant's own TypeORM data source (PostgreSQL): handlers get the entity manager of the transaction, and may nest
 * transactions in it. The table is in the data source's schema unless `schema` says otherwise. A data source that is not initialized
 * yet is, and is then destroyed with the inbox; one that is stays the caller's.
 */
export function typeormInbox(dataSource: DataSource, options: InboxOptions = {}): InboxStore<EntityManager> {
  const { schema } = dataSource.options as { schema?: string };
  const connections = new TypeOrmConnections(dataSource);
  return new SqlInboxStore(connections, schema === undefined ? options : { schema, ...options });
}

class TypeOrmConnections implements InboxConnections<EntityManager> {
  private initializing: Promise<unknown> | undefined;

  constructor(private readonly dataSource: DataSource) {}

  get max(): number | undefined {
    return this.dataSource.isInitialized ? poolOf(this.dataSource).options.max : undefined;
  }

  async open(): Promise<InboxConnection<EntityManager>> {
    if (!this.dataSource.isInitialized) await this.initialize();
    const runner = this.dataSource.createQueryRunner();
    return new TypeOrmConnection(runner, (await runner.connect()) as SqlClient);
  }

  async close(): Promise<void> {
    if (this.initializing && this.dataSource.isInitialized) await this.dataSource.destroy();
    this.initializing = undefined;
  }

  private async initialize(): Promise<void> {
    this.initializing ??= this.dataSource.initialize();
    try {
      await this.initializing;
    } catch (error: unknown) {
      this.initializing = undefined;
      throw error;
    }
  }
}

class TypeOrmConnection implements InboxConnection<EntityManager> {
  readonly tx: EntityManager;

  constructor(
    private readonly runner: QueryRunner,
    readonly client: SqlClient,
  ) {
    this.tx = runner.manager;
    // A connection that dies while nobody asks it anything would end the process.
    client.on('error', ignore);
  }

  async begin(setup: string): Promise<SqlResult> {
    await this.runner.startTransaction();
    return lastOf(await this.client.query(`set transaction isolation level read committed; ${setup}`));
  }

  async commit(): Promise<void> {
    await this.runner.commitTransaction();
  }

  async rollback(): Promise<void> {
    if (this.runner.isTransactionActive) await this.runner.rollbackTransaction();
  }

  async release(isBroken: boolean): Promise<void> {
    this.client.removeListener('error', ignore);
    // The runner itself cannot give a connection back as broken; the pool drops one that is ending.
    if (isBroken) void (this.client as unknown as { end(): Promise<void> }).end().catch(ignore);
    await this.runner.release();
  }
}

function ignore(): void {}
