import pg from 'pg';
import { connect, type ConnectOptions } from '../../../src/postgres/connect.js';
import { migrate } from '../../../src/postgres/migrate.js';
import { PostgresSagaStore } from '../../../src/postgres/postgres-saga-store.js';
import { closeAtEnd } from '../../support/closing.js';
import { eventually } from '../../support/eventually.js';
import { freshDatabase } from '../../support/servers.js';

/** A store on a migrated database of its own; closed at the end of the test file. */
export async function openStore(options: Partial<ConnectOptions> = {}): Promise<{ url: string; store: PostgresSagaStore }> {
  const { url } = options.url === undefined ? await freshDatabase() : { url: options.url };
  const dataSource = await connect({ url, ...options });
  closeAtEnd(async () => void (dataSource.isInitialized && (await dataSource.destroy())));
  await migrate(dataSource);
  return { url, store: new PostgresSagaStore(dataSource) };
}

/** A connection of somebody else. */
export async function someoneElse(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  closeAtEnd(() => client.end().catch(() => {}));
  return client;
}

/** Waits until a backend of this database waits as `event` says (`transactionid`, `advisory`, …), and kills it. */
export async function terminateWaiting(other: pg.Client, event: string): Promise<void> {
  await eventually(
    async () => {
      const { rowCount } = await other.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and wait_event = $1`,
        [event],
      );
      return rowCount;
    },
    { what: `a backend waits for ${event}` },
  );
}
