import { DeadLetterOffice } from '../../../src/engine/dead-letter-office.js';
import { FeedHub } from '../../../src/engine/feed-hub.js';
import { createHttpApp } from '../../../src/http/app.js';
import type { HttpApp, HttpContext } from '../../../src/http/context.js';
import type { Plan } from '../../../src/core/plan.js';
import { namesIn } from '../../../src/core/wire.js';
import { InMemoryAuditLog } from '../../../src/memory/in-memory-audit-log.js';
import { Activity } from '../../../src/engine/activity.js';
import { together } from '../../../src/engine/observer.js';
import { readQueues } from '../../../src/engine/queue-reading.js';
import { Metrics } from '../../../src/telemetry/metrics.js';
import { EngineWorld, hash } from '../../support/engine.js';
import { planFrom } from '../../support/plans.js';

/** Three steps, the last a pivot, and a retriable: enough for every verb. */
export const PLAN = planFrom({
  steps: [
    { name: 'reserve' },
    { name: 'charge', rejections: ['card-declined'], attempts: 2, timeoutMs: 1_000 },
    { name: 'ship', kind: 'pivot', timeoutMs: 1_000 },
    { name: 'confirm', kind: 'retriable', attempts: 1, timeoutMs: 1_000 },
  ],
});

/** An engine in this process and its API as a function; time stands still. */
export class Api {
  readonly world: EngineWorld;
  readonly app: HttpApp;
  readonly metrics = new Metrics();
  readonly stopping = new AbortController();

  readonly audit: InMemoryAuditLog;

  constructor(plans: readonly Plan[] = [PLAN], more: Partial<HttpContext> = {}) {
    const activity = new Activity(Date.now());
    this.world = new EngineWorld({ plans, observer: together([this.metrics.engine(plans, namesIn('backstep')), activity]) });
    const { engine, store, transport, clock } = this.world;
    this.metrics.gauges({
      plans,
      store,
      names: namesIn('backstep'),
      transport,
      clock,
      load: () => engine.load,
      replyQueues: () => engine.replyQueues,
    });
    this.audit = new InMemoryAuditLog(clock, hash);
    this.app = createHttpApp({
      service: this.world.engine,
      store: this.world.store,
      deadLetters: new DeadLetterOffice({ store, transport, names: this.world.names, hash }),
      feed: new FeedHub({ feed: store.feed, clock, logger: this.world.logs }),
      logger: this.world.logs,
      stopping: this.stopping.signal,
      scrape: () => this.metrics.scrape(),
      activity: { of: 'daemon', read: (now) => activity.read(now) },
      queues: () => readQueues(plans, this.world.names, transport),
      audit: this.audit,
      ...more,
    });
  }

  async open(): Promise<this> {
    await this.world.open();
    return this;
  }

  async request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const hasBody = body !== undefined;
    const response = await this.app.request(path, {
      method,
      headers: { ...(hasBody ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(hasBody ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (/json/.test(type) && !/ndjson/.test(type) ? JSON.parse(text) : undefined) as never,
    };
  }
  get(path: string) {
    return this.request('GET', path);
  }
  post(path: string, body: unknown, headers?: Record<string, string>) {
    return this.request('POST', path, body, headers);
  }

  async start(more: Record<string, unknown> = {}): Promise<string> {
    const { body } = await this.post('/api/v1/sagas', { name: 'test-saga', input: { total: 3 }, ...more });
    return (body as { id: string }).id;
  }
}
