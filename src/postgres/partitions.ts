import type { Pool, PoolClient } from 'pg';
import { pass } from '../core/crash-points.js';

const WEEK_MS = 7 * 86_400_000;
/** Weeks start on Mondays; 1970 began on a Thursday. */
const MONDAY_MS = 4 * 86_400_000;
/** Weeks that have their partitions ahead of time: a daemon that does not get to it for a month loses nothing. */
const WEEKS_AHEAD = 5;
const TABLES = [
  {
    // Room for what the steps of a page's sagas write until old versions can be pruned: an update that finds none there writes every index.
    name: 'saga',
    id: 'id',
    settings:
      'with (fillfactor = 40, toast_tuple_target = 4080, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)',
  },
  { name: 'finished_saga', id: 'id', settings: '' },
  { name: 'saga_history', id: 'saga_id', settings: '' },
] as const;

/** A week of saga ids; each table has a partition for it. */
export interface Week {
  /** `2026_11_16`, the Monday. */
  readonly label: string;
  /** When it begins. */
  readonly at: number;
  readonly endsAt: number;
  /** The smallest id in it. */
  readonly from: string;
  /** The smallest id after it. */
  readonly to: string;
}

/** The smallest UUIDv7 of an instant: where a partition begins. */
export function firstIdAt(ms: number): string {
  const time = ms.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

/**
 * Creates the partitions of this week and the next ones where they are absent. Rows of a week that went to the default partition,
 * because its own was not there in time, are moved over. One process at a time; each partition is a transaction of its own.
 */
export async function ensurePartitions(pool: Pool, schema: string): Promise<void> {
  const client = await pool.connect();
  let broken = true;
  try {
    for (const week of await missingWeeks(client, schema)) for (const table of TABLES) await ensurePartition(client, schema, table, week);
    broken = false;
  } finally {
    client.release(broken);
  }
}

async function missingWeeks(client: PoolClient, schema: string): Promise<readonly Week[]> {
  const { rows } = await client.query<{ now: number; present: string[] }>(
    `select date_part('epoch', clock_timestamp()) * 1000 as now,
       array(select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
             where i.inhparent = any ($1::regclass[])) as present`,
    [TABLES.map((table) => `${schema}.${table.name}`)],
  );
  const present = new Set(rows[0]?.present);
  return weeksFrom(Math.floor(rows[0]?.now ?? 0)).filter((week) => TABLES.some((table) => !present.has(partitionName(table.name, week))));
}

function weeksFrom(now: number): readonly Week[] {
  const first = Math.floor((now - MONDAY_MS) / WEEK_MS) * WEEK_MS + MONDAY_MS;
  return Array.from({ length: WEEKS_AHEAD }, (_, n) => weekAt(first + n * WEEK_MS));
}

function weekAt(at: number): Week {
  const label = new Date(at).toISOString().slice(0, 10).replaceAll('-', '_');
  return { label, at, endsAt: at + WEEK_MS, from: firstIdAt(at), to: firstIdAt(at + WEEK_MS) };
}

/** The weeks that finished sagas have a partition for, oldest first. */
export async function presentWeeks(pool: Pool, schema: string): Promise<readonly Week[]> {
  const { rows } = await pool.query<{ label: string }>(
    `select substring(c.relname from '\\d{4}_\\d\\d_\\d\\d$') as label from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = $1::regclass and c.relname ~ '_\\d{4}_\\d\\d_\\d\\d$' order by label`,
    [`${schema}.finished_saga`],
  );
  return rows.map(({ label }) => weekAt(Date.parse(label.replaceAll('_', '-'))));
}

/** Locks a connection's transaction against everybody else who makes or drops partitions. */
export const partitionsLock = (schema: string): string => `hashtextextended('${schema} partitions', 0)`;

/** The partitions of a week, of open sagas, finished ones and histories. */
export function partitionsOf(schema: string, week: Week): readonly string[] {
  return TABLES.map(({ name }) => `${schema}.${partitionName(name, week)}`);
}

const partitionName = (table: string, week: Week): string => `${table}_${week.label}`;

// CREATE and then ATTACH, because CREATE … PARTITION OF would lock the whole table against everybody.
async function ensurePartition(client: PoolClient, schema: string, table: (typeof TABLES)[number], week: Week): Promise<void> {
  const name = `${schema}.${partitionName(table.name, week)}`;
  const parent = `${schema}.${table.name}`;
  try {
    await client.query('begin');
    await client.query(`select pg_advisory_xact_lock(${partitionsLock(schema)})`);
    const { rows } = await client.query<{ present: boolean }>(`select to_regclass($1) is not null as present`, [name]);
    if (!rows[0]?.present) {
      await client.query(`create table ${name} (like ${parent} including defaults including constraints) ${table.settings}`);
      pass('migrate.partition-made');
      await client.query(`lock table ${parent}_default in access exclusive mode`);
      await client.query(
        `with moved as (delete from ${parent}_default where ${table.id} >= '${week.from}' and ${table.id} < '${week.to}' returning *)
         insert into ${name} select * from moved`,
      );
      await client.query(`alter table ${parent} attach partition ${name} for values from ('${week.from}') to ('${week.to}')`);
    }
    await client.query('commit');
    pass('migrate.partition-committed');
  } catch (error: unknown) {
    await client.query('rollback').catch(() => {});
    throw error;
  }
}
