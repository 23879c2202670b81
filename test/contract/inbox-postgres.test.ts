import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { DataSource, EntitySchema, type EntityManager } from 'typeorm';
import type { InboxSession } from '../../src/ports/inbox.js';
import { openEmbedded } from '../../src/postgres/embedded.js';
import { pgInbox } from '../../src/postgres/inbox-pg.js';
import { typeormInbox } from '../../src/postgres/inbox-typeorm.js';
import { closeAtEnd } from '../support/closing.js';
import { freshDatabase } from '../support/servers.js';
import { actionId, describeInbox, LOCK_TIMEOUT_MS, signal, type OpenedInbox } from './inbox.contract.js';

const options = { lockTimeoutMs: LOCK_TIMEOUT_MS };
type Query = (text: string, values?: unknown[]) => Promise<unknown>;

/** What the suite asks of the database itself. */
async function sideDoor(query: (text: string, values?: unknown[]) => Promise<readonly { text: string }[]>) {
  await query('create table effect (text text)');
  return {
    effects: async () => (await query('select text from effect order by text')).map(({ text }) => text),
    age: async (id: string, usedAt: number) =>
      void (await query('update backstep_inbox set used_at = to_timestamp($2::float8 / 1000) where action_id = $1', [id, usedAt])),
  };
}
const writeWith = async (tx: { query: Query }, text: string) => void (await tx.query('insert into effect values ($1)', [text]));
const breakIn = async (tx: { query: Query }) => void (await tx.query('select 1 / 0'));

/** The table as TypeORM knows it. */
const Effect = new EntitySchema<{ text: string }>({ name: 'effect', columns: { text: { type: 'text', primary: true } } });

const PG_WAYS: OpenedInbox<pg.PoolClient>['ways'] = [
  ['a text', (tx) => tx.query('select 1')],
  ['a text with values', (tx) => tx.query('select $1::int', [1])],
  ['a named statement', (tx) => tx.query({ name: 'one', text: 'select 1' })],
  ['a callback', (tx) => new Promise<void>((resolve) => tx.query('select 1', () => resolve()))],
  ['a query of its own', (tx) => new Promise((resolve) => tx.query(new pg.Query('select 1')).on('end', resolve))],
];
const TYPEORM_WAYS: OpenedInbox<EntityManager>['ways'] = [
  ['a text', (tx) => tx.query('select 1')],
  ['the query runner', (tx) => tx.queryRunner!.query('select 1')],
  ['a query builder', (tx) => tx.createQueryBuilder().select('1').from(Effect, 'effect').getRawMany()],
  ['a find', (tx) => tx.find(Effect, { take: 1 })],
  ['a repository', (tx) => tx.getRepository(Effect).insert({ text: 'of a repository' })],
  ['an entity that is saved', (tx) => tx.save(Effect, { text: 'saved' })],
  ['a transaction within', (tx) => tx.transaction(async (nested) => nested.query('select 1'))],
  ['a transaction within, with nothing in it', (tx) => tx.transaction(async () => Promise.resolve())],
  ['a transaction within that fails', (tx) => tx.transaction(() => Promise.reject(new Error('no'))).catch(() => undefined)],
];

async function freshPool(config: pg.PoolConfig = {}): Promise<pg.Pool> {
  const { url } = await freshDatabase();
  return poolAt(url, config);
}
function poolAt(url: string, config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, ...config });
  // A pool has ended before its connections have: dropping the database may cut the last of them.
  pool.on('error', () => {});
  closeAtEnd(() => pool.end());
  return pool;
}

async function openPg(): Promise<OpenedInbox<pg.PoolClient>> {
  const { url } = await freshDatabase();
  const pools = [poolAt(url), poolAt(url)] as const;
  return {
    store: pgInbox(pools[0], options),
    other: pgInbox(pools[1], options),
    isConcurrent: true,
    write: writeWith,
    ways: PG_WAYS,
    breakStatement: breakIn,
    ...(await sideDoor(async (text, values) => (await pools[0].query<{ text: string }>(text, values)).rows)),
  };
}

