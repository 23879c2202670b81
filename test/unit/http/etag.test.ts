import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Api } from './api.js';

let api: Api;
beforeEach(async () => {
  api = await new Api().open();
  api.world.script = () => undefined;
});
afterEach(() => api.world.engine.stop());

const WHY = { by: 'ada', reason: 'because' };
const get = (id: string, headers: Record<string, string> = {}) => api.request('GET', `/api/v1/sagas/${id}`, undefined, headers);

async function etagOf(id: string): Promise<string> {
  return (await get(id)).headers.get('etag')!;
}

describe('the ETag of a saga', () => {
  it('spares whoever has it the answer, until the saga moves on', async () => {
    const id = await api.start();
    const etag = await etagOf(id);
    expect(etag).toMatch(/^"\d+"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const { status, text, headers } = await get(id, { 'if-none-match': known });
      expect([status, text, headers.get('etag')]).toEqual([304, '', etag]);
    }
    await api.post(`/api/v1/sagas/${id}/suspend`, WHY);
    const moved = await get(id, { 'if-none-match': etag });
    expect([moved.status, moved.headers.get('etag') === etag]).toEqual([200, false]);
  });

  it('lets a decision be about the saga as it was seen: 412 once it has moved on', async () => {
    const id = await api.start();
    const seen = await etagOf(id);
    const suspended = await api.post(`/api/v1/sagas/${id}/suspend`, WHY, { 'if-match': seen });
    expect([suspended.status, suspended.headers.get('etag')]).toEqual([200, await etagOf(id)]);
    const { status, body } = await api.post(`/api/v1/sagas/${id}/cancel`, WHY, { 'if-match': seen });
    expect([status, body]).toEqual([412, expect.objectContaining({ code: 'SAGA_CHANGED' })]);
    expect((await get(id)).body).toMatchObject({ status: 'suspended' });
    for (const any of [suspended.headers.get('etag')!, '*'])
      expect((await api.post(`/api/v1/sagas/${id}/resume`, WHY, { 'if-match': any })).status).not.toBe(412);
    expect((await api.post(`/api/v1/sagas/${id}/suspend`, WHY, { 'if-match': 'nonsense' })).status).toBe(412);
  });

  it('lets one of two decide that have seen the same', async () => {
    const id = await api.start();
    const seen = await etagOf(id);
    const suspend = () => api.post(`/api/v1/sagas/${id}/suspend`, WHY, { 'if-match': seen });
    const cancel = () => api.post(`/api/v1/sagas/${id}/cancel`, WHY, { 'if-match': seen });
    const statuses = (await Promise.all([suspend(), cancel()])).map(({ status }) => status);
    expect(statuses.toSorted((one, other) => one - other)).toEqual([200, 412]);
  });
});
