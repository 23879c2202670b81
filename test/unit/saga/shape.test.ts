import { describe, expect, it } from '@jest/globals';
import { command, contract, Saga, SagaDefinition, typed, type SagaOptions } from 'backstep';
import type { Plan } from '../../../src/core/plan.js';
import type { AnyClass } from '../../../src/saga/instances.js';
import { planOf } from '../../../src/saga/plan-of.js';
import { shapeDifference } from '../../../src/saga/shape.js';
import { PlaceOrder, Pricing } from '../../types/place-order.saga.js';

const P = contract('p', {
  act: command({ request: typed<{ n: number }>() }),
  other: command({ request: typed<{ n: number }>() }),
  undo: command({ request: typed<{ n: number }>() }),
});
const request = () => ({ n: 1 });
const undo = { command: P.undo, request };

/** The plan of a class under the same wire name as all others here. */
function planned(type: AnyClass, options: Partial<SagaOptions<undefined>> = {}): Plan {
  Saga({ name: 'shape', version: 1, ...options })(type as never);
  return planOf(type);
}
const base = planned(
  class extends SagaDefinition<object> {
    a = this.step(P.act, { request, compensate: undo });
    b = this.step(P.act, { request, compensate: 'none' });
    c = this.step(P.act, { uses: { one: this.a }, request, compensate: undo });
  },
);

