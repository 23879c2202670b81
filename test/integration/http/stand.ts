import { createHash } from 'node:crypto';
import type { Plan } from '../../../src/core/plan.js';
import { namesIn } from '../../../src/core/wire.js';
import { DeadLetterOffice } from '../../../src/engine/dead-letter-office.js';
import { FeedHub } from '../../../src/engine/feed-hub.js';
import { Orchestrator } from '../../../src/engine/orchestrator.js';
import { commandQueue } from '../../../src/engine/topology.js';
import { createHttpApp } from '../../../src/http/app.js';
import type { HttpApp } from '../../../src/http/context.js';
import { SystemClock, SystemRandom, UuidV7Ids } from '../../../src/main/system.js';
import { InProcessTransport } from '../../../src/memory/in-process-transport.js';
import { InProcessBroker } from '../../../src/memory/transport-broker.js';
import { PostgresAuditLog } from '../../../src/postgres/audit-log.js';
import { connect } from '../../../src/postgres/connect.js';
import { migrate } from '../../../src/postgres/migrate.js';
import { PostgresSagaStore } from '../../../src/postgres/postgres-saga-store.js';
import type { SearchLimits } from '../../../src/postgres/searches.js';
import { encodeReply } from '../../../src/core/codec-replies.js';
import { decodeCommands } from '../../../src/core/codec-commands.js';
import { closeAtEnd } from '../../support/closing.js';
import { LogBook } from '../../support/engine.js';
import { planFrom } from '../../support/plans.js';
import { freshDatabase } from '../../support/servers.js';

export interface StandOptions {
  /** Default: one step, `reserve`, whose command nobody answers. */
  readonly plans?: readonly Plan[];
  readonly searching?: SearchLimits;
  /** A participant `p` that says yes to everything. */
  readonly answers?: boolean;
}

/** An engine and its API over a real database of its own; the broker is in this process. Closed at the end of the test file. */
export class HttpStand {
  private constructor(
    readonly url: string,
    readonly app: HttpApp,
    readonly engine: Orchestrator,
    readonly store: PostgresSagaStore,
    readonly logs: LogBook,
  ) {}

  static async open({
    plans = [planFrom({ steps: [{ name: 'reserve' }] })],
    searching,
    answers = false,
  }: StandOptions = {}): Promise<HttpStand> {
    const { url } = await freshDatabase();
    const dataSource = await connect({ url });
    await migrate(dataSource);
    const store = new PostgresSagaStore(dataSource, searching);
    const clock = new SystemClock();
    const logger = new LogBook();
    const names = namesIn('backstep');
    const transport = new InProcessTransport({ broker: new InProcessBroker(clock), clock, logger });
    const hash = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
    const engine = new Orchestrator({ plans, store, transport, clock, ids: new UuidV7Ids(), random: new SystemRandom(), logger, hash });
    await engine.run();
    closeAtEnd(async () => {
      await engine.stop();
      await transport.close();
      await store.close();
    });
    if (answers) await answerAll(transport, clock);
    const app = createHttpApp({
      service: engine,
      store,
      deadLetters: new DeadLetterOffice({ store, transport, names, hash }),
      feed: new FeedHub({ feed: store.feed, clock, logger }),
      logger,
      stopping: new AbortController().signal,
      audit: new PostgresAuditLog(dataSource),
    });
    return new HttpStand(url, app, engine, store, logger);
  }

  async get(path: string): Promise<Response> {
    return this.app.request(path);
  }
  async post(path: string, body: unknown): Promise<Response> {
    return this.app.request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  }
}

async function answerAll(transport: InProcessTransport, clock: SystemClock): Promise<void> {
  const names = namesIn('backstep');
  await transport.declare({ exchanges: [], queues: [commandQueue(names, 'p')], bindings: [] });
  await transport.consume(names.commands('p'), { prefetch: 500 }, (deliveries) => {
    const commands = deliveries.flatMap(({ message }) => decodeCommands(message, '').commands);
    const facts = { appId: 'test', now: clock.now() };
    const replies = commands.map(({ id, attempt }) => encodeReply({ commandId: id, outcome: 'success', body: '', attempt }, names, facts));
    void transport.publish(replies);
    for (const delivery of deliveries) delivery.settle('done');
  });
}