async function openTypeOrm(): Promise<OpenedInbox<EntityManager>> {
  const { url } = await freshDatabase();
  const made = () => new DataSource({ type: 'postgres', url, entities: [Effect] });
  const sources = [made(), made()] as const;
  await sources[0].initialize();
  closeAtEnd(() => sources[0].destroy());
  return {
    store: typeormInbox(sources[0], options),
    // Not initialized: the inbox does it, and undoes it.
    other: typeormInbox(sources[1], options),
    isConcurrent: true,
    write: writeWith,
    ways: TYPEORM_WAYS,
    breakStatement: breakIn,
    ...(await sideDoor((text, values) => sources[0].query(text, values))),
  };
}

async function openInProcess(): Promise<OpenedInbox<EntityManager>> {
  const embedded = await openEmbedded();
  closeAtEnd(() => embedded.close());
  const source = await embedded.dataSource({ schema: 'payments', entities: [Effect] });
  const store = typeormInbox(source, options);
  return {
    store,
    other: store,
    isConcurrent: false,
    write: writeWith,
    ways: TYPEORM_WAYS,
    breakStatement: breakIn,
    ...(await sideDoor((text, values) => source.query(text, values))),
  };
}

describeInbox('pg', openPg);
describeInbox('TypeORM', openTypeOrm);
describeInbox('embedded PostgreSQL', openInProcess);

