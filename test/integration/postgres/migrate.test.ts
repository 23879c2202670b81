import { describe, expect, it } from '@jest/globals';
import { connect, sagaDataSource } from '../../../src/postgres/connect.js';
import { openEmbedded } from '../../../src/postgres/embedded.js';
import { migrate, revertLatest } from '../../../src/postgres/migrate.js';
import { MIGRATIONS } from '../../../src/postgres/migrations/index.js';
import { PostgresSagaStore } from '../../../src/postgres/postgres-saga-store.js';
import { createSchema } from '../../../src/postgres/schema.js';
import { start, startOf } from '../../contract/saga-store-fixtures.js';
import { closeAtEnd } from '../../support/closing.js';
import { eventually } from '../../support/eventually.js';
import { freshDatabase } from '../../support/servers.js';
import { someoneElse } from './connections.js';

const NAMES = MIGRATIONS.map((migration) => migration.name);

async function opened(url: string, namespace = 'backstep', poolSize = 3) {
  const dataSource = await connect({ url, namespace, poolSize });
  closeAtEnd(() => dataSource.destroy());
  return dataSource;
}

describe('migrations', () => {
  it('go up, down and up again, and leave nothing behind', async () => {
    const { url } = await freshDatabase();
    const dataSource = await opened(url);
    expect(await migrate(dataSource)).toEqual(NAMES);
    expect(await migrate(dataSource)).toEqual([]);
    for (const _name of NAMES) await revertLatest(dataSource);
    const left: { name: string }[] = await dataSource.query(
      `select relname as name from pg_class where relnamespace = 'backstep'::regnamespace and relkind in ('r', 'p')`,
    );
    expect(left).toEqual([{ name: 'migration' }]);
    expect(await migrate(dataSource)).toEqual(NAMES);
    await start(new PostgresSagaStore(dataSource), startOf());
  });

  it('need one connection', async () => {
    const { url } = await freshDatabase();
    const dataSource = await opened(url, 'backstep', 1);
    expect([await migrate(dataSource), await migrate(dataSource)]).toEqual([NAMES, []]);
  });

  it('[A14] run once when several processes start at once', async () => {
    const { url } = await freshDatabase();
    const dataSources = await Promise.all([opened(url), opened(url), opened(url)]);
    const ran = await Promise.all(dataSources.map(migrate));
    expect(ran.flat()).toEqual(NAMES);
  }, 30_000);

  it('find a schema that another process makes at the same instant', async () => {
    const { url } = await freshDatabase();
    const dataSource = await opened(url, 'participant');
    const [other, observer] = await Promise.all([someoneElse(url), someoneElse(url)]);
    await other.query('begin; create schema participant');
    const making = createSchema(dataSource);
    const isWaiting = async () => (await observer.query(`select 1 from pg_stat_activity where wait_event = 'transactionid'`)).rowCount;
    await eventually(isWaiting, { what: 'it waits for the other one' });
    await other.query('commit');
    await expect(making).resolves.toBeUndefined();
  });

  it('keep namespaces in one database apart', async () => {
    const { url } = await freshDatabase();
    const [one, two] = await Promise.all([opened(url, 'one'), opened(url, 'two')]);
    await Promise.all([migrate(one), migrate(two)]);
    const saga = startOf({ key: 'k' });
    await start(new PostgresSagaStore(one), saga);
    await start(new PostgresSagaStore(two), saga);
    expect(await new PostgresSagaStore(two).find(saga.state.id)).toMatchObject({ version: 1 });
    await expect(connect({ url, namespace: 'No "good"' })).rejects.toMatchObject({ code: 'SAGA_CONFIG_INVALID' });
  });

  it('[A14] are asked for by a store whose schema is absent, old or newer', async () => {
    const { url } = await freshDatabase();
    const dataSource = await opened(url);
    const store = new PostgresSagaStore(dataSource);
    await expect(store.check()).rejects.toMatchObject({
      code: 'SAGA_SCHEMA_OUTDATED',
      message: expect.stringContaining('backstep migrate'),
      faults: NAMES.map((name) => `missing: ${name}`),
    });
    await migrate(dataSource);
    await store.check();
    await dataSource.query(`insert into backstep.migration (timestamp, name) values (1999999999999, 'FromTheFuture1999999999999')`);
    await expect(store.check()).rejects.toMatchObject({
      code: 'SAGA_SCHEMA_OUTDATED',
      faults: ['unknown here: FromTheFuture1999999999999'],
    });
  }, 30_000);

  it('make what the entities say', async () => {
    const { url } = await freshDatabase();
    const embedded = await openEmbedded();
    closeAtEnd(() => embedded.close());
    for (const dataSource of [await opened(url), await embedded.dataSource(sagaDataSource('backstep'))]) {
      await migrate(dataSource);
      const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
      expect(upQueries.map(({ query }) => query)).toEqual([]);
    }
  }, 60_000);
});
