import { describe, expect, it } from '@jest/globals';
import type { Plan } from '../../../src/core/plan.js';
import { until } from '../../support/engine.js';
import { planFrom } from '../../support/plans.js';
import { Api } from '../http/api.js';
import { seriesOf } from './samples.js';

const SHOP = { saga: 'test-saga' };
/** Labels as Prometheus writes them. */
const labels = (given: Readonly<Record<string, string>>): string =>
  `{${Object.entries(given)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',')}}`;
const command = (step: string, phase: string, more = {}) => labels({ ...SHOP, step, phase, ...more });

async function metric(api: Api, name: string): Promise<Record<string, number>> {
  return seriesOf((await api.get('/metrics')).text, name);
}
const ended = async (api: Api, id: string) => (await api.world.store.find(id))?.state.end !== null;

describe('the metrics of sagas', () => {
  it('count one that completes, with the steps on its way', async () => {
    const api = await new Api().open();
    const id = await api.start();
    await until(() => ended(api, id));
    expect(await metric(api, 'backstep_sagas_started_total')).toEqual({ [labels(SHOP)]: 1 });
    expect(await metric(api, 'backstep_sagas_ended_total')).toEqual({ [labels({ ...SHOP, outcome: 'completed' })]: 1 });
    expect(await metric(api, 'backstep_saga_duration_seconds_count')).toEqual({ [labels({ ...SHOP, outcome: 'completed' })]: 1 });
    const settled = ['reserve', 'charge', 'ship', 'confirm'].map((step) => [labels({ ...SHOP, step, outcome: 'succeeded' }), 1]);
    expect(await metric(api, 'backstep_steps_settled_total')).toEqual(Object.fromEntries(settled));
    for (const name of ['retries', 'resends', 'failures']) expect(await metric(api, `backstep_command_${name}_total`)).toEqual({});
    expect(await metric(api, 'backstep_dead_letters_total')).toEqual({});
  });

  it('count one that is undone: what was rejected, what was undone, and why it turned back', async () => {
    const api = await new Api().open();
    api.world.script = ({ type }) => (type === 'p.charge' ? { outcome: 'rejected', body: '{"code":"card-declined"}' } : {});
    const id = await api.start();
    await until(() => ended(api, id));
    expect(await metric(api, 'backstep_sagas_ended_total')).toEqual({ [labels({ ...SHOP, outcome: 'compensated' })]: 1 });
    expect(await metric(api, 'backstep_sagas_turned_back_total')).toEqual({ [labels({ ...SHOP, reason: 'rejected' })]: 1 });
    expect(await metric(api, 'backstep_steps_settled_total')).toEqual({
      [labels({ ...SHOP, step: 'reserve', outcome: 'succeeded' })]: 1,
      [labels({ ...SHOP, step: 'charge', outcome: 'rejected' })]: 1,
      [labels({ ...SHOP, step: 'reserve', outcome: 'undone' })]: 1,
    });
    // A business no is an answer, not a failure.
    expect(await metric(api, 'backstep_command_failures_total')).toEqual({});
    expect(await metric(api, 'backstep_step_duration_seconds_count')).toEqual({
      [command('reserve', 'action')]: 1,
      [command('charge', 'action')]: 1,
      [command('reserve', 'compensation')]: 1,
    });
  });

  it('count what fails, what is tried again and how long the whole takes', async () => {
    const api = await new Api().open();
    let tries = 0;
    api.world.script = ({ type }) => {
      if (type !== 'p.charge') return {};
      tries += 1;
      return tries === 1 ? undefined : {};
    };
    const id = await api.start();
    await until(() => tries === 1);
    await api.world.clock.advance(1_000);
    await until(() => ended(api, id));
    expect(await metric(api, 'backstep_command_failures_total')).toEqual({ [command('charge', 'action', { cause: 'timeout' })]: 1 });
    expect(await metric(api, 'backstep_command_retries_total')).toEqual({ [command('charge', 'action')]: 1 });
    const sums = await metric(api, 'backstep_step_duration_seconds_sum');
    expect(sums[command('charge', 'action')]).toBeGreaterThanOrEqual(1);
    const late = await metric(api, 'backstep_timer_lateness_seconds_count');
    expect(late['']).toBeGreaterThanOrEqual(1);
  });

  it('tell a retriable that is refused from a step that is rejected, and count what gets stuck', async () => {
    const api = await new Api().open();
    api.world.script = ({ type }) => (type === 'p.confirm' ? { outcome: 'rejected', body: '{"code":"no"}' } : {});
    await api.start();
    await until(async () => (await metric(api, 'backstep_steps_stuck_total'))[command('confirm', 'action')] === 1);
    expect(await metric(api, 'backstep_command_failures_total')).toEqual({ [command('confirm', 'action', { cause: 'rejected' })]: 1 });
    await api.world.clock.advance(15_000);
    expect(await metric(api, 'backstep_sagas_in_flight')).toEqual({ [labels({ ...SHOP, status: 'stuck' })]: 1 });
  });

  it('count the current attempt that is sent once more as a resend, not as a retry', async () => {
    const patient = planFrom({ steps: [{ name: 'reserve', timeoutMs: 100_000_000 }] });
    const api = await new Api([patient]).open();
    api.world.script = () => undefined;
    await api.start();
    await until(() => api.world.received.length === 1);
    await api.world.clock.advance(61_000);
    const resent = (await metric(api, 'backstep_command_resends_total'))[command('reserve', 'action')];
    expect(resent).toBe(api.world.received.length - 1);
    expect(resent).toBeGreaterThan(0);
    expect(await metric(api, 'backstep_command_retries_total')).toEqual({});
  });

  it('do not take what a resume sends for a retry', async () => {
    const api = await new Api().open();
    api.world.script = ({ type }) => (type === 'p.charge' ? { outcome: 'error', body: '{"message":"later"}' } : {});
    const id = await api.start();
    await until(async () => (await metric(api, 'backstep_command_failures_total'))[command('charge', 'action', { cause: 'error' })] === 1);
    api.world.script = () => undefined;
    const charges = () => api.world.received.filter(({ type }) => type === 'p.charge').length;
    for (let waited = 0; charges() < 2 && waited < 60; waited++) await api.world.clock.advance(20);
    const before = await metric(api, 'backstep_command_retries_total');
    expect(before).toEqual({ [command('charge', 'action')]: 1 });
    await api.post(`/api/v1/sagas/${id}/suspend`, { by: 'ada', reason: 'a look' });
    await api.post(`/api/v1/sagas/${id}/resume`, { by: 'ada', reason: 'enough' });
    await until(() => charges() === 3);
    expect(await metric(api, 'backstep_command_retries_total')).toEqual(before);
  });

  it('put the versions of a saga together, and have series for all that is loaded from the beginning', async () => {
    const second: Plan = { ...planFrom({ steps: [{ name: 'only' }] }), version: 2 };
    const api = await new Api([planFrom({ steps: [{ name: 'reserve' }] }), second]).open();
    const { text } = await api.get('/metrics');
    for (const outcome of ['completed', 'compensated'])
      expect(text).toContain(`backstep_sagas_ended_total{saga="test-saga",outcome="${outcome}"} 0`);
    const first = await api.start({ version: 1 });
    const next = await api.start({ version: 2 });
    await until(async () => (await ended(api, first)) && (await ended(api, next)));
    expect(await metric(api, 'backstep_sagas_started_total')).toEqual({ [labels(SHOP)]: 2 });
    expect(await metric(api, 'backstep_steps_settled_total')).toEqual({
      [labels({ ...SHOP, step: 'reserve', outcome: 'succeeded' })]: 1,
      [labels({ ...SHOP, step: 'only', outcome: 'succeeded' })]: 1,
    });
  });
});
