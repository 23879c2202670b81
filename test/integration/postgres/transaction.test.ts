import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Duplex } from 'node:stream';
import pg from 'pg';
import { poolOf } from '../../../src/postgres/pool.js';
import { transact, transactAtOnce } from '../../../src/postgres/transaction.js';
import { openStore, someoneElse } from './connections.js';

const SETTINGS = ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'plan_cache_mode', 'transaction_isolation'];
const INSIDE = ['off', 'off', 'off', 'force_generic_plan', 'read committed'].join();
const now = (name: string) => ({
  name: `now_${name}`,
  text: `insert into said select ${SETTINGS.map((one) => `current_setting('${one}')`).join(" || ',' || ")}`,
});

describe('a transaction', () => {
  let pool: pg.Pool;
  let other: pg.Client;
  beforeAll(async () => {
    const { store, url } = await openStore({ poolSize: 1 });
    pool = poolOf(store.dataSource);
    other = await someoneElse(url);
    await other.query(`create table said (what text check (what <> 'no'))`);
    await other.query(`alter database ${new URL(url).pathname.slice(1)} set default_transaction_isolation = 'repeatable read'`);
    await pool.query(`set default_transaction_isolation = 'repeatable read'`);
  });
  const said = async () =>
    (await other.query<{ what: string }>('with gone as (delete from said returning what) select what from gone')).rows.map(
      ({ what }) => what,
    );
  const say = (what: string) => ({ name: 'say', text: 'insert into said values ($1)', values: [what] });
  const opening = { text: 'select 1 as one' };

  it('of one statement has the settings that its plan needs, and leaves none behind', async () => {
    expect(await transactAtOnce(pool, now('at once'))).toMatchObject({ fate: 'committed' });
    expect(await said()).toEqual([INSIDE]);
    const { rows } = await pool.query<Record<string, string>>(
      `select ${SETTINGS.map((one) => `current_setting('${one}') as ${one}`).join()}`,
    );
    expect(Object.values(rows[0]!)).toEqual(['on', 'on', 'on', 'auto', 'repeatable read']);
  });

  it('of several has them from the first to the last, and gives what the first says', async () => {
    const done = await transact(pool, opening, async ({ rows }, query) => {
      await query(now('between'));
      return { last: now('last'), value: rows };
    });
    expect(done).toEqual({ fate: 'committed', value: [{ one: 1 }] });
    expect(await said()).toEqual([INSIDE, INSIDE]);
  });

  it('is nothing when its statement fails, and its connection goes on', async () => {
    const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
    const failed = { fate: 'failed', blame: 'row', error: { code: '23514' } };
    const refused = async () => ({ last: say('no'), value: 1 });
    expect(await transactAtOnce(pool, say('no'))).toMatchObject(failed);
    expect(await transact(pool, opening, refused)).toMatchObject(failed);
    expect(await transact(pool, say('no'), refused)).toMatchObject(failed);
    expect(await transact(pool, say('first'), refused)).toMatchObject(failed);
    expect(await said()).toEqual([]);
    expect(await transactAtOnce(pool, say('yes'))).toMatchObject({ fate: 'committed' });
    expect(await said()).toEqual(['yes']);
    expect((await pool.query('select pg_backend_pid() as pid')).rows).toEqual(rows);
  });

  it('is nothing when what it must find at its end is not there', async () => {
    await other.query('create table kept (what text primary key, of text references kept deferrable initially deferred)');
    const broken = { name: 'broken', text: `insert into kept values ('a', 'b')` };
    const failed = { fate: 'failed', blame: 'row', error: { code: '23503' } };
    expect(await transactAtOnce(pool, broken)).toMatchObject(failed);
    expect(await transact(pool, opening, async () => ({ last: broken, value: 1 }))).toMatchObject(failed);
    expect((await other.query('select from kept')).rowCount).toBe(0);
  });

  it('is answered at once, not statement by statement', async () => {
    await transactAtOnce(pool, say('prepared'));
    const client = await pool.connect();
    let answers = 0;
    const count = () => void answers++;
    const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
    stream.on('data', count);
    client.release();
    expect(await transactAtOnce(pool, say('again'))).toMatchObject({ fate: 'committed' });
    stream.off('data', count);
    expect(answers).toBe(1);
    expect(await said()).toEqual(['prepared', 'again']);
  });

  it('is statement by statement where the driver cannot do otherwise', async () => {
    const { prototype } = pg.Query as unknown as { prototype: { prepare: unknown } };
    const { prepare } = prototype;
    await using _restored = { [Symbol.asyncDispose]: async () => void (prototype.prepare = prepare) };
    prototype.prepare = undefined;
    expect(await transactAtOnce(pool, { text: `insert into said values ('plain')` })).toBeUndefined();
    const plain = { text: `insert into said select current_setting('plan_cache_mode')` };
    expect(await transact(pool, opening, async () => ({ last: plain, value: 1 }))).toMatchObject({ fate: 'committed' });
    const refused = { text: `insert into said values ('no')` };
    expect(await transact(pool, opening, async () => ({ last: refused, value: 1 }))).toMatchObject({ fate: 'failed', blame: 'row' });
    expect(await said()).toEqual(['force_generic_plan']);
  });
});
