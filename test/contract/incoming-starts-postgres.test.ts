import pg from 'pg';
import { connect } from '../../src/postgres/connect.js';
import { migrate } from '../../src/postgres/migrate.js';
import { PostgresSagaStore } from '../../src/postgres/postgres-saga-store.js';
import { writeIncoming } from '../../src/postgres/write-incoming.js';
import { closeAtEnd } from '../support/closing.js';
import { freshDatabase } from '../support/servers.js';
import { describeIncomingStarts } from './incoming-starts.contract.js';

describeIncomingStarts('PostgreSQL', async () => {
  const { url } = await freshDatabase();
  const dataSource = await connect({ url });
  await migrate(dataSource);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  closeAtEnd(() => client.end());
  return {
    store: new PostgresSagaStore(dataSource),
    write: async (...rows) => {
      await client.query('begin');
      for (const row of rows) await writeIncoming(client, row, { namespace: 'backstep', notify: true });
      await client.query('commit');
    },
    hold: async (ids) => {
      await client.query('begin');
      await client.query('select from backstep.incoming_start where id = any ($1) for update', [ids]);
      return async () => void (await client.query('rollback'));
    },
  };
});
