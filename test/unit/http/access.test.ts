import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { accessWith } from '../../../src/access/access.js';
import type { Role } from '../../../src/access/principal.js';
import { newToken } from '../../../src/access/tokens.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Api } from './api.js';

const clock = new ManualClock();
const make = (name: string, role: Role, more: object = {}) => newToken({ name, role, ...more });
const TOKENS = {
  read: make('rita', 'read'),
  operate: make('oskar', 'operate'),
  admin: make('ada', 'admin'),
  'in scope': make('ina', 'admin', { definitions: ['test-saga'] }),
  'out of scope': make('otto', 'admin', { definitions: ['other'] }),
  expired: make('emil', 'admin', { expiresAt: clock.now() }),
};
const WRONG = make('nobody', 'admin').token;
const tokens = Object.values(TOKENS).map(({ entry }) => entry);

type Caller = keyof typeof TOKENS | 'none' | 'wrong';
const CALLERS: readonly Caller[] = ['none', 'wrong', 'expired', 'read', 'operate', 'admin', 'in scope', 'out of scope'];
const bearer = (caller: Caller): Record<string, string> =>
  caller === 'none' ? {} : { authorization: `Bearer ${caller === 'wrong' ? WRONG : TOKENS[caller].token}` };

/** What each caller gets, in the order of CALLERS: `ok` is anything but 401 and 403. */
const EXPECTED = {
  open: ['ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok'],
  read: [401, 401, 401, 'ok', 'ok', 'ok', 'ok', 403],
  'read, filtered': [401, 401, 401, 'ok', 'ok', 'ok', 'ok', 'ok'],
  'read, of all': [401, 401, 401, 'ok', 'ok', 'ok', 403, 403],
  operate: [401, 401, 401, 403, 'ok', 'ok', 'ok', 403],
  'operate, by line': [401, 401, 401, 403, 'ok', 'ok', 'ok', 'ok'],
  'operate, of all': [401, 401, 401, 403, 'ok', 'ok', 403, 403],
  'admin, of all': [401, 401, 401, 403, 403, 'ok', 403, 403],
} as const;
const WHY = { by: 'mallory', reason: 'because' };

/** Every route that there may be. One that is missing here fails the test below. */
const ROUTES: Readonly<
  Record<
    string,
    {
      readonly expected: keyof typeof EXPECTED;
      readonly query?: string;
      readonly body?: unknown;
      readonly headers?: Record<string, string>;
    }
  >
> = {
  'GET /healthz': { expected: 'open' },
  'GET /readyz': { expected: 'open' },
  'GET /openapi.json': { expected: 'open' },
  ...Object.fromEntries(
    ['/', '/sagas', '/sagas/:id', '/definitions', '/definitions/:name', '/dead-letters', '/dead-letters/:id', '/participants'].map(
      (path) => [`GET ${path}`, { expected: 'open' as const }],
    ),
  ),
  'GET /assets/:file': { expected: 'open' },
  'GET /favicon.svg': { expected: 'open' },
  'GET /metrics': { expected: 'read, of all' },
  'GET /api/v1/me': { expected: 'read, filtered' },
  'GET /api/v1/sagas': { expected: 'read', query: '?name=test-saga' },
  'GET /api/v1/sagas/:id': { expected: 'read' },
  'GET /api/v1/sagas/:id/history': { expected: 'read' },
  'GET /api/v1/sagas/:id/cancel-plan': { expected: 'read' },
  'GET /api/v1/definitions': { expected: 'read, filtered' },
  'GET /api/v1/definitions/:name': { expected: 'read' },
  'GET /api/v1/overview': { expected: 'read, filtered' },
  'GET /api/v1/figures': { expected: 'read, filtered' },
  'GET /api/v1/activity': { expected: 'read, of all' },
  'GET /api/v1/participants': { expected: 'read, of all' },
  'GET /api/v1/failures': { expected: 'read', query: '?name=test-saga' },
  // Whoever is let in gets a stream without an end, unless the place to begin at is none.
  'GET /api/v1/events': { expected: 'read', query: '?name=test-saga', headers: { 'last-event-id': 'no place' } },
  'GET /api/v1/dead-letters': { expected: 'read, of all' },
  'GET /api/v1/dead-letters/:id': { expected: 'read, of all' },
  'POST /api/v1/sagas': { expected: 'operate', body: { name: 'test-saga', input: { total: 3 } } },
  'POST /api/v1/sagas/many': { expected: 'operate, by line', body: '{"name":"test-saga","input":{"total":3}}\n' },
  'POST /api/v1/sagas/:id/cancel': { expected: 'operate', body: WHY },
  'POST /api/v1/sagas/:id/suspend': { expected: 'operate', body: WHY },
  'POST /api/v1/sagas/:id/resume': { expected: 'operate', body: WHY },
  'POST /api/v1/sagas/:id/retry': { expected: 'operate', body: { ...WHY, step: 'ship' } },
  'POST /api/v1/sagas/:id/settle': { expected: 'operate', body: { ...WHY, step: 'ship', outcome: 'success' } },
  'POST /api/v1/bulk': { expected: 'operate', body: { verb: 'cancel', filter: { name: 'test-saga' }, reason: 'r', dryRun: true } },
  'POST /api/v1/dead-letters/:id/replay': { expected: 'operate, of all', body: { reason: 'r' } },
  'POST /api/v1/dead-letters/:id/discard': { expected: 'operate, of all', body: { reason: 'r' } },
  'POST /api/v1/shred': { expected: 'admin, of all', body: { ...WHY, subject: 's' } },
  'GET /api/v1/audit': { expected: 'admin, of all' },
};

