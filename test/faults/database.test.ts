import { afterEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { concernsOf } from '../../src/postgres/concerns.js';
import { poolOf } from '../../src/postgres/pool.js';
import { closeAtEnd } from '../support/closing.js';
import { Installation, type EngineOptions } from '../support/engine-servers.js';
import { eventually } from '../support/eventually.js';
import { planFrom } from '../support/plans.js';
import { freshDatabase, privatePostgres } from '../support/servers.js';
import { everySaga, expectEnds, Flow, measured, plan, quantile, script } from './parts.js';

describe('a database in trouble, under load', () => {
  let at: Installation;
  let admin: pg.Client;
  afterEach(async () => {
    await at.close();
    await admin.end();
  }, 30_000);

  async function opened(databaseUrl?: string) {
    at = await Installation.open(databaseUrl === undefined ? {} : { databaseUrl });
    admin = new pg.Client({ connectionString: at.databaseUrl });
    admin.on('error', () => {});
    await admin.connect();
    closeAtEnd(() => admin.end().catch(() => {}));
  }
  async function underLoad(options: EngineOptions & { readonly everyMs?: number } = {}) {
    const flow = new Flow(options.everyMs ?? 80);
    const running = await at.engine([plan], { ...options, observer: { ...options.observer, ...flow.observer } });
    await at.participant('p', script);
    flow.run(running.engine);
    await flow.untilNextEnd();
    return { ...running, flow };
  }
  /** A start with this key waits in its commit until the lock is let go. */
  async function commitHangsFor(key: string): Promise<void> {
    await admin.query(`
      create function public.hang() returns trigger language plpgsql as
        $$ begin if new.key = '${key}' then perform pg_advisory_xact_lock(42); end if; return null; end $$;
      create constraint trigger hang after insert on backstep.saga_key deferrable initially deferred for each row execute function public.hang();
      select pg_advisory_lock(42)`);
  }
  const hanging = `from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'`;
  const untilItHangs = () => eventually(async () => (await admin.query(`select pid ${hanging}`)).rowCount);
  const letGo = () => admin.query('select pg_advisory_unlock(42)');
  const starting = (engine: Awaited<ReturnType<Installation['engine']>>['engine'], key: string) =>
    engine.start({ name: 'test-saga', key, input: { number: Number(key) } });

  it('[E4] a commit of which nobody knows, and which happened: a retry with the same key finds its own saga', async () => {
    await opened();
    const { engine, store } = await at.engine([plan]);
    await at.participant('p', script);
    await commitHangsFor('1');
    const first = starting(engine, '1').then(() => 'answered', (error: { code: string }) => error.code); // prettier-ignore
    await untilItHangs();
    const { rows } = await admin.query<{ pid: number }>(`select pid ${hanging}`);
    // The client's side is cut first, so that the answer has nowhere to go.
    cutClients(store);
    await letGo();
    expect(rows).toHaveLength(1);
    expect(await first).toBe('SAGA_STORE_UNKNOWN');
    await eventually(async () => (await everySaga(store)).length === 1);
    const again = await starting(engine, '1');
    expect(again.created).toBe(false);
    expect(await expectEnds(store, [again.id])).toBe(1);
  }, 90_000);

  it('[E5] a commit of which nobody knows, and which did not happen: the retry starts one', async () => {
    await opened();
    const { engine, store } = await at.engine([plan]);
    await at.participant('p', script);
    await commitHangsFor('1');
    const first = starting(engine, '1').then(() => 'answered', (error: { code: string }) => error.code); // prettier-ignore
    await untilItHangs();
    await admin.query(`select pg_terminate_backend(pid) ${hanging}`);
    expect(await first).toBe('SAGA_STORE_UNKNOWN');
    await letGo();
    expect(await everySaga(store)).toHaveLength(0);
    const again = await starting(engine, '1');
    expect(again.created).toBe(true);
    expect(await expectEnds(store, [again.id])).toBe(1);
  }, 90_000);

  it('[E14] a saga that was begun first and is committed last is sent all the same; later ones do not wait for it', async () => {
    await opened();
    const { engine, store } = await at.engine([plan]);
    await at.participant('p', script);
    await commitHangsFor('1');
    const first = starting(engine, '1');
    await untilItHangs();
    const later = await Promise.all(Array.from({ length: 20 }, (_, i) => starting(engine, String(i + 2))));
    await eventually(async () => (await everySaga(store)).filter(({ state }) => state.end !== null).length === 20, { withinMs: 10_000 });
    await letGo();
    const { id } = await first;
    expect(later.every((one) => one.id > id)).toBe(true);
    expect(await expectEnds(store, [id, ...later.map((one) => one.id)])).toBe(21);
  }, 90_000);

  it('[E7] deadlocks, serialization failures and locks that are not given are tried again; each event happens once', async () => {
    await opened();
    await admin.query(`
      create sequence public.turn;
      create function public.trouble() returns trigger language plpgsql as $$
        begin
          case nextval('public.turn') % 9
            when 2 then raise exception 'deadlock detected' using errcode = '40P01';
            when 5 then raise exception 'could not serialize access' using errcode = '40001';
            when 8 then raise exception 'canceling statement due to lock timeout' using errcode = '55P03';
            else null;
          end case;
          return null;
        end $$;
      create trigger trouble after update on backstep.saga for each statement execute function public.trouble();`);
    const { engine, store, flow, logs } = await underLoad();
    await eventually(async () => Number((await admin.query<{ n: string }>(`select last_value as n from public.turn`)).rows[0]!.n) > 60, {
      withinMs: 20_000,
    });
    await flow.stop();
    expect(flow.refused).toEqual([]);
    expect(await expectEnds(store, flow.ids)).toBe(flow.ids.length);
    for (const { state } of await everySaga(store)) {
      const replies = (await store.history(state.id, 0, 100))!
        .filter(({ event }) => event === 'replied')
        .map(({ step, phase }) => step! + phase!);
      expect(new Set(replies).size).toBe(replies.length);
    }
    expect(logs.count('the database cannot be used; what waits is tried again')).toBeGreaterThan(0);
    expect(await engine.problems()).toEqual([]);
  }, 150_000);

  it('[E7] a real deadlock with somebody else: one of the two gives way, and every saga ends', async () => {
    await opened();
    const { engine, store } = await at.engine([plan]);
    const started = await engine.startMany([1, 2].map((key) => ({ name: 'test-saga', key: String(key), input: { number: key } })));
    const [low, high] = started.map((one) => (one as { id: string }).id).toSorted();
    await admin.query(`begin; select from backstep.saga where id = '${high}' for update`);
    await at.participant('p', script);
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await eventually(async () => (await admin.query(waiting)).rowCount);
    await admin.query(`select from backstep.saga where id = '${low}' for update`).catch(() => {});
    await admin.query('rollback');
    expect(await expectEnds(store, [low!, high!])).toBe(2);
  }, 90_000);

  it('[E8] there is no connection left for us: starts are refused as unavailable, and it goes on when there is one', async () => {
    const { url } = await freshDatabase();
    const role = `r${new URL(url).pathname.slice(1)}`;
    const owner = new pg.Client({ connectionString: url });
    await owner.connect();
    await owner.query(
      `create role ${role} login password 'p' connection limit 3; grant create on database ${new URL(url).pathname.slice(1)} to ${role}`,
    );
    closeAtEnd(async () => {
      await owner.query(`drop owned by ${role}; drop role ${role}`);
      await owner.end();
    });
    const limited = new URL(url);
    [limited.username, limited.password] = [role, 'p'];
    await opened(limited.href);
    const { engine, store, flow } = await underLoad();
    // Of ten in the pool it gets two, beside the one of this test; under load it would like to have more.
    await Promise.all(Array.from({ length: 10 }, () => store.now().catch(() => {})));
    await flow.untilNextEnd();
    const taken: pg.Client[] = [];
    const take = async () => {
      await owner.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`);
      for (let i = 0; i < 3; i++) {
        const client = new pg.Client({ connectionString: limited.href });
        client.on('error', () => {});
        if (await client.connect().then(() => true, () => false)) taken.push(client); // prettier-ignore
      }
    };
    while (taken.length < 3) await take();
    await eventually(async () => (await engine.problems()).join().includes('too many connections'), { withinMs: 10_000 });
    await Promise.all(taken.map((client) => client.end()));
    const wait = await flow.untilNextEnd();
    measured('E8', 'ms from the first free connection to the next saga that ends', wait);
    expect(wait).toBeLessThan(5_000);
    await flow.stop();
    expect(flow.refused.every((code) => code === 'SAGA_UNAVAILABLE' || code === 'SAGA_STORE_UNKNOWN')).toBe(true);
    await expectEnds(store, flow.ids);
    await eventually(async () => (await engine.problems()).length === 0, { withinMs: 20_000 });
  }, 150_000);

  it('[E9] the disk is full: starts are refused as unavailable, no message is acknowledged, and it goes on when there is room', async () => {
    const disk = smallDisk();
    let fill: () => Promise<unknown>;
    let clear: () => Promise<unknown>;
    if (disk) {
      const server = await privatePostgres();
      const owner = new pg.Client({ connectionString: server.url });
      await owner.connect();
      await owner.query(`create tablespace small location '${disk}'`);
      await owner.query('create database tight tablespace small');
      await owner.end();
      const url = new URL(server.url);
      url.pathname = '/tight';
      await opened(url.href);
      await admin.query('create table public.filler (text text); alter table public.filler alter text set storage plain');
      fill = async () => {
        for (const rows of [500, 50, 5, 1]) {
          const more = () => admin.query(`insert into public.filler select repeat('x', 7000) from generate_series(1, ${rows})`);
          while (await more().then(() => true, () => false)); // prettier-ignore
        }
      };
      // TRUNCATE wants a new file first; an operator would remove something, too.
      clear = () => admin.query('drop table public.filler');
    } else {
      // Nobody may mount a small disk here: the database says what it would say.
      await opened();
      await admin.query(`create function public.full() returns trigger language plpgsql as
        $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`);
      fill = () =>
        admin.query('create trigger full_disk before insert or update on backstep.saga for each statement execute function public.full()');
      clear = () => admin.query('drop trigger full_disk on backstep.saga');
    }
    measured('E9', 'the disk', disk ? 'a small file system' : 'a trigger that raises 53100');
    const { engine, store, flow } = await underLoad({ settings: { callWaitMs: 1_000 } });
    await fill();
    await eventually(async () => (await engine.problems()).join().includes('No space left on device'), { withinMs: 20_000 });
    await eventually(() => flow.refused.includes('SAGA_UNAVAILABLE'), { withinMs: 20_000 });
    await clear();
    const wait = await flow.untilNextEnd();
    measured('E9', 'ms from the room to the next saga that ends', wait);
    expect(wait).toBeLessThan(6_000);
    await flow.stop();
    expect(new Set(flow.refused)).toEqual(new Set(['SAGA_UNAVAILABLE']));
    await expectEnds(store, flow.ids);
    expect(await at.waiting(['p'])).toBe(0);
    await eventually(async () => (await engine.problems()).length === 0);
  }, 150_000);

  it('[E15] [E17] a transaction stays open at full load, and nothing is vacuumed: as quick as before, and said', async () => {
    await opened();
    const took: number[] = [];
    const { store, flow } = await underLoad({ everyMs: 4, observer: { batchCommitted: ({ ms }) => void took.push(ms) } });
    const { rows } = await admin.query<{ name: string }>(
      `select relid::regclass::text as name from pg_partition_tree('backstep.saga') where isleaf`,
    );
    for (const { name } of rows) await admin.query(`alter table ${name} set (autovacuum_enabled = off)`);
    const during = async (ms: number) => {
      took.length = 0;
      await delay(ms);
      return quantile(took, 0.99);
    };
    const analyst = new pg.Client({ connectionString: at.databaseUrl, application_name: 'analyst' });
    await analyst.connect();
    await during(2_000);
    const before = await during(4_000);
    await analyst.query('begin isolation level repeatable read; select count(*) from backstep.saga');
    const meanwhile = await during(8_000);
    measured('E15', `p99 in ms of a transaction, ${before.toFixed(1)} before`, meanwhile.toFixed(1));
    expect(meanwhile).toBeLessThan(3 * before + 50);

    const concerns = () => concernsOf(poolOf(store.dataSource), 'backstep', { openMs: 1_000, deadRows: 500 });
    const texts = async () => (await concerns()).map(({ text }) => text).join('\n');
    await eventually(async () => {
      const said = await texts();
      return (
        /session \d+ \(analyst, idle in transaction\) has a transaction open for/.test(said) && /table \w+ has \d+ dead rows/.test(said)
      );
    });
    await flow.stop();
    await analyst.query('rollback');
    await analyst.end();
    await expectEnds(store, flow.ids);
    for (const { name } of rows) await admin.query(`vacuum ${name}`);
    await eventually(async () => !/dead rows|analyst/.test(await texts()), { withinMs: 10_000 });
  }, 150_000);

  it('[E16] a process that stops in the middle of a transaction: its connection is closed, another one follows, nothing is half done', async () => {
    await opened();
    let blocked = 0;
    const busy = planFrom({
      steps: [
        { name: 'reserve', timeoutMs: 3_000, attempts: 100 },
        {
          name: 'charge',
          timeoutMs: 3_000,
          attempts: 100,
          // Within the transaction of the reply to `reserve`: nothing else of this process runs meanwhile.
          request: ({ input }) => {
            if ((input as { number: number }).number === 1 && blocked++ < 2) blockFor(1_000);
            return {};
          },
        },
      ],
    });
    const { engine, store } = await at.engine([busy], { connect: { timeouts: { idleInTransaction: 300 } } });
    // As if another process had written it: what is remembered does not count, and its row is locked before anything is decided.
    await admin.query(`
      create function public.elsewhere() returns trigger language plpgsql as $$ begin new.stamp := -1; return new; end $$;
      create trigger elsewhere before insert or update on backstep.saga for each row execute function public.elsewhere()`);
    await at.participant('p', () => ({}));
    const removed: unknown[] = [];
    poolOf(store.dataSource).on('remove', (client) => removed.push(client));
    const { id } = await engine.start({ name: 'test-saga', key: '1', input: { number: 1 } });
    const saga = await engine.waitUntilFinal(id, 20_000);
    expect(saga.state.end).toBe('completed');
    expect(blocked).toBeGreaterThan(1);
    expect(removed.length).toBeGreaterThan(0);
    const replies = (await store.history(id, 0, 100))!.filter(({ event }) => event === 'replied');
    expect(replies.map(({ step }) => step)).toEqual(['reserve', 'charge']);
    // A transaction that is under way is between two statements at times; one that was left stays.
    const open = `select 1 from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`;
    await eventually(async () => (await admin.query(open)).rows.length === 0, { what: 'no transaction is left open' });
  }, 90_000);

  it('[E16] every safety time limit is set on our connections', async () => {
    await opened();
    const { store } = await at.engine([plan]);
    const { rows } = await poolOf(store.dataSource).query<{ name: string; setting: string }>(
      `select name, setting from pg_settings where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') order by name`,
    );
    expect(rows.map(({ name, setting }) => `${name} ${setting}`)).toEqual([
      'idle_in_transaction_session_timeout 30000',
      'lock_timeout 10000',
      'statement_timeout 15000',
    ]);
    expect(poolOf(store.dataSource).options).toMatchObject({ query_timeout: 20_000, connectionTimeoutMillis: 10_000 });
  });

  it('[E18] a migration of somebody else locks the table for long: waits are bounded, and it goes on', async () => {
    await opened();
    const { engine, store, flow } = await underLoad({ connect: { timeouts: { lock: 1_000 } }, settings: { callWaitMs: 3_000 } });
    await admin.query('begin; lock table backstep.saga in access exclusive mode');
    const from = performance.now();
    await eventually(async () => (await engine.problems()).length > 0, { withinMs: 10_000 });
    await eventually(() => flow.refused.length > 20, { withinMs: 15_000 });
    const refusals = performance.now() - from;
    measured('E18', 'ms until starts were refused', refusals);
    expect(refusals).toBeLessThan(10_000);
    // Nobody of us holds more than the pool's connections, and no transaction longer than its limit.
    const { rows } = await admin.query<{ n: string; ms: number }>(
      `select count(*) as n, max(extract(epoch from clock_timestamp() - xact_start))::float8 * 1000 as ms
         from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and wait_event_type = 'Lock'`,
    );
    expect(Number(rows[0]!.n)).toBeLessThanOrEqual(10);
    expect(rows[0]!.ms ?? 0).toBeLessThan(3_000);
    await admin.query('rollback');
    const wait = await flow.untilNextEnd();
    measured('E18', 'ms from the unlocked table to the next saga that ends', wait);
    expect(wait).toBeLessThan(5_000);
    await flow.stop();
    expect(new Set(flow.refused)).toEqual(new Set(['SAGA_UNAVAILABLE']));
    await expectEnds(store, flow.ids);
  }, 150_000);
});

function blockFor(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** The connections of a store are reset by the client's side, as by a firewall. */
function cutClients(store: { readonly dataSource: Parameters<typeof poolOf>[0] }): void {
  const { _clients: clients } = poolOf(store.dataSource) as unknown as {
    _clients: { connection: { stream: { destroy(error?: Error): void } } }[];
  };
  for (const { connection } of clients) connection.stream.destroy(new Error('cut'));
}

/** A file system of 48 MiB, where this machine lets one be mounted. */
function smallDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const dir = mkdtempSync(join(tmpdir(), 'backstep-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m,mode=0777', 'backstep', dir], { stdio: 'ignore' });
  } catch {
    rmSync(dir, { recursive: true });
    return undefined;
  }
  // PostgreSQL does not run as root, and wants to own where its tables are.
  execFileSync('sh', ['-c', 'chown postgres "$0" || chown nobody "$0"', dir], { stdio: 'ignore' });
  closeAtEnd(async () => {
    // The server that uses it is disposed of before: what is opened last is closed first.
    execFileSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true, force: true });
    return Promise.resolve();
  });
  return dir;
}
