import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { sagaNamed, within, type AnySaga, type OwnTransaction } from '../../../src/client.js';
import type { Plan } from '../../../src/core/plan.js';
import type { PostgresSagaStore } from '../../../src/postgres/postgres-saga-store.js';
import { fences } from '../../e2e/docs-fences.js';
import { closeAtEnd } from '../../support/closing.js';
import { Installation } from '../../support/engine-servers.js';
import { eventually } from '../../support/eventually.js';
import { planFrom } from '../../support/plans.js';
import { privatePostgres, uniqueNamespace } from '../../support/servers.js';
import { lettersIn } from '../../support/dead-letters.js';

const plan = planFrom({ steps: [{ name: 'one' }, { name: 'two' }] });
const strict: Plan = {
  ...plan,
  version: 2,
  readInput: (value) => (typeof value === 'number' ? { ok: true, value } : { ok: false, faults: ['it is no number'] }),
};
const saga = sagaNamed<AnySaga>('test-saga');
const [GRANTS, INSERT] = fences('sql', ['docs/transactions.md']).map(({ code }) => code) as [string, string];
/** The regular look comes too late for these tests: what is quick was told. */
const TOLD = { settings: { sweepMs: 600_000 } };

async function clientOf({ databaseUrl }: Installation): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on('error', () => {});
  await client.connect();
  closeAtEnd(() => client.end().catch(() => {}));
  await client.query('create table if not exists orders (id text primary key)');
  return client;
}
async function inTransaction<T>(client: pg.Client, work: (tx: OwnTransaction) => Promise<T>, end = 'commit'): Promise<T> {
  await client.query('begin');
  const result = await work(client);
  await client.query(end);
  return result;
}
const ended = (store: PostgresSagaStore, id: string) => eventually(async () => (await store.find(id))?.state.end, { withinMs: 15_000 });
const rows = async (client: pg.Client) => (await client.query('select from backstep.incoming_start')).rowCount;
const empty = (client: pg.Client) => eventually(async () => (await rows(client)) === 0, { withinMs: 15_000 });
const sagasIn = async (client: pg.Client) =>
  Number(
    (
      await client.query<{ n: string }>(
        'select count(*) as n from (select id from backstep.saga union all select id from backstep.finished_saga) s',
      )
    ).rows[0]!.n,
  );

