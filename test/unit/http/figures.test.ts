import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FiguresReading } from '../../../src/http/figures-reading.js';
import type { FiguresView } from '../../../src/http/schemas-figures.js';
import { planFrom } from '../../support/plans.js';
import { until } from '../../support/engine.js';
import { Api, PLAN } from './api.js';

let api: Api;
beforeEach(async () => {
  api = await new Api().open();
});
afterEach(() => api.world.engine.stop());

const figures = async (): Promise<FiguresView> => (await api.get('/api/v1/figures')).body;
async function finished(count: number): Promise<void> {
  await until(async () => (await api.world.store.list({ status: ['completed', 'compensated'], limit: 10 })).sagas.length === count);
  await api.world.store.moveFinished(10);
}

describe('GET /figures', () => {
  it('has every step of what is loaded, also where nothing has finished', async () => {
    const { of, definitions, participants } = await figures();
    expect([of, definitions]).toMatchObject([1_000, [{ name: 'test-saga', version: 1, sagas: 0 }]]);
    expect(definitions[0]!.steps.map(({ name }) => name)).toEqual(['reserve', 'charge', 'ship', 'confirm']);
    expect(definitions[0]!.steps[0]).toMatchObject({ settled: 0, failureRate: null, p50Ms: null, action: { tries: 0, errorRate: null } });
    expect(participants).toEqual([{ name: expect.any(String), tries: 0, errors: 0, errorRate: null, rejected: 0 }]);
  });

  it('says how often a step failed, and a participant, and how long it took', async () => {
    await api.start();
    await finished(1);
    api.world.script = ({ step, phase }) =>
      step === 'charge' && phase === 'a' ? { outcome: 'rejected', body: '{"code":"card-declined","message":"no"}' } : {};
    await api.start();
    await finished(2);
    const { definitions, participants } = await figures();
    expect(definitions).toMatchObject([
      {
        sagas: 2,
        steps: [
          {
            name: 'reserve',
            settled: 2,
            failureRate: 0,
            p50Ms: 0,
            action: { tries: 2, errors: 0 },
            compensation: { tries: 1, errorRate: 0 },
          },
          { name: 'charge', settled: 2, rejected: 1, failureRate: 0.5, action: { tries: 2, errors: 0 } },
          { name: 'ship', settled: 1, failureRate: 0 },
          { name: 'confirm', settled: 1, failureRate: 0 },
        ],
      },
    ]);
    expect(participants).toMatchObject([{ tries: 7, errors: 0, errorRate: 0, rejected: 1 }]);
  });
});

describe('reading figures', () => {
  it('asks one after the other, and leaves the store alone for a hundred times as long as it took', async () => {
    let now = 0;
    let asked = 0;
    let tookMs = 100;
    const store = {
      figures: async () => {
        now += tookMs;
        asked++;
        if (tookMs > 100) throw new Error('canceled');
        return [];
      },
    };
    const reading = new FiguresReading(
      store,
      () => [PLAN],
      () => now,
    );
    await Promise.all([reading.read(), reading.read()]);
    now += 9_999;
    await reading.read();
    expect(asked).toBe(1);
    now += 1;
    tookMs = 3_000;
    await expect(reading.read()).rejects.toThrow('canceled');
    now += 59_999;
    await expect(reading.read()).rejects.toThrow('canceled');
    expect(asked).toBe(2);
    now += 1;
    await reading.read().catch(() => {});
    expect(asked).toBe(3);
  });

  it('looks at fewer of each version where there are many', async () => {
    const plans = Array.from({ length: 20 }, (_, index) => ({ ...planFrom({ steps: [{ name: 'one' }] }), version: index + 1 }));
    const limits: number[] = [];
    const store = {
      figures: async ({ limit }: { readonly limit: number }) => {
        limits.push(limit);
        return [];
      },
    };
    await new FiguresReading(store, () => plans).read();
    expect(limits).toEqual([250]);
  });
});
