import type pg from 'pg';
import { statusOf } from '../core/state.js';
import { LONGEST_LOOK_BACK_MS, type Overview, type OverviewQuery } from '../ports/saga-overview.js';
import { STORED, toStored, type StoredRow } from './load-sagas.js';
import { firstIdAt } from './partitions.js';

/**
 * How far the clocks of those who make ids may be behind the database's. Ids lead to what began lately; whether it did is read from the
 * row, whose instant the database gave.
 */
const SLACK_MS = 10_000;

type Counted = { readonly name: string; readonly version: number; readonly count: number };
interface CountRow {
  readonly now: number;
  readonly open: string;
  /** Of the oldest timer, wherever its saga is; `null`: there is none. */
  readonly overdue: number | null;
  /** `null`: it is too long ago. */
  readonly started: string | null;
}

/** Counts in one statement, so that they fit together; the oldest timer is the first of its index. The table of open sagas is read whole, of the finished ones only what began since. */
export async function readOverview(pool: pg.Pool, schema: string, { since, limit }: OverviewQuery): Promise<Overview> {
  const { rows } = await pool.query<CountRow>(counts(schema), [
    firstIdAt(Math.max(0, (since ?? 0) - SLACK_MS)),
    since === undefined ? null : new Date(since).toISOString(),
  ]);
  const { now, open, overdue, started } = rows[0]!;
  const found = limit > 0 ? (await pool.query<StoredRow>(sagas(schema), [limit])).rows : [];
  const stored = found.map(toStored);
  const isStuck = (saga: (typeof stored)[number]) => statusOf(saga.state) === 'stuck';
  return {
    now: Math.floor(now),
    open: JSON.parse(open) as Overview['open'],
    overdueMs: Math.max(0, overdue ?? 0),
    started: started === null ? undefined : (JSON.parse(started) as Counted[]),
    oldest: stored.filter((saga) => !isStuck(saga)),
    stuck: stored.filter(isStuck),
  };
}

// Whether `since` is near enough is decided before any row is read: it depends on no row.
const counts = (schema: string): string => {
  const isNear = `$2::timestamptz > statement_timestamp() - interval '${LONGEST_LOOK_BACK_MS} milliseconds'`;
  const begun = (table: string): string =>
    `select name, version from ${schema}.${table} where ${isNear} and id >= $1::uuid and started_at > $2::timestamptz`;
  return `
    with open as (
      select name, version, status, count(*)::integer as count from ${schema}.saga where ended_at is null group by name, version, status),
    started as (
      select name, version, count(*)::integer as count from (${begun('saga')} union all ${begun('finished_saga')}) begun group by name, version)
    select date_part('epoch', statement_timestamp()) * 1000 as now,
      coalesce((select json_agg(open) from open), '[]')::text as open,
      date_part('epoch', clock_timestamp() - (select min(wake_at) from ${schema}.saga where wake_at is not null)) * 1000 as overdue,
      case when ${isNear} then coalesce((select json_agg(started) from started), '[]')::text end as started`;
};

// Each half ends at its limit: the first reads in the order of ids, which is nearly that of age, the second in the index of troubled ones.
const sagas = (schema: string): string => {
  const from = (condition: string): string => `(select * from ${schema}.saga where ${condition} order by id limit $1)`;
  return `
    select ${STORED} from (${from(`status in ('running', 'compensating')`)} union all ${from(`status = 'stuck'`)}) found order by id`;
};
