import { describe, expect, it } from '@jest/globals';
import { Container, inject } from 'inversify';
import { command, contract, Saga, SagaDefinition, SagaError, typed, type SagaClass } from 'backstep';
import type { CommandStep, Given } from '../../../src/core/plan.js';
import { loadDefinitions } from '../../../src/saga/load.js';
import { BookTrip } from '../../types/book-trip.saga.js';
import { PlaceOrder, Pricing } from '../../types/place-order.saga.js';

const P = contract('p', { act: command({ request: typed<{ n: number }>() }) });
const act = { request: () => ({ n: 1 }), compensate: 'none' } as const;
const RATES = Symbol.for('rates');

@Saga({ name: 'rated', version: 1 })
class Rated extends SagaDefinition<object> {
  constructor(@inject(RATES) private readonly rates: { rate: number }) {
    super();
  }
  a = this.step(P.act, { ...act, request: () => ({ n: this.rates.rate }) });
}

function faultsOf(classes: readonly SagaClass[], container = new Container()): readonly string[] {
  try {
    loadDefinitions(container, classes);
  } catch (error: unknown) {
    if (error instanceof SagaError && error.code === 'SAGA_DEFINITION_INVALID') return error.faults;
    throw error;
  }
  return [];
}
const given: Given = { input: { orderId: 'o-1', total: 40 }, saga: { id: '', key: undefined, name: '', version: 1, startedAt: '' } };

describe('loading definitions', () => {
  it('makes the instances with what the container binds; injected values are there when a builder runs', () => {
    const container = new Container();
    container.bind(Pricing).toSelf();
    container.bind(RATES).toConstantValue({ rate: 7 });
    const { plans, warnings } = loadDefinitions(container, [PlaceOrder, BookTrip, Rated]);
    expect(plans.map(({ name }) => name)).toEqual(['place-order', 'book-trip', 'rated']);
    expect(warnings).toEqual([]);
    expect((plans[2]!.steps[0] as CommandStep).action.request(given)).toEqual({ n: 7 });
    expect((plans[0]!.steps[2] as CommandStep).action.request({ ...given, booked: { fee: 2 } })).toEqual({ orderId: 'o-1', amount: 42 });
  });

  it('uses the binding of the class itself where there is one', () => {
    const container = new Container();
    const bound = new Rated({ rate: 1 });
    container.bind(Rated).toConstantValue(bound);
    loadDefinitions(container, [Rated]);
    expect(Object.isFrozen(bound)).toBe(true);
  });

  it('takes a class that is named twice once', () => {
    expect(loadDefinitions(new Container(), [BookTrip, BookTrip]).plans).toHaveLength(1);
  });

  it('names the token of a missing binding', () => {
    expect(faultsOf([Rated, PlaceOrder])).toEqual([
      'Rated: nothing is bound to Symbol(rates), which its constructor asks for; bind it in a ContainerModule that the saga folder exports',
      'PlaceOrder: nothing is bound to Pricing, which its constructor asks for; bind it in a ContainerModule that the saga folder exports',
    ]);
  });

  it('names a parameter without @inject', () => {
    @Saga({ name: 'bare', version: 1 })
    class Bare extends SagaDefinition<object> {
      constructor(readonly rates: { rate: number }) {
        super();
      }
    }
    expect(faultsOf([Bare])).toEqual([expect.stringMatching(/^Bare: (every parameter of its constructor|nothing is bound to Object)/)]);
  });

  it('names a class whose constructor throws', () => {
    @Saga({ name: 'throwing', version: 1 })
    class Throwing extends SagaDefinition<object> {
      constructor() {
        super();
        throw new Error('no licence\nat all');
      }
    }
    expect(faultsOf([Throwing])).toEqual(['Throwing: it cannot be made: no licence']);
  });

  it('refuses two classes of one name and version, and takes two versions', () => {
    @Saga({ name: 'same', version: 1 })
    class One extends SagaDefinition<object> {
      a = this.step(P.act, act);
    }
    @Saga({ name: 'same', version: 1 })
    class Two extends SagaDefinition<object> {
      a = this.step(P.act, act);
    }
    @Saga({ name: 'same', version: 2 })
    class Three extends SagaDefinition<object> {
      a = this.step(P.act, act);
    }
    expect(faultsOf([One, Two, Three])).toEqual([
      `One and Two: each declares the saga 'same' version 1; another shape needs another version`,
    ]);
    expect(faultsOf([One, Three])).toEqual([]);
  });

  it('refuses contracts that describe one participant differently', () => {
    const Other = contract('p', { act: command({ request: typed<{ n: number }>() }) }, { inbox: false });
    @Saga({ name: 'one', version: 1 })
    class One extends SagaDefinition<object> {
      a = this.step(P.act, act);
      b = this.step(Other.act, act);
    }
    expect(faultsOf([One])).toEqual([
      `the participant 'p' is declared by contracts with different options ('inbox' or 'batch'); they must be the same`,
    ]);
  });

  it('lists the faults of all classes at once', () => {
    @Saga({ name: 'x y', version: 0 })
    class Bad extends SagaDefinition<object> {}
    const faults = faultsOf([Bad, Rated, BookTrip]);
    expect(faults.map((fault) => fault.split(':')[0])).toEqual(['Bad', 'Bad', 'Bad', 'Rated']);
  });

  it('gives the warnings of all classes', () => {
    const Legacy = contract('legacy', { act: command({ request: typed<{ n: number }>() }) }, { inbox: false });
    @Saga({ name: 'unfenced', version: 1 })
    class Unfenced extends SagaDefinition<object> {
      go = this.pivot(Legacy.act, { request: act.request });
    }
    expect(loadDefinitions(new Container(), [Unfenced, BookTrip]).warnings).toEqual([expect.stringContaining('Unfenced.go:')]);
  });
});
