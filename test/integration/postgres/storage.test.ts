import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { poolOf } from '../../../src/postgres/pool.js';
import type { PostgresSagaStore } from '../../../src/postgres/postgres-saga-store.js';
import { change, endOf, nothing, sagaIdAt, start, startOf, updateOf } from '../../contract/saga-store-fixtures.js';
import { eventually } from '../../support/eventually.js';
import { openStore, someoneElse } from './connections.js';

describe('how sagas are stored', () => {
  let store: PostgresSagaStore;
  let url: string;
  const rows = async <T>(sql: string, values: unknown[] = []): Promise<T[]> => store.dataSource.query(sql, values);
  beforeAll(async () => {
    ({ url, store } = await openStore({ poolSize: 1 }));
  });

  it('a step changes a row where it stands and writes no index', async () => {
    const ids = await start(store, ...Array.from({ length: 600 }, () => startOf()));
    // As many of a page as it has room for: when old versions are pruned depends on what else the server does.
    const some = ids.filter((_, n) => n % 3 === 0);
    await change(store, some, (saga) => updateOf(saga));
    await rows('select pg_stat_force_next_flush()');
    const [updates] = await rows<{ all: number; hot: number }>(
      `select sum(n_tup_upd)::integer as all, sum(n_tup_hot_upd)::integer as hot from pg_stat_user_tables where relname like 'saga\\_2%'`,
    );
    expect(updates!.all).toBe(200);
    expect(updates!.hot).toBe(200);
  });

  it('rows land in the partition of their week, those beyond all partitions in the default one', async () => {
    const [id] = await start(store, startOf());
    const far = sagaIdAt(Date.UTC(2200, 0, 1));
    const where = async (table: string, column: string, saga: string) =>
      (
        await rows<{ at: string }>(`select distinct tableoid::regclass::text as at from backstep.${table} where ${column} = $1`, [saga])
      ).map(({ at }) => at);
    const inWeek = /^backstep\.saga(_history)?_\d{4}_\d\d_\d\d$/;
    expect(await where('saga', 'id', id!)).toEqual([expect.stringMatching(inWeek)]);
    expect(await where('saga_history', 'saga_id', id!)).toEqual([expect.stringMatching(inWeek)]);
    await start(store, startOf({ id: far }));
    expect(await where('saga', 'id', far)).toEqual(['backstep.saga_default']);
  });

  it('partitions are made ahead; rows that came before theirs was there are moved into it', async () => {
    const partitions = async () =>
      (await rows<{ n: number }>(`select count(*)::integer as n from pg_inherits where inhparent = 'backstep.saga'::regclass`))[0]!.n;
    expect(await partitions()).toBeGreaterThanOrEqual(6);
    const [current] = await rows<{ at: string }>(
      `select tableoid::regclass::text as at from backstep.saga where id < $1 order by id desc limit 1`,
      [sagaIdAt(Date.UTC(2100, 0, 1))],
    );
    await rows(`drop table ${current!.at}`);
    const late = startOf({ id: firstOfThisWeek(current!.at) });
    await start(store, late);
    await store.maintain();
    const [moved] = await rows<{ at: string }>(`select tableoid::regclass::text as at from backstep.saga where id = $1`, [late.state.id]);
    expect(moved).toEqual(current);
    expect(await store.find(late.state.id)).toMatchObject({ version: 1 });
  });

  it('a store that wrote a saga last still sees what another one wrote since', async () => {
    const [id] = await start(store, startOf());
    const other = (await openStore({ poolSize: 1, url })).store;
    await change(store, [id!], (saga) => updateOf(saga));
    await change(other, [id!], (saga) => updateOf(saga, { attention: [{ kind: 'by-hand', step: 's', text: 'theirs', at: 1 }] }));
    let seen: readonly unknown[] = [];
    await change(store, [id!], (saga) => {
      seen = saga.state.attention;
      return updateOf(saga);
    });
    expect(seen).toEqual([expect.objectContaining({ text: 'theirs' })]);
    expect(await store.find(id!)).toMatchObject({ version: 4, state: { attention: [{ text: 'theirs' }] } });
  });

  it('what is remembered is written without a look only if nobody has written meanwhile, whatever the version says', async () => {
    const remembered = (await openStore({ poolSize: 1, url })).store;
    const others = await someoneElse(url);
    const ids = await start(remembered, startOf(), startOf(), startOf());
    const seen: (readonly unknown[])[] = [];
    const note = () =>
      change(remembered, ids, (saga) => {
        seen.push(saga.state.attention);
        return updateOf(saga);
      });
    await note();
    expect(seen.splice(0)).toEqual([[], [], []]);
    // The same version, written by somebody else: as after a failover that lost what was written here last.
    await others.query(`update backstep.saga set stamp = -1 where id = $1`, [ids[1]]);
    await note();
    // Decided twice: once for nothing.
    expect(seen.splice(0)).toHaveLength(6);
    await change(store, ids.slice(2), (saga) => updateOf(saga, { attention: [{ kind: 'by-hand', step: 's', text: 'theirs', at: 1 }] }));
    for (let n = 0; n < 3; n++) await note();
    expect(seen.at(-1)).toEqual([expect.objectContaining({ text: 'theirs' })]);
    expect(await remembered.find(ids[2]!)).toMatchObject({ version: 7, state: { attention: [{ text: 'theirs' }] } });
    expect(await remembered.history(ids[2]!, 0, 20)).toHaveLength(7);
  });

  it('what is remembered of a saga that is not written counts for nothing', async () => {
    const remembered = (await openStore({ poolSize: 1, url })).store;
    const ids = await start(remembered, startOf(), startOf());
    await change(remembered, ids, (saga) => updateOf(saga));
    await change(store, ids.slice(0, 1), (saga) => updateOf(saga));
    const done = await remembered.commit(ids, ({ sagas }) => ({
      ...nothing,
      updates: [updateOf(sagas.get(ids[1]!)!)],
      result: ids.map((id) => sagas.get(id)!.version),
    }));
    expect(done).toMatchObject({ fate: 'committed', result: [3, 2] });
  });

  it('what never changes is written once, and a row that a version before wrote goes on, ends and is still written afterwards', async () => {
    const heads = () =>
      rows<{ head: string; state: string }>(`select head, state from backstep.saga where id = any ($1::uuid[])`, [[fresh]]);
    // As that version wrote them: all in one text.
    const asBefore = (table: string, id: string) =>
      rows(`update backstep.${table} set head = null, state = left(head, -1) || ',' || substr(state, 2) where id = $1`, [id]);
    const [fresh, open, ended] = await start(store, startOf({ name: 'heads' }), startOf({ name: 'heads' }), startOf({ name: 'heads' }));
    await change(store, [ended!], (saga) => endOf(saga));
    await asBefore('saga', open!);
    await asBefore('finished_saga', ended!);
    const other = async () => (await openStore({ url })).store;
    const before = await Promise.all([open!, ended!].map((id) => store.find(id)));
    await change(await other(), [fresh!, open!], (saga) => updateOf(saga, { suspended: { by: 'ann', text: 'wait', at: 7 } }));
    await change(await other(), [fresh!, open!], (saga) => updateOf(saga, { suspended: null, direction: 'backward' }));
    await change(await other(), [ended!], (saga) => updateOf(saga, { attention: [{ kind: 'conflict', step: 's', text: 't', at: 3 }] }));
    const [{ head, state }] = (await heads()) as [{ head: string; state: string }];
    expect([JSON.parse(head), JSON.parse(state)]).toEqual([
      expect.objectContaining({ name: 'heads', input: before[0]!.state.input }),
      expect.not.objectContaining({ input: expect.anything() as unknown }),
    ]);
    expect(await store.find(open!)).toMatchObject({ version: 3, state: { ...before[0]!.state, direction: 'backward', seq: 3 } });
    const late = { ...before[1]!.state, seq: 3, attention: [{ kind: 'conflict', step: 's', text: 't', at: 3 }] };
    expect(await store.find(ended!)).toMatchObject({ version: 3, state: late });
    await change(await other(), [open!], (saga) => endOf(saga, 'compensated'));
    const done = { ...before[0]!.state, direction: 'backward', seq: 4, end: 'compensated', endedAt: 1_700_000_009_000 };
    expect(await store.find(open!)).toMatchObject({ version: 4, state: done });
    expect((await store.list({ name: 'heads', limit: 9 })).sagas.map(({ state }) => state.input)).toEqual(
      [1, 2, 3].map(() => before[0]!.state.input),
    );
  });

  it('a sweep remembers what it writes of sagas that are remembered anyway, and of no others', async () => {
    const swept = (await openStore({ poolSize: 1, url })).store;
    const due = () => startOf({ name: 'asked-again' }, { wakeAt: 1_000 });
    const [own] = await start(swept, due());
    const [foreign] = await start(store, due());
    const looked = await lockingStatements(swept);
    const done = await swept.commitDue(10, [{ name: 'asked-again', version: 1 }], ({ sagas }) => ({
      ...nothing,
      updates: [...sagas.values()].map((saga) => updateOf(saga, {}, { wakeAt: Date.UTC(2100, 0, 1) })),
      result: sagas.size,
    }));
    expect(done).toMatchObject({ fate: 'committed', result: 2 });
    looked.length = 0;
    await change(swept, [own!], (saga) => updateOf(saga));
    expect(looked).toEqual([]);
    await change(swept, [foreign!], (saga) => updateOf(saga));
    expect(looked).toHaveLength(1);
    for (const id of [own!, foreign!]) expect(await store.find(id)).toMatchObject({ version: 3 });
  });

  it('a saga is started at once where the connection was in use a moment ago, else it is used once before', async () => {
    const own = (await openStore({ poolSize: 1, url })).store;
    const asked = await statementsWith(own, 'clock_timestamp');
    const questions = async (...starts: ReturnType<typeof startOf>[]) => {
      asked.length = 0;
      for (const id of await start(own, ...starts)) expect(await store.find(id)).toMatchObject({ version: 1 });
      return asked.length;
    };
    // What time it is there has to be asked once; keys are claimed in a transaction that is open.
    expect(await questions(startOf())).toBe(1);
    expect(await questions(startOf(), startOf())).toBe(0);
    expect(await questions(startOf({ key: 'asked-first' }))).toBe(1);
    expect(await questions(startOf())).toBe(0);
    const later = performance.now() + 300;
    const clock = jest.spyOn(performance, 'now').mockReturnValue(later);
    try {
      expect(await questions(startOf())).toBe(1);
      expect(await questions(startOf())).toBe(0);
    } finally {
      clock.mockRestore();
    }
  });

  it('batches of what is remembered, of several stores at once, lose nothing', async () => {
    const stores = await Promise.all([1, 2, 3].map(async () => (await openStore({ url })).store));
    const ids = await start(stores[0]!, ...Array.from({ length: 8 }, () => startOf()));
    const shuffled = (n: number) => ids.toSorted((a, b) => (a.slice(-4 - n, -n || undefined) < b.slice(-4 - n, -n || undefined) ? -1 : 1));
    await Promise.all(
      stores.map(async (each, n) => {
        for (let round = 0; round < 20; round++) await change(each, shuffled(n), (saga) => updateOf(saga));
      }),
    );
    for (const id of ids) expect(await store.find(id)).toMatchObject({ version: 61, state: { seq: 61 } });
  });

  it('[E18] a sweep leaves rows that somebody else has locked, and waits for nothing', async () => {
    const other = await someoneElse(url);
    const ids = await start(store, ...[1_000, 2_000, 3_000].map((wakeAt) => startOf({ name: 'swept' }, { wakeAt })));
    await other.query('begin');
    await other.query('select from backstep.saga where id = $1 for update', [ids[0]]);
    const swept = await store.commitDue(10, [{ name: 'swept', version: 1 }], ({ sagas }) => ({ ...nothing, result: [...sagas.keys()] }));
    expect(swept).toMatchObject({ fate: 'committed', result: [ids[1], ids[2]] });
    await other.query('update backstep.saga set ended_at = now(), status = $2, wake_at = null where id = $1', [ids[0], 'completed']);
    expect(await store.moveFinished(10)).toBe(0);
    await other.query('commit');
    expect(await store.moveFinished(10)).toBe(1);
  });

  it('a saga that is moved while a batch waits for it is found where it went', async () => {
    const other = await someoneElse(url);
    const [id] = await start(store, startOf({ end: 'completed', endedAt: 1_700_000_000_000 }, { wakeAt: null }));
    await other.query('begin');
    await other.query(
      `with gone as (delete from backstep.saga where id = $1 returning *)
       insert into backstep.finished_saga select * from gone`,
      [id],
    );
    const late = change(store, [id!], (saga) => updateOf(saga));
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event = 'transactionid'`;
    await eventually(async () => (await other.query(waiting)).rowCount, { what: 'the batch waits' });
    await other.query('commit');
    await late;
    expect(await store.find(id!)).toMatchObject({ version: 2, state: { seq: 2 } });
  });

  it('the tables refuse what must not be', async () => {
    const [id] = await start(store, startOf());
    for (const broken of [`status = 'completed'`, 'ended_at = now()', 'wake_at = null', `status = 'lost'`])
      await expect(rows(`update backstep.saga set ${broken} where id = $1`, [id])).rejects.toMatchObject({ code: '23514' });
    await expect(rows(`insert into backstep.saga_history values ($1, 1, now(), 'x', null, '{}')`, [id])).rejects.toMatchObject({
      code: '23505',
    });
  });
});

/** An id in the week that a partition is named after. */
function firstOfThisWeek(partition: string): string {
  return sagaIdAt(Date.parse(partition.slice(-10).replaceAll('_', '-')) + 3_600_000);
}

/** Those that lock rows before they are written, from now on; of a store with one connection. */
const lockingStatements = async (store: PostgresSagaStore) => statementsWith(store, 'for update');

/** Those with these words in them, from now on; of a store with one connection. */
async function statementsWith(store: PostgresSagaStore, words: string): Promise<string[]> {
  const client = await poolOf(store.dataSource).connect();
  client.release();
  const seen: string[] = [];
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  client.query = ((...args: unknown[]) => {
    const [given] = args as [string | { readonly text: string }];
    const text = typeof given === 'string' ? given : given.text;
    if (text.includes(words)) seen.push(text);
    return query(...args);
  }) as typeof client.query;
  return seen;
}
