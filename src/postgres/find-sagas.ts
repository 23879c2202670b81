import type pg from 'pg';
import { SagaError } from '../core/errors.js';
import type { HistoryEntry } from '../core/event.js';
import type { DefinitionRef, SagaFilter, SagaPage, StoredSaga, Workload } from '../ports/saga-store.js';
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

/** Newest first. Each table gives at most a page, so that a page costs the same however many sagas there are. */
export async function listSagas(pool: pg.Pool, schema: string, filter: SagaFilter): Promise<SagaPage> {
  const { where, values } = conditions(schema, filter);
  const limit = Math.min(500, Math.max(1, Math.floor(filter.limit)));
  const from = (table: string): string => `(select * from ${schema}.${table} ${where} order by id desc limit ${limit + 1})`;
  const { rows } = await pool.query<StoredRow>(
    `select ${STORED} from (${from('saga')} union all ${from('finished_saga')}) found order by id desc limit ${limit + 1}`,
    values,
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { sagas: page.map(toStored), ...(rows.length > limit && last ? { cursor: cursorAfter(last.id) } : {}) };
}

function conditions(schema: string, filter: SagaFilter): { readonly where: string; readonly values: unknown[] } {
  const values: unknown[] = [];
  const value = (given: unknown): string => `$${values.push(given)}`;
  const all: string[] = [];
  if (filter.cursor !== undefined) all.push(`id < ${value(idOf(filter.cursor))}::uuid`);
  if (filter.status) all.push(`status = any (${value(filter.status)}::text[])`);
  if (filter.name !== undefined) all.push(`name = ${value(filter.name)}`);
  if (filter.key !== undefined) {
    const keyed = value(filter.key);
    const named = filter.name === undefined ? '' : ` and name = ${value(filter.name)}`;
    all.push(`id = any (array(select saga_id from ${schema}.saga_key where key = ${keyed} and kind = 'key'${named}))`);
  }
  // The second half is what the partial index on tags asks for.
  if (filter.tags && Object.keys(filter.tags).length > 0) all.push(`tags @> ${value(JSON.stringify(filter.tags))}::jsonb and tags <> '{}'`);
  return { where: all.length > 0 ? `where ${all.join(' and ')}` : '', values };
}

const cursorAfter = (id: string): string => Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url');

/** Throws SAGA_REQUEST_INVALID for a cursor that none of our pages gave. */
function idOf(cursor: string): string {
  const hex = Buffer.from(cursor, 'base64url').toString('hex');
  if (hex.length !== 32) throw new SagaError('SAGA_REQUEST_INVALID', 'the cursor is not one that a page gave');
  return hex;
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

/** One pass over the open sagas; the oldest timer is the first of its index. */
export async function workload(pool: pg.Pool, schema: string): Promise<Workload> {
  const { rows: open } = await pool.query<Workload['open'][number]>(
    `select name, status, count(*)::integer as count from ${schema}.saga where ended_at is null group by name, status order by name, status`,
  );
  const { rows } = await pool.query<{ overdue: number | null }>(
    `select date_part('epoch', clock_timestamp() - min(wake_at)) * 1000 as overdue from ${schema}.saga where wake_at is not null`,
  );
  return { open, overdueMs: Math.max(0, rows[0]?.overdue ?? 0) };
}
