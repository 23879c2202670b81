import type { Logger } from '../../ports/logger.js';
import { MIGRATING } from '../../postgres/connect.js';
import { migrate } from '../../postgres/migrate.js';
import { openDatabase } from '../database.js';
import { SystemClock } from '../system.js';

export interface MigrateOptions {
  readonly postgresUrl: string;
  readonly namespace: string;
  readonly waitForDatabaseMs: number;
  readonly logger: Logger;
}

/** Brings the schema up to date; gives the names of the migrations that it ran. */
export async function migrateDatabase({ postgresUrl, namespace, waitForDatabaseMs, logger }: MigrateOptions): Promise<readonly string[]> {
  const dataSource = await openDatabase({
    url: postgresUrl,
    namespace,
    logger,
    clock: new SystemClock(),
    waitMs: waitForDatabaseMs,
    timeouts: MIGRATING,
  });
  try {
    return await migrate(dataSource);
  } finally {
    await dataSource.destroy();
  }
}
