import { describe, expect, it } from '@jest/globals';
import { accessWith } from '../../../src/access/access.js';
import { newToken } from '../../../src/access/tokens.js';
import { readContent } from '../../../src/core/audit.js';
import { SagaError } from '../../../src/core/errors.js';
import type { AuditLog } from '../../../src/ports/audit-log.js';
import type { HttpContext } from '../../../src/http/context.js';
import { Api } from './api.js';

const { token, entry } = newToken({ name: 'ada', role: 'admin' });
const access = accessWith({ tokens: [entry], rateLimit: 0 }, { now: () => 0, monotonic: () => 0 });
const bearer = { authorization: `Bearer ${token}` };

async function opened(more: Partial<HttpContext> = {}) {
  const api = await new Api(undefined, { access, ...more }).open();
  api.world.script = () => undefined;
  const { body } = await api.post('/api/v1/sagas', { name: 'test-saga', input: { total: 3 } }, bearer);
  const { id } = body as { id: string };
  const decide = (verb: string, more: object = {}) =>
    api.post(`/api/v1/sagas/${id}/${verb}`, { by: 'mallory', reason: 'because', ...more }, bearer);
  const rows = async () => (await api.audit.read({ after: 0, limit: 100 })).rows.map((row) => readContent(row)!);
  return { api, id, decide, rows };
}

describe('the audit', () => {
  it('[J14] has what was asked and what became of it: who, as what, why, before and after', async () => {
    const { id, decide, rows } = await opened();
    const { headers } = await decide('suspend');
    const facts = {
      requestId: headers.get('x-request-id'),
      verb: 'suspend',
      target: `saga:${id}`,
      who: 'ada',
      role: 'admin',
      auth: 'token',
      tokenId: entry.sha256.toString('hex').slice(0, 12),
      reason: 'because',
      details: {},
      code: null,
    };
    expect(await rows()).toEqual([
      { seq: 1, at: expect.any(Number), ...facts, stage: 'asked', before: null, after: null },
      {
        seq: 2,
        at: expect.any(Number),
        ...facts,
        stage: 'done',
        before: { status: 'running', seq: 1 },
        after: { status: 'suspended', seq: 2 },
      },
    ]);
  });

  it('has what was refused, what was asked wrongly and what is decided later, and no payloads', async () => {
    const { decide, rows } = await opened();
    await decide('resume');
    await decide('settle', { step: 'reserve', outcome: 'success', reply: { iban: 'geheim' }, odd: true });
    await decide('suspend');
    await decide('cancel');
    const all = await rows();
    expect(all.map(({ verb, stage, code }) => [verb, stage, code])).toEqual([
      ['resume', 'asked', null],
      ['resume', 'refused', 'SAGA_NOT_ALLOWED'],
      ['settle', 'asked', null],
      ['settle', 'refused', 'SAGA_REQUEST_INVALID'],
      ['suspend', 'asked', null],
      ['suspend', 'done', null],
      ['cancel', 'asked', null],
      ['cancel', 'noted', null],
    ]);
    expect(all[2]!.details).toEqual({ step: 'reserve', outcome: 'success', reply: 'given', odd: true });
    expect(JSON.stringify(all)).not.toContain('geheim');
  });

  it('has nobody who was not let in, and no starts', async () => {
    const { api, id, rows } = await opened();
    expect((await api.post(`/api/v1/sagas/${id}/cancel`, { reason: 'x' })).status).toBe(401);
    expect(await rows()).toEqual([]);
  });

  it('names whom the caller names where nobody is asked, and says that it was not checked', async () => {
    const api = await new Api().open();
    api.world.script = () => undefined;
    const id = await api.start();
    await api.post(`/api/v1/sagas/${id}/suspend`, { by: 'bob', reason: 'x' });
    const [asked] = (await api.audit.read({ after: 0, limit: 1 })).rows.map((row) => readContent(row)!);
    expect(asked).toMatchObject({ who: 'bob', auth: 'off', tokenId: null });
  });

  it('keeps a decision from being carried out where it cannot be recorded; what cannot be concluded is logged', async () => {
    let left = 0;
    const failing: AuditLog = {
      append: (facts) => (left-- > 0 ? api.audit.append(facts) : Promise.reject(new SagaError('SAGA_UNAVAILABLE', 'the audit is away'))),
      read: (query) => api.audit.read(query),
    };
    const { api, id, decide } = await opened({ audit: failing });
    const status = async () => ((await api.request('GET', `/api/v1/sagas/${id}`, undefined, bearer)).body as { status: string }).status;
    expect((await decide('suspend')).status).toBe(503);
    expect(await status()).toBe('running');
    left = 1;
    expect((await decide('suspend')).status).toBe(200);
    expect(await status()).toBe('suspended');
    expect(api.world.logs.count('could not be written to the audit')).toBe(1);
  });

  it('is read in pages, newest first or upwards, also of one saga', async () => {
    const { api, id, decide } = await opened();
    for (const verb of ['suspend', 'resume', 'suspend']) await decide(verb);
    const page = async (query: string) => {
      const { body } = await api.request('GET', `/api/v1/audit?${query}`, undefined, bearer);
      const { rows, next, head } = body as { rows: { seq: number; entry: object }[]; next?: number; head: { seq: number } };
      return [rows.map(({ seq }) => seq), next, head.seq];
    };
    expect(await page('limit=4')).toEqual([[6, 5, 4, 3], 3, 6]);
    expect(await page('limit=4&before=3')).toEqual([[2, 1], undefined, 6]);
    expect(await page('limit=4&after=0')).toEqual([[1, 2, 3, 4], 4, 6]);
    expect(await page(`saga=${id}&limit=1`)).toEqual([[6], 6, 6]);
    expect(await page('saga=00000000-0000-7000-8000-ffffffffffff')).toEqual([[], undefined, 6]);
    expect((await api.request('GET', '/api/v1/audit?limit=0', undefined, bearer)).status).toBe(400);
  });

  it('has who shredded whose data, and why', async () => {
    const { api, rows } = await opened();
    const { status, body } = await api.post('/api/v1/shred', { subject: 'ada', reason: 'she asked for it' }, bearer);
    expect({ status, body }).toEqual({ status: 200, body: { sagas: 0 } });
    expect((await rows()).map(({ verb, stage, reason, details }) => ({ verb, stage, reason, details }))).toEqual(
      ['asked', 'done'].map((stage) => ({ verb: 'shred', stage, reason: 'she asked for it', details: { subject: 'ada' } })),
    );
  });
});
