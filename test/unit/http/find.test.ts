import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FailuresView } from '../../../src/http/schemas-find.js';
import type { PageView } from '../../../src/http/schemas.js';
import { until } from '../../support/engine.js';
import { Api } from './api.js';

let api: Api;
beforeEach(async () => {
  api = await new Api().open();
});
afterEach(() => api.world.engine.stop());

const found = async (query: string): Promise<string[]> => {
  const { body } = await api.get(`/api/v1/sagas?${query}`);
  return (body as PageView).sagas.map(({ id }) => id);
};
/** Started so that it stays where it is. */
async function at(step: string, more: Record<string, unknown> = {}): Promise<string> {
  api.world.script = (command) => (command.step === step ? undefined : {});
  const id = await api.start(more);
  await until(() => api.world.received.some((command) => command.sagaId === id && command.step === step));
  return id;
}
async function stuck(message: string): Promise<string> {
  const body = JSON.stringify({ code: 'E_MAIL', message });
  api.world.script = ({ step }) => (step === 'confirm' ? { outcome: 'error', body } : {});
  const id = await api.start();
  await until(async () => (await found('status=stuck')).includes(id));
  return id;
}

describe('GET /sagas', () => {
  it('finds by step, participant, version and tags in either form', async () => {
    const charging = await at('charge', { tags: { shop: 'north', 'a:b': 'c' } });
    const shipping = await at('ship');
    expect(await found('step=charge')).toEqual([charging]);
    expect(await found('waitingFor=p')).toEqual([shipping, charging]);
    expect(await found('waitingFor=somebody')).toEqual([]);
    expect(await found('version=2')).toEqual([]);
    for (const tag of ['shop=north', 'shop:north', 'a:b=c']) expect(await found(`tag=${tag}`)).toEqual([charging]);
  });

  it('finds by error code, of stuck sagas and of those that were undone', async () => {
    const id = await stuck('mail is down');
    api.world.script = ({ step }) => (step === 'charge' ? { outcome: 'rejected', body: '{"code":"card-declined"}' } : {});
    const declined = await api.start();
    await api.get(`/api/v1/sagas/${declined}?wait=1s`);
    expect(await found('error=E_MAIL')).toEqual([id]);
    expect(await found('error=card-declined')).toEqual([declined]);
  });

  it('finds by age', async () => {
    const old = await at('charge');
    await api.world.clock.advance(500);
    const young = await at('charge');
    expect(await found('startedBefore=2026-01-01T00:00:00.500Z')).toEqual([old]);
    expect(await found('startedAfter=2026-01-01T00:00:00.100Z')).toEqual([young]);
  });

  it('names every fault of what it is asked', async () => {
    const { status, body } = await api.get('/api/v1/sagas?step=a.b&version=0&startedBefore=yesterday&waitingFor=&tag=x');
    expect(status).toBe(400);
    const places = (body as { faults: string[] }).faults.map((fault) => fault.split(/[.:]/)[0]);
    expect(new Set(places)).toEqual(new Set(['startedBefore', 'step', 'tag', 'version', 'waitingFor']));
  });
});

describe('GET /failures', () => {
  it('groups what is stuck for the same, most frequent first, with a filter to act on it', async () => {
    const ids = [await stuck('mail 1 is down'), await stuck('no such address'), await stuck('mail 22 is down')];
    const { body } = await api.get('/api/v1/failures');
    const { groups, sagas, complete } = body as FailuresView;
    expect({ groups, sagas, complete }).toMatchObject({
      groups: [
        {
          name: 'test-saga',
          step: 'confirm',
          phase: 'action',
          code: 'E_MAIL',
          message: 'mail … is down',
          count: 2,
          sagas: [ids[2], ids[0]],
        },
        { message: 'no such address', count: 1, sagas: [ids[1]] },
      ],
      sagas: 3,
      complete: true,
    });
    const { body: forecast } = await api.post('/api/v1/bulk', { verb: 'retry', filter: groups[0]!.filter, reason: 'x', dryRun: true });
    expect(forecast).toMatchObject({ matched: 2, allowed: 2 });
    expect(((await api.get('/api/v1/failures?name=other')).body as FailuresView).groups).toEqual([]);
  });
});

describe('GET /sagas/{id}/cancel-plan', () => {
  it('tells what a cancel would send, and changes nothing', async () => {
    const id = await at('charge');
    const { body } = await api.get(`/api/v1/sagas/${id}/cancel-plan`);
    expect(body).toEqual({
      possible: true,
      notes: ['first it waits for what is under way: charge'],
      commands: [
        { position: 1, step: 'charge', phase: 'compensation', participant: 'p', command: 'p.undocharge', after: 'success', open: true },
        expect.objectContaining({ position: 1, step: 'charge', after: 'unknown', open: true, request: { undo: 'charge' } }),
        expect.objectContaining({ position: 2, step: 'reserve', after: 'success', open: false, request: { undo: 'reserve' } }),
      ],
      kept: [],
    });
    expect((await api.get(`/api/v1/sagas/${id}`)).body).toMatchObject({ status: 'running', reason: null });
  });

  it('tells why there is none, and that there is no such saga', async () => {
    const id = await stuck('mail is down');
    expect((await api.get(`/api/v1/sagas/${id}/cancel-plan`)).body).toMatchObject({
      possible: false,
      why: 'its pivot ship has succeeded: from there it only goes forward',
      commands: [],
    });
    expect((await api.get('/api/v1/sagas/00000000-0000-7000-8000-ffffffffffff/cancel-plan')).status).toBe(404);
  });
});

describe('a saga that is stuck', () => {
  it('says in one sentence what failed, how often, the last answer and what is possible', async () => {
    const id = await stuck('mail is down');
    expect((await api.get(`/api/v1/sagas/${id}`)).body).toMatchObject({
      stuck: [
        {
          sentence: 'action p.confirm failed 1 time; the last answer was: E_MAIL: mail is down; possible: retry, settle success',
          verbs: ['retry', 'settle success'],
        },
      ],
      steps: [{}, {}, {}, { name: 'confirm', verbs: ['retry', 'settle success'] }],
    });
  });

  it('offers while it is suspended only what is possible then', async () => {
    const id = await stuck('mail is down');
    await api.post(`/api/v1/sagas/${id}/suspend`, { reason: 'wait' });
    expect((await api.get(`/api/v1/sagas/${id}`)).body).toMatchObject({
      status: 'suspended',
      verbs: ['resume'],
      stuck: [
        { verbs: ['settle success'], sentence: expect.stringMatching(/possible: settle success, and more when the saga is resumed$/) },
      ],
    });
  });
});