let api: Api;
let id: string;
beforeAll(async () => {
  api = await new Api(undefined, { access: accessWith({ tokens, rateLimit: 0 }, clock) }).open();
  id = await start();
});
afterAll(() => api.world.engine.stop());

async function start(caller: Caller = 'operate'): Promise<string> {
  const { body } = await api.post('/api/v1/sagas', { name: 'test-saga', input: { total: 3 } }, bearer(caller));
  return (body as { id: string }).id;
}
const served = () => api.app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`);

describe('every route', () => {
  it('[I1] is in the matrix, and none answers to every method at once', () => {
    expect(served().filter((route) => !(route in ROUTES))).toEqual([]);
    expect(api.app.routes.filter(({ method, path }) => method === 'ALL' && path !== '/*' && path !== '/api/v1/*')).toEqual([]);
  });

  it.each(Object.entries(ROUTES))(
    '[I1] lets in who may, and nobody else: %s',
    async (route, { expected, query = '', body, headers: more = {} }) => {
      if (!served().includes(route)) return;
      const [method, pattern] = route.split(' ') as [string, string];
      const path = pattern.replace(':id', id).replace(':name', 'test-saga') + query;
      const type = path.endsWith('/many') ? 'application/x-ndjson' : 'application/json';
      const got: (number | 'ok')[] = [];
      for (const caller of CALLERS) {
        const headers = { ...bearer(caller), ...more, ...(body === undefined ? {} : { 'content-type': type }) };
        const { status } = await api.request(method, path, body, headers);
        got.push(status === 401 || status === 403 ? status : 'ok');
      }
      expect(got).toEqual(EXPECTED[expected]);
    },
  );

  it('[I1] that nobody has declared is refused to everybody', async () => {
    const odd = new Api(undefined, { access: accessWith({ tokens, rateLimit: 0 }, clock) });
    odd.app.get('/api/v1/forgotten', (c) => c.text('secret'));
    odd.app.all('/api/v1/everything', (c) => c.text('secret'));
    for (const caller of CALLERS)
      expect([401, 403]).toContain((await odd.request('GET', '/api/v1/forgotten', undefined, bearer(caller))).status);
    expect((await odd.request('GET', '/api/v1/everything', undefined, bearer('admin'))).status).toBe(404);
  });

  it('[I1] says with a code what is missing, and how to send it', async () => {
    const { status, headers, body } = await api.get('/api/v1/sagas');
    expect([status, headers.get('www-authenticate'), body]).toEqual([
      401,
      'Bearer realm="backstep"',
      expect.objectContaining({ code: 'SAGA_UNAUTHENTICATED', type: 'urn:backstep:error:SAGA_UNAUTHENTICATED' }),
    ]);
    const low = await api.post(`/api/v1/sagas/${id}/cancel`, WHY, bearer('read'));
    expect(low.body).toMatchObject({ code: 'SAGA_FORBIDDEN', detail: 'this needs the role operate; the token has read' });
    // Who is not known learns nothing of what there is.
    expect((await api.get('/api/v1/nothing')).status).toBe(401);
    expect((await api.request('GET', '/api/v1/nothing', undefined, bearer('read'))).status).toBe(404);
  });

  it('[I1 I7] is refused before the body is read', async () => {
    const body = new ReadableStream({ pull: () => Promise.reject(new Error('somebody read it')) });
    const response = await api.app.request('/api/v1/sagas', {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    } as RequestInit);
    expect(response.status).toBe(401);
  });
});

describe('a token for some definitions', () => {
  const as = (path: string) => api.request('GET', path, undefined, bearer('in scope'));

  it('[I1] has to name one of them where it asks for several', async () => {
    expect((await as('/api/v1/sagas')).body).toMatchObject({
      code: 'SAGA_FORBIDDEN',
      detail: expect.stringContaining('for test-saga only'),
    });
    expect((await as('/api/v1/sagas?name=other')).status).toBe(403);
    expect((await as('/api/v1/sagas?name=test-saga&name=other')).status).toBe(403);
  });

  it('[I1] sees and starts nothing else', async () => {
    const out = (path: string) => api.request('GET', path, undefined, bearer('out of scope'));
    expect((await out('/api/v1/definitions')).body).toEqual({ definitions: [] });
    expect((await out('/api/v1/overview')).body).toMatchObject({ definitions: [], oldest: [], stuck: [] });
    const line = '{"name":"test-saga","input":{"total":3}}\n';
    const many = await api.post('/api/v1/sagas/many', line, { ...bearer('out of scope'), 'content-type': 'application/x-ndjson' });
    expect(JSON.parse(many.text)).toMatchObject({ line: 1, problem: { code: 'SAGA_FORBIDDEN', status: 403 } });
  });
});

describe('who decides', () => {
  it('comes from the token, whatever the body says', async () => {
    api.world.script = () => undefined;
    const other = await start();
    await api.post(`/api/v1/sagas/${other}/suspend`, WHY, bearer('operate'));
    const { body } = await api.request('GET', `/api/v1/sagas/${other}/history`, undefined, bearer('read'));
    const { entries } = body as { entries: { event: string; by?: string }[] };
    expect(entries.filter(({ by }) => by !== undefined).map(({ event, by }) => [event, by])).toEqual([
      ['started', 'oskar'],
      ['suspended', 'oskar'],
    ]);
  });

  it('is told by /me', async () => {
    const me = async (caller: Caller) => (await api.request('GET', '/api/v1/me', undefined, bearer(caller))).body;
    expect(await me('admin')).toEqual({ auth: 'token', name: 'ada', role: 'admin' });
    expect(await me('in scope')).toEqual({ auth: 'token', name: 'ina', role: 'admin', definitions: ['test-saga'] });
    expect((await new Api().get('/api/v1/me')).body).toEqual({ auth: 'off', name: 'local', role: 'admin' });
  });
});

describe('too many requests', () => {
  const limited = () => new Api(undefined, { access: accessWith({ tokens, rateLimit: 5 }, clock) });

  it('[I11] of one token are refused for a while', async () => {
    const one = limited();
    const me = (caller: Caller) => one.request('GET', '/api/v1/me', undefined, bearer(caller));
    const statuses: number[] = [];
    for (let n = 0; n < 11; n++) statuses.push((await me('read')).status);
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429]);
    const refused = await me('read');
    expect([refused.headers.get('retry-after'), refused.body]).toEqual(['1', expect.objectContaining({ code: 'SAGA_RATE_LIMITED' })]);
    // Health is asked for by those who have no token.
    expect((await one.get('/healthz')).status).toBe(200);
  });

  it('[I11] with wrong tokens are refused sooner, which does not keep a right one out', async () => {
    const one = new Api(undefined, { access: accessWith({ tokens, rateLimit: 1_000 }, clock) });
    const statuses: number[] = [];
    for (let n = 0; n < 21; n++) statuses.push((await one.request('GET', '/api/v1/me', undefined, bearer('wrong'))).status);
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), 429]);
    expect((await one.request('GET', '/api/v1/me', undefined, bearer('read'))).status).toBe(200);
  });
});

describe('every answer', () => {
  it.each(['/healthz', '/api/v1/me', '/api/v1/sagas', '/nothing', '/metrics'])(
    '[I3 I5] tells browsers what not to do: %s',
    async (path) => {
      const { headers } = await api.get(path);
      const csp = headers.get('content-security-policy')!;
      for (const part of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "form-action 'none'"])
        expect(csp).toContain(part);
      expect(csp).not.toMatch(/unsafe|\*|https?:|data:/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-') || name === 'set-cookie')).toEqual([]);
    },
  );

  it('[I10] to what goes wrong inside is a problem that says nothing of the inside', async () => {
    const { engine, store } = api.world;
    const secret = 'select * from backstep.saga where password = geheim';
    const broken = new Api(undefined, { store: { ...store, list: () => Promise.reject(new Error(secret)) } as never, service: engine });
    const { status, text, headers } = await broken.get('/api/v1/sagas');
    expect([status, Object.keys(JSON.parse(text) as object)]).toEqual([500, ['type', 'title', 'status', 'detail', 'code']]);
    expect(text).not.toMatch(/select|geheim|\bat .*:\d+|node_modules|\d+\.\d+\.\d+/);
    expect([headers.get('server'), headers.get('x-powered-by')]).toEqual([null, null]);
  });

  it.each([
    '/../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/assets/..%2f..%2fpackage.json',
    '/assets/%2e%2e/package.json',
    '/..%5c..%5cetc',
    '/%00',
    '/assets/',
  ])('[I13] to a path that climbs out is 404: %s', async (path) => {
    const { status, text } = await api.get(path);
    expect(status).toBe(404);
    expect(text).not.toMatch(/root:|"backstep"/);
  });

  it('[I13] with metrics needs a token of the role read', async () => {
    expect((await api.get('/metrics')).status).toBe(401);
    expect((await api.request('GET', '/metrics', undefined, bearer('read'))).text).toContain('# HELP');
  });
});

describe('a server without authentication', () => {
  const local = new Api();
  const at = (url: string, headers: Record<string, string> = {}) => local.app.request(url, { headers });

  it.each(['http://localhost:7420', 'http://127.0.0.1:7420', 'http://[::1]:7420', 'http://backstep.localhost'])(
    'answers to names of this machine: %s',
    async (base) => {
      expect((await at(`${base}/healthz`)).status).toBe(200);
      expect((await at(`${base}/healthz`, { origin: base })).status).toBe(200);
    },
  );

  it.each(['http://evil.test:7420', 'http://127.0.0.1.evil.test', 'http://localhost.evil.test', 'http://10.0.0.1', 'http://evillocalhost'])(
    '[I5] answers to no other name, which somebody may lead here: %s',
    async (base) => expect((await at(`${base}/api/v1/sagas`)).status).toBe(403),
  );

  it.each(['http://evil.test', 'null', 'http://localhost:1', 'http://localhost.evil.test'])(
    '[I5] takes nothing from pages of %s',
    async (origin) => {
      const { status, headers } = await local.post('/api/v1/sagas', { name: 'test-saga', input: {} }, { origin });
      expect([status, headers.get('access-control-allow-origin')]).toEqual([403, null]);
    },
  );

  it('[I5] lets no page send JSON unasked: a preflight has no answer', async () => {
    const response = await local.app.request('/api/v1/sagas', { method: 'OPTIONS', headers: { 'access-control-request-method': 'POST' } });
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([405, null]);
  });
});
