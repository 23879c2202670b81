import { describe, expect, it } from '@jest/globals';
import type { SagaState } from '../../../src/core/state.js';
import { RecentSagas, type WriteMark } from '../../../src/postgres/recent-sagas.js';
import { readState, stateText } from '../../../src/postgres/state-text.js';
import { planFrom } from '../../support/plans.js';
import { Scenario } from '../../support/scenario.js';

const stateOf = (id: string, parts: Partial<SagaState> = {}): SagaState => ({
  ...new Scenario(planFrom({ steps: [{ name: 'one' }] })).state,
  id,
  ...parts,
});

const written = (state: SagaState, { version, stamp }: WriteMark) => ({
  state,
  version,
  stamp,
  wakeAt: null,
  parked: [],
  isParked: false,
});

describe('the states that were written last', () => {
  it('count only for the very write that the row holds', () => {
    const recent = new RecentSagas(10, 1_000_000);
    const state = stateOf('a');
    recent.wrote(written(state, { version: 3, stamp: 7 }));
    expect(recent.get('a', { version: 3, stamp: 7 })).toBe(state);
    // Another process wrote it since; or a failover lost our write, and another one has the same version.
    expect(recent.get('a', { version: 4, stamp: 7 })).toBeUndefined();
    expect(recent.get('a', { version: 3, stamp: 8 })).toBeUndefined();
    expect(recent.get('b', { version: 3, stamp: 7 })).toBeUndefined();
  });
  it('are bounded: those written longest ago go first, final ones at once', () => {
    const recent = new RecentSagas(2, 1_000_000);
    for (const id of ['a', 'b', 'a', 'c']) recent.wrote(written(stateOf(id), { version: 1, stamp: 1 }));
    expect(['a', 'b', 'c'].filter((id) => recent.has(id))).toEqual(['a', 'c']);
    recent.wrote(written(stateOf('a', { end: 'completed' }), { version: 2, stamp: 1 }));
    expect(recent.has('a')).toBe(false);
  });
  it('are bounded in what they hold together, however few they are', () => {
    const big = (id: string) => stateOf(id, { bytes: 1_000 });
    const recent = new RecentSagas(100, 2_500);
    for (const id of ['a', 'b', 'c', 'b', 'd']) recent.wrote(written(big(id), { version: 1, stamp: 1 }));
    expect(['a', 'b', 'c', 'd'].filter((id) => recent.has(id))).toEqual(['b', 'd']);
    recent.wrote(written(stateOf('e', { bytes: 5_000 }), { version: 1, stamp: 1 }));
    expect(recent.has('e')).toBe(false);
    recent.wrote(written(big('f'), { version: 1, stamp: 1 }));
    expect(recent.has('f')).toBe(true);
  });
});

describe('the text of a state', () => {
  it('gives the same state back, whatever happened to it', () => {
    const saga = new Scenario(
      planFrom({ deadlineMs: 60_000, steps: [{ name: 'one' }, { name: 'two', undoAttempts: 1 }, { name: 'three' }] }),
      { sku: 'a"b\\c' },
    );
    const steps = [
      () => saga.reply('one'),
      () => saga.reply('two'),
      () => saga.reply('one'),
      () => saga.operator('suspend'),
      () => saga.operator('cancel'),
      () => saga.operator('resume'),
      () => saga.reject('three'),
    ];
    for (const step of steps) {
      step();
      expect(readState(saga.state.id, stateText(saga.state))).toEqual(saga.state);
    }
    expect(saga.state.reason).toMatchObject({ kind: 'cancelled' });
  });
  it('leaves no field out: a new one has to be named here, or this does not compile', () => {
    const decree = { by: 'ann', text: 'because', at: 1 };
    const full: SagaState = {
      id: 'a',
      name: 'n',
      version: 2,
      key: 'k"1',
      tags: { shop: 'north' },
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      input: { a: [1] },
      startedAt: 1,
      direction: 'backward',
      end: 'compensated',
      endedAt: 9,
      reason: { kind: 'deadline' },
      suspended: decree,
      pendingCancel: decree,
      deadlineAt: 7,
      steps: { one: { outcome: 'skipped', startedAt: 1 } },
      order: ['one'],
      attention: [{ kind: 'conflict', step: 'one', text: 't', at: 2 }],
      seq: 4,
      eventAt: 5,
      noted: { x: 1 },
      bytes: 6,
    };
    expect(readState('a', stateText(full))).toEqual(full);
  });
  it('leaves out what was never said', () => {
    expect(stateText(stateOf('a'))).not.toMatch(/null|"id"|\{\}[^}]*"noted"/);
  });
});
