import { beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { eventually } from '../../support/eventually.js';
import { someoneElse } from '../postgres/connections.js';
import { HttpStand } from './stand.js';

const AT_ONCE = 2;
const STATEMENT_MS = 300;
const WAIT_MS = 1_000;

describe('[I6] huge listings and searches', () => {
  let at: HttpStand;
  let other: pg.Client;
  beforeAll(async () => {
    at = await HttpStand.open({ searching: { atOnce: AT_ONCE, statementMs: STATEMENT_MS, waitMs: WAIT_MS } });
    other = await someoneElse(at.url);
    await at.engine.startMany(Array.from({ length: 600 }, (_, n) => ({ name: 'test-saga', key: `k-${n}`, input: { total: n } })));
  }, 60_000);

  const problem = async (response: Response) => [response.status, ((await response.json()) as { code: string }).code];
  const start = async (total: number) => (await at.post('/api/v1/sagas', { name: 'test-saga', input: { total } })).status;
  /** While somebody holds the keys, every search by key waits for them; what has no key does not. */
  async function whileSearchesHang(work: () => Promise<void>): Promise<void> {
    await other.query('begin; lock table backstep.saga_key in access exclusive mode');
    try {
      await work();
    } finally {
      await other.query('rollback');
    }
  }
  const searching = async () => {
    const waiting = `select count(*)::integer as n from pg_locks where not granted and relation = 'backstep.saga_key'::regclass`;
    const { rows } = await other.query<{ n: number }>(waiting);
    return rows[0]!.n;
  };

  it('have pages of at most 500 rows, and none by number', async () => {
    for (const path of [
      '/api/v1/sagas?limit=1000000000',
      '/api/v1/sagas?limit=501',
      '/api/v1/sagas?limit=0',
      '/api/v1/audit?limit=1000000000',
    ])
      expect([path, ...(await problem(await at.get(path)))]).toEqual([path, 400, 'SAGA_REQUEST_INVALID']);
    const page = (await (await at.get('/api/v1/sagas?limit=500')).json()) as { sagas: { id: string }[]; cursor: string };
    expect(page.sagas).toHaveLength(500);
    const rest = (await (await at.get(`/api/v1/sagas?limit=500&cursor=${page.cursor}`)).json()) as { sagas: { id: string }[] };
    expect(new Set([...page.sagas, ...rest.sagas].map(({ id }) => id)).size).toBe(600);
    expect(await problem(await at.get('/api/v1/sagas?cursor=1000000000'))).toEqual([400, 'SAGA_REQUEST_INVALID']);
    const ids = async (path: string) => ((await (await at.get(path)).json()) as { sagas: { id: string }[] }).sagas.map(({ id }) => id);
    expect(await ids('/api/v1/sagas?page=1000000000&offset=1000000000')).toEqual(await ids('/api/v1/sagas'));
  });

  it('match whole names and keys: a wildcard is a letter', async () => {
    for (const query of ['name=%25', 'name=test-%25', 'key=k-_', 'key=*', 'tag=%25%3D%25', 'error=.*']) {
      const response = await at.get(`/api/v1/sagas?${query}`);
      const { sagas = [] } = (await response.json()) as { sagas?: readonly unknown[] };
      expect([query, response.status === 200 || response.status === 400, sagas]).toEqual([query, true, []]);
    }
  });

  it('that take too long are given up with 503 and a hint, and the connection is used again', async () => {
    await whileSearchesHang(async () => {
      const response = await at.get('/api/v1/sagas?key=k-7');
      expect([response.status, response.headers.get('retry-after'), await response.json()]).toEqual([
        503,
        expect.any(String),
        expect.objectContaining({ code: 'SAGA_UNAVAILABLE', detail: expect.stringMatching(/longer than 0\.3 s.*narrow it down/) }),
      ]);
    });
    expect((await at.get('/api/v1/sagas')).status).toBe(200);
    const left = `select 1 from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`;
    await eventually(async () => (await other.query(left)).rows.length === 0);
  });

  it('hold few connections however many ask at once: sagas are started meanwhile, and who waits too long is told', async () => {
    let answers: Promise<Response[]> | undefined;
    await whileSearchesHang(async () => {
      answers = Promise.all(Array.from({ length: 40 }, () => at.get('/api/v1/sagas?key=k-7')));
      await eventually(async () => (await searching()) === AT_ONCE);
      expect(await Promise.all(Array.from({ length: 20 }, (_, n) => start(n)))).toEqual(Array(20).fill(201));
      expect(await searching()).toBeLessThanOrEqual(AT_ONCE);
      const bodies = await Promise.all(
        (await answers).map(async (response) => (await response.json()) as { code: string; detail: string }),
      );
      expect(new Set(bodies.map(({ code }) => code))).toEqual(new Set(['SAGA_UNAVAILABLE']));
      expect(bodies.some(({ detail }) => /2 searches are under way/.test(detail))).toBe(true);
    });
    expect((await at.get('/api/v1/sagas')).status).toBe(200);
  });
});
