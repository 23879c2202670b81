import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { OverviewView } from '../../../src/http/schemas.js';
import { until } from '../../support/engine.js';
import { Api } from './api.js';

let api: Api;
beforeEach(async () => {
  api = await new Api().open();
});
afterEach(() => api.world.engine.stop());

const overview = async (query = ''): Promise<OverviewView> => (await api.get(`/api/v1/overview${query}`)).body;

describe('GET /overview', () => {
  it('lists what is loaded although nothing of it is under way', async () => {
    expect(await overview()).toEqual({
      at: '2026-01-01T00:00:00.000Z',
      definitions: [{ name: 'test-saga', version: 1, loaded: true, running: 0, compensating: 0, suspended: 0, stuck: 0 }],
      oldest: [],
      stuck: [],
    });
  });

  it('counts by status, and says of a stuck saga what is stuck and what can be done', async () => {
    let unanswered: string | undefined;
    api.world.script = ({ step, sagaId }) => {
      if (step === 'ship' && sagaId === (unanswered ??= sagaId)) return undefined;
      return step === 'confirm' ? { outcome: 'error', body: '{"message":"mail is down"}' } : {};
    };
    const waits = await api.start();
    await until(async () => (await overview()).oldest[0]?.at[0] === 'ship' && unanswered !== undefined);
    const stuck = await api.start();
    await until(async () => (await overview()).stuck.length === 1);
    expect(await overview()).toMatchObject({
      definitions: [{ name: 'test-saga', running: 1, stuck: 1 }],
      oldest: [{ id: waits, at: ['ship'] }],
      stuck: [{ id: stuck, stuck: [{ step: 'confirm', phase: 'action', verbs: ['retry', 'settle success'] }] }],
    });
  });

  it('counts what was started since an instant, unless that is too long ago', async () => {
    const { at } = await overview();
    await api.world.clock.advance(1_000);
    await api.start();
    expect((await overview(`?since=${at}`)).definitions).toMatchObject([{ started: 1 }]);
    await api.world.clock.advance(300_000);
    expect((await overview(`?since=${at}`)).definitions[0]).not.toHaveProperty('started');
  });

  it('refuses an instant that is none, and a limit out of range', async () => {
    for (const query of ['?since=yesterday', '?limit=0', '?limit=501'])
      expect((await api.get(`/api/v1/overview${query}`)).status).toBe(400);
  });
});
