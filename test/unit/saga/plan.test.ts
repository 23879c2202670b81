import { describe, expect, it } from '@jest/globals';
import { command, contract, Saga, SagaDefinition, typed, type RetentionOptions } from 'backstep';
import type { CommandStep, Given, Plan, PlanStep } from '../../../src/core/plan.js';
import { DEFAULTS } from '../../../src/core/retry.js';
import { planOf } from '../../../src/saga/plan-of.js';
import { BookTrip } from '../../types/book-trip.saga.js';
import { PlaceOrder, Pricing } from '../../types/place-order.saga.js';
import { TransferMoney } from '../../types/transfer-money.saga.js';

const placeOrder = planOf(new PlaceOrder(new Pricing()));
const bookTrip = planOf(BookTrip);

function stepOf(plan: Plan, name: string): PlanStep {
  return plan.steps.find((step) => step.name === name)!;
}
function commandOf(plan: Plan, name: string): CommandStep {
  return stepOf(plan, name) as CommandStep;
}
const named = (plan: Plan, indexes: readonly number[]) => indexes.map((index) => plan.steps[index]!.name);
const given = (input: unknown, more: object = {}): Given => ({
  input,
  saga: { id: 's', key: undefined, name: 'n', version: 1, startedAt: '' },
  ...more,
});

const P = contract('p', {
  act: command({ request: typed<{ n: number }>(), reply: typed<{ n: number }>() }),
  undo: command({ request: typed<{ n: number }>() }),
});
const act = { request: () => ({ n: 1 }), compensate: 'none' } as const;

