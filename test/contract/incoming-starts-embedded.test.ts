import { sagaDataSource } from '../../src/postgres/connect.js';
import { openEmbedded } from '../../src/postgres/embedded.js';
import { migrate } from '../../src/postgres/migrate.js';
import { PostgresSagaStore } from '../../src/postgres/postgres-saga-store.js';
import { writeIncoming } from '../../src/postgres/write-incoming.js';
import { closeAtEnd } from '../support/closing.js';
import { describeIncomingStarts } from './incoming-starts.contract.js';

describeIncomingStarts('embedded PostgreSQL', async () => {
  const embedded = await openEmbedded();
  closeAtEnd(() => embedded.close());
  const dataSource = await embedded.dataSource(sagaDataSource('backstep'));
  await migrate(dataSource);
  return {
    store: new PostgresSagaStore(dataSource),
    write: (...rows) =>
      dataSource.transaction(async (tx) => {
        for (const row of rows) await writeIncoming(tx, row, { namespace: 'backstep', notify: true });
      }),
  };
});
