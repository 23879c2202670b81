import pg from 'pg';
import { SagaError } from '../core/errors.js';

type OnConnected = (error: Error | undefined, client: pg.PoolClient | undefined, release: (broken?: unknown) => void) => void;

/** So long a connection in doubt may take to say that it can be used. */
const DOUBTFUL_ANSWER_MS = 3_000;

/**
 * A pool class over several servers of which one is writable. All connections go to the server that was found writable last; when
 * connecting there fails, or it has become read-only, the next one in the list is tried, once round. One connection that was given back
 * as broken makes the others doubtful: each is asked before it is handed out again, or a pool of connections to a server that has
 * become read-only would fail as many times as it has connections.
 */
export function failoverPool(urls: readonly string[]): typeof pg.Pool {
  if (urls.length === 0) throw new SagaError('SAGA_CONFIG_INVALID', 'no PostgreSQL URL is given');
  let current = 0;
  let doubts = 0;
  let born = 0;
  /** Connections up to this one are of no use: one that was as old did not answer as it should. */
  let condemned = 0;

  class FailoverClient extends pg.Client {
    readonly server: number;
    readonly number = ++born;
    /** As many doubts as there were when it was found writable last. */
    clearedOf = doubts;
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
      this.on('release', (broken: unknown, client: unknown) => {
        if (broken || isEnding(client)) doubts += 1;
      });
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
      for (let tried = 1; ;) {
        const server = current;
        try {
          const client = await super.connect();
          if (await isWritable(client as unknown as FailoverClient)) return client;
          // Closed, without becoming a doubt of its own; there are only so many of them.
          discard(client);
        } catch (error: unknown) {
          // The pool being full says nothing about the server.
          if (this.totalCount >= this.options.max || tried > urls.length) throw error;
          leave(server);
          if (tried === urls.length) throw error;
          tried += 1;
        }
      }
    }
  }

  async function isWritable(client: FailoverClient): Promise<boolean> {
    if (client.number <= condemned) return false;
    if (client.server === current && client.clearedOf === doubts) return true;
    const asked = doubts;
    const youngest = born;
    // A connection that dies meanwhile would end the process.
    client.on('error', ignore);
    try {
      await assertWritable(client, DOUBTFUL_ANSWER_MS);
    } catch {
      // Where one hangs or is read-only the others are as well; asking each would take as many times as long.
      condemned = youngest;
      leave(client.server);
      return false;
    } finally {
      client.removeListener('error', ignore);
    }
    client.clearedOf = asked;
    current = client.server;
    return true;
  }

  function discard(client: pg.PoolClient): void {
    const before = doubts;
    client.release(true);
    doubts = before;
  }
  return FailoverPool as unknown as typeof pg.Pool;
}

/** `withinMs`: for the answer. Default: the connection's own limit. */
async function assertWritable(client: pg.Client, withinMs?: number): Promise<void> {
  const text = `select not pg_is_in_recovery() and not current_setting('default_transaction_read_only')::boolean as writable`;
  const limit = withinMs === undefined ? {} : { query_timeout: withinMs };
  const { rows } = await client.query<{ writable: boolean }>({ text, ...limit });
  if (!rows[0]?.writable) throw new Error(`the database at ${client.host}:${client.port} is read-only`);
}

function ignore(): void {}

/** Whoever cannot give a connection back as broken (TypeORM) ends it instead. */
function isEnding(client: unknown): boolean {
  return (client as { readonly _ending?: boolean })._ending === true;
}
