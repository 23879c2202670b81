import 'reflect-metadata';
import { Container } from 'inversify';
import type { Plan } from '../core/plan.js';
import type { Orchestrator } from '../engine/orchestrator.js';
import type { EngineSettings } from '../engine/settings.js';
import { openServer, type ListenOptions } from '../http/server.js';
import type { Logger } from '../ports/logger.js';
import type { SagaOverview } from '../ports/saga-overview.js';
import type { SagaStore } from '../ports/saga-store.js';
import type { Transport } from '../ports/transport.js';
import type { Running } from './lifetime.js';
import { engineModule, httpModule, systemModule, TOKEN } from './modules.js';

/** What a daemon is made of. It owns store and transport from then on, and closes them. */
export interface DaemonParts {
  readonly plans: readonly Plan[];
  readonly store: SagaStore & SagaOverview;
  readonly transport: Transport;
  readonly logger: Logger;
  /** Where the HTTP API listens. */
  readonly http: ListenOptions;
  readonly settings?: Partial<EngineSettings>;
}
/** An engine with its HTTP API. */
export interface Daemon extends Running {
  readonly url: string;
  readonly orchestrator: Orchestrator;
}

/** Requests under way get this long before their connections are cut. */
const HTTP_GRACE_MS = 2_000;
/** What is left of the ten seconds that a stop may take. */
const ENGINE_DRAIN_MS = 5_000;

/**
 * Runs an engine and its HTTP API. The broker need not be there: readiness says so, and starts are kept. Throws what keeps it from
 * running: SAGA_CONFIG_INVALID (port in use), SAGA_DEFINITION_CHANGED, SAGA_DEFINITION_MISSING, SAGA_UNAVAILABLE.
 */
export async function createDaemon(parts: DaemonParts): Promise<Daemon> {
  const stopping = new AbortController();
  const container = assemble(parts, stopping.signal);
  const orchestrator = container.get(TOKEN.orchestrator);
  const closeParts = async () => {
    await parts.transport.close();
    await parts.store.close();
  };
  try {
    await orchestrator.run();
    const app = container.get(TOKEN.httpApp);
    const server = await openServer((request) => app.fetch(request), parts.http);
    const stop = async () => {
      stopping.abort();
      await server.stop(HTTP_GRACE_MS);
      await orchestrator.stop();
      await closeParts();
    };
    return { url: server.url, orchestrator, stop };
  } catch (error: unknown) {
    await orchestrator.stop();
    await closeParts();
    throw error;
  }
}

function assemble({ plans, store, transport, logger, settings = {} }: DaemonParts, stopping: AbortSignal): Container {
  const container = new Container();
  container.bind(TOKEN.plans).toConstantValue(plans);
  container.bind(TOKEN.store).toConstantValue(store);
  container.bind(TOKEN.transport).toConstantValue(transport);
  container.bind(TOKEN.logger).toConstantValue(logger);
  container.bind(TOKEN.settings).toConstantValue({ drainMs: ENGINE_DRAIN_MS, ...settings });
  container.bind(TOKEN.stopping).toConstantValue(stopping);
  container.load(systemModule(), engineModule(), httpModule());
  return container;
}
