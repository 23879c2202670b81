import type pg from 'pg';
import { SagaError } from '../core/errors.js';
import type { RegisteredDefinition } from '../ports/saga-store.js';

/** Inserts the definitions that are new; gives the stored ones that differ from what was given. */
export async function registerDefinitions(
  pool: pg.Pool,
  schema: string,
  definitions: readonly RegisteredDefinition[],
): Promise<readonly RegisteredDefinition[]> {
  const names = definitions.map(({ name }) => name);
  const versions = definitions.map(({ version }) => version);
  await pool.query(
    `insert into ${schema}.definition (name, version, fingerprint, shape)
     select name, version, fingerprint, shape::json
     from unnest($1::text[], $2::integer[], $3::text[], $4::text[]) as n(name, version, fingerprint, shape)
     order by name, version on conflict do nothing`,
    [names, versions, definitions.map(({ fingerprint }) => fingerprint), definitions.map(({ shape }) => JSON.stringify(shape))],
  );
  const { rows } = await pool.query<{ name: string; version: number; fingerprint: string; shape: string }>(
    `select name, version, fingerprint, shape::text as shape from ${schema}.definition
     where (name, version) in (select * from unnest($1::text[], $2::integer[])) order by name, version`,
    [names, versions],
  );
  const stored = rows.map((row): RegisteredDefinition => ({ ...row, shape: JSON.parse(row.shape) as string[] }));
  const given = new Map(definitions.map((definition) => [`${definition.name} ${definition.version}`, definition.fingerprint]));
  return stored.filter((row) => given.get(`${row.name} ${row.version}`) !== row.fingerprint);
}

/** Overwrites one. Throws SAGA_DEFINITION_CHANGED when sagas of that version are in flight. */
export async function replaceDefinition(
  pool: pg.Pool,
  schema: string,
  { name, version, fingerprint, shape }: RegisteredDefinition,
): Promise<void> {
  const { rowCount } = await pool.query(
    `insert into ${schema}.definition (name, version, fingerprint, shape)
     select $1, $2, $3, $4::json
     where not exists (select from ${schema}.saga where name = $1 and version = $2 and ended_at is null)
     on conflict (name, version) do update set fingerprint = excluded.fingerprint, shape = excluded.shape`,
    [name, version, fingerprint, JSON.stringify(shape)],
  );
  if (rowCount === 0) throw new SagaError('SAGA_DEFINITION_CHANGED', `sagas of ${name} version ${version} are in flight`);
}
