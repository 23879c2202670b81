import { LabProcess, backstepBin } from '../kit/processes.js';
import { nameOf } from './plan.js';
import type { Site } from './site.js';
import { describe, type Outcome, type TrialSpec } from './trial.js';

/**
 * `backstep migrate` is killed at a point, and run again: the schema has to be what an undisturbed one makes. Needs a site whose
 * processes do not run, and leaves it migrated.
 */
export async function runMigrationTrial(site: Site, spec: TrialSpec): Promise<Outcome> {
  const { lab, options } = site;
  const began = performance.now();
  const faults: string[] = [];
  let isHit = false;
  try {
    const wanted = await shapeOf(site);
    await lab.query(`drop schema ${lab.namespace} cascade`);
    const { nodeArgs = [], env = {} } = lab.daemons[0]!.spec;
    const victim = new LabProcess({
      name: `migrate-${spec.target.point}`,
      directory: options.directory,
      nodeArgs,
      env,
      args: [backstepBin(), 'migrate'],
    });
    await site.launchWith(victim, { what: 'kill', point: spec.target.point, hit: spec.hit, ms: 0 });
    const { pid } = victim;
    await victim.ended();
    isHit = site.fired(pid) !== undefined;
    if (!isHit) faults.push(`migrate never came to ${spec.target.point}`);
    await lab.migrate();
    const found = await shapeOf(site);
    const missing = wanted.filter((line) => !found.includes(line));
    const added = found.filter((line) => !wanted.includes(line));
    if (missing.length + added.length > 0)
      faults.push(`the schema differs; missing: ${missing.slice(0, 5).join(', ')}; more: ${added.slice(0, 5).join(', ')}`);
  } catch (error: unknown) {
    faults.push(describe(error));
  }
  const { workload, daemons } = options;
  return {
    name: nameOf(spec.target),
    spec,
    workload,
    daemons,
    isHit,
    faults,
    recovery: undefined,
    sagas: 0,
    checked: 0,
    parts: {},
    ms: performance.now() - began,
  };
}

/** Every table, partition, column, index and constraint, and the migrations written down; a line each. */
async function shapeOf({ lab }: Site): Promise<string[]> {
  const rows = await lab.query<{ line: string }>(
    `select 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') as line
       from information_schema.columns where table_schema = $1
     union all select 'index ' || indexdef from pg_indexes where schemaname = $1
     union all select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
       where connamespace = to_regnamespace($1)
     union all select 'partition ' || inhrelid::regclass || ' of ' || inhparent::regclass from pg_inherits
       join pg_class c on c.oid = inhrelid where c.relnamespace = to_regnamespace($1)
     union all select 'migration ' || name from ${lab.namespace}.migration`,
    [lab.namespace],
  );
  return rows.map(({ line }) => line);
}
