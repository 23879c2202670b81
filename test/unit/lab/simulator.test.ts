import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { InMemorySagaStore } from '../../../src/memory/in-memory-saga-store.js';
import type { SagaDatabase } from '../../lab/simulator/simulated-store.js';
import { drawCase } from '../../lab/simulator/case.js';
import { expect as foretell } from '../../lab/simulator/expectation.js';
import { Ledger } from '../../lab/simulator/ledger.js';
import type { Run } from '../../lab/simulator/participants.js';
import { runCase } from '../../lab/simulator/run-case.js';
import { shrink } from '../../lab/simulator/shrink.js';
import { VirtualTime } from '../../lab/simulator/virtual-time.js';

const rulesOf = (violations: readonly { readonly id: string }[]) => new Set(violations.map(({ id }) => id));

jest.setTimeout(60_000);

describe('virtual time', () => {
  it('lets things happen in order, and everything that they set going come to rest in between', async () => {
    const time = new VirtualTime();
    const seen: string[] = [];
    time.after(20, () => seen.push('late'));
    time.after(10, () => {
      seen.push('first');
      void Promise.resolve()
        .then(() => undefined)
        .then(() => seen.push('its consequence'));
    });
    time.after(10, () => seen.push('second'));
    time.after(15, () => seen.push('never')).cancel();
    expect(await time.run(100, () => false)).toBe('idle');
    expect([seen, time.elapsed, time.events]).toEqual([['first', 'its consequence', 'second', 'late'], 20, 3]);
  });
});

describe('a case', () => {
  afterEach(() => void jest.restoreAllMocks());
  const small = (seed: number) => ({ seed, sagas: 4 });

  it('is the same to the last event every time', async () => {
    const [one, two, other] = [await runCase(small(3)), await runCase(small(3)), await runCase(small(4))];
    expect([one.fingerprint, one.events]).toEqual([two.fingerprint, two.events]);
    expect(other.fingerprint).not.toBe(one.fingerprint);
    expect([...one.violations, ...other.violations]).toEqual([]);
  });

  it('fails when an effect happens twice', async () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with the ledger it is called on
    const once = Ledger.prototype.add;
    jest.spyOn(Ledger.prototype, 'add').mockImplementation(function (this: Ledger, run: Run, at: number) {
      once.call(this, run, at);
      once.call(this, { ...run, commandId: `${run.commandId}again` }, at);
    });
    expect(rulesOf((await runCase(small(3))).violations)).toContain('V4');
  });

  it('fails when an effect is missing', async () => {
    jest.spyOn(Ledger.prototype, 'add').mockImplementation(() => undefined);
    expect(rulesOf((await runCase(small(3))).violations)).toContain('V3');
  });

  it('fails when the database forgets a line of the history, and is made small then', async () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with the store it is called on
    const whole = InMemorySagaStore.prototype.history;
    jest.spyOn(InMemorySagaStore.prototype, 'history').mockImplementation(async function (this: SagaDatabase['inner'], id, after, limit) {
      return (await whole.call(this, id, after, limit))?.filter(({ seq }) => seq !== 2);
    });
    expect(rulesOf((await runCase(small(3))).violations)).toContain('V9');
    const { file, result } = await shrink(small(3), 'V9', 20_000);
    expect([file.only?.length, file.faults]).toEqual([1, []]);
    expect(rulesOf(result.violations)).toContain('V9');
  });
});

describe('the end that is foretold', () => {
  it('is the one that a saga comes to without faults, for every saga that has only one', async () => {
    const file = { seed: 8, sagas: 12, faults: [] };
    const { shapes, scripts } = drawCase(file);
    const { outcomes } = await runCase(file);
    const sure = scripts.flatMap((script) => {
      const { ends, isUnique } = foretell(shapes[script.shape]!, script, script.cancelAt !== undefined);
      return isUnique ? [{ n: script.n, end: [...ends][0] }] : [];
    });
    expect(sure.length).toBeGreaterThan(0);
    expect(outcomes.filter(({ isUnique }) => isUnique).map(({ n, end }) => ({ n, end }))).toEqual(sure);
  });
});
