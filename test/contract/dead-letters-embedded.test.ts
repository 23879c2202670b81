import { sagaDataSource } from '../../src/postgres/connect.js';
import { openEmbedded } from '../../src/postgres/embedded.js';
import { migrate } from '../../src/postgres/migrate.js';
import { PostgresSagaStore } from '../../src/postgres/postgres-saga-store.js';
import { closeAtEnd } from '../support/closing.js';
import { describeDeadLetters } from './dead-letters.contract.js';

describeDeadLetters('embedded PostgreSQL', async () => {
  const embedded = await openEmbedded();
  closeAtEnd(() => embedded.close());
  const dataSource = await embedded.dataSource(sagaDataSource('backstep'));
  await migrate(dataSource);
  return new PostgresSagaStore(dataSource);
});
