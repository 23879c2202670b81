import { beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { firstIdAt } from '../../src/postgres/partitions.js';
import { HttpStand } from '../integration/http/stand.js';
import { someoneElse } from '../integration/postgres/connections.js';
import { percentile } from '../lab/kit/statistics.js';

const FINISHED = 1_000_000;
/** Searches that somebody begins in a second, whatever became of those before. */
const SEARCHES_PER_SECOND = 5;
const ROUNDS = 6;
const STARTS_PER_ROUND = 40;

describe('[I6] a million sagas', () => {
  let at: HttpStand;
  let now: number;
  beforeAll(async () => {
    at = await HttpStand.open({ answers: true });
    now = await at.store.now();
    const other = await someoneElse(at.url);
    await other.query(`
      set synchronous_commit = off;
      insert into backstep.finished_saga (id, name, version, key, tags, status, state, row_version, stamp, started_at, ended_at)
      select ('${firstIdAt(now).slice(0, 14)}7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'saga-' || n % 10, case when n % 100 = 0 then 1 else 2 end,
        null, case when n % 5 = 0 then jsonb_build_object('shop', 'shop-' || n % 100) else '{}' end,
        case when n % 10 = 3 then 'compensated' else 'completed' end,
        '{"name":"saga-' || n % 10 || '","version":2,"startedAt":1,"endedAt":2,"input":{},"direction":"forward","seq":9,"eventAt":1,"bytes":2,"order":[],"end":' ||
          case when n % 10 = 3 then '"compensated","reason":{"kind":"rejected","step":"charge","code":"code-' || n % 1000 || '"}' else '"completed"' end || ',"steps":{}}',
        1, 1, to_timestamp(${now} / 1000.0), to_timestamp(${now} / 1000.0)
      from generate_series(1, ${FINISHED}) n;
      analyze backstep.finished_saga`);
  }, 300_000);

  const idOf = (n: number) => `${firstIdAt(now).slice(0, 14)}7000-8000-${n.toString(16).padStart(12, '0')}`;
  /** What people look for, and what no index helps with. */
  const searches = [
    'limit=500',
    'limit=500&status=compensated',
    'limit=500&name=saga-3',
    'limit=500&tag=shop%3Dshop-5&name=saga-5',
    'tag=shop%3Dnowhere',
    'name=saga-3&error=code-13',
    'error=nothing',
    'version=77',
    'version=77&status=completed&name=saga-1',
    'name=saga-3&tag=shop%3Dshop-5',
    'startedBefore=2020-01-01T00:00:00Z',
    'key=nothing',
  ];

  it('every page is there in bounded time, the one in the middle as soon as the first', async () => {
    const tookMs = async (query: string) => {
      const began = performance.now();
      const response = await at.get(`/api/v1/sagas?${query}`);
      const { sagas } = (await response.json()) as { sagas: readonly unknown[] };
      expect([query, response.status, sagas.length <= 500]).toEqual([query, 200, true]);
      return performance.now() - began;
    };
    for (const query of searches) expect([query, await tookMs(query)]).toEqual([query, expect.any(Number)]);
    const pages = async (query: string) => percentile(await inTurn(9, () => tookMs(query)), 0.5);
    const middle = Buffer.from(idOf(FINISHED / 2).replaceAll('-', ''), 'hex').toString('base64url');
    const [first, later] = [await pages('limit=500'), await pages(`limit=500&cursor=${middle}`)];
    expect(later).toBeLessThan(first * 5 + 50);
  }, 120_000);

  it('the engine hardly notices that somebody searches', async () => {
    const saga = async () => {
      const began = performance.now();
      const { id } = await at.engine.start({ name: 'test-saga', input: null });
      await at.engine.waitUntilFinal(id, 30_000);
      return performance.now() - began;
    };
    const round = () => inTurn(STARTS_PER_ROUND, saga);
    await round();
    const [quiet, searched]: [number[], number[]] = [[], []];
    const statuses = new Map<number, number>();
    // In turns, so that what else the machine does meets both.
    for (let n = 0; n < ROUNDS; n++) {
      quiet.push(...(await round()));
      const over = new AbortController();
      const searching = searchUntil(over.signal, async (count) => {
        const { status } = await at.get(`/api/v1/sagas?${searches[count % searches.length]}`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      });
      searched.push(...(await round()));
      over.abort();
      await searching;
    }
    expect([...statuses.keys()].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    const [before, during] = [percentile(quiet, 0.5), percentile(searched, 0.5)];
    console.info(
      `a saga took ${before.toFixed(1)} ms, beside searches ${during.toFixed(1)} ms; searches by status: ${JSON.stringify([...statuses])}`,
    );
    expect(during).toBeLessThan(before * 1.5);
  }, 240_000);
});

async function inTurn<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let n = 0; n < count; n++) results.push(await work());
  return results;
}

let begun = 0;
async function searchUntil(over: AbortSignal, search: (count: number) => Promise<void>): Promise<void> {
  const all: Promise<void>[] = [];
  while (!over.aborted) {
    all.push(search(begun++));
    await delay(1_000 / SEARCHES_PER_SECOND, undefined, { signal: over }).catch(() => undefined);
  }
  await Promise.all(all);
}