describe('a start within a transaction of the caller', () => {
  it('starts with its commit, under the id that was given, and goes to its end', async () => {
    const installation = await Installation.open();
    const { store } = await installation.engine([plan], TOLD);
    await installation.participant('p', () => ({}));
    const client = await clientOf(installation);
    await client.query('begin');
    await client.query(`insert into orders values ('o-1')`);
    const { id } = await within(client).start(saga, { order: 'o-1' }, { key: 'o-1', tags: { shop: 'nord' } });
    const other = await clientOf(installation);
    expect([await rows(client), await rows(other), await store.find(id)]).toEqual([1, 0, undefined]);
    await client.query('commit');
    expect(await ended(store, id)).toBe('completed');
    expect((await store.findByKey('test-saga', 'o-1'))!.state).toMatchObject({ id, input: { order: 'o-1' }, tags: { shop: 'nord' } });
    expect(await rows(client)).toBe(0);
  }, 30_000);

  it('starts nothing when the transaction, or the savepoint, is rolled back; TypeORM nests them', async () => {
    const installation = await Installation.open();
    const { store } = await installation.engine([plan], TOLD);
    await installation.participant('p', () => ({}));
    const dataSource = await new DataSource({ type: 'postgres', url: installation.databaseUrl, installExtensions: false }).initialize();
    closeAtEnd(() => dataSource.destroy());
    const client = await clientOf(installation);
    const rolledBack = await inTransaction(client, (tx) => within(tx).start(saga, 1), 'rollback');
    const [inSavepoint, stays] = await dataSource.transaction(async (manager) => {
      let undone: { readonly id: string } | undefined;
      const nested = manager.transaction(async (inner) => {
        undone = await within(inner).start(saga, 2);
        throw new Error('not this one');
      });
      await expect(nested).rejects.toThrow('not this one');
      return [undone!, await within(manager).start(saga, 3)];
    });
    expect(await ended(store, stays.id)).toBe('completed');
    expect(await sagasIn(client)).toBe(1);
    for (const { id } of [rolledBack, inSavepoint]) expect(await store.find(id)).toBeUndefined();
    await expect(within(dataSource.manager).start(saga, 1)).rejects.toMatchObject({ code: 'SAGA_TRANSACTION_INVALID' });
    await expect(within(client).start(saga, 1)).rejects.toMatchObject({ code: 'SAGA_TRANSACTION_INVALID' });
  }, 30_000);

  it('leaves the transaction usable when the input is at fault', async () => {
    const installation = await Installation.open();
    const client = await clientOf(installation);
    await inTransaction(client, async (tx) => {
      await client.query(`insert into orders values ('o-2')`);
      await expect(within(tx).start(saga, '\u0000')).rejects.toMatchObject({ code: 'SAGA_INPUT_INVALID' });
      await within(tx).start(saga, 'good');
    });
    expect([await rows(client), (await client.query('select from orders')).rowCount]).toEqual([1, 1]);
  }, 30_000);

  it('needs no more of the database than to insert', async () => {
    const installation = await Installation.open();
    const client = await clientOf(installation);
    const role = uniqueNamespace('shop');
    const [usage, insert] = GRANTS.replaceAll('to shop', `to ${role}`).split('\n');
    await client.query(`create role ${role}; ${usage}`);
    closeAtEnd(async () => void (await client.query(`reset role; drop owned by ${role}; drop role ${role}`)));
    const start = () =>
      inTransaction(client, async (tx) => {
        await client.query(`set local role ${role}`);
        return within(tx).start(saga, 1);
      });
    await expect(start()).rejects.toMatchObject({ code: 'SAGA_TRANSACTION_INVALID', message: expect.stringContaining('insert on') });
    await client.query(`rollback; ${insert}`);
    await start();
    expect(await rows(client)).toBe(1);
  }, 30_000);

  it('may be written by anybody, as the page says', async () => {
    const installation = await Installation.open();
    const { store } = await installation.engine([{ ...plan, name: 'place-order' }], TOLD);
    const client = await clientOf(installation);
    await client.query(INSERT);
    await empty(client);
    const { state } = (await store.findByKey('place-order', 'o-1'))!;
    expect(state).toMatchObject({ tags: { shop: 'north' }, input: { orderId: 'o-1' } });
    expect(INSERT).toContain(state.id);
  }, 30_000);

  it('is one of a thousand of one transaction, in few batches, by several daemons, each once', async () => {
    const installation = await Installation.open();
    let batches = 0;
    const observer = { batchCommitted: () => void batches++ };
    const [first] = await Promise.all([1, 2].map(() => installation.engine([plan], { ...TOLD, observer })));
    const client = await clientOf(installation);
    const ids = await inTransaction(client, async (tx) => {
      const started = [];
      for (let n = 0; n < 1_000; n++) started.push((await within(tx).start(saga, { n }, n % 2 ? { key: `k-${n}` } : {})).id);
      return started;
    });
    await empty(client);
    expect(await sagasIn(client)).toBe(1_000);
    // Of both daemons together: a page of each is one batch, and neither waits for the other.
    expect(batches).toBeLessThanOrEqual(12);
    const { rows: begun } = await client.query<{ saga_id: string }>(`select saga_id from backstep.saga_history where event = 'started'`);
    expect(begun.map(({ saga_id: id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await lettersIn(first!.store)).toEqual([]);
  }, 60_000);

  it('is there when a daemon comes, and is found by its regular look where nobody told of it', async () => {
    const installation = await Installation.open();
    const client = await clientOf(installation);
    const before = await inTransaction(client, (tx) => within(tx).start(saga, 1));
    const { store } = await installation.engine([plan], { settings: { sweepMs: 100 } });
    await installation.participant('p', () => ({}));
    expect(await ended(store, before.id)).toBe('completed');
    const untold = await inTransaction(client, (tx) => within(tx, { notify: false }).start(saga, 2));
    expect(await ended(store, untold.id)).toBe('completed');
  }, 30_000);

  it('waits for a daemon that has its version; one that is refused there is among the dead letters', async () => {
    const installation = await Installation.open();
    const { store } = await installation.engine([plan], TOLD);
    await installation.participant('p', () => ({}));
    const client = await clientOf(installation);
    const newer = sagaNamed<AnySaga>('test-saga', { version: 2 });
    const [good, bad, old] = await inTransaction(client, async (tx) => [
      await within(tx).start(newer, 7),
      await within(tx).start(newer, 'seven', { key: 'bad' }),
      await within(tx).start(sagaNamed<AnySaga>('test-saga', { version: 1 }), 7),
    ]);
    expect(await ended(store, old!.id)).toBe('completed');
    expect(await rows(client)).toBe(2);
    // With its usual looks: replies that the first daemon gets wait in the row for this one.
    const second = await installation.engine([plan, strict]);
    expect(await ended(store, good!.id)).toBe('completed');
    await empty(client);
    expect(await lettersIn(store)).toEqual([
      expect.objectContaining({ messageId: bad!.id, queue: `${installation.names.namespace}.incoming_start`, body: '"seven"' }),
    ]);
    const [line] = second.logs.lines.filter(({ message }) => message.includes('an incoming start was refused'));
    expect(line).toMatchObject({ level: 'error', fields: { sagaId: bad!.id, key: 'bad', name: 'test-saga' } });
  }, 30_000);

  it('is told of again after the connection that listens was cut', async () => {
    const installation = await Installation.open();
    const { store } = await installation.engine([plan], TOLD);
    await installation.participant('p', () => ({}));
    const client = await clientOf(installation);
    const listeners = async () =>
      (
        await client.query<{ pid: number }>(`select pid from pg_stat_activity where datname = current_database() and query like 'listen %'`)
      ).rows.map(({ pid }) => pid);
    const [pid] = await eventually(async () => ((await listeners()).length > 0 ? listeners() : undefined));
    const whileCut = await inTransaction(client, async (tx) => {
      await client.query('select pg_terminate_backend($1)', [pid]);
      return within(tx).start(saga, 1);
    });
    // Told when it listens again, whatever it missed.
    expect(await ended(store, whileCut.id)).toBe('completed');
    expect(await listeners()).not.toContain(pid);
    const later = await inTransaction(client, (tx) => within(tx).start(saga, 2));
    expect(await ended(store, later.id)).toBe('completed');
  }, 30_000);

  it('starts after an outage of the database that began between its commit and its start', async () => {
    const server = await privatePostgres();
    const installation = await Installation.open({ databaseUrl: server.url });
    const { store, engine } = await installation.engine([plan]);
    await installation.participant('p', () => ({}));
    const [client, other] = [await clientOf(installation), await clientOf(installation)];
    // No saga can begin meanwhile.
    await other.query('begin; lock table backstep.saga in exclusive mode');
    const ids = await inTransaction(client, async (tx) => {
      const started = [];
      for (let n = 0; n < 50; n++) started.push((await within(tx).start(saga, n)).id);
      return started;
    });
    await server.kill();
    await eventually(async () => (await engine.problems()).length > 0, { withinMs: 15_000 });
    await server.start();
    // That they start rests on the database alone; that they end, on the broker too.
    const again = await clientOf(installation);
    await eventually(async () => (await rows(again)) === 0, { withinMs: 30_000, what: 'every row has become a saga' });
    expect(await sagasIn(again)).toBe(50);
    for (const id of ids) expect(await ended(store, id)).toBe('completed');
    await eventually(async () => (await engine.problems()).length === 0, { withinMs: 15_000 });
  }, 90_000);
});
