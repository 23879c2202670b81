import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Api } from './api.js';

let api: Api;
beforeAll(async () => {
  api = await new Api().open();
});
afterAll(() => api.world.engine.stop());

const START = '/api/v1/sagas';
const ID = '00000000-0000-7000-8000-ffffffffffff';

describe('a bad request', () => {
  it.each([
    ['malformed JSON', '{"name":', 400],
    ['no JSON at all', 'name=x', 400],
    ['nothing', '', 400],
    ['another shape', '[1]', 422],
    ['no input', '{"name":"test-saga"}', 422],
    ['a field that nobody knows', '{"name":"test-saga","input":1,"inptu":2}', 422],
    ['a NUL', '{"name":"test-saga","input":"\\u0000"}', 422],
    ['half of a surrogate pair', '{"name":"test-saga","input":"\\ud800"}', 422],
    ['an integer beyond 2^53', '{"name":"test-saga","input":9007199254740993}', 422],
    ['a number beyond all', '{"name":"test-saga","input":1e999}', 422],
    ['nesting without end', `{"name":"test-saga","input":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 422],
    ['a field named __proto__', '{"name":"test-saga","input":{"__proto__":1}}', 422],
    ['an empty key', '{"name":"test-saga","input":1,"key":""}', 422],
    ['a key that is too long', `{"name":"test-saga","input":1,"key":"${'é'.repeat(101)}"}`, 422],
    ['a version that is no number', '{"name":"test-saga","input":1,"version":"1"}', 422],
    ['a payload that is too large', `{"name":"test-saga","input":"${'x'.repeat(300_000)}"}`, 422],
    ['a body that is too large', `"${'x'.repeat(1_048_576)}"`, 413],
  ])('[C3 C4 C5 C6 C7 C8] with %s is refused', async (_what, body, status) => {
    const answer = await api.post(START, body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ status, code: expect.stringMatching(/^SAGA_/) });
  });

  it('[C7] that is not UTF-8 is refused', async () => {
    const body = new Uint8Array([...Buffer.from('{"name":"test-saga","input":"'), 0xff, ...Buffer.from('"}')]);
    const response = await api.app.request(START, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    expect(response.status).toBe(400);
  });

  it.each([[undefined], ['text/plain'], ['application/x-www-form-urlencoded'], ['application/jsonx']])(
    'of media type %s is refused, so that no web page can send it unasked',
    async (type) => {
      const init = { method: 'POST', body: '{"name":"test-saga","input":1}', headers: type === undefined ? {} : { 'content-type': type } };
      expect((await api.app.request(START, init)).status).toBe(415);
    },
  );

  it.each([
    ['/api/v1/sagas/not-an-id', 400],
    [`/api/v1/sagas/${ID}?wait=forever`, 400],
    [`/api/v1/sagas/${ID}?wait=1d`, 400],
    ['/api/v1/sagas?limit=0', 400],
    ['/api/v1/sagas?limit=1000000000', 400],
    ['/api/v1/sagas?limit=ten', 400],
    ['/api/v1/sagas?status=lost', 400],
    ['/api/v1/sagas?cursor=%00', 400],
    ['/api/v1/sagas?cursor=abc', 400],
    ['/api/v1/sagas?tag=novalue', 400],
    ["/api/v1/sagas?name='%20or%201=1", 400],
    ['/api/v1/sagas?key=%00', 400],
    [`/api/v1/sagas/${ID}/history?after=-1`, 400],
    ['/api/v1/definitions/..%2F..', 400],
    ['/api/v1/nothing', 404],
    ['/', 404],
  ])('GET %s is refused', async (path, status) => {
    const answer = await api.get(path);
    expect([answer.status, answer.body]).toEqual([status, expect.objectContaining({ status })]);
  });

  it('with a method that is not possible gets 405 and what is', async () => {
    const { status, headers } = await api.request('DELETE', START);
    expect([status, headers.get('allow')]).toEqual([405, 'POST, GET']);
    expect((await api.request('PUT', `/api/v1/sagas/${ID}`, {})).status).toBe(405);
  });

  it('[C3 C4 C7] never ends in a server error, whatever the body is', async () => {
    const verbs = ['cancel', 'suspend', 'resume', 'retry', 'settle'].map((verb) => `/api/v1/sagas/${ID}/${verb}`);
    const almost = fc.record(
      {
        name: fc.oneof(fc.constant('test-saga'), fc.string()),
        key: fc.anything(),
        version: fc.anything(),
        input: fc.jsonValue(),
        tags: fc.anything(),
        by: fc.anything(),
        reason: fc.string(),
        step: fc.oneof(fc.constant('charge'), fc.string()),
        outcome: fc.anything(),
        request: fc.anything(),
        verb: fc.oneof(fc.constant('retry'), fc.string()),
        filter: fc.oneof(
          fc.constant({ name: 'test-saga' }),
          fc.dictionary(fc.constantFrom('status', 'step', 'error', 'tags'), fc.anything()),
        ),
      },
      { requiredKeys: [] },
    );
    const body = fc.oneof(
      fc.string(),
      fc.json(),
      almost.map((value) => text(value)),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(START, '/api/v1/bulk', ...verbs), body, async (path, given) => {
        const { status } = await api.post(path, given);
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 400 },
    );
  });

  it('[C5] with names of prototypes wherever they fit changes nothing but what it says', async () => {
    const poison = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
    const inert = '{"constructor":{"prototype":{"polluted":true}},"toString":1,"hasOwnProperty":2}';
    expect((await api.post(START, `{"name":"test-saga","input":${poison}}`)).status).toBe(422);
    expect((await api.post(START, `{"name":"test-saga","input":1,"tags":${poison}}`)).status).toBe(422);
    expect((await api.post(START, `{"name":"test-saga","input":1,"__proto__":{"key":"x"}}`)).status).toBe(422);
    expect((await api.post(START, '{"name":"__proto__","input":1}')).status).toBe(422);
    for (const name of ['constructor', 'toString']) expect((await api.post(START, { name, input: 1 })).status).toBe(404);
    for (const name of ['constructor', 'prototype', 'hasOwnProperty'])
      expect((await api.get(`/api/v1/definitions/${name}`)).status).toBe(404);
    for (const query of ['__proto__=1', 'constructor[prototype][polluted]=1', 'tag=__proto__=1', 'tag=constructor=1', 'name=constructor'])
      expect((await api.get(`/api/v1/sagas?${query}`)).status).toBeLessThan(500);
    const { status, body } = await api.post(START, `{"name":"test-saga","input":${inert},"tags":{"constructor":"c"}}`);
    expect(status).toBe(201);
    const { id } = body as { id: string };
    expect((await api.get(`/api/v1/sagas/${id}`)).body).toMatchObject({ input: JSON.parse(inert) as object, tags: { constructor: 'c' } });
    expect((await api.get('/api/v1/sagas?tag=constructor=c')).body).toMatchObject({ sagas: [{ id }] });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('never ends in a server error, whatever the address is', async () => {
    const part = fc.oneof(fc.string(), fc.constantFrom('sagas', 'definitions', ID, 'history', '..', '%00', '%', '%E0%A4'));
    const query = fc.array(
      fc.tuple(fc.constantFrom('status', 'name', 'key', 'tag', 'limit', 'cursor', 'wait', 'after', 'version'), fc.string()),
      { maxLength: 3 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 4 }), query, async (parts, pairs) => {
        const search = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value.replace(/\p{Surrogate}/gu, ''))}`).join('&');
        const path = parts.map((one) => one.replace(/[^\w%.-]/g, '')).join('/');
        const { status } = await api.get(`/api/v1/${path}?${search}`);
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 400 },
    );
  });
});

function text(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'undefined';
  } catch {
    return '{}';
  }
}
