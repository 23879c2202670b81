import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { firstIdAt } from '../../../src/postgres/partitions.js';
import { PostgresSagaStore } from '../../../src/postgres/postgres-saga-store.js';
import { nothing, sagaIdAt, start, startOf } from '../../contract/saga-store-fixtures.js';
import { eventually } from '../../support/eventually.js';
import { openStore, someoneElse } from './connections.js';

const DAY_MS = 86_400_000;
const TABLES = ['saga', 'finished_saga', 'saga_history'] as const;

describe('finished sagas leave with their week', () => {
  let store: PostgresSagaStore;
  let url: string;
  let other: pg.Client;
  /** The first of a week that ended 30 to 37 days ago: after a month it may leave, and is not late yet. */
  let monday: number;

  beforeAll(async () => {
    ({ store, url } = await openStore({ poolSize: 4 }));
    other = await someoneElse(url);
  }, 60_000);
  beforeEach(async () => {
    // A store remembers what it need not look at again.
    store = new PostgresSagaStore(store.dataSource);
    await other.query(
      'rollback; truncate backstep.saga, backstep.finished_saga, backstep.saga_history, backstep.saga_key, backstep.definition',
    );
    monday = Math.floor((Date.now() - 41 * DAY_MS) / (7 * DAY_MS)) * 7 * DAY_MS + 4 * DAY_MS;
    for (const at of [monday, monday + 7 * DAY_MS]) await makeWeek(at);
    await keep('month', 30);
  }, 30_000);

  const labelOf = (at: number) => new Date(at).toISOString().slice(0, 10).replaceAll('-', '_');
  const makeWeek = async (at: number) => {
    const names = TABLES.map((table) => `backstep.${table}_${labelOf(at)}`);
    await other.query(`drop table if exists ${names.join(', ')}`);
    const bounds = `from ('${firstIdAt(at)}') to ('${firstIdAt(at + 7 * DAY_MS)}')`;
    for (const table of TABLES)
      await other.query(`create table backstep.${table}_${labelOf(at)} partition of backstep.${table} for values ${bounds}`);
  };
  const keep = (name: string, days: number | null) =>
    store.registerDefinitions([
      {
        name,
        version: 1,
        fingerprint: 'f',
        shape: [],
        retention: { completedMs: days && days * DAY_MS, compensatedMs: days && days * DAY_MS },
      },
    ]);
  /** One that began in the first week, and ended so many days after it began. */
  const ended = (name = 'month', afterDays = 1, key: string | null = null) => {
    const startedAt = monday + 3_600_000;
    const facts = { id: sagaIdAt(startedAt), startedAt, end: 'completed' as const, endedAt: startedAt + afterDays * DAY_MS };
    return startOf({ ...facts, name, key }, { wakeAt: null });
  };
  const finishNow = async (...sagas: ReturnType<typeof startOf>[]) => {
    await start(store, ...sagas);
    await store.moveFinished(1_000);
  };
  /** And longer ago than any transaction on this server that is still open: what is younger counts as changed since it was looked through. */
  const finish = async (...sagas: ReturnType<typeof startOf>[]) => {
    await finishNow(...sagas);
    const isPast = `select coalesce(max(xid), 0) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint as past from backstep.saga_history`;
    await eventually(async () => (await other.query<{ past: boolean }>(isPast)).rows[0]!.past, { what: 'what was open is over' });
  };
  const partitions = async () => {
    const { rows } = await other.query<{ name: string }>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where c.relname like $1 order by 1`,
      [`%\\_${labelOf(monday)}`],
    );
    return rows.map(({ name }) => name);
  };
  const all = () => TABLES.map((table) => `${table}_${labelOf(monday)}`).toSorted();

  it('once everything in it is over: partitions, keys, and nothing of the week after', async () => {
    const after = startOf({ name: 'month', id: sagaIdAt(monday + 8 * DAY_MS), key: 'after' });
    const sealed = { ...ended('month', 1, 'one'), ownKey: { subject: 'who left', key: 'k' } };
    await finish({ ...sealed, state: { ...sealed.state, ownKey: true } }, ended('month', 2), after);
    expect(await store.forgetFinished(1)).toBe(2);
    expect(await store.shred('who left')).toBe(0);
    expect(await partitions()).toEqual([]);
    expect(await store.forgetFinished(1)).toBe(0);
    expect((await other.query('select key from backstep.saga_key')).rows).toEqual([{ key: 'after' }]);
    expect(await store.findByKey('month', 'after')).toMatchObject({ state: { id: after.state.id } });
    // What comes of that week now is kept all the same, and leaves by itself.
    await finish(ended('month', 3, 'one'));
    expect(await store.findByKey('month', 'one')).toBeDefined();
    expect(await store.forgetFinished(10)).toBe(1);
  }, 30_000);

  it.each([
    ['open', () => startOf({ name: 'month', id: sagaIdAt(monday + 1) })],
    ['kept for ever', () => ended('for-ever')],
    ['of a definition that nobody knows', () => ended('unknown')],
    ['not over yet', () => ended('month', 20)],
  ])(
    'not while one is there that is %s; the others of a shorter retention leave before',
    async (_what, staying) => {
      await keep('for-ever', null);
      await keep('week', 7);
      await keep('half-year', 300);
      await finish(ended('week', 1), staying(), ended('half-year', 1));
      expect(await store.forgetFinished(10)).toBe(1);
      expect(await store.forgetFinished(10)).toBe(0);
      expect(await partitions()).toEqual(all());
      expect((await store.list({ limit: 10 })).sagas).toHaveLength(2);
    },
    30_000,
  );

  it('not while its sagas may be waiting to leave together, at once when that comes to nothing', async () => {
    await keep('fresh', Math.floor((Date.now() - monday) / DAY_MS) - 2);
    await finish(ended('fresh', 1));
    // Over, but the week is not: it ended after its first day.
    expect(await store.forgetFinished(10)).toBe(0);
    await start(store, startOf({ name: 'fresh', id: sagaIdAt(monday + 1) }));
    expect(await store.forgetFinished(10)).toBe(1);
  }, 30_000);

  it('and wait for nobody who reads the tables', async () => {
    await finish(ended());
    await other.query('begin; select from backstep.finished_saga limit 1');
    expect(await store.forgetFinished(10)).toBe(0);
    expect(await partitions()).toEqual(all());
    await finish(startOf({ name: 'month' }));
    await other.query('commit');
    expect(await store.forgetFinished(10)).toBe(1);
    expect(await partitions()).toEqual([]);
  }, 30_000);

  /** A look for what may leave that has looked through the week already, and waits for the keys while `work` is done. */
  async function forgetsAfter(work: () => Promise<unknown>): Promise<number> {
    await other.query('begin; select from backstep.saga_key for update');
    const forgetting = store.forgetFinished(10);
    const observer = await someoneElse(url);
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%saga_key%'`;
    await eventually(async () => (await observer.query(waiting)).rowCount, { what: 'its keys are being removed' });
    await work();
    await other.query('commit');
    return forgetting;
  }

  it('not when something was written since it was looked through', async () => {
    await finish(ended('month', 1, 'held'));
    const late = ended('month', 35);
    expect(await forgetsAfter(() => finishNow(late))).toBe(0);
    expect(await store.find(late.state.id)).toBeDefined();
    expect(await partitions()).toEqual(all());
  }, 30_000);

  it('not when they are to be kept longer since', async () => {
    await finish(ended('month', 1, 'held'));
    expect(await forgetsAfter(() => keep('month', null))).toBe(0);
    expect((await store.list({ limit: 10 })).sagas).toHaveLength(1);
  }, 30_000);

  it('once, when two daemons do it at once, and others go on', async () => {
    const second = new PostgresSagaStore(store.dataSource);
    await finish(...Array.from({ length: 20 }, () => ended()));
    const fresh = startOf({ name: 'month' });
    const atOnce = () => Promise.all([store.forgetFinished(10), second.forgetFinished(10)]);
    const [forgotten] = await Promise.all([atOnce(), start(store, fresh)]);
    // Neither waits long for tables that others use; the next round does it then.
    await eventually(async () => forgotten.some((one) => one > 0) || !forgotten.push(...(await atOnce())));
    expect(forgotten.filter((one) => one > 0)).toEqual([20]);
    expect(await store.commit([fresh.state.id], () => nothing)).toMatchObject({ fate: 'committed' });
    expect(await partitions()).toEqual([]);
  }, 30_000);
});
