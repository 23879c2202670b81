import type pg from 'pg';
import { statement } from './statement.js';

const COLUMNS = 'id, name, version, key, tags, status, state, row_version, stamp, wake_at, parked, started_at, ended_at';

/** Moves final sagas to the finished ones, in one statement; those with replies still to be read stay, those being worked on wait. */
export function finishedMover(schema: string) {
  const move = statement(`
    with picked as materialized (
      select id from ${schema}.saga where ended_at is not null and parked is null order by id limit $1 for update skip locked),
    moved as (delete from ${schema}.saga where id = any (array(select id from picked)) returning ${COLUMNS})
    insert into ${schema}.finished_saga (${COLUMNS}) select ${COLUMNS} from moved`);
  return async (pool: pg.Pool, limit: number): Promise<number> => (await pool.query(move(limit))).rowCount ?? 0;
}
