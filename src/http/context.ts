import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Activity } from '../engine/activity.js';
import type { QueueReading } from '../engine/queue-reading.js';
import type { DeadLetterOffice } from '../engine/dead-letter-office.js';
import type { FeedHub } from '../engine/feed-hub.js';
import type { SagaService } from '../engine/service.js';
import type { Logger } from '../ports/logger.js';
import type { SagaOverview } from '../ports/saga-overview.js';
import type { SagaStore } from '../ports/saga-store.js';
import type { DashboardFiles } from './dashboard-files.js';

/** What a scrape is answered with. */
export interface Scraped {
  readonly contentType: string;
  readonly text: string;
}

/** What the HTTP API stands on. */
export interface HttpContext {
  readonly service: SagaService;
  /** For questions; whatever changes a saga goes through the service. */
  readonly store: Pick<SagaStore, 'find' | 'list' | 'history' | 'letters'> & SagaOverview;
  /** The history of all sagas, for whoever follows it. */
  readonly feed: Pick<FeedHub, 'open' | 'stop'>;
  readonly deadLetters: Pick<DeadLetterOffice, 'replay' | 'discard'>;
  readonly logger: Logger;
  /** Aborted when the server begins to stop: requests that wait are answered with what is known. */
  readonly stopping: AbortSignal;
  /** What `/metrics` answers; without it there is no such route. */
  readonly scrape?: () => Promise<Scraped>;
  /** What `/api/v1/activity` tells; without it there is no such route. */
  readonly activity?: Activity;
  /** What `/api/v1/participants` tells; without it there is no such route. */
  readonly queues?: () => Promise<QueueReading>;
  /** What is served at `/`; without it nothing is. */
  readonly dashboard?: DashboardFiles | undefined;
}
export type HttpApp = OpenAPIHono;
