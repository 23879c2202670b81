import { beforeAll, describe, expect, it } from '@jest/globals';
import { HttpStand } from './stand.js';

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
  let at: HttpStand;
  let id: string;
  beforeAll(async () => {
    at = await HttpStand.open();
    const started = await at.post('/api/v1/sagas', { name: 'test-saga', input: { total: 1 } });
    ({ id } = (await started.json()) as { id: string });
  }, 60_000);
  const count = () =>
    at.store.dataSource.query(
      'select (select count(*) from backstep.saga) as sagas, (select count(*) from backstep.definition) as definitions',
    ) as Promise<unknown>;

  it('is a value, wherever it stands: no error inside, no row more or less', async () => {
    const before = await count();
    for (const text of PAYLOADS.map(encodeURIComponent)) {
      for (const place of PLACES) {
        const { status } = await at.get(place(text));
        expect([place(text), status < 500]).toEqual([place(text), true]);
      }
    }
    expect(await count()).toEqual(before);
    expect(at.logs.count('a request failed inside')).toBe(0);
  });

  it('comes back from starts, decisions and the audit as it was', async () => {
    for (const text of PAYLOADS.filter((one) => !one.includes('\u0001'))) {
      const started = await at.post('/api/v1/sagas', { name: 'test-saga', key: text, tags: { shop: text }, input: { total: text } });
      expect(started.status).toBe(201);
      const { id: other } = (await started.json()) as { id: string };
      const found = await at.get(`/api/v1/sagas?key=${encodeURIComponent(text)}&name=test-saga`);
      expect(await found.json()).toMatchObject({ sagas: [{ id: other, key: text, tags: { shop: text } }] });
      expect((await at.post(`/api/v1/sagas/${id}/retry`, { by: text, reason: text, step: 'reserve' })).status).toBe(409);
      const { rows } = (await (await at.get('/api/v1/audit?limit=1')).json()) as { rows: { entry: object }[] };
      expect(rows[0]!.entry).toMatchObject({ who: text, reason: text });
    }
  });
});
