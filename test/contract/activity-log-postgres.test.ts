import { describe, expect, it } from '@jest/globals';
import { PostgresActivityLog } from '../../src/postgres/activity-log.js';
import { connect } from '../../src/postgres/connect.js';
import { migrate } from '../../src/postgres/migrate.js';
import { closeAtEnd } from '../support/closing.js';
import { freshDatabase } from '../support/servers.js';
import { describeActivityLog } from './activity-log.contract.js';

async function opened() {
  const { url } = await freshDatabase();
  const dataSource = await connect({ url });
  closeAtEnd(() => dataSource.destroy());
  await migrate(dataSource);
  return dataSource;
}

describeActivityLog('PostgreSQL', async () => new PostgresActivityLog(await opened()));

describe('the activity in PostgreSQL', () => {
  it('is forgotten when it is an hour and a half old', async () => {
    const dataSource = await opened();
    const log = new PostgresActivityLog(dataSource);
    const at = Math.floor(Date.now() / 60_000) * 60_000;
    const nothing = { started: 0, completed: 0, compensated: 0, took: { completed: {}, compensated: {} } };
    const daemon = '0198f000-0000-4000-8000-000000000001';
    await log.write(daemon, [{ at: at - 95 * 60_000, ...nothing }]);
    await log.write(daemon, [{ at, ...nothing }]);
    const [{ count }] = await dataSource.query<[{ count: string }]>('select count(*) from backstep.activity');
    expect(Number(count)).toBe(1);
  });
});
