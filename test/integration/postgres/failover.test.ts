import { describe, expect, it } from '@jest/globals';
import type { Client, Pool } from 'pg';
import { connect } from '../../../src/postgres/connect.js';
import { poolOf } from '../../../src/postgres/pool.js';
import { PostgresSagaStore } from '../../../src/postgres/postgres-saga-store.js';
import { transact } from '../../../src/postgres/transaction.js';
import { start, startOf } from '../../contract/saga-store-fixtures.js';
import { HalfOpen } from '../../lab/failover/half-open.js';
import { eventually } from '../../support/eventually.js';
import { freshDatabase } from '../../support/servers.js';
import { openStore, someoneElse } from './connections.js';

const NOBODY = 'postgres://nobody@127.0.0.1:1/none';

describe('several PostgreSQL servers', () => {
  it('[E10] the first that is writable is used, and another one when it no longer is', async () => {
    const [one, two] = [await freshDatabase(), await freshDatabase()];
    const other = await someoneElse(one.url);
    const setReadOnly = async (url: string, on: boolean) => {
      const name = new URL(url).pathname.slice(1);
      await other.query(`alter database ${name} set default_transaction_read_only = ${on}`);
      await other.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()', [name]);
    };
    await other.query('set session characteristics as transaction read write');
    await setReadOnly(one.url, true);
    const { store } = await openStore({ url: `${NOBODY}, ${one.url},${two.url}` });
    const databaseOf = async () => (await store.dataSource.query('select current_database() as name'))[0].name;
    expect(two.url).toContain(await databaseOf());
    expect(await start(store, startOf())).toHaveLength(1);
    await setReadOnly(one.url, false);
    await setReadOnly(two.url, true);
    await eventually(async () => one.url.includes(await databaseOf()), { what: 'the other server is used' });
    await expect(store.check()).rejects.toMatchObject({ code: 'SAGA_SCHEMA_OUTDATED' });
  });

  type Writing = () => Promise<unknown>;
  it.each<[string, (pool: Pool, writing: Writing) => Promise<void>]>([
    ['given back as broken', async (_, writing) => expect(await writing()).toMatchObject({ fate: 'failed', error: { code: '25006' } })],
    [
      'ended, as TypeORM must',
      async (pool) => {
        const client = await pool.connect();
        void (client as unknown as Client).end().catch(() => {});
        client.release();
      },
    ],
  ])('after one was %s, the connections to a server that has become read-only are asked before they are used', async (_, giveUp) => {
    const [one, two] = [await freshDatabase(), await freshDatabase()];
    const other = await someoneElse(one.url);
    const { store } = await openStore({ url: `${one.url},${two.url}`, poolSize: 6 });
    const pool = poolOf(store.dataSource);
    const writing = () => transact(pool, { text: 'select 1' }, async () => ({ last: { text: 'create table t ()' }, value: 1 }));
    // Six connections, all of which go on: nobody ends them, as where a server is demoted in an orderly way.
    await Promise.all(Array.from({ length: 6 }, () => pool.query('select pg_sleep(0.1)')));
    expect(pool.totalCount).toBe(6);
    await other.query(`alter database ${new URL(one.url).pathname.slice(1)} set default_transaction_read_only = on`);
    await Promise.all(
      Array.from({ length: 6 }, () => pool.query(`select pg_sleep(0.1), set_config('default_transaction_read_only', 'on', false)`)),
    );
    await giveUp(pool, writing);
    expect(await writing()).toMatchObject({ fate: 'committed' });
    expect((await pool.query('select current_database() as name')).rows).toEqual([{ name: new URL(two.url).pathname.slice(1) }]);
  });

  it('a link that went dead without a word costs one failure as well, and not one for every connection', async () => {
    await using link = await HalfOpen.open((await freshDatabase()).url);
    const { store } = await openStore({ url: link.url, poolSize: 6, timeouts: { answer: 1_500, statement: 1_000 } });
    const pool = poolOf(store.dataSource);
    const writing = () => transact(pool, { text: 'select 1' }, async () => ({ last: { text: 'create temp table t ()' }, value: 1 }));
    await Promise.all(Array.from({ length: 6 }, () => pool.query('select pg_sleep(0.2)')));
    expect(link.deaden()).toBe(6);
    expect(await writing()).toMatchObject({ fate: 'failed', blame: 'database' });
    expect(await writing()).toMatchObject({ fate: 'committed' });
  }, 30_000);

  it('are told apart from none that can be used', async () => {
    await expect(connect({ url: `${NOBODY},${NOBODY}` })).rejects.toMatchObject({ code: 'SAGA_UNAVAILABLE' });
    await expect(connect({ url: ' , ' })).rejects.toMatchObject({ code: 'SAGA_CONFIG_INVALID' });
  });

  it('[E10] a connection that has become read-only is given up', async () => {
    const { store } = await openStore({ poolSize: 1 });
    await store.dataSource.query('set default_transaction_read_only = on');
    await expect(store.check()).rejects.toMatchObject({ code: 'SAGA_UNAVAILABLE', message: expect.stringContaining('read-only') });
    const saga = startOf();
    const starting = () => new PostgresSagaStore(store.dataSource).commit([], () => ({ starts: [saga], updates: [], result: 1 }));
    expect(await starting()).toMatchObject({ fate: 'failed', blame: 'database' });
    expect(await starting()).toMatchObject({ fate: 'committed' });
  });
});
