import type pg from 'pg';
import type { FiguresQuery, StepFigures, VersionFigures } from '../ports/saga-figures.js';
import { jsonOf } from './conditions.js';

/** Nobody waits longer for figures, and the database has better things to do. */
const MOST_MS = 3_000;

interface Row {
  readonly name: string;
  readonly version: number;
  readonly sagas: number;
  /** JSON of {@link StepFigures}. */
  readonly steps: string;
}

/**
 * How steps of the newest finished sagas of each version went. Costs so many rows of an index and as many states, however many there are; a
 * database that needs longer than three seconds for it cancels it.
 */
export async function readFigures(pool: pg.Pool, schema: string, { versions, limit }: FiguresQuery): Promise<readonly VersionFigures[]> {
  if (versions.length === 0) return [];
  const client = await pool.connect();
  // A client that is checked out and loses its connection also emits; the query that meets it says it all.
  const ignore = (): void => {};
  client.on('error', ignore);
  let broken = true;
  try {
    await client.query(`begin read only; set local statement_timeout = ${MOST_MS}; set local jit = off`);
    const { rows } = await client.query<Row>(figures(schema), [
      versions.map(({ name }) => name),
      versions.map(({ version }) => version),
      limit,
    ]);
    await client.query('commit');
    broken = false;
    return rows.map(({ steps, ...row }) => ({ ...row, steps: JSON.parse(steps) as StepFigures[] }));
  } finally {
    client.removeListener('error', ignore);
    client.release(broken);
  }
}

/**
 * The statement; also for tests that look at how it is carried out. A version is asked for as a range of the index by name, version and id: were
 * it asked for by equality, PostgreSQL might read all sagas in the order of ids until it has found enough of a version that few have.
 */
export const figures = (schema: string): string => `
  with newest as materialized (
    select v.name, v.version, f.steps from unnest($1::text[], $2::integer[]) v(name, version), lateral (
      select ${jsonOf('state')} -> 'steps' as steps from ${schema}.finished_saga s
      where (s.name, s.version, s.id) between (v.name, v.version, '${LEAST}'::uuid) and (v.name, v.version, '${GREATEST}'::uuid)
      order by s.name desc, s.version desc, s.id desc limit $3) f),
  settled as (
    select name, version, at.key as step, at.value ->> 'outcome' as outcome,
      coalesce((at.value ->> 'settledAt')::float8 - (at.value ->> 'startedAt')::float8, 0) as took,
      ${triesOf('action')} as tries, ${triesOf('undo')} as undo_tries, at.value ->> 'undone' as undone
    from newest, json_each(newest.steps) at
    where at.value ->> 'outcome' in ('succeeded', 'rejected', 'unknown')),
  counted as (
    select name, version, json_build_object('step', step, 'settled', count(*),
      'rejected', count(*) filter (where outcome = 'rejected'), 'unknown', count(*) filter (where outcome = 'unknown'),
      'p50Ms', percentile_disc(0.5) within group (order by took), 'p95Ms', percentile_disc(0.95) within group (order by took),
      'actions', json_build_object('tries', sum(tries), 'errors', sum(${errors('tries', `outcome <> 'unknown'`)})),
      'undos', json_build_object('tries', sum(undo_tries), 'errors', sum(${errors('undo_tries', `coalesce(undone = 'undone', false)`)}))) as figures
    from settled group by name, version, step)
  select name, version, count(*)::integer as sagas, coalesce((
    select json_agg(figures) from counted c where c.name = newest.name and c.version = newest.version), '[]')::text as steps
  from newest group by name, version`;

const LEAST = '00000000-0000-0000-0000-000000000000';
const GREATEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Of a command that is there, once is not said; of one that is not, never. */
function triesOf(command: string): string {
  return `case when at.value -> '${command}' is null then 0 else coalesce((at.value #>> '{${command},tries}')::integer, 1) end`;
}
/** Every try but the one that was answered. */
const errors = (tries: string, isAnswered: string): string => `greatest(0, ${tries} - (${isAnswered})::integer)`;