describe('the fingerprint of a saga', () => {
  it('stays when functions, times, retries, deadline and field order without meaning change', () => {
    const same = planned(
      class extends SagaDefinition<object> {
        a = this.step(P.act, { request: () => ({ n: 2 }), timeout: '1m', compensate: { ...undo, timeout: '2m', retry: { attempts: 3 } } });
        b = this.step(P.act, { request, retry: { attempts: 7 }, compensate: 'none' });
        c = this.step(P.act, { uses: { one: this.a }, request, compensate: undo });
      },
      { deadline: '1h', key: () => 'k' },
    );
    expect(same.fingerprint).toBe(base.fingerprint);
  });

  it('stays when the contract says something else of inbox and copies', () => {
    const ask = { request: typed<{ n: number }>() };
    const Q = contract('p', { act: command({ ...ask, idempotent: true }), undo: command({ ...ask, idempotent: true }) }, { inbox: false });
    const undoing = { command: Q.undo, request };
    const same = planned(
      class extends SagaDefinition<object> {
        a = this.step(Q.act, { request, compensate: undoing });
        b = this.step(Q.act, { request, compensate: 'none' });
        c = this.step(Q.act, { uses: { one: this.a }, request, compensate: undoing });
      },
    );
    expect(same.steps[0]).toMatchObject({ action: { inbox: false, idempotent: true }, compensation: { idempotent: true } });
    expect(same.fingerprint).toBe(base.fingerprint);
  });

  it('stays when the default order is written out', () => {
    const same = planned(
      class extends SagaDefinition<object> {
        a = this.step(P.act, { after: [], request, compensate: undo });
        b = this.step(P.act, { after: this.a, request, compensate: 'none' });
        c = this.step(P.act, { after: [this.b], uses: { one: this.a }, request, compensate: undo });
      },
    );
    expect(same.fingerprint).toBe(base.fingerprint);
  });

  const changed: [string, AnyClass, string][] = [
    [
      'a step is renamed',
      class extends SagaDefinition<object> {
        a = this.step(P.act, { request, compensate: undo });
        bb = this.step(P.act, { request, compensate: 'none' });
        c = this.step(P.act, { uses: { one: this.a }, request, compensate: undo });
      },
      `'b' is gone: step p.act, after a, nothing to undo`,
    ],
    [
      'an edge changes',
      class extends SagaDefinition<object> {
        a = this.step(P.act, { request, compensate: undo });
        b = this.step(P.act, { after: [], request, compensate: 'none' });
        c = this.step(P.act, { uses: { one: this.a }, request, compensate: undo });
      },
      `'b' was: step p.act, after a, nothing to undo; is now: step p.act, at once, nothing to undo`,
    ],
    [
      'a name in uses changes',
      class extends SagaDefinition<object> {
        a = this.step(P.act, { request, compensate: undo });
        b = this.step(P.act, { request, compensate: 'none' });
        c = this.step(P.act, { uses: { two: this.a }, request, compensate: undo });
      },
      `'c' was: step p.act, after b, uses a as one, undone by p.undo; is now: step p.act, after b, uses a as two, undone by p.undo`,
    ],
    [
      'a command changes',
      class extends SagaDefinition<object> {
        a = this.step(P.other, { request, compensate: undo });
        b = this.step(P.act, { request, compensate: 'none' });
        c = this.step(P.act, { uses: { one: this.a }, request, compensate: undo });
      },
      `'a' was: step p.act, at once, undone by p.undo; is now: step p.other, at once, undone by p.undo`,
    ],
    [
      'a compensation is taken away',
      class extends SagaDefinition<object> {
        a = this.step(P.act, { request, compensate: 'none' });
        b = this.step(P.act, { request, compensate: 'none' });
        c = this.step(P.act, { uses: { one: this.a }, request, compensate: undo });
      },
      `'a' was: step p.act, at once, undone by p.undo; is now: step p.act, at once, nothing to undo`,
    ],
    [
      'a step becomes conditional',
      class extends SagaDefinition<object> {
        a = this.step(P.act, { request, compensate: undo });
        b = this.step(P.act, { when: () => true, request, compensate: 'none' });
        c = this.step(P.act, { uses: { one: this.a }, request, compensate: undo });
      },
      `'b' was: step p.act, after a, nothing to undo; is now: step p.act, conditional, after a, nothing to undo`,
    ],
    [
      'a step becomes the pivot',
      class extends SagaDefinition<object> {
        a = this.step(P.act, { request, compensate: undo });
        b = this.step(P.act, { request, compensate: 'none' });
        c = this.pivot(P.act, { uses: { one: this.a }, request });
      },
      `'c' was: step p.act, after b, uses a as one, undone by p.undo; is now: pivot p.act, after b, uses a as one`,
    ],
    [
      'a compensation is taken away',
      class extends SagaDefinition<object> {
        a = this.step(P.act, { request, compensate: 'none' });
        b = this.step(P.act, { request, compensate: 'none' });
        c = this.step(P.act, { uses: { one: this.a }, request, compensate: undo });
      },
      `'a' was: step p.act, at once, undone by p.undo; is now: step p.act, at once, nothing to undo`,
    ],
    [
      'a check is added',
      class extends SagaDefinition<object> {
        a = this.step(P.act, { request, compensate: undo });
        b = this.step(P.act, { request, compensate: 'none' });
        c = this.step(P.act, { uses: { one: this.a }, request, compensate: undo });
        ok = this.check('no', { passes: () => true });
      },
      `'ok' is new: check no, after c`,
    ],
  ];
  it.each(changed)('changes when %s, and the difference says so', (_what, type, difference) => {
    const plan = planned(type);
    expect(plan.fingerprint).not.toBe(base.fingerprint);
    expect(shapeDifference(base.shape, plan.shape)).toContain(difference);
  });

  it('changes with the order of undoing', () => {
    const plan = planned(
      class extends SagaDefinition<object> {
        a = this.step(P.act, { request, compensate: undo });
        b = this.step(P.act, { request, compensate: 'none' });
        c = this.step(P.act, { uses: { one: this.a }, request, compensate: undo });
      },
      { compensationOrder: 'by-dependency' },
    );
    expect(shapeDifference(base.shape, plan.shape)).toEqual(['the saga was: undone in reverse order; is now: undone by dependency']);
  });

  it('is the same for the same class everywhere', () => {
    const [one, two] = [planOf(new PlaceOrder(new Pricing())), planOf(new PlaceOrder(new Pricing()))];
    expect(one.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(one.fingerprint).toBe(two.fingerprint);
    expect(shapeDifference(one.shape, two.shape)).toEqual([]);
    expect(one.shape).toEqual([
      '(saga): undone in reverse order',
      'charge: step payments.charge, after courier and reserve, uses courier as booked, undone by payments.refund',
      'confirm: retriable mail.confirm, after dispatch, uses dispatch as parcel',
      'courier: step couriers.book, at once, undone by couriers.cancel',
      'dispatch: pivot couriers.dispatch, after charge, uses courier as booked',
      'reserve: step inventory.reserve, at once, undone by inventory.release',
    ]);
  });
});
