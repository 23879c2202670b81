import type { Access } from '../../access/access.js';
import { assertCanListen, type ListenOptions } from '../../http/server.js';
import type { Plan } from '../../core/plan.js';
import { namesIn } from '../../core/wire.js';
import { InProcessTransport } from '../../memory/in-process-transport.js';
import { InProcessBroker } from '../../memory/transport-broker.js';
import type { Logger } from '../../ports/logger.js';
import { PostgresActivityLog } from '../../postgres/activity-log.js';
import { PostgresAuditLog } from '../../postgres/audit-log.js';
import { sagaDataSource } from '../../postgres/connect.js';
import { openEmbedded, type Embedded } from '../../postgres/embedded.js';
import { migrate } from '../../postgres/migrate.js';
import { PostgresSagaStore } from '../../postgres/postgres-saga-store.js';
import type { ParticipantDeclaration } from '../../saga/participant-declaration.js';
import { Metrics } from '../../telemetry/metrics.js';
import { assertSafe } from '../access.js';
import { createDaemon } from '../daemon.js';
import { startHosts } from '../hosts.js';
import type { Running } from '../lifetime.js';
import { openSagas } from '../sagas.js';
import { SystemClock } from '../system.js';

/** What `backstep dev` is told. */
export interface DevOptions {
  readonly sagas: readonly string[];
  readonly http: ListenOptions;
  /** BACKSTEP_TRACE_URL. */
  readonly traceUrl?: string | undefined;
  readonly access: Access;
  /** Where the embedded database keeps its data. */
  readonly directory: string;
  readonly logger: Logger;
}
/** What runs, for the lines that tell about it. */
export interface Dev extends Running {
  readonly url: string;
  readonly sagas: readonly string[];
  readonly participants: readonly string[];
}

const NAMESPACE = 'backstep';

/** Everything in one process with nothing installed: embedded PostgreSQL, a broker in memory, participants, engine and API. */
export async function dev(options: DevOptions): Promise<Dev> {
  assertSafe(options.http, options.access);
  await assertCanListen(options.http);
  const { plans, participants } = await openSagas(options.sagas, options.logger);
  const declarations = participants();
  const embedded = await openEmbedded({ directory: options.directory });
  const opened: Running[] = [{ stop: () => embedded.close() }];
  const stop = async () => {
    while (opened.length > 0) await opened.pop()?.stop();
  };
  try {
    const { url } = await start(options, embedded, plans, declarations, opened);
    const sagas = plans.map(({ name, version }) => `${name}@${version}`);
    return { url, sagas, participants: declarations.map(({ participant }) => participant), stop };
  } catch (error: unknown) {
    await stop();
    throw error;
  }
}

/** What is opened later is stopped earlier: participants after the engine, so that what it waits for is still answered. */
async function start(
  { http, traceUrl, access, logger }: DevOptions,
  embedded: Embedded,
  plans: readonly Plan[],
  declarations: readonly ParticipantDeclaration[],
  opened: Running[],
): Promise<{ readonly url: string }> {
  const clock = new SystemClock();
  const broker = new InProcessBroker(clock);
  const transport = () => new InProcessTransport({ broker, clock, logger });
  const forHosts = transport();
  opened.push({ stop: () => forHosts.close() });
  const dataSource = (schema: string) => embedded.dataSource({ schema });
  const metrics = new Metrics();
  const observer = metrics.participants(declarations, namesIn(NAMESPACE));
  opened.push(await startHosts({ declarations, transport: forHosts, clock, logger, namespace: NAMESPACE, observer, dataSource }));
  const saga = await embedded.dataSource(sagaDataSource(NAMESPACE));
  await migrate(saga);
  const stored = { store: new PostgresSagaStore(saga), audit: new PostgresAuditLog(saga), activityLog: new PostgresActivityLog(saga) };
  const daemon = await createDaemon({ plans, ...stored, transport: transport(), logger, http, traceUrl, access, metrics });
  opened.push(daemon);
  return daemon;
}
