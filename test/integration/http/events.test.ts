import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { FeedHub } from '../../../src/engine/feed-hub.js';
import { createHttpApp } from '../../../src/http/app.js';
import { openServer, type HttpServer } from '../../../src/http/server.js';
import type { HistoryEventView } from '../../../src/http/schemas-events.js';
import { SystemClock } from '../../../src/main/system.js';
import { connect } from '../../../src/postgres/connect.js';
import { migrate } from '../../../src/postgres/migrate.js';
import { PostgresSagaStore } from '../../../src/postgres/postgres-saga-store.js';
import { change, start, startOf, updateOf } from '../../contract/saga-store-fixtures.js';
import { closeAtEnd } from '../../support/closing.js';
import { LogBook } from '../../support/engine.js';
import { eventually } from '../../support/eventually.js';
import { freshDatabase } from '../../support/servers.js';

const holds = (check: () => void) => eventually(() => (check(), true), { withinMs: 30_000 });

/** The feed over PostgreSQL, on a port, as a client sees it. */
describe('server-sent events', () => {
  let store: PostgresSagaStore;
  let server: HttpServer;
  let other: pg.Client;
  const stopping = new AbortController();

  beforeAll(async () => {
    const { url } = await freshDatabase();
    const dataSource = await connect({ url });
    await migrate(dataSource);
    store = new PostgresSagaStore(dataSource);
    const logger = new LogBook();
    const feed = new FeedHub({ feed: store.feed, clock: new SystemClock(), logger, settings: { leastPollMs: 10, mostPollMs: 50 } });
    const nothing = undefined as never;
    const app = createHttpApp({ service: nothing, deadLetters: nothing, store, feed, logger, stopping: stopping.signal });
    server = await openServer((request) => app.fetch(request), { host: '127.0.0.1', port: 0 });
    other = new pg.Client({ connectionString: url });
    await other.connect();
  }, 60_000);
  afterAll(async () => {
    stopping.abort();
    await server.stop(1_000);
    await other.end();
    await store.close();
  });

  interface Told {
    readonly id: string;
    readonly data: HistoryEventView;
  }
  /** Reads events until it is ended; `place` is its Last-Event-ID. */
  async function follow(lastEventId?: string) {
    const abort = new AbortController();
    closeAtEnd(async () => abort.abort());
    const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const response = await fetch(`${server.url}/api/v1/events`, { headers, signal: abort.signal });
    const client = { status: response.status, place: '', told: [] as Told[], isOver: false, end: () => abort.abort() };
    void (async () => {
      let rest = '';
      const decoder = new TextDecoder();
      try {
        for await (const chunk of response.body!) {
          rest += decoder.decode(chunk, { stream: true });
          const blocks = rest.split('\n\n');
          rest = blocks.pop()!;
          for (const block of blocks) {
            client.place = /^id: (.*)$/m.exec(block)![1]!;
            const data = /^data: (.*)$/m.exec(block)?.[1];
            if (data) client.told.push({ id: client.place, data: JSON.parse(data) as HistoryEventView });
          }
        }
      } catch {
        // It was ended.
      }
      client.isOver = true;
    })();
    if (response.ok) await holds(() => expect(client.place).not.toBe(''));
    return client;
  }
  const linesOf = ({ told }: { readonly told: readonly Told[] }) => told.map(({ data }) => `${data.sagaId} ${data.seq}`);

  it('skip nothing of a transaction that began earlier and commits later, also on resume', async () => {
    // From behind their first lines: whoever else has a transaction open on this server keeps those back as well.
    const first = await follow();
    const [slow, quick] = await start(store, startOf(), startOf());
    await holds(() => expect(linesOf(first)).toEqual(expect.arrayContaining([`${slow} 1`, `${quick} 1`])));
    first.end();
    const client = await follow(first.place);
    await other.query('begin');
    await other.query(
      `insert into backstep.saga_history (saga_id, seq, at, event, data) values ($1, 2, clock_timestamp(), 'replied', '{"effects":[]}')`,
      [slow],
    );
    // Begins later, and commits earlier.
    await change(store, [quick!], (saga) => updateOf(saga));
    const waiting = await follow(client.place);
    const before = client.place;
    expect([linesOf(client), linesOf(waiting)]).toEqual([[], []]);
    await other.query('commit');
    const both = [`${slow} 2`, `${quick} 2`];
    await holds(() => expect([linesOf(client), linesOf(waiting)]).toEqual([both, both]));
    // Between the two, and before both.
    for (const [place, rest] of [
      [client.told[0]!.id, both.slice(1)],
      [client.told[1]!.id, []],
      [before, both],
    ] as const) {
      const resumed = await follow(place);
      const [after] = await start(store, startOf());
      await holds(() => expect(linesOf(resumed)).toContain(`${after} 1`));
      expect(linesOf(resumed).filter((line) => both.includes(line))).toEqual(rest);
      resumed.end();
    }
  }, 60_000);

  it('tell all to a client that comes back again and again while many write at a time', async () => {
    const first = await follow();
    let { place } = first;
    first.end();
    const seen: string[] = [];
    const written: string[] = [];
    const write = async () => {
      for (let round = 0; round < 10; round++) {
        const ids = await start(store, startOf(), startOf());
        await change(store, ids, (saga) => updateOf(saga));
        written.push(...ids.flatMap((id) => [`${id} 1`, `${id} 2`]));
      }
    };
    const writing = Promise.all([write(), write(), write(), write()]);
    let isDone = false;
    void writing.then(() => (isDone = true));
    while (!isDone || seen.length < written.length) {
      const client = await follow(place);
      const least = seen.length;
      await holds(() => expect(least + client.told.length > least || (isDone && seen.length === written.length)).toBe(true));
      client.end();
      // What came after this is not looked at: it has to come again.
      const told = [...client.told];
      seen.push(...linesOf({ told }));
      place = told.at(-1)?.id ?? place;
    }
    await writing;
    expect(seen.toSorted()).toEqual(written.toSorted());
    for (const id of new Set(seen.map((line) => line.split(' ')[0]!)))
      expect(seen.indexOf(`${id} 1`)).toBeLessThan(seen.indexOf(`${id} 2`));
  }, 60_000);

  it('begin anew, with 410, where the place is of another time or another database', async () => {
    const { place } = await follow();
    const forged = (write: (bytes: Buffer) => void) => {
      const bytes = Buffer.from(place, 'base64url');
      write(bytes);
      return bytes.toString('base64url');
    };
    expect(await follow(forged((bytes) => bytes.writeBigUInt64BE(1n, 0)))).toMatchObject({ status: 410 });
    expect(await follow(forged((bytes) => bytes.writeBigUInt64BE(2n ** 60n, 8)))).toMatchObject({ status: 410 });
    expect(await follow('nonsense')).toMatchObject({ status: 400 });
  });

  it('end with the server', async () => {
    const client = await follow();
    stopping.abort();
    await holds(() => expect(client.isOver).toBe(true));
  });
});
