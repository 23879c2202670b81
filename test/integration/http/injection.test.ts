import { beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { namesIn } from '../../../src/core/wire.js';
import { DeadLetterOffice } from '../../../src/engine/dead-letter-office.js';
import { FeedHub } from '../../../src/engine/feed-hub.js';
import { createHttpApp } from '../../../src/http/app.js';
import type { HttpApp } from '../../../src/http/context.js';
import { Orchestrator } from '../../../src/engine/orchestrator.js';
import { SystemClock, SystemRandom, UuidV7Ids } from '../../../src/main/system.js';
import { InProcessTransport } from '../../../src/memory/in-process-transport.js';
import { InProcessBroker } from '../../../src/memory/transport-broker.js';
import { PostgresAuditLog } from '../../../src/postgres/audit-log.js';
import { connect } from '../../../src/postgres/connect.js';
import { migrate } from '../../../src/postgres/migrate.js';
import { PostgresSagaStore } from '../../../src/postgres/postgres-saga-store.js';
import { closeAtEnd } from '../../support/closing.js';
import { LogBook } from '../../support/engine.js';
import { planFrom } from '../../support/plans.js';
import { freshDatabase } from '../../support/servers.js';

const PAYLOADS = [
  `'`,
  `"`,
  `' or '1'='1`,
  `x'; drop table backstep.saga; --`,
  `1); delete from backstep.audit; --`,
  `' union select version() --`,
  `\\'; select pg_sleep(9); --`,
  `%' or name like '%`,
  `$1`,
  `:name`,
  `{"$ne":null}`,
  `a\u0001b`,
  `x"}, "y": {"`,
  `' || (select current_user) || '`,
];
/** Where a caller's text may end up in a statement. */
const PLACES = [
  (text: string) => `/api/v1/sagas?name=${text}`,
  (text: string) => `/api/v1/sagas?key=${text}`,
  (text: string) => `/api/v1/sagas?tag=shop%3D${text}`,
  (text: string) => `/api/v1/sagas?tag=${text}%3Dx`,
  (text: string) => `/api/v1/sagas?status=${text}`,
  (text: string) => `/api/v1/sagas?cursor=${text}`,
  (text: string) => `/api/v1/sagas?limit=${text}`,
  (text: string) => `/api/v1/sagas?sort=${text}&order=${text}`,
  (text: string) => `/api/v1/sagas/${text}`,
  (text: string) => `/api/v1/sagas/${text}/history?after=${text}`,
  (text: string) => `/api/v1/definitions/${text}?version=${text}`,
  (text: string) => `/api/v1/overview?since=${text}`,
  (text: string) => `/api/v1/audit?saga=${text}&after=${text}`,
];

describe('[I2] text that looks like SQL', () => {
  let app: HttpApp;
  let logs: LogBook;
  let count: () => Promise<unknown>;
  let id: string;
  beforeAll(async () => {
    const { url } = await freshDatabase();
    const dataSource = await connect({ url });
    await migrate(dataSource);
    const store = new PostgresSagaStore(dataSource);
    const clock = new SystemClock();
    logs = new LogBook();
    const transport = new InProcessTransport({ broker: new InProcessBroker(clock), clock, logger: logs });
    const hash = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
    const plans = [planFrom({ steps: [{ name: 'reserve' }] })];
    const engine = new Orchestrator({
      plans,
      store,
      transport,
      clock,
      ids: new UuidV7Ids(),
      random: new SystemRandom(),
      logger: logs,
      hash,
    });
    await engine.run();
    closeAtEnd(async () => {
      await engine.stop();
      await transport.close();
      await store.close();
    });
    const audit = new PostgresAuditLog(dataSource);
    app = createHttpApp({
      service: engine,
      store,
      deadLetters: new DeadLetterOffice({ store, transport, names: namesIn('backstep'), hash }),
      feed: new FeedHub({ feed: store.feed, clock, logger: logs }),
      logger: logs,
      stopping: new AbortController().signal,
      audit,
    });
    count = () =>
      dataSource.query('select (select count(*) from backstep.saga) as sagas, (select count(*) from backstep.definition) as definitions');
    const started = await post('/api/v1/sagas', { name: 'test-saga', input: { total: 1 } });
    ({ id } = (await started.json()) as { id: string });
  }, 60_000);

  const post = (path: string, body: unknown) =>
    app.request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

  it('is a value, wherever it stands: no error inside, no row more or less', async () => {
    const before = await count();
    for (const text of PAYLOADS.map(encodeURIComponent)) {
      for (const place of PLACES) {
        const { status } = await app.request(place(text));
        expect([place(text), status < 500]).toEqual([place(text), true]);
      }
    }
    expect(await count()).toEqual(before);
    expect(logs.count('a request failed inside')).toBe(0);
  });

  it('comes back from starts, decisions and the audit as it was', async () => {
    for (const text of PAYLOADS.filter((one) => !one.includes('\u0001'))) {
      const started = await post('/api/v1/sagas', { name: 'test-saga', key: text, tags: { shop: text }, input: { total: text } });
      expect(started.status).toBe(201);
      const { id: other } = (await started.json()) as { id: string };
      const found = await app.request(`/api/v1/sagas?key=${encodeURIComponent(text)}&name=test-saga`);
      expect(await found.json()).toMatchObject({ sagas: [{ id: other, key: text, tags: { shop: text } }] });
      expect((await post(`/api/v1/sagas/${id}/retry`, { by: text, reason: text, step: 'reserve' })).status).toBe(409);
      const { rows } = (await (await app.request('/api/v1/audit?limit=1')).json()) as { rows: { entry: object }[] };
      expect(rows[0]!.entry).toMatchObject({ who: text, reason: text });
    }
  });
});