describe('the plan of a saga', () => {
  it('carries the facts of the class', () => {
    expect(placeOrder).toMatchObject({ name: 'place-order', version: 1, deadlineMs: 600_000, compensationOrder: 'reverse' });
    expect(placeOrder.keyOf!({ orderId: 'o-1' })).toBe('o-1');
    expect(placeOrder.readInput({})).toMatchObject({ ok: false });
    expect(planOf(TransferMoney)).toMatchObject({ deadlineMs: 3_600_000, keyOf: undefined });
    expect(planOf(TransferMoney).readInput('unchecked')).toEqual({ ok: true, value: 'unchecked' });
  });

  it('says how long its sagas are kept, which is no part of its shape', () => {
    const keeping = (retention?: RetentionOptions) => {
      @Saga({ name: 'kept', version: 1, ...(retention ? { retention } : {}) })
      class Kept extends SagaDefinition<object> {
        a = this.step(P.act, act);
      }
      return planOf(Kept);
    };
    expect(keeping().retention).toEqual({ completedMs: null, compensatedMs: null });
    expect(keeping({ completed: '30d' }).retention).toEqual({ completedMs: 2_592_000_000, compensatedMs: null });
    expect(keeping({ completed: '7d', compensated: '90d' }).fingerprint).toBe(keeping().fingerprint);
  });

  it('reads the input as the schema gives it', () => {
    const order = { orderId: 'o-1', sku: 'tea', quantity: 1, total: 40, postcode: '1', email: 'a@b.c' };
    expect(placeOrder.readInput(order)).toEqual({ ok: true, value: { ...order, giftWrap: false } });
  });

  it('has the fields in reading order, each under its kind', () => {
    expect(placeOrder.steps.map(({ name, kind, index }) => `${index} ${kind} ${name}`)).toEqual([
      '0 step reserve',
      '1 step courier',
      '2 step charge',
      '3 pivot dispatch',
      '4 retriable confirm',
    ]);
  });

  it('lets a step wait for everything declared above', () => {
    expect(named(placeOrder, stepOf(placeOrder, 'charge').needs)).toEqual(['reserve', 'courier']);
    expect(named(placeOrder, stepOf(placeOrder, 'confirm').needs)).toEqual(['reserve', 'courier', 'charge', 'dispatch']);
  });

  it('makes steps parallel where `after` says so, and joins them by default', () => {
    for (const name of ['flight', 'hotel', 'car']) expect(stepOf(bookTrip, name).needs).toEqual([]);
    expect(named(bookTrip, stepOf(bookTrip, 'quote').needs)).toEqual(['flight', 'hotel', 'car']);
    expect(named(bookTrip, stepOf(bookTrip, 'bill').ancestors)).toEqual(['flight', 'hotel', 'car', 'quote', 'insure', 'affordable']);
  });

  it('adds what a step uses to what it waits for, and looks upstream through it', () => {
    @Saga({ name: 'edges', version: 1 })
    class Edges extends SagaDefinition<object> {
      a = this.step(P.act, act);
      b = this.step(P.act, { ...act, after: [] });
      c = this.step(P.act, { ...act, after: this.a });
      d = this.step(P.act, { ...act, after: [this.b], uses: { fromC: this.c, again: this.b } });
    }
    const plan = planOf(Edges);
    expect(named(plan, stepOf(plan, 'c').needs)).toEqual(['a']);
    expect(named(plan, stepOf(plan, 'd').needs)).toEqual(['b', 'c']);
    expect(named(plan, stepOf(plan, 'd').ancestors)).toEqual(['a', 'b', 'c']);
    expect(stepOf(plan, 'd').uses).toEqual({ fromC: 2, again: 1 });
  });

  it('has the commands with what sending them takes', () => {
    expect(commandOf(placeOrder, 'reserve').action).toMatchObject({
      participant: 'inventory',
      type: 'inventory.reserve',
      inbox: true,
      batch: undefined,
      idempotent: false,
      timeoutMs: DEFAULTS.timeoutMs,
      retry: DEFAULTS.doing,
      rejections: ['out-of-stock', 'unknown-sku'],
    });
    expect(commandOf(placeOrder, 'reserve').compensation).toMatchObject({ type: 'inventory.release', retry: DEFAULTS.undoing });
    expect(commandOf(placeOrder, 'charge').action.batch).toBe(50);
    expect(commandOf(bookTrip, 'quote').compensation).toBeUndefined();
    expect(commandOf(placeOrder, 'dispatch').compensation).toBeUndefined();
  });

  it('merges retry policies over the defaults, which are patient where there is nothing else to do', () => {
    @Saga({ name: 'patience', version: 1 })
    class Patience extends SagaDefinition<object> {
      a = this.step(P.act, {
        request: act.request,
        timeout: '5s',
        retry: { attempts: 3, backoff: { initial: '1m' } },
        compensate: { command: P.undo, request: () => ({ n: 1 }), timeout: '1m', retry: { backoff: { factor: 3 } } },
      });
      go = this.pivot(P.act, { request: act.request });
      on = this.retriable(P.undo, { request: act.request });
    }
    const plan = planOf(Patience);
    const a = commandOf(plan, 'a');
    // A first wait above the default ceiling lifts the ceiling.
    expect(a.action).toMatchObject({ timeoutMs: 5_000, retry: { attempts: 3, initialMs: 60_000, factor: 2, maxMs: 60_000 } });
    expect(a.compensation).toMatchObject({ timeoutMs: 60_000, retry: { ...DEFAULTS.undoing, factor: 3 } });
    expect(commandOf(plan, 'go').action.retry).toEqual(DEFAULTS.doing);
    expect(commandOf(plan, 'on').action.retry).toEqual(DEFAULTS.undoing);
  });

  it('runs the functions of the class with what it was given', () => {
    expect(commandOf(placeOrder, 'charge').action.request(given({ orderId: 'o-1', total: 40 }, { booked: { fee: 4 } }))).toEqual({
      orderId: 'o-1',
      amount: 44,
    });
    expect(stepOf(bookTrip, 'car').when!(given({ car: false }))).toBe(false);
    const affordable = stepOf(bookTrip, 'affordable');
    if (affordable.kind !== 'check') throw new Error('it is a check');
    expect(affordable.code).toBe('too-expensive');
    expect(affordable.passes(given({}, { flight: { price: 6_000 }, hotel: { price: 1 } }))).toBe(false);
  });

  it('checks what a builder built against the contract', () => {
    expect(commandOf(placeOrder, 'reserve').action.readRequest({ orderId: 'o-1', sku: 'tea', quantity: -1 })).toMatchObject({ ok: false });
  });

  it('[A15] throws where a function is asynchronous or a condition is neither true nor false', () => {
    @Saga({ name: 'loose', version: 1, key: () => '' })
    class Loose extends SagaDefinition<{ n?: boolean }> {
      a = this.step(P.act, {
        request: (async () => Promise.reject(new Error('unseen'))) as never,
        when: ({ input }) => input.n as boolean,
        compensate: 'none',
      });
    }
    const plan = planOf(Loose);
    expect(() => commandOf(plan, 'a').action.request(given({}))).toThrow(`Loose.a's request is asynchronous`);
    expect(() => stepOf(plan, 'a').when!(given({}))).toThrow(`Loose.a's when gave undefined; it must give true or false`);
    expect(() => plan.keyOf!({})).toThrow(`Loose's key gave an empty text`);
  });

  it('leaves the instance frozen, so that a definition holds no state', () => {
    @Saga({ name: 'counting', version: 1 })
    class Counting extends SagaDefinition<object> {
      n = 0;
      a = this.step(P.act, { ...act, request: () => ({ n: this.n++ }) });
    }
    const plan = planOf(Counting);
    expect(() => commandOf(plan, 'a').action.request(given({}))).toThrow(TypeError);
  });

  it('takes what a subclass adds, and private fields', () => {
    class Base extends SagaDefinition<object> {
      a = this.step(P.act, act);
    }
    @Saga({ name: 'derived', version: 2 })
    class Derived extends Base {
      private b = this.step(P.act, { ...act, uses: { a: this.a } });
    }
    expect(planOf(Derived).steps.map(({ name }) => name)).toEqual(['a', 'b']);
  });
});