describe('an inbox in PostgreSQL', () => {
  it('leaves the settings of the pool as they are', async () => {
    const pool = await freshPool({ max: 1 });
    const store = pgInbox(pool, options);
    await store.migrate();
    const inside = await store.transact(async ({ tx }) => (await tx.query('show lock_timeout')).rows);
    expect(inside).toMatchObject({ value: [{ lock_timeout: `${LOCK_TIMEOUT_MS}ms` }] });
    expect((await pool.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '0' }]);
  });

  it('tells a deadlock between handlers from an error of one', async () => {
    const pool = await freshPool();
    await pool.query('create table account (id int primary key, balance int); insert into account values (1, 0), (2, 0)');
    const store = pgInbox(pool);
    await store.migrate();
    const [bothHold, oneHolds, twoHolds] = [signal(), signal(), signal()];
    void Promise.all([oneHolds[0], twoHolds[0]]).then(bothHold[1]);
    const transfer = (first: number, second: number, holds: () => void) =>
      store.transact((session) =>
        session.attempt(async () => {
          await session.tx.query('update account set balance = balance + 1 where id = $1', [first]);
          holds();
          await bothHold[0];
          await session.tx.query('update account set balance = balance + 1 where id = $1', [second]);
        }),
      );
    const results = await Promise.all([transfer(1, 2, oneHolds[1]), transfer(2, 1, twoHolds[1])]);
    expect(results.map((result) => (result.fate === 'failed' ? result.why : result.fate)).toSorted()).toEqual(['committed', 'conflict']);
  });

  it('says that it cannot be reached, and when a connection was cut', async () => {
    const pool = await freshPool();
    const store = pgInbox(pool);
    await store.migrate();
    const cut = await store.transact(async (session) => {
      const { rows } = await session.tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      await pool.query('select pg_terminate_backend($1)', [rows[0]!.pid]);
      await session.claim([{ actionId: actionId(), direction: 'action', commandId: 'x', requestHash: '' }]);
    });
    expect(cut).toMatchObject({ fate: 'failed', why: 'unavailable' });
    expect(await store.transact(async () => 'again')).toEqual({ fate: 'committed', value: 'again' });
    const nowhere = new pg.Pool({ connectionString: 'postgres://nobody@127.0.0.1:1/none' });
    expect(await pgInbox(nowhere).transact(async () => 1)).toMatchObject({ fate: 'failed', why: 'unavailable' });
    await nowhere.end();
  });

  it('fails a commit that the database refuses', async () => {
    const pool = await freshPool();
    await pool.query('create table checked (id int unique deferrable initially deferred)');
    const store = pgInbox(pool);
    await store.migrate();
    const result = await store.transact(async ({ tx }) => tx.query('insert into checked values (1), (1)'));
    expect(result).toMatchObject({ fate: 'failed', why: 'refused' });
  });

  it('closes the connection of a handler that was given up', async () => {
    const pool = await freshPool();
    const store = pgInbox(pool);
    await store.migrate();
    let leftBehind: pg.PoolClient | undefined;
    await store.transact(async (session) => {
      leftBehind = session.tx;
      session.condemn();
      throw new Error('given up');
    });
    await expect(leftBehind!.query('select 1')).rejects.toThrow('not queryable');
    expect(pool.totalCount).toBe(0);
  });

  it('gives a connection back as it was, whatever became of the transaction', async () => {
    const pool = await freshPool({ max: 1 });
    const store = pgInbox(pool, options);
    await store.migrate();
    const client = await pool.connect();
    client.release();
    const isAsItWas = () => !Object.hasOwn(client, 'query');
    const row = { actionId: actionId(), direction: 'action', commandId: 'c', requestHash: 'h' } as const;
    const ends: Record<string, (session: InboxSession<pg.PoolClient>) => Promise<unknown>> = {
      committed: async ({ tx }) => tx.query('select 1'),
      refused: () => Promise.reject(new Error('no')),
      broken: async ({ tx }) => tx.query('select 1 / 0'),
      'passed over': async ({ tx }) => tx.query('select 1 / 0').catch(() => undefined),
      'what the inbox asks is refused': (session) => session.record([{ ...row, state: 'success', reply: '\u0000' }]),
    };
    for (const [name, work] of Object.entries(ends)) {
      let inside: pg.PoolClient | undefined;
      const { fate } = await store.transact(async (session) => {
        inside = session.tx;
        return work(session);
      });
      expect([name, fate, inside === client, isAsItWas()]).toEqual([name, name === 'committed' ? 'committed' : 'failed', true, true]);
    }
    expect(pool.totalCount).toBe(1);
  });

  it("leaves what others have put in the place of a connection's query, and counts all the same", async () => {
    const pool = await freshPool({ max: 1 });
    const store = pgInbox(pool, options);
    await store.migrate();
    const seen: unknown[] = [];
    const counted: number[] = [];
    for (let nth = 0; nth < 3; nth++)
      await store.transact(async (session) => {
        const { tx } = session;
        if (nth === 0) {
          const query = tx.query.bind(tx) as (...given: unknown[]) => Promise<unknown>;
          tx.query = ((...given: unknown[]) => {
            seen.push(given[0]);
            return query(...given);
          }) as never;
        }
        const before = session.uses;
        await tx.query(`select ${nth}`);
        counted.push(session.uses - before);
      });
    expect(counted).toEqual([1, 1, 1].map(() => expect.any(Number)));
    expect(counted).not.toContain(0);
    expect(seen.filter((text) => typeof text === 'string' && text.startsWith('select'))).toEqual(['select 0', 'select 1', 'select 2']);
    // The end of a transaction is not the inbox's secret.
    expect(seen).toContain('commit');
  });

  it('counts what is done by a way that was kept from the transaction before', async () => {
    const pool = await freshPool({ max: 1 });
    const store = pgInbox(pool, options);
    await store.migrate();
    let kept: ((text: string) => Promise<unknown>) | undefined;
    const counted: number[] = [];
    for (let nth = 0; nth < 3; nth++)
      await store.transact(async (session) => {
        kept ??= session.tx.query.bind(session.tx) as never;
        const before = session.uses;
        await kept!('select 1');
        counted.push(session.uses - before);
      });
    expect(counted).toEqual([1, 1, 1]);
  });

  it('stores no row that nobody claimed', async () => {
    const pool = await freshPool();
    const store = pgInbox(pool, options);
    await store.migrate();
    const id = actionId();
    const result = await store.transact((session) => session.store([{ actionId: id, direction: 'action', state: 'success', reply: '1' }]));
    expect(result).toMatchObject({ fate: 'failed', error: expect.objectContaining({ message: expect.stringContaining('0 were there') }) });
    expect((await pool.query('select * from backstep_inbox')).rows).toEqual([]);
  });

  it('tells the holder of a lock when its session is gone', async () => {
    const pool = await freshPool();
    const store = pgInbox(pool);
    const held = store.exclusively('a lock', 1_000, async (lost) => {
      const gone = new Promise<void>((resolve) => lost.addEventListener('abort', () => resolve()));
      await pool.query(
        `select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.database
         where l.locktype = 'advisory' and d.datname = current_database()`,
      );
      await gone;
      return lost.aborted;
    });
    expect(await held).toEqual({ fate: 'done', value: true });
    expect(await store.exclusively('a lock', 1_000, async (lost) => lost.aborted)).toEqual({ fate: 'done', value: false });
    await store.close();
  });
});
