import type pg from 'pg';
import { statement } from './statement.js';
import { transact } from './transaction.js';

const COLUMNS = 'id, name, version, key, tags, status, head, state, row_version, stamp, wake_at, parked, started_at, ended_at';

/**
 * Moves final sagas to the finished ones, in one statement; those with replies still to be read stay, those being worked on wait. Most are
 * moved by the commit that ends them, so that this finds what had replies kept, or was ended by an older version. As every statement that
 * is run all the time it may not read the whole table, whatever the planner thinks of it.
 */
export function finishedMover(schema: string) {
  const move = statement(`
    with picked as materialized (
      select id from ${schema}.saga where ended_at is not null and parked is null order by id limit $1 for update skip locked),
    moved as (delete from ${schema}.saga where id = any (array(select id from picked)) returning ${COLUMNS})
    insert into ${schema}.finished_saga (${COLUMNS}) select ${COLUMNS} from moved`);
  return async (pool: pg.Pool, limit: number): Promise<number> => {
    const done = await transact(pool, move(limit), async ({ rowCount }) => Promise.resolve({ last: undefined, value: rowCount ?? 0 }));
    if (done.fate === 'committed') return done.value;
    throw done.error;
  };
}
