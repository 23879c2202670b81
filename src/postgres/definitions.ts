import type pg from 'pg';
import { SagaError } from '../core/errors.js';
import type { Retention } from '../core/plan.js';
import type { RegisteredDefinition } from '../ports/saga-store.js';

/** SQL for the JSON text of a definition's {@link Retention}. */
export const RETENTION = `json_build_object('completedMs', keep_completed_ms, 'compensatedMs', keep_compensated_ms)::text`;

interface Stored {
  readonly name: string;
  readonly version: number;
  readonly fingerprint: string;
  readonly shape: string;
  readonly retention: string;
}

/** Inserts the definitions that are new, and how long the sagas of those that are the same are kept now; gives the stored ones that differ from what was given. */
export async function registerDefinitions(
  pool: pg.Pool,
  schema: string,
  definitions: readonly RegisteredDefinition[],
): Promise<readonly RegisteredDefinition[]> {
  const names = definitions.map(({ name }) => name);
  const versions = definitions.map(({ version }) => version);
  await pool.query(
    `insert into ${schema}.definition as d (name, version, fingerprint, shape, keep_completed_ms, keep_compensated_ms)
     select name, version, fingerprint, shape::json, completed, compensated
     from unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
       as n(name, version, fingerprint, shape, completed, compensated)
     order by name, version
     on conflict (name, version) do update
       set keep_completed_ms = excluded.keep_completed_ms, keep_compensated_ms = excluded.keep_compensated_ms
       where d.fingerprint = excluded.fingerprint and (d.keep_completed_ms, d.keep_compensated_ms) is distinct from (excluded.keep_completed_ms, excluded.keep_compensated_ms)`,
    [
      names,
      versions,
      definitions.map(({ fingerprint }) => fingerprint),
      definitions.map(({ shape }) => JSON.stringify(shape)),
      definitions.map(({ retention }) => retention.completedMs),
      definitions.map(({ retention }) => retention.compensatedMs),
    ],
  );
  const { rows } = await pool.query<Stored>(
    `select name, version, fingerprint, shape::text as shape, ${RETENTION} as retention from ${schema}.definition
     where (name, version) in (select * from unnest($1::text[], $2::integer[])) order by name, version`,
    [names, versions],
  );
  const stored = rows.map((row): RegisteredDefinition => ({
    ...row,
    shape: JSON.parse(row.shape) as string[],
    retention: JSON.parse(row.retention) as Retention,
  }));
  const given = new Map(definitions.map((definition) => [`${definition.name} ${definition.version}`, definition.fingerprint]));
  return stored.filter((row) => given.get(`${row.name} ${row.version}`) !== row.fingerprint);
}

/** Overwrites one. Throws SAGA_DEFINITION_CHANGED when sagas of that version are in flight. */
export async function replaceDefinition(
  pool: pg.Pool,
  schema: string,
  { name, version, fingerprint, shape, retention }: RegisteredDefinition,
): Promise<void> {
  const { rowCount } = await pool.query(
    `insert into ${schema}.definition (name, version, fingerprint, shape, keep_completed_ms, keep_compensated_ms)
     select $1, $2, $3, $4::json, $5, $6
     where not exists (select from ${schema}.saga where name = $1 and version = $2 and ended_at is null)
     on conflict (name, version) do update set fingerprint = excluded.fingerprint, shape = excluded.shape,
       keep_completed_ms = excluded.keep_completed_ms, keep_compensated_ms = excluded.keep_compensated_ms`,
    [name, version, fingerprint, JSON.stringify(shape), retention.completedMs, retention.compensatedMs],
  );
  if (rowCount === 0) throw new SagaError('SAGA_DEFINITION_CHANGED', `sagas of ${name} version ${version} are in flight`);
}
