import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LONGEST_LOOK_BACK_MS, type SagaOverview } from '../../src/ports/saga-overview.js';
import type { SagaStart, SagaStore } from '../../src/ports/saga-store.js';
import { change, endOf, FAR, sagaIdAt, start, startOf, updateOf } from './saga-store-fixtures.js';

/** What every store must do that can be looked over. `open` gives an empty one; it is closed at the end. */
export function describeSagaOverview(name: string, open: () => Promise<SagaStore & SagaOverview>): void {
  describe(`SagaOverview: ${name}`, () => {
    let store: SagaStore & SagaOverview;
    /** By its age in milliseconds. */
    const aged = new Map<number, string>();
    let now: number;
    beforeAll(async () => {
      store = await open();
      now = await store.now();
      const sagas = [
        begun(1_000_000),
        begun(900_000, { steps: { charge: stuck } }),
        begun(800_000, { direction: 'backward' }),
        begun(700_000, { steps: { charge: stuck }, suspended: { by: 'ada', text: 'wait', at: now } }),
        begun(20_000, { version: 2 }),
        begun(10_000),
        begun(9_000, { name: 'other' }),
        begun(8_000, { steps: { charge: stuck } }),
      ];
      await start(store, ...sagas);
      // One that has ended is moved, another one is still where the open ones are.
      await end(10_000);
      await store.moveFinished(10);
      await end(9_000);
    }, 60_000);
    afterAll(() => store.close());

    const begun = (age: number, state: Partial<SagaStart['state']> = {}) => {
      const id = sagaIdAt(now - age);
      aged.set(age, id);
      return startOf({ id, startedAt: now - age, ...state });
    };
    const end = (age: number) => change(store, [aged.get(age)!], (saga) => endOf(saga));
    const idsOf = (sagas: readonly { readonly state: { readonly id: string } }[]) => sagas.map(({ state }) => state.id);
    const sorted = (counts: readonly object[] | undefined) => counts?.map((count) => JSON.stringify(count)).toSorted();

    it('counts what has not ended, by version and status', async () => {
      const { open: counts, started, now: at } = await store.overview({ limit: 10 });
      const first = { name: 'place-order', version: 1 };
      expect(sorted(counts)).toEqual(
        sorted([
          { ...first, status: 'running', count: 1 },
          { ...first, status: 'compensating', count: 1 },
          { ...first, status: 'suspended', count: 1 },
          { ...first, status: 'stuck', count: 2 },
          { name: 'place-order', version: 2, status: 'running', count: 1 },
        ]),
      );
      expect(started).toBeUndefined();
      expect(at).toBeGreaterThanOrEqual(now);
    });

    it('tells how late the oldest timer is, and no sagas where nobody asks for some', async () => {
      expect(await store.overview({ limit: 0 })).toMatchObject({ overdueMs: 0, oldest: [], stuck: [] });
      const dueAt = (await store.now()) - 5_000;
      await change(store, [aged.get(8_000)!], (saga) => updateOf(saga, {}, { wakeAt: dueAt }));
      const { overdueMs, now: at } = await store.overview({ limit: 0 });
      expect(overdueMs).toBeGreaterThanOrEqual(5_000);
      expect(overdueMs).toBeLessThanOrEqual(at - dueAt + 1_000);
      await change(store, [aged.get(8_000)!], (saga) => updateOf(saga, {}, { wakeAt: FAR }));
      expect((await store.overview({ limit: 0 })).overdueMs).toBe(0);
    });

    it('counts what began since, also what has ended since', async () => {
      const { started } = await store.overview({ since: now - 15_000, limit: 10 });
      expect(sorted(started)).toEqual(
        sorted([
          { name: 'place-order', version: 1, count: 2 },
          { name: 'other', version: 1, count: 1 },
        ]),
      );
      expect((await store.overview({ since: now - 8_000, limit: 10 })).started).toEqual([]);
    });

    it('does not count what it would have to read a long time for', async () => {
      expect((await store.overview({ since: now - LONGEST_LOOK_BACK_MS - 1, limit: 10 })).started).toBeUndefined();
    });

    it('gives the oldest that go on, and those that are stuck, up to a limit', async () => {
      const whole = await store.overview({ limit: 10 });
      expect(idsOf(whole.oldest)).toEqual([1_000_000, 800_000, 20_000].map((age) => aged.get(age)));
      expect(idsOf(whole.stuck)).toEqual([900_000, 8_000].map((age) => aged.get(age)));
      const short = await store.overview({ limit: 1 });
      expect([idsOf(short.oldest), idsOf(short.stuck)]).toEqual([[aged.get(1_000_000)], [aged.get(900_000)]]);
    });

    it('forgets a saga that ends', async () => {
      await change(store, [aged.get(8_000)!], (saga) => updateOf(saga, { steps: {} }, { wakeAt: FAR }));
      await end(8_000);
      expect(idsOf((await store.overview({ limit: 10 })).stuck)).toEqual([aged.get(900_000)]);
    });

    it('tells how steps went in the newest finished sagas of a version', async () => {
      const name = 'refund';
      const ended = [
        // The oldest one, which a limit leaves out.
        { charge: settled('unknown', 9_000, 9) },
        {
          charge: settled('succeeded', 100, 1),
          ship: { outcome: 'skipped', startedAt: 0 },
          check: { outcome: 'rejected', startedAt: 5, settledAt: 5 },
        },
        { charge: { ...settled('succeeded', 300, 3), undo: answered(2), undone: 'undone' } },
        {
          charge: {
            ...settled('unknown', 200, 2),
            undo: answered(4),
            undone: 'by-hand',
            fault: { phase: 'c', message: 'a \u0000 in \ud800 it' },
          },
        },
        { charge: settled('rejected', 400, 1), ship: { outcome: 'dropped', startedAt: 0 } },
      ] as const;
      await start(store, ...ended.map((steps, n) => begun(2_000_000 - n, { name, steps })));
      for (const n of ended.keys()) await end(2_000_000 - n);
      await store.moveFinished(10);
      const versions = [1, 2].map((version) => ({ name, version }));
      const [found, ...more] = await store.figures({ versions, limit: 4 });
      expect([found?.name, found?.version, found?.sagas, more]).toEqual([name, 1, 4, []]);
      expect(found!.steps.toSorted((one, other) => one.step.localeCompare(other.step))).toEqual([
        {
          step: 'charge',
          settled: 4,
          rejected: 1,
          unknown: 1,
          p50Ms: 200,
          p95Ms: 400,
          // One try was answered of each that was not given up.
          actions: { tries: 7, errors: 4 },
          undos: { tries: 6, errors: 5 },
        },
        { step: 'check', settled: 1, rejected: 1, unknown: 0, p50Ms: 0, p95Ms: 0, actions: none, undos: none },
      ]);
      expect(await store.figures({ versions: [], limit: 4 })).toEqual([]);
    });
  });
}

const none = { tries: 0, errors: 0 };
const answered = (tries: number) =>
  ({ execution: 1, attempt: tries, tries, request: null, firstSentAt: 0, cause: 'start', status: 'settled' }) as const;
const settled = <O extends string>(outcome: O, took: number, tries: number) => ({
  outcome,
  startedAt: 1_000,
  settledAt: 1_000 + took,
  action: answered(tries),
});

const stuck = {
  outcome: 'open',
  startedAt: 0,
  action: {
    execution: 1,
    attempt: 1,
    tries: 1,
    request: null,
    firstSentAt: 0,
    cause: 'start',
    status: 'stuck',
    message: 'no answer',
    since: 0,
    again: 'attempt',
  },
} as const;
