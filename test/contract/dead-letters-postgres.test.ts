import { connect } from '../../src/postgres/connect.js';
import { migrate } from '../../src/postgres/migrate.js';
import { PostgresSagaStore } from '../../src/postgres/postgres-saga-store.js';
import { freshDatabase } from '../support/servers.js';
import { describeDeadLetters } from './dead-letters.contract.js';

describeDeadLetters('PostgreSQL', async () => {
  const { url } = await freshDatabase();
  const dataSource = await connect({ url });
  await migrate(dataSource);
  return new PostgresSagaStore(dataSource);
});
