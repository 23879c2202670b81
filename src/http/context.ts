import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Access } from '../access/access.js';
import type { Principal } from '../access/principal.js';
import type { DeadLetterOffice } from '../engine/dead-letter-office.js';
import type { FeedHub } from '../engine/feed-hub.js';
import type { ActivityReading } from '../engine/activity.js';
import type { QueueReading } from '../engine/queue-reading.js';
import type { SagaService } from '../engine/service.js';
import type { AuditedState } from '../core/audit.js';
import type { AuditLog } from '../ports/audit-log.js';
import type { Logger } from '../ports/logger.js';
import type { SagaOverview } from '../ports/saga-overview.js';
import type { SagaStore } from '../ports/saga-store.js';
import type { RouteAccess } from './access/routes.js';
import type { DashboardFiles } from './dashboard-files.js';
import type { ActivityView } from './schemas-activity.js';

/** What a scrape is answered with. */
export interface Scraped {
  readonly contentType: string;
  readonly text: string;
}

/** What the HTTP API stands on. */
export interface HttpContext {
  readonly service: SagaService;
  /** For questions; whatever changes a saga goes through the service. */
  readonly store: Pick<SagaStore, 'find' | 'list' | 'history' | 'letters' | 'shred'> & SagaOverview;
  /** The history of all sagas, for whoever follows it. */
  readonly feed: Pick<FeedHub, 'open' | 'stop'>;
  readonly deadLetters: Pick<DeadLetterOffice, 'replay' | 'discard' | 'whyNot'>;
  readonly logger: Logger;
  /** Aborted when the server begins to stop: requests that wait are answered with what is known. */
  readonly stopping: AbortSignal;
  /** What `/metrics` answers; without it there is no such route. */
  readonly scrape?: () => Promise<Scraped>;
  /** Who may call; without it nobody is asked, and only names of this machine are answered to. */
  readonly access?: Access;
  /** Where decisions of people are recorded; without it they are in the histories only, and there is no `/api/v1/audit`. */
  readonly audit?: AuditLog;
  /** What `/api/v1/activity` tells; without it there is no such route. */
  readonly activity?: {
    readonly of: ActivityView['of'];
    readonly read: (now: number) => ActivityReading | Promise<ActivityReading>;
  };
  /** What `/api/v1/participants` tells; without it there is no such route. */
  readonly queues?: () => Promise<QueueReading>;
  /** How to look at a trace: an address with `{traceId}` in it; without it sagas have no link to theirs. */
  readonly traceUrl?: string | undefined;
  /** What is served at `/`; without it nothing is. */
  readonly dashboard?: DashboardFiles | undefined;
}

/** What is known of a request once it is let in. */
export interface HttpEnv {
  readonly Variables: {
    principal: Principal;
    admitted: Admitted;
    /** What the request decided, for the audit. */
    decision: Decided | undefined;
  };
}
export interface Admitted {
  readonly access: RouteAccess;
  /** The route's path with its parameters, `/api/v1/sagas/:id`. */
  readonly pattern: string;
}
export interface Decided {
  readonly before: AuditedState;
  readonly after: AuditedState;
  readonly decided: boolean;
}
export type HttpApp = OpenAPIHono<HttpEnv>;
