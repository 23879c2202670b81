import { MigrationExecutor, type DataSource, type QueryRunner } from 'typeorm';
import { pass } from '../core/crash-points.js';
import { SagaError } from '../core/errors.js';
import { MIGRATIONS } from './migrations/index.js';
import { ensurePartitions } from './partitions.js';
import { poolOf } from './pool.js';
import { namespaceOf, schemaOf } from './schema.js';

/** Migrators that come second wait for the first; it may have much to do. */
const WAIT_FOR_OTHERS = '10min';

/**
 * Brings the schema up to date and gives the names of the migrations that it ran. Safe when several processes do it at once. Throws
 * SAGA_SCHEMA_OUTDATED when the schema is newer than this program.
 */
export async function migrate(dataSource: DataSource): Promise<readonly string[]> {
  const names = await alone(dataSource, async (runner) => {
    pass('migrate.locked');
    await runner.query(`create schema if not exists ${schemaOf(dataSource)}`);
    assertNotNewer(dataSource, await appliedMigrations(dataSource, (sql, values) => runner.query(sql, values)));
    const executor = new MigrationExecutor(dataSource, runner);
    executor.transaction = 'each';
    return (await executor.executePendingMigrations()).map((migration) => migration.name);
  });
  pass('migrate.tables-committed');
  await ensurePartitions(poolOf(dataSource), schemaOf(dataSource));
  return names;
}

/** Takes the latest migration back, with everything its tables hold. For development. */
export async function revertLatest(dataSource: DataSource): Promise<void> {
  await alone(dataSource, (runner) => {
    const executor = new MigrationExecutor(dataSource, runner);
    executor.transaction = 'each';
    return executor.undoLastMigration();
  });
}

/** Throws SAGA_SCHEMA_OUTDATED when the schema is older or newer than this program, and says what is missing. */
export async function assertMigrated(dataSource: DataSource): Promise<void> {
  const pool = poolOf(dataSource);
  const applied = await appliedMigrations(dataSource, async (sql, values) => (await pool.query(sql, values)).rows);
  const known = MIGRATIONS.map((migration) => migration.name);
  const missing = known.filter((name) => !applied.has(name));
  const where = `the schema "${namespaceOf(dataSource)}"`;
  if (missing.length > 0) {
    const what = applied.size === 0 ? `${where} has no Backstep tables yet` : `${where} is older than this program`;
    throw new SagaError(
      'SAGA_SCHEMA_OUTDATED',
      `${what}; run: backstep migrate`,
      missing.map((name) => `missing: ${name}`),
    );
  }
  assertNotNewer(dataSource, applied);
}

function assertNotNewer(dataSource: DataSource, applied: ReadonlySet<string>): void {
  const known = MIGRATIONS.map((migration) => migration.name);
  const unknown = [...applied].filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new SagaError(
    'SAGA_SCHEMA_OUTDATED',
    `the schema "${namespaceOf(dataSource)}" is newer than this program; run the version that migrated it`,
    unknown.map((name) => `unknown here: ${name}`),
  );
}

type Ask = (sql: string, values?: string[]) => Promise<unknown>;

async function appliedMigrations(dataSource: DataSource, ask: Ask): Promise<ReadonlySet<string>> {
  const table = `${schemaOf(dataSource)}.migration`;
  const [found] = (await ask(`select to_regclass($1) is not null as present`, [table])) as { present: boolean }[];
  if (!found?.present) return new Set();
  const applied = (await ask(`select name from ${table} order by timestamp`)) as { name: string }[];
  return new Set(applied.map(({ name }) => name));
}

/** Runs `work` on one connection while no other process of this namespace does the same. */
async function alone<T>(dataSource: DataSource, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
  const runner = dataSource.createQueryRunner();
  const lock = [`${schemaOf(dataSource)} migrate`];
  try {
    await runner.query(`select set_config('lock_timeout', $1, false), set_config('statement_timeout', '0', false)`, [WAIT_FOR_OTHERS]);
    await runner.query(`select pg_advisory_lock(hashtextextended($1, 0))`, lock);
    try {
      return await work(runner);
    } finally {
      await runner.query(`select pg_advisory_unlock(hashtextextended($1, 0))`, lock);
    }
  } finally {
    await runner.query('reset lock_timeout; reset statement_timeout').catch(() => {});
    await runner.release();
  }
}
