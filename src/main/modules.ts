import { createHash, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ContainerModule, type ServiceIdentifier } from 'inversify';
import type { Plan } from '../core/plan.js';
import { ActivityKeeper } from '../engine/activity-keeper.js';
import { Activity } from '../engine/activity.js';
import { DeadLetterOffice } from '../engine/dead-letter-office.js';
import { FeedHub } from '../engine/feed-hub.js';
import { Orchestrator } from '../engine/orchestrator.js';
import { namesIn } from '../core/wire.js';
import { together, type EngineObserver } from '../engine/observer.js';
import { readQueues } from '../engine/queue-reading.js';
import { resolveSettings, type EngineSettings } from '../engine/settings.js';
import { createHttpApp } from '../http/app.js';
import type { HttpApp, HttpContext } from '../http/context.js';
import type { Access } from '../access/access.js';
import type { ActivityLog } from '../ports/activity-log.js';
import type { AuditLog } from '../ports/audit-log.js';
import { readDashboard } from '../http/dashboard-files.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';
import type { PayloadSealing } from '../ports/sealing.js';
import type { OrchestratorSigning } from '../ports/signing.js';
import type { SagaOverview } from '../ports/saga-overview.js';
import type { SagaStore } from '../ports/saga-store.js';
import type { Transport } from '../ports/transport.js';
import type { Metrics } from '../telemetry/metrics.js';
import { SagaTracing } from '../telemetry/saga-tracing.js';
import { SystemClock, SystemRandom, UuidV7Ids } from './system.js';

const token = <T>(name: string): ServiceIdentifier<T> => Symbol(name);

/** What the parts of a daemon are bound to. */
export const TOKEN = {
  clock: token<Clock>('Clock'),
  random: token<Random>('Random'),
  ids: token<Ids>('Ids'),
  logger: token<Logger>('Logger'),
  store: token<SagaStore & SagaOverview>('SagaStore'),
  transport: token<Transport>('Transport'),
  plans: token<readonly Plan[]>('Plans'),
  settings: token<Partial<EngineSettings>>('EngineSettings'),
  metrics: token<Metrics>('Metrics'),
  activity: token<Activity>('Activity'),
  /** `undefined`: each daemon tells of itself alone. */
  activityKeeper: token<ActivityKeeper | undefined>('ActivityKeeper'),
  activityLog: token<ActivityLog | undefined>('ActivityLog'),
  /** Those that listen to the engine besides the metrics. */
  observers: token<readonly EngineObserver[]>('EngineObservers'),
  /** Bound to `undefined` where messages are not signed. */
  signing: token<OrchestratorSigning | undefined>('Signing'),
  /** Bound to `undefined` where payloads are not sealed. */
  sealing: token<PayloadSealing | undefined>('Sealing'),
  orchestrator: token<Orchestrator>('Orchestrator'),
  deadLetters: token<DeadLetterOffice>('DeadLetterOffice'),
  access: token<Access>('Access'),
  /** `undefined`: what people decide is in the histories only. */
  audit: token<AuditLog | undefined>('AuditLog'),
  httpApp: token<HttpApp>('HttpApp'),
  /** `undefined`: sagas have no link to their trace. */
  traceUrl: token<string | undefined>('TraceUrl'),
  /** Where the built dashboard lies. */
  dashboard: token<string>('Dashboard'),
  /** Aborted when the daemon begins to stop. */
  stopping: token<AbortSignal>('Stopping'),
} as const;

/** Where the build puts the dashboard, beside this file's folder. Run from the sources there is none. */
export const DASHBOARD = fileURLToPath(new URL('../dashboard/static', import.meta.url));

/** The machine: clock, chance, identities. */
export function systemModule(): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(TOKEN.clock).toConstantValue(new SystemClock());
    bind(TOKEN.random).toConstantValue(new SystemRandom());
    bind(TOKEN.ids).toConstantValue(new UuidV7Ids());
  });
}

