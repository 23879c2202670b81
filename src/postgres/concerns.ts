import type pg from 'pg';
import type { Concern } from '../ports/saga-store.js';

/** From when on something is told. */
export interface ConcernLimits {
  /** A transaction that is open for so long keeps dead rows from being removed. */
  readonly openMs: number;
  /** Dead rows of one table, where they are also more than the living ones. */
  readonly deadRows: number;
}
export const CONCERN_LIMITS: ConcernLimits = { openMs: 10 * 60_000, deadRows: 100_000 };

/**
 * What makes a queue in a table slow long before it fails: the oldest transaction that keeps dead rows alive, and tables full of dead
 * rows. Others' transactions are seen only by members of `pg_read_all_stats`.
 */
export async function concernsOf(pool: pg.Pool, namespace: string, limits: ConcernLimits): Promise<readonly Concern[]> {
  const [open, dead] = await Promise.all([
    pool.query<Open>(OLDEST_TRANSACTION, [limits.openMs / 1_000]),
    pool.query<Dead>(DEAD_ROWS, [namespace, limits.deadRows]),
  ]);
  return [...open.rows.map(openFor), ...dead.rows.map(fullOfDead)];
}

interface Open {
  readonly who: string;
  readonly seconds: number;
}
/** The one that holds the horizon back furthest; the next one is told when that has ended. */
const OLDEST_TRANSACTION = `
  select * from (
    select format('session %s (%s, %s)', pid, coalesce(nullif(application_name, ''), 'no name'), state) as who,
           extract(epoch from clock_timestamp() - xact_start)::integer as seconds
      from pg_stat_activity
     where datname = current_database() and backend_type = 'client backend' and xact_start is not null and backend_xmin is not null
    union all
    select format('prepared transaction %s', gid), extract(epoch from clock_timestamp() - prepared)::integer
      from pg_prepared_xacts where database = current_database()
  ) transaction where seconds > $1 order by seconds desc limit 1`;

interface Dead {
  readonly table: string;
  readonly dead: number;
  readonly live: number;
  /** ISO 8601. */
  readonly vacuumed: string | null;
}
const DEAD_ROWS = `
  select relname as table, n_dead_tup::float8 as dead, n_live_tup::float8 as live,
         to_char(greatest(last_vacuum, last_autovacuum) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as vacuumed
    from pg_stat_user_tables
   where schemaname = $1 and n_dead_tup > $2 and n_dead_tup > n_live_tup
   order by relname limit 20`;

function openFor({ who, seconds }: Open): Concern {
  const minutes = Math.round(seconds / 60);
  const text = `${who} has a transaction open for ${minutes > 0 ? `${minutes} min` : `${seconds} s`}: no dead row can be removed meanwhile, and the tables of sagas grow slow`;
  return { about: who, text };
}

function fullOfDead({ table, dead, live, vacuumed }: Dead): Concern {
  const last = vacuumed === null ? 'it was never vacuumed' : `it was last vacuumed at ${vacuumed}`;
  const text = `table ${table} has ${dead} dead rows beside ${live} living ones, and ${last}: is autovacuum on, and does no transaction stay open?`;
  return { about: `table ${table}`, text };
}
