import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Api } from './api.js';

let api: Api;
beforeEach(async () => {
  api = await new Api().open();
});
afterEach(() => api.world.engine.stop());

const WHY = { by: 'ada', reason: 'because' };

/** A saga whose retriable step is stuck: its one attempt failed. */
async function stuckAtConfirm(): Promise<string> {
  api.world.script = ({ step }) => (step === 'confirm' ? { outcome: 'error', body: '{"message":"mail is down"}' } : {});
  const id = await api.start();
  await api.world.clock.advance(0);
  return id;
}

describe('an operator', () => {
  it('cancels before the pivot: 200, and the saga turns back with who and why', async () => {
    api.world.script = ({ step, phase }) => (step === 'charge' && phase === 'a' ? undefined : {});
    const id = await api.start();
    await api.world.clock.advance(0);
    const { status, body } = await api.post(`/api/v1/sagas/${id}/cancel`, WHY);
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ decided: true, reason: { kind: 'cancelled', by: 'ada', text: 'because' } }),
    ]);
  });

  it('[G6] gets 202 while the outcome of the pivot decides', async () => {
    api.world.script = ({ step }) => (step === 'ship' ? undefined : {});
    const id = await api.start();
    await api.world.clock.advance(0);
    const { status, body } = await api.post(`/api/v1/sagas/${id}/cancel`, WHY);
    expect([status, body]).toEqual([202, expect.objectContaining({ decided: false })]);
  });

  it('gets 409 with the reason where the state does not allow it', async () => {
    const id = await api.start();
    await api.get(`/api/v1/sagas/${id}?wait=1s`);
    for (const verb of ['cancel', 'suspend', 'resume']) {
      const { status, body } = await api.post(`/api/v1/sagas/${id}/${verb}`, WHY);
      expect([status, body]).toEqual([409, expect.objectContaining({ code: 'SAGA_NOT_ALLOWED' })]);
    }
  });

  it('suspends and resumes', async () => {
    api.world.script = () => undefined;
    const id = await api.start();
    expect((await api.post(`/api/v1/sagas/${id}/suspend`, WHY)).body).toMatchObject({
      status: 'suspended',
      suspended: { by: 'ada', reason: 'because' },
      verbs: ['cancel', 'resume'],
    });
    expect((await api.post(`/api/v1/sagas/${id}/resume`, { reason: 'enough' })).body).toMatchObject({ status: 'running', suspended: null });
  });

  it('is told what is stuck, why, and which verbs are possible', async () => {
    const id = await stuckAtConfirm();
    const { body } = await api.get(`/api/v1/sagas/${id}`);
    expect(body).toMatchObject({
      status: 'stuck',
      at: ['confirm'],
      stuck: [{ step: 'confirm', phase: 'action', sentence: expect.stringContaining('mail is down'), verbs: ['retry', 'settle success'] }],
      verbs: ['suspend'],
    });
  });

  it('can do with a stuck step exactly what the verbs say', async () => {
    const id = await stuckAtConfirm();
    const settle = (outcome: string) => api.post(`/api/v1/sagas/${id}/settle`, { ...WHY, step: 'confirm', outcome });
    expect((await settle('rejected')).status).toBe(409);
    expect((await settle('success')).body).toMatchObject({ status: 'completed', attention: [{ kind: 'by-hand', step: 'confirm' }] });
  });

  it('retries a stuck step', async () => {
    const id = await stuckAtConfirm();
    api.world.script = () => ({});
    expect((await api.post(`/api/v1/sagas/${id}/retry`, { ...WHY, step: 'confirm' })).status).toBe(200);
    expect((await api.get(`/api/v1/sagas/${id}?wait=1s`)).body).toMatchObject({ status: 'completed' });
  });

  it('lets only one of two settle the same step', async () => {
    const id = await stuckAtConfirm();
    const settle = (by: string) => api.post(`/api/v1/sagas/${id}/settle`, { by, reason: 'done', step: 'confirm', outcome: 'success' });
    const statuses = (await Promise.all([settle('ada'), settle('bob')])).map(({ status }) => status);
    expect(statuses.toSorted((one, other) => one - other)).toEqual([200, 409]);
  });

  it('gets 404 for a step that is not there and 422 for a body without its fields', async () => {
    const id = await stuckAtConfirm();
    expect((await api.post(`/api/v1/sagas/${id}/retry`, { ...WHY, step: 'nothing' })).status).toBe(404);
    const { status, body } = await api.post(`/api/v1/sagas/${id}/settle`, { by: 'ada', step: 'confirm' });
    expect(status).toBe(422);
    expect((body as { faults: string[] }).faults).toEqual([expect.stringMatching(/^reason: /), expect.stringMatching(/^outcome: /)]);
  });
});