/** The engine over whatever store and transport are bound, and what is measured of it. */
export function engineModule(): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(TOKEN.activity)
      .toDynamicValue((context) => new Activity(context.get(TOKEN.clock).now()))
      .inSingletonScope();
    bind(TOKEN.activityKeeper)
      .toDynamicValue((context) => {
        const log = context.get(TOKEN.activityLog);
        const parts = { clock: context.get(TOKEN.clock), logger: context.get(TOKEN.logger) };
        return log && new ActivityKeeper(context.get(TOKEN.activity), log, randomUUID(), parts);
      })
      .inSingletonScope();
    bind(TOKEN.orchestrator)
      .toDynamicValue((context) => {
        const metrics = context.get(TOKEN.metrics);
        const plans = context.get(TOKEN.plans);
        const parts = { plans, store: context.get(TOKEN.store), transport: context.get(TOKEN.transport), clock: context.get(TOKEN.clock) };
        const settings = context.get(TOKEN.settings);
        const signing = context.get(TOKEN.signing);
        const sealing = context.get(TOKEN.sealing);
        const names = namesIn(resolveSettings(settings).namespace);
        const observer = metrics.engine(plans, names);
        const logger = context.get(TOKEN.logger);
        const orchestrator = new Orchestrator({
          ...parts,
          ids: context.get(TOKEN.ids),
          random: context.get(TOKEN.random),
          logger,
          tracing: new SagaTracing({ names, logger, transport: parts.transport }),
          observer: together([observer, context.get(TOKEN.activity), ...context.get(TOKEN.observers)]),
          ...(signing && { signing }),
          ...(sealing && { sealing }),
          settings,
          hash: sha256,
        });
        metrics.gauges({ ...parts, names, load: () => orchestrator.load, replyQueues: () => orchestrator.replyQueues });
        return orchestrator;
      })
      .inSingletonScope();
    bind(TOKEN.deadLetters)
      .toDynamicValue((context) => {
        const names = namesIn(resolveSettings(context.get(TOKEN.settings)).namespace);
        const signing = context.get(TOKEN.signing);
        return new DeadLetterOffice({
          store: context.get(TOKEN.store),
          transport: context.get(TOKEN.transport),
          names,
          hash: sha256,
          ...(signing && { signing }),
        });
      })
      .inSingletonScope();
  });
}

/** The HTTP API over the engine. */
export function httpModule(): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(TOKEN.httpApp)
      .toDynamicValue((context) => {
        const audit = context.get(TOKEN.audit);
        const names = namesIn(resolveSettings(context.get(TOKEN.settings)).namespace);
        return createHttpApp({
          service: context.get(TOKEN.orchestrator),
          store: context.get(TOKEN.store),
          deadLetters: context.get(TOKEN.deadLetters),
          feed: new FeedHub({ feed: context.get(TOKEN.store).feed, clock: context.get(TOKEN.clock), logger: context.get(TOKEN.logger) }),
          logger: context.get(TOKEN.logger),
          stopping: context.get(TOKEN.stopping),
          scrape: () => context.get(TOKEN.metrics).scrape(),
          activity: activityOf(context.get(TOKEN.activity), context.get(TOKEN.activityKeeper)),
          queues: () =>
            readQueues(context.get(TOKEN.plans), names, context.get(TOKEN.transport), context.get(TOKEN.orchestrator).replyQueues),
          traceUrl: context.get(TOKEN.traceUrl),
          dashboard: readDashboard(context.get(TOKEN.dashboard)),
          access: context.get(TOKEN.access),
          ...(audit ? { audit } : {}),
        });
      })
      .inSingletonScope();
  });
}

function activityOf(own: Activity, keeper: ActivityKeeper | undefined): NonNullable<HttpContext['activity']> {
  return keeper ? { of: 'installation', read: (now) => keeper.read(now) } : { of: 'daemon', read: (now) => own.read(now) };
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
