import pg from 'pg';
import type { PGlite } from '@electric-sql/pglite';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { lockDirectory, type DirectoryLock } from './directory-lock.js';
import { schemaPool, singleSessionPool, type SearchPaths } from './embedded-pool.js';
import { quotedSchema } from './schema.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;
/** TypeORM's options for one schema of the embedded database; where and how to connect is not for the caller to say. */
export type EmbeddedDataSourceOptions = { readonly schema: string } & Partial<
  Omit<PostgresOptions, 'schema' | 'driver' | 'extra' | 'url' | 'host' | 'port' | 'replication' | 'poolSize'>
>;

export interface EmbeddedOptions {
  /** Where it keeps its data, created when absent; one process at a time. Absent: in memory, gone with the process. */
  readonly directory?: string;
  /**
   * A file that holds a freshly made database, so that making one takes a third of the time; made when absent. It belongs to one version
   * of PGlite.
   */
  readonly template?: string;
  /** Milliseconds that one may wait for the one connection. Default 10,000. */
  readonly waitMs?: number;
}

/**
 * PostgreSQL inside this process, for trying and developing: one session, which everybody takes turns at, and every statement runs on
 * the event loop. Survives the death of the process, not of the machine.
 */
export interface Embedded {
  /**
   * An initialized data source whose tables are in `schema` (created when absent). Several take turns: inside a transaction use that
   * transaction's manager only, or it waits for itself until the time is up.
   */
  dataSource(options: EmbeddedDataSourceOptions): Promise<DataSource>;
  /** Data sources are to be destroyed before. */
  close(): Promise<void>;
}

/** Opens an embedded database. Throws SAGA_UNAVAILABLE when another process has its directory open. */
export async function openEmbedded(options: EmbeddedOptions = {}): Promise<Embedded> {
  const lock = await take(options.directory);
  try {
    // Loaded when it is needed: nobody else should pay for it.
    const pglite = await import('@electric-sql/pglite');
    const { createPgConfig } = await import('@electric-sql/pglite/node-postgres');
    const data = options.directory === undefined ? undefined : join(options.directory, 'data');
    const db = await createDatabase(pglite.PGlite, data, options.template);
    const shared = singleSessionPool(db, createPgConfig, options.waitMs ?? 10_000);
    shared.on('error', () => {});
    const paths: SearchPaths = new WeakMap();
    return {
      dataSource: (wanted) => initialized(wanted, shared, paths),
      close: async () => {
        await shared.end();
        await db.close();
        await lock?.release();
      },
    };
  } catch (error: unknown) {
    await lock?.release();
    throw error;
  }
}

/** `data`: a directory, or in memory. */
async function createDatabase(database: typeof PGlite, data: string | undefined, template: string | undefined): Promise<PGlite> {
  const dataDir = data ?? 'memory://';
  if (template === undefined || (data !== undefined && existsSync(data))) return database.create(dataDir);
  const prepared = await readFile(template).catch(() => undefined);
  if (prepared) return database.create({ dataDir, loadDataDir: new Blob([prepared]) });
  const db = await database.create(dataDir);
  // Complete or not there: others may look for it at the same time.
  const draft = `${template}.${process.pid}`;
  await mkdir(dirname(template), { recursive: true });
  await writeFile(draft, Buffer.from(await (await db.dumpDataDir('gzip')).arrayBuffer()));
  await rename(draft, template);
  return db;
}

async function take(directory: string | undefined): Promise<DirectoryLock | undefined> {
  if (directory === undefined) return undefined;
  await mkdir(directory, { recursive: true });
  return lockDirectory(join(directory, 'lock'));
}

async function initialized(options: EmbeddedDataSourceOptions, shared: pg.Pool, paths: SearchPaths): Promise<DataSource> {
  const schema = quotedSchema(options.schema);
  await shared.query(`create schema if not exists ${schema}`);
  const dataSource = new DataSource({
    installExtensions: false,
    ...options,
    type: 'postgres',
    driver: { ...pg, Pool: schemaPool(shared, paths, schema) },
    extra: { max: 1 },
  } as PostgresOptions);
  return dataSource.initialize();
}
