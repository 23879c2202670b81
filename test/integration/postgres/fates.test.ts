import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { poolOf } from '../../../src/postgres/pool.js';
import type { PostgresSagaStore } from '../../../src/postgres/postgres-saga-store.js';
import { change, nothing, start, startOf, updateOf } from '../../contract/saga-store-fixtures.js';
import { eventually } from '../../support/eventually.js';
import { privatePostgres } from '../../support/servers.js';
import { openStore, someoneElse, terminateWaiting } from './connections.js';

describe('the fate of a batch in PostgreSQL', () => {
  let url: string;
  let store: PostgresSagaStore;
  let other: pg.Client;
  let id: string;
  beforeAll(async () => {
    ({ url, store } = await openStore());
    other = await someoneElse(url);
    [id] = (await start(store, startOf())) as [string];
  });
  afterEach(async () => {
    await other.query('rollback');
    await change(store, [id], (saga) => updateOf(saga));
  });
  const update = (from = store) => from.commit([id], ({ sagas }) => ({ ...nothing, updates: [updateOf(sagas.get(id)!)] }));
  const versionNow = async () => (await store.find(id))!.version;

  it('[A7 E1] is failed when its connection is lost before the commit', async () => {
    const before = await versionNow();
    const { store: stranger } = await openStore({ url });
    await other.query('begin');
    await other.query('select from backstep.saga where id = $1 for update', [id]);
    const committed = update(stranger);
    await terminateWaiting(other, 'transactionid');
    expect(await committed).toMatchObject({ fate: 'failed', blame: 'database' });
    expect(await versionNow()).toBe(before);
  });

  it('[A7 E1] is unknown when the commit was sent along with what is written, and nothing of it stays', async () => {
    const before = await versionNow();
    await other.query('begin');
    await other.query('select from backstep.saga where id = $1 for update', [id]);
    const committed = update();
    await terminateWaiting(other, 'transactionid');
    expect(await committed).toMatchObject({ fate: 'unknown' });
    expect(await versionNow()).toBe(before);
  });

  it('[E5] is unknown when its connection is lost during the commit', async () => {
    await other.query(`
      create or replace function public.hang() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(42); return null; end $$;
      create constraint trigger hang after insert on backstep.saga_key deferrable initially deferred for each row execute function public.hang();
      select pg_advisory_lock(42)`);
    const committed = store.commit([], () => ({ ...nothing, starts: [startOf({ key: 'hangs' })] }));
    await terminateWaiting(other, 'advisory');
    expect(await committed).toMatchObject({ fate: 'unknown' });
    await other.query('select pg_advisory_unlock(42); drop trigger hang on backstep.saga_key');
    expect(await start(store, startOf({ key: 'hangs' }))).toHaveLength(1);
  });

  it('[E7] is failed when a lock is not given in time, and the connection stays', async () => {
    const { store: impatient } = await openStore({ url, timeouts: { lock: 50 }, poolSize: 1 });
    await other.query('begin');
    await other.query('select from backstep.saga where id = $1 for update', [id]);
    const pool = poolOf(impatient.dataSource);
    const removed: unknown[] = [];
    pool.on('remove', (client) => removed.push(client));
    expect(await update(impatient)).toMatchObject({ fate: 'failed', blame: 'database', error: { code: '55P03' } });
    await other.query('rollback');
    expect(await update(impatient)).toMatchObject({ fate: 'committed' });
    expect(removed).toHaveLength(0);
  });

  it('[E6] is failed when the server does not answer in time, and the connection is given up', async () => {
    const { store: impatient } = await openStore({ url, timeouts: { answer: 150 }, poolSize: 1 });
    await other.query('begin');
    await other.query('select from backstep.saga where id = $1 for update', [id]);
    const removed: unknown[] = [];
    poolOf(impatient.dataSource).on('remove', (client) => removed.push(client));
    expect(await update(impatient)).toMatchObject({ fate: 'failed', blame: 'database' });
    await eventually(() => removed.length === 1);
    await other.query('rollback');
    expect(await update(impatient)).toMatchObject({ fate: 'committed' });
  });

  it('does not depend on connections that died while they were idle', async () => {
    await Promise.all([store.now(), store.now(), store.now()]);
    await other.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    await eventually(() => poolOf(store.dataSource).totalCount === 0);
    expect(await update()).toMatchObject({ fate: 'committed' });
  });

  it('blames the row for a state that is no JSON, and the database for a missing table', async () => {
    const odd = startOf();
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    expect(
      await store.commit([], () => ({ ...nothing, starts: [{ ...odd, state: { ...odd.state, input: cyclic as never } }] })),
    ).toMatchObject({ fate: 'failed', blame: 'row' });
    await other.query('alter table backstep.saga_key rename to gone');
    expect(await store.commit([], () => ({ ...nothing, starts: [startOf({ key: 'k' })] }))).toMatchObject({
      fate: 'failed',
      blame: 'database',
    });
    await other.query('alter table backstep.gone rename to saga_key');
  });

  it('[E2] is failed while the server is gone, and committed when it is back', async () => {
    const server = await privatePostgres();
    const { store: exposed } = await openStore({ url: server.url });
    const [saga] = await start(exposed, startOf());
    await server.kill();
    expect(await exposed.commit([saga!], () => nothing)).toMatchObject({ fate: 'failed', blame: 'database' });
    await expect(exposed.check()).rejects.toMatchObject({ code: 'SAGA_UNAVAILABLE' });
    await server.start();
    await eventually(async () => (await exposed.commit([saga!], () => nothing)).fate === 'committed');
    expect(await exposed.find(saga!)).toMatchObject({ version: 1 });
  }, 60_000);
});
