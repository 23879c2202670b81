import type pg from 'pg';
import type { HistoryEntry } from '../core/event.js';
import type { DefinitionRef, StoredSaga } from '../ports/saga-store.js';
import { STORED, toStored, type StoredRow } from './load-sagas.js';

/** One saga, wherever it is: both tables in one statement, so that one that is being moved is found exactly once. */
export async function findSaga(pool: pg.Pool, schema: string, id: string): Promise<StoredSaga | undefined> {
  const from = (table: string): string => `select ${STORED} from ${schema}.${table} where id = $1`;
  const { rows } = await pool.query<StoredRow>(`${from('saga')} union all ${from('finished_saga')}`, [id]);
  return rows[0] && toStored(rows[0]);
}

export async function findSagaByKey(pool: pg.Pool, schema: string, name: string, key: string): Promise<StoredSaga | undefined> {
  const { rows } = await pool.query<{ saga_id: string }>(
    `select saga_id from ${schema}.saga_key where key = $1 and name = $2 and kind = 'key'`,
    [key, name],
  );
  return rows[0] && findSaga(pool, schema, rows[0].saga_id);
}

/** Entries after `afterSeq`, in order; `undefined` when there is no such saga. */
export async function readHistory(
  pool: pg.Pool,
  schema: string,
  id: string,
  afterSeq: number,
  limit: number,
): Promise<readonly HistoryEntry[] | undefined> {
  const { rows } = await pool.query<{ seq: number; at: number; event: HistoryEntry['event']; step: string | null; data: string }>(
    `select seq, date_part('epoch', at) * 1000 as at, event, step, data::text as data
     from ${schema}.saga_history where saga_id = $1 and seq > $2 order by seq limit $3`,
    [id, afterSeq, limit],
  );
  if (rows.length === 0 && !(await findSaga(pool, schema, id))) return undefined;
  return rows.map(({ seq, at, event, step, data }) => ({
    seq,
    at: Math.round(at),
    event,
    ...(step === null ? {} : { step }),
    ...(JSON.parse(data) as Pick<HistoryEntry, 'effects'>),
  }));
}

/** Open sagas by the version they were started with. */
export async function versionsInFlight(pool: pg.Pool, schema: string): Promise<readonly (DefinitionRef & { readonly count: number })[]> {
  const { rows } = await pool.query<DefinitionRef & { count: number }>(
    `select name, version, count(*)::integer as count from ${schema}.saga where ended_at is null group by name, version order by name, version`,
  );
  return rows;
}
