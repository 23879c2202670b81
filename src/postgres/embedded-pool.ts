import type { PGlite } from '@electric-sql/pglite';
import type { createPgConfig } from '@electric-sql/pglite/node-postgres';
import { EventEmitter } from 'node:events';
import pg from 'pg';

type CreateConnection = typeof createPgConfig;
type OnConnected = (error: unknown, client: pg.PoolClient | undefined, release: (broken?: unknown) => void) => void;

/**
 * A pool of one connection over an embedded database, which has but one session. Who asks second waits: first come, first served, at
 * most `waitMs`. So whoever holds the connection must not ask for it again.
 */
export function singleSessionPool(db: PGlite, createConnection: CreateConnection, waitMs: number): pg.Pool {
  let previous: Promise<unknown> = Promise.resolve();

  // The connection object of a client is used up when the client ends, so each client gets a new one.
  class EmbeddedClient extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, connection: createConnection(db).connection } as pg.ClientConfig);
    }

    override connect(): Promise<pg.Client>;
    override connect(callback: (error: Error) => void): void;
    override connect(callback?: (error: Error) => void): Promise<pg.Client> {
      const connected = previous.then(() => freshSession(db)).then(() => super.connect());
      if (callback) connected.then(() => (callback as () => void)(), callback);
      return connected;
    }

    override end(): Promise<void>;
    override end(callback: (error: Error) => void): void;
    override end(callback?: (error: Error) => void): Promise<void> {
      const ended = super.end();
      previous = ended.catch(() => undefined);
      if (callback) ended.then(() => (callback as () => void)(), callback);
      return ended;
    }
  }
  return new pg.Pool({
    Client: EmbeddedClient as never,
    max: 1,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: waitMs,
    allowExitOnIdle: true,
  });
}

/** A server would begin a new session for a new client; here the one session is made to look like new. */
async function freshSession(db: PGlite): Promise<void> {
  await db.exec('rollback');
  await db.exec('deallocate all; reset all; select pg_advisory_unlock_all()');
}

/** Which schema the one session's search path leads to. */
export type SearchPaths = WeakMap<object, string>;

/**
 * What one data source sees as its pool: the shared connection, with its own schema in the search path. Ending it leaves the shared
 * pool alone.
 */
export function schemaPool(shared: pg.Pool, paths: SearchPaths, quotedSchema: string): typeof pg.Pool {
  class SchemaPool extends EventEmitter {
    readonly options = { max: 1 };

    connect(callback?: OnConnected): Promise<pg.PoolClient> | void {
      const acquired = acquire(shared, paths, quotedSchema);
      if (!callback) return acquired;
      acquired.then(
        (client) => callback(undefined, client, (broken) => client.release(broken as boolean)),
        (error: unknown) => callback(error, undefined, () => {}),
      );
    }

    async query(text: string | pg.QueryConfig, values?: unknown[]): Promise<pg.QueryResult> {
      const client = await acquire(shared, paths, quotedSchema);
      let broken = true;
      try {
        const result = await client.query(text, values);
        broken = false;
        return result;
      } finally {
        client.release(broken);
      }
    }

    async end(callback?: () => void): Promise<void> {
      callback?.();
    }
  }
  return SchemaPool as unknown as typeof pg.Pool;
}

async function acquire(shared: pg.Pool, paths: SearchPaths, schema: string): Promise<pg.PoolClient> {
  const client = await shared.connect();
  // Somebody gave the connection back in the middle of a transaction.
  if (client.getTransactionStatus() === 'T' || client.getTransactionStatus() === 'E') {
    client.release(true);
    return acquire(shared, paths, schema);
  }
  if (paths.get(client) === schema) return client;
  try {
    await client.query(`set search_path to ${schema}`);
    paths.set(client, schema);
    return client;
  } catch (error: unknown) {
    client.release(true);
    throw error;
  }
}
