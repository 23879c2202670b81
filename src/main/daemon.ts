import 'reflect-metadata';
import { Container } from 'inversify';
import { ACCESS_OFF, type Access } from '../access/access.js';
import type { Plan } from '../core/plan.js';
import type { EngineObserver } from '../engine/observer.js';
import type { Orchestrator } from '../engine/orchestrator.js';
import type { EngineSettings } from '../engine/settings.js';
import { openServer, type ListenOptions } from '../http/server.js';
import type { ActivityLog } from '../ports/activity-log.js';
import type { AuditLog } from '../ports/audit-log.js';
import type { Logger } from '../ports/logger.js';
import type { PayloadSealing } from '../ports/sealing.js';
import type { OrchestratorSigning } from '../ports/signing.js';
import type { SagaOverview } from '../ports/saga-overview.js';
import type { SagaStore } from '../ports/saga-store.js';
import type { Transport } from '../ports/transport.js';
import { Metrics } from '../telemetry/metrics.js';
import { assertSafe } from './access.js';
import type { Running } from './lifetime.js';
import { serveMetrics } from './serve-metrics.js';
import { DASHBOARD, engineModule, httpModule, systemModule, TOKEN } from './modules.js';

/** What a daemon is made of. It owns store and transport from then on, and closes them. */
export interface DaemonParts {
  readonly plans: readonly Plan[];
  readonly store: SagaStore & SagaOverview;
  readonly transport: Transport;
  readonly logger: Logger;
  /** Where the HTTP API listens. */
  readonly http: ListenOptions;
  /** Where `/metrics` is served alone; the HTTP API serves it in any case. */
  readonly measureOn?: ListenOptions | undefined;
  /** How to look at a trace, with `{traceId}` in it; without it sagas have no link to theirs. */
  readonly traceUrl?: string | undefined;
  /** Who may call the API. Default: everybody on this machine, and nobody else. */
  readonly access?: Access;
  /** Where decisions of people are recorded. Default: in the histories of their sagas only. */
  readonly audit?: AuditLog;
  /** Where daemons share what they did. Default: each tells of itself alone. */
  readonly activityLog?: ActivityLog;
  /** Where else this process counts. Default: an own one. */
  readonly metrics?: Metrics;
  /** Told what the engine does, beside the metrics. */
  readonly observer?: EngineObserver;
  /** Signs commands and judges what comes; without it messages are not signed. */
  readonly signing?: OrchestratorSigning | undefined;
  /** Seals what is sensitive in payloads; without it they are stored and sent as they are. */
  readonly sealing?: PayloadSealing | undefined;
  readonly settings?: Partial<EngineSettings>;
  /** Where the built dashboard lies. Default: where the package's build puts it. */
  readonly dashboard?: string;
}
/** An engine with its HTTP API. */
export interface Daemon extends Running {
  readonly url: string;
  /** Where `/metrics` is served alone. */
  readonly metricsUrl: string | undefined;
  readonly orchestrator: Orchestrator;
}

/** Requests under way get this long before their connections are cut. */
const HTTP_GRACE_MS = 2_000;
/** What is left of the ten seconds that a stop may take. */
const ENGINE_DRAIN_MS = 5_000;

/**
 * Runs an engine and its HTTP API. The broker need not be there: readiness says so, and starts are kept. Throws what keeps it from
 * running: SAGA_CONFIG_INVALID (port in use, keys that are missing), SAGA_DEFINITION_CHANGED, SAGA_DEFINITION_MISSING, SAGA_UNAVAILABLE.
 */
export async function createDaemon(parts: DaemonParts): Promise<Daemon> {
  assertSafe(parts.http, parts.access);
  const stopping = new AbortController();
  const container = assemble(parts, stopping.signal);
  const orchestrator = container.get(TOKEN.orchestrator);
  const opened: Running[] = [{ stop: () => closeParts(parts) }];
  const stop = async () => {
    while (opened.length > 0) await opened.pop()!.stop();
  };
  try {
    const measured = parts.measureOn && (await serveMetrics(container.get(TOKEN.metrics), parts.measureOn));
    if (measured) opened.push(measured);
    // Stopped after the engine, so that the last it did is told.
    const keeper = container.get(TOKEN.activityKeeper);
    if (keeper) opened.push(keeper);
    opened.push(orchestrator);
    await orchestrator.run();
    keeper?.start();
    const app = container.get(TOKEN.httpApp);
    const server = await openServer((request, env) => app.fetch(request, env), parts.http);
    opened.push({
      stop: async () => {
        stopping.abort();
        await server.stop(HTTP_GRACE_MS);
      },
    });
    return { url: server.url, metricsUrl: measured?.url, orchestrator, stop };
  } catch (error: unknown) {
    await stop();
    throw error;
  }
}

async function closeParts({ transport, store }: DaemonParts): Promise<void> {
  await transport.close();
  await store.close();
}

function assemble(parts: DaemonParts, stopping: AbortSignal): Container {
  const { plans, store, transport, logger, metrics = new Metrics(), observer, signing, settings = {}, dashboard = DASHBOARD } = parts;
  const container = new Container();
  container.bind(TOKEN.plans).toConstantValue(plans);
  container.bind(TOKEN.store).toConstantValue(store);
  container.bind(TOKEN.transport).toConstantValue(transport);
  container.bind(TOKEN.logger).toConstantValue(logger);
  container.bind(TOKEN.settings).toConstantValue({ drainMs: ENGINE_DRAIN_MS, ...settings });
  container.bind(TOKEN.metrics).toConstantValue(metrics);
  container.bind(TOKEN.observers).toConstantValue(observer ? [observer] : []);
  container.bind(TOKEN.signing).toConstantValue(signing);
  container.bind(TOKEN.sealing).toConstantValue(parts.sealing);
  container.bind(TOKEN.access).toConstantValue(parts.access ?? ACCESS_OFF);
  container.bind(TOKEN.activityLog).toConstantValue(parts.activityLog);
  container.bind(TOKEN.audit).toConstantValue(parts.audit);
  container.bind(TOKEN.traceUrl).toConstantValue(parts.traceUrl);
  container.bind(TOKEN.dashboard).toConstantValue(dashboard);
  container.bind(TOKEN.stopping).toConstantValue(stopping);
  container.load(systemModule(), engineModule(), httpModule());
  return container;
}
