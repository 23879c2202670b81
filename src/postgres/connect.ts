import pg from 'pg';
import { DataSource } from 'typeorm';
import { SagaError, messageOf } from '../core/errors.js';
import type { Logger } from '../ports/logger.js';
import { ENTITIES } from './entities.js';
import { failoverPool } from './failover-pool.js';
import { MIGRATIONS } from './migrations/index.js';
import { quotedSchema } from './schema.js';

export interface ConnectOptions {
  /** One URL, or several with commas between them: the first that is writable is used. */
  readonly url: string;
  /** The schema of the tables. Default `backstep`. */
  readonly namespace?: string;
  /** Connections at most. Default 10. */
  readonly poolSize?: number;
  readonly applicationName?: string;
  readonly timeouts?: Partial<Timeouts>;
  readonly logger?: Logger;
}

/** Milliseconds; 0 switches one off. What hangs must end: a batch that waits for ever is worse than one that is tried again. */
export interface Timeouts {
  /** Making a connection, or waiting for a free one. */
  readonly connect: number;
  /** One statement, at the server. */
  readonly statement: number;
  /** Waiting for a lock. */
  readonly lock: number;
  /** A transaction in which nothing happens: its client is gone or stopped. */
  readonly idleInTransaction: number;
  /**
   * An answer, at the client: the server or the way to it is gone. Longer than `statement`, and short enough for work to go on within
   * 25 seconds when a link is half open.
   */
  readonly answer: number;
}
export const TIMEOUTS: Timeouts = { connect: 10_000, statement: 15_000, lock: 10_000, idleInTransaction: 30_000, answer: 20_000 };
/** A migration may rewrite a table, which takes as long as it takes. */
export const MIGRATING: Partial<Timeouts> = { statement: 0, answer: 0 };

/**
 * Connects to PostgreSQL; the data source is initialized. The caller destroys it (or closes the store that was given it).
 * Throws SAGA_UNAVAILABLE when no server answers that is writable.
 */
export async function connect(options: ConnectOptions): Promise<DataSource> {
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const namespace = options.namespace ?? 'backstep';
  quotedSchema(namespace);
  const dataSource = new DataSource({
    ...sagaDataSource(namespace),
    driver: { ...pg, Pool: failoverPool(urlsIn(options.url)) },
    poolErrorHandler: (error: unknown) => options.logger?.warn({ error: messageOf(error) }, 'an idle database connection was lost'),
    extra: {
      max: options.poolSize ?? 10,
      application_name: options.applicationName ?? namespace,
      connectionTimeoutMillis: timeouts.connect,
      statement_timeout: timeouts.statement,
      lock_timeout: timeouts.lock,
      idle_in_transaction_session_timeout: timeouts.idleInTransaction,
      query_timeout: timeouts.answer,
      // Statements that do not need each other's answers travel together.
      pipeline: true,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    },
  });
  try {
    return await dataSource.initialize();
  } catch (error: unknown) {
    throw new SagaError('SAGA_UNAVAILABLE', `no usable PostgreSQL: ${messageOf(error)}`, [], { cause: error });
  }
}

/** What every data source of a namespace has in common, wherever its database is. */
export function sagaDataSource(namespace: string) {
  return {
    type: 'postgres' as const,
    schema: namespace,
    entities: [...ENTITIES],
    migrations: [...MIGRATIONS],
    migrationsTableName: 'migration',
    synchronize: false,
    logging: false,
    installExtensions: false,
  };
}

function urlsIn(list: string): readonly string[] {
  return list
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');
}
