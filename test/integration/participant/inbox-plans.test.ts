import { beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { InboxClaim, InboxSession, InboxStore } from '../../../src/ports/inbox.js';
import { pgInbox } from '../../../src/postgres/inbox-pg.js';
import { closeAtEnd } from '../../support/closing.js';
import { freshDatabase } from '../../support/servers.js';

type Session = InboxSession<pg.PoolClient>;
const MANY = 20_000;
/** As many as a statement may read of a table that is small: planned for what is there, that may be all of it. */
const FEW = 1_000;
/** A connection plans a prepared statement for itself alone from the sixth time on. */
const OFTEN = 8;

const idOf = (n: number) => `0196f000-0000-7000-8000-${String(n).padStart(12, '0')}.charge.a.1`;
const rowOf = (n: number, direction: InboxClaim['direction'] = 'action'): InboxClaim => ({
  actionId: idOf(n),
  direction,
  commandId: idOf(n),
  requestHash: 'h',
});
/** What can be asked of an inbox, about rows of its own each time. `n`: an action that is there. */
const ASKED: Record<string, (session: Session, n: number, fresh: number) => Promise<unknown>> = {
  'claim, store and release': async (session, _, fresh) => {
    await session.claim([rowOf(fresh), rowOf(fresh, 'compensation')]);
    await session.store([{ actionId: idOf(fresh), direction: 'action', state: 'success', reply: '1' }]);
    await session.release([rowOf(fresh, 'compensation')]);
  },
  record: (session, _, fresh) => session.record([{ ...rowOf(fresh), state: 'success', reply: '1' }]),
  'find and store': async (session, n) => {
    await session.claim([rowOf(n), rowOf(n + 1)]);
    await session.store([{ actionId: idOf(n), direction: 'action', state: 'success', reply: '1' }]);
  },
  'find and touch': async (session, n) => {
    await session.tx.query(`update backstep_inbox set used_at = now() - interval '1 day' where action_id = $1 and direction = 'action'`, [
      idOf(n),
    ]);
    await session.claim([rowOf(n)]);
  },
  finalActions: (session, n) => session.finalActions([idOf(n), idOf(n + 1)]),
};

/** How the table was when the connection that is asked planned its statements. */
const SMALL: readonly (readonly [how: string, rows: number, vacuum: string])[] = [
  ['empty, and never analyzed', 0, ''],
  ['vacuumed when it was empty', 0, 'vacuum backstep_inbox'],
  ['analyzed with one row', 1, 'vacuum analyze backstep_inbox'],
  ['analyzed with sixty rows', 60, 'vacuum analyze backstep_inbox'],
];

describe.each(SMALL)('an inbox whose table was %s, and has grown since', (_, rows, vacuum) => {
  let store: InboxStore<pg.PoolClient>;
  let made = 1_000_000;
  const fill = (pool: pg.Pool, count: number) =>
    pool.query(
      `insert into backstep_inbox (action_id, direction, command_id, request_hash, state, reply)
       select id, 'action', id, 'h', 'success', '1' from (
         select '0196f000-0000-7000-8000-' || lpad(n::text, 12, '0') || '.charge.a.1' as id from generate_series(1, $1::int) n) made
       on conflict do nothing`,
      [count],
    );

  beforeAll(async () => {
    const { url } = await freshDatabase();
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    pool.on('error', () => {});
    closeAtEnd(() => pool.end());
    store = pgInbox(pool);
    await store.migrate();
    // Nobody else tells the connection that things have changed.
    await pool.query('alter table backstep_inbox set (autovacuum_enabled = false)');
    await fill(pool, rows);
    if (vacuum) await pool.query(vacuum);
    for (const act of Object.values(ASKED))
      for (let nth = 0; nth < OFTEN; nth++)
        await store.transact(async (session) => {
          await act(session, 1, ++made);
          // The table is as small as before.
          throw new Error('only planned');
        });
    await fill(pool, MANY);
  }, 60_000);

  it.each(Object.entries(ASKED))('%s reads only what it is asked for', async (_name, act) => {
    const read = await store.transact(async (session) => {
      const seen = async () => {
        const { rows: counts } = await session.tx.query<{ read: string }>(
          `select coalesce(sum(seq_tup_read), 0) as read from pg_stat_xact_user_tables where relname = 'backstep_inbox'`,
        );
        return Number(counts[0]!.read);
      };
      const before = await seen();
      await act(session, MANY / 2, ++made);
      return (await seen()) - before;
    });
    expect(read.fate).toBe('committed');
    expect(read).toMatchObject({ value: expect.any(Number) });
    expect(read.fate === 'committed' && read.value).toBeLessThan(FEW);
  });
});
