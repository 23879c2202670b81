import type { Access } from '../../access/access.js';
import type { Logger } from '../../ports/logger.js';
import { PostgresActivityLog } from '../../postgres/activity-log.js';
import { PostgresAuditLog } from '../../postgres/audit-log.js';
import { assertMigrated } from '../../postgres/migrate.js';
import { PostgresSagaStore } from '../../postgres/postgres-saga-store.js';
import { assertCanListen, type ListenOptions } from '../../http/server.js';
import { assertSafe } from '../access.js';
import { createDaemon, type Daemon } from '../daemon.js';
import { openDatabase } from '../database.js';
import { openRabbitMq } from '../rabbitmq.js';
import { openSagas } from '../sagas.js';
import { openSealing } from '../sealing.js';
import { openSigning } from '../signing.js';
import { SystemClock } from '../system.js';

/** What `backstep serve` is told. */
export interface ServeOptions {
  readonly postgresUrl: string;
  readonly rabbitmqUrl: string;
  readonly namespace: string;
  /** BACKSTEP_SIGNING_KEYS. */
  readonly signingKeys: string | undefined;
  /** BACKSTEP_PAYLOAD_KEYS. */
  readonly payloadKeys: string | undefined;
  readonly sagas: readonly string[];
  readonly http: ListenOptions;
  /** Where `/metrics` is served alone; the HTTP API serves it in any case. */
  readonly measureOn: ListenOptions | undefined;
  /** BACKSTEP_TRACE_URL. */
  readonly traceUrl: string | undefined;
  readonly access: Access;
  readonly allowOrphans: boolean;
  /** How long dead letters are kept after they were replayed or discarded. */
  readonly deadLetterKeepMs: number;
  readonly waitForDatabaseMs: number;
  readonly logger: Logger;
}

/** The daemon on PostgreSQL and RabbitMQ. Refuses a schema that is not this program's; does not need the broker to be there. */
export async function serve(options: ServeOptions): Promise<Daemon> {
  const { logger, namespace, allowOrphans, deadLetterKeepMs, http, measureOn, traceUrl, access } = options;
  assertSafe(http, access);
  const signing = openSigning(options.signingKeys, namespace);
  const sealing = openSealing(options.payloadKeys);
  await assertCanListen(http);
  if (measureOn) await assertCanListen(measureOn);
  const { plans } = await openSagas(options.sagas, logger);
  const clock = new SystemClock();
  const dataSource = await openDatabase({ url: options.postgresUrl, namespace, logger, clock, waitMs: options.waitForDatabaseMs });
  try {
    await assertMigrated(dataSource);
  } catch (error: unknown) {
    await dataSource.destroy();
    throw error;
  }
  const transport = openRabbitMq({ url: options.rabbitmqUrl, namespace, clock, logger });
  const store = new PostgresSagaStore(dataSource);
  const audit = new PostgresAuditLog(dataSource);
  const activityLog = new PostgresActivityLog(dataSource);
  const settings = { namespace, allowOrphans, deadLetterKeepMs };
  const parts = { plans, store, transport, signing, sealing, logger, audit, activityLog };
  const daemon = await createDaemon({ ...parts, http: { ...http, isOwnProcess: true }, measureOn, traceUrl, access, settings });
  const sagas = plans.map(({ name, version }) => `${name}@${version}`);
  logger.info({ url: daemon.url, namespace, sagas }, `listening on ${daemon.url}${reach(access)}`);
  if (daemon.metricsUrl) logger.info({ url: daemon.metricsUrl }, `metrics alone are on ${daemon.metricsUrl}`);
  return daemon;
}

function reach({ isOn }: Access): string {
  return isOn ? ', for whoever has a token' : ', for this machine only: there is no authentication';
}
