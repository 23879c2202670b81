import pg from 'pg';
import { SagaError } from '../core/errors.js';

type OnConnected = (error: Error | undefined, client: pg.PoolClient | undefined, release: (broken?: unknown) => void) => void;

/**
 * A pool class over several servers of which one is writable. All connections go to the server that was found writable last; when
 * connecting there fails, or it has become read-only, the next one in the list is tried, once round.
 */
export function failoverPool(urls: readonly string[]): typeof pg.Pool {
  if (urls.length === 0) throw new SagaError('SAGA_CONFIG_INVALID', 'no PostgreSQL URL is given');
  let current = 0;

  class FailoverClient extends pg.Client {
    readonly server: number;
    constructor(config?: pg.ClientConfig) {
      const server = current;
      super({ ...config, connectionString: urls[server] });
      this.server = server;
    }
  }

  /** Only the first of several clients that met the same failure moves on. */
  const leave = (server: number): void => {
    if (server === current) current = (current + 1) % urls.length;
  };

  class FailoverPool extends pg.Pool {
    constructor(config?: pg.PoolConfig) {
      super({ ...config, Client: FailoverClient as never, onConnect: assertWritable as never });
    }

    override connect(): Promise<pg.PoolClient>;
    override connect(callback: OnConnected): void;
    override connect(callback?: OnConnected): Promise<pg.PoolClient> | void {
      const connected = this.firstWritable();
      if (!callback) return connected;
      connected.then(
        (client) => callback(undefined, client, (broken) => client.release(broken as never)),
        (error: unknown) => callback(error as Error, undefined, () => {}),
      );
    }

    private async firstWritable(): Promise<pg.PoolClient> {
      for (let tried = 1; ; tried++) {
        const server = current;
        try {
          return await super.connect();
        } catch (error: unknown) {
          // The pool being full says nothing about the server.
          if (this.totalCount >= this.options.max || tried > urls.length) throw error;
          leave(server);
          if (tried === urls.length) throw error;
        }
      }
    }
  }
  return FailoverPool as unknown as typeof pg.Pool;
}

async function assertWritable(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ writable: boolean }>(
    `select not pg_is_in_recovery() and not current_setting('default_transaction_read_only')::boolean as writable`,
  );
  if (!rows[0]?.writable) throw new Error(`the database at ${client.host}:${client.port} is read-only`);
}
