import { describe, expect, it } from '@jest/globals';
import { command, contract, Saga, SagaDefinition, SagaError, typed, type SagaOptions } from 'backstep';
import { Container } from 'inversify';
import type { AnyClass } from '../../../src/saga/instances.js';
import { loadDefinitions } from '../../../src/saga/load.js';
import { inspect, planOf } from '../../../src/saga/plan-of.js';

const P = contract('p', {
  act: command({ request: typed<{ n: number }>() }),
  sure: command({ request: typed<{ n: number }>() }),
  maybe: command({ request: typed<{ n: number }>(), rejections: ['no'] }),
});
const request = () => ({ n: 1 });
const act = { request, compensate: 'none' } as const;
/** What JavaScript, or a cast, can write and the types do not allow. */
const untyped = (value: unknown) => value as never;

function faultsOf(type: AnyClass, options: Partial<SagaOptions<undefined>> = {}): readonly string[] {
  Saga({ name: 'faulty', version: 1, ...options })(type as never);
  try {
    planOf(type);
  } catch (error: unknown) {
    if (error instanceof SagaError && error.code === 'SAGA_DEFINITION_INVALID') return error.faults;
    throw error;
  }
  return [];
}
class Sound extends SagaDefinition<object> {
  a = this.step(P.act, act);
}

describe('loading a saga refuses', () => {
  it('a class without @Saga', () => {
    expect(() => planOf(Sound)).toThrow('Sound: it has no @Saga({ name, version, … })');
  });

  it('a class that only extends one with @Saga', () => {
    @Saga({ name: 'parent', version: 1 })
    class Parent extends SagaDefinition<object> {
      a = this.step(P.act, act);
    }
    class Heir extends Parent {}
    expect(() => planOf(Heir)).toThrow('Heir: it has no @Saga(');
  });

  it.each<[string, Partial<SagaOptions<undefined>>, string]>([
    ['a name the wire cannot carry', { name: 'place order' }, `@Saga: the name 'place order' must be letters`],
    ['a version that is no whole number', { version: 1.5 }, '@Saga: the version is 1.5; it must be a whole number from 1'],
    ['a version below one', { version: 0 }, '@Saga: the version is 0'],
    ['a deadline that is no duration', { deadline: untyped('10 minutes') }, `@Saga: 'deadline' is '10 minutes'; it must be a duration`],
    ['an unknown order', { compensationOrder: untyped('parallel') }, `@Saga: 'compensationOrder' is 'parallel'; it must be`],
    ['an input that is no schema', { input: untyped({}) }, `@Saga: 'input' must be a schema`],
    ['a key that is no function', { key: untyped('orderId') }, `@Saga: 'key' must be a function`],
    [
      'a retention that is no duration',
      { retention: { completed: untyped(30) } },
      `@Saga: 'retention.completed' is '30'; it must be a duration`,
    ],
    [
      'a retention shorter than the feed',
      { retention: { compensated: '24h' } },
      `@Saga: 'retention.compensated' is '24h'; it must be at least '7d'`,
    ],
    ['a retention of ages', { retention: { completed: '40000d' } }, `@Saga: 'retention.completed' is '40000d'; leave it out`],
    ['a retention by another end', { retention: untyped({ stuck: '30d' }) }, `@Saga: 'retention' has no option 'stuck'`],
    ['an option that there is not', untyped({ retries: 3 }), `@Saga: there is no option 'retries'`],
  ])('%s', (_what, options, fault) => {
    class Faulty extends SagaDefinition<object> {
      a = this.step(P.act, act);
    }
    expect(faultsOf(Faulty, options)).toEqual([expect.stringContaining(`Faulty: ${fault}`)]);
  });

  it('a saga without steps', () => {
    class Empty extends SagaDefinition<object> {}
    expect(faultsOf(Empty)).toEqual([expect.stringContaining('Empty: it has no steps')]);
  });

  it('a step in a #private field', () => {
    class Hidden extends SagaDefinition<object> {
      a = this.step(P.act, act);
      #b = this.step(P.maybe, { ...act, compensate: 'none' });
      readonly unrelated = () => this.#b;
    }
    expect(faultsOf(Hidden)).toEqual([
      expect.stringContaining(`Hidden: no field holds the step of p.maybe, declared after 'a'; it is in a #private field`),
    ]);
  });

  it('a step that a subclass declares again', () => {
    class Base extends SagaDefinition<object> {
      a = this.step(P.act, act);
    }
    class Overriding extends Base {
      override a = this.step(P.sure, act);
    }
    expect(faultsOf(Overriding)).toEqual([expect.stringContaining('Overriding: no field holds the step of p.act, declared first')]);
  });

  it('a step that was made and dropped, or put where it is not seen', () => {
    class Dropping extends SagaDefinition<object> {
      a = this.step(P.act, act);
      more = [this.check('no', { passes: () => true })];
    }
    expect(faultsOf(Dropping)).toEqual([expect.stringContaining(`Dropping: no field holds the check 'no', declared after 'a'`)]);
  });

  it('one step under two names', () => {
    class Twice extends SagaDefinition<object> {
      a = this.step(P.act, act);
      b = this.a;
    }
    expect(faultsOf(Twice)).toEqual([`Twice.b: it holds the same step as 'a'; a step has one name`]);
  });

  it('a step of another instance, also to wait for', () => {
    const other = new Sound();
    class Borrowing extends SagaDefinition<object> {
      a = this.step(P.act, act);
      b = other.a;
      c = this.step(P.act, { ...act, after: other.a });
    }
    expect(faultsOf(Borrowing)).toEqual([
      'Borrowing.b: it holds a step of another definition; make it with this.step(…)',
      `Borrowing.c: 'after' names a step that no field of this saga holds`,
    ]);
  });

  it.each(['charge_card', 'charge-card', '$charge', 'a'.repeat(65)])('the step name %s', (name) => {
    class Named extends SagaDefinition<object> {
      [name] = this.step(P.act, act);
    }
    expect(faultsOf(Named)).toEqual([expect.stringContaining(`Named.${name}: a step's name must be letters and digits`)]);
  });

  it('a step that waits for one declared below', () => {
    class Backwards extends SagaDefinition<object> {
      a = this.step(P.act, { ...act, after: untyped((this as unknown as Record<string, unknown>)['b']), uses: { b: untyped(undefined) } });
      b = this.step(P.act, act);
    }
    expect(faultsOf(Backwards)).toEqual([
      `Backwards.a: 'uses.b' is undefined; name a step of this saga that is declared above`,
      `Backwards.a: 'after' is undefined; name a step of this saga that is declared above`,
    ]);
  });

  it('something that is no step in after', () => {
    class Wrong extends SagaDefinition<object> {
      a = this.step(P.act, { ...act, after: untyped(['b']) });
    }
    expect(faultsOf(Wrong)).toEqual([`Wrong.a: 'after' is not a step; name a step of this saga that is declared above`]);
  });

  it.each(['input', 'saga', 'own', 'element', 'index'])('the name %s in uses', (name) => {
    class Reserved extends SagaDefinition<object> {
      a = this.step(P.act, act);
      b = this.step(P.act, { ...act, uses: untyped({ [name]: this.a }) });
    }
    expect(faultsOf(Reserved)).toEqual([expect.stringContaining(`Reserved.b: the name '${name}' in 'uses' is taken`)]);
  });

  it.each<[string, object, string]>([
    ['a timeout that is no duration', { timeout: '10 minutes' }, `'timeout' is '10 minutes'; it must be a duration above zero`],
    ['a timeout of nothing', { timeout: '0s' }, `'timeout' is '0s'`],
    ['no attempts', { retry: { attempts: 0 } }, `'retry.attempts' is 0; it must be a whole number from 1`],
    ['endless attempts', { retry: { attempts: Infinity } }, `'retry.attempts' is Infinity`],
    ['a wait that shrinks', { retry: { backoff: { factor: 0.5 } } }, `'retry.backoff.factor' is 0.5; it must be a number from 1`],
    ['a wait that is no duration', { retry: { backoff: { initial: '1' } } }, `'retry.backoff.initial' is '1'`],
    ['a ceiling below the first wait', { retry: { backoff: { initial: '1m', max: '1s' } } }, `'retry.backoff.max' is shorter`],
    ['an unknown retry option', { retry: { times: 3 } }, `'retry' has no option 'times'`],
    ['an unknown backoff option', { retry: { backoff: { jitter: 1 } } }, `'retry.backoff' has no option 'jitter'`],
    ['an option that there is not', { each: () => [] }, `a step has no option 'each'; it knows after, uses`],
    ['a request that is no function', { request: {} }, `'request' must be a function`],
    ['a condition that is no function', { when: true }, `'when' must be a function`],
    ['[H5] a forgotten compensation', { compensate: undefined }, `'compensate' must say what undoes it`],
    [
      'a compensation that may say no',
      { compensate: { command: P.maybe, request } },
      `compensate: it cannot say no, but 'p.maybe' may be rejected (no)`,
    ],
    ['a compensation without a command', { compensate: { request } }, `compensate: it has no command of a contract`],
    ['a compensation without a request', { compensate: { command: P.act } }, `compensate: 'request' must be a function`],
    ['a compensation with a wrong timeout', { compensate: { command: P.act, request, timeout: 'x' } }, `compensate: 'timeout' is 'x'`],
    [
      'a compensation with an unknown option',
      { compensate: { command: P.act, request, after: [] } },
      `compensate: there is no option 'after'`,
    ],
  ])('%s', (_what, options, fault) => {
    class Faulty extends SagaDefinition<object> {
      a = this.step(P.act, untyped({ ...act, ...options }));
    }
    expect(faultsOf(Faulty)).toEqual([expect.stringContaining(`Faulty.a: ${fault}`)]);
  });

  it('a step without a command, as a circle of imports makes it', () => {
    class Circular extends SagaDefinition<object> {
      a = this.step(untyped(undefined), act);
    }
    expect(faultsOf(Circular)).toEqual([
      expect.stringContaining('Circular.a: it has no command of a contract; is the module of the contract imported in a circle?'),
    ]);
  });

  it('a conditional pivot', () => {
    class Conditional extends SagaDefinition<object> {
      a = this.pivot(P.act, untyped({ request, when: () => true }));
    }
    expect(faultsOf(Conditional)).toEqual([expect.stringContaining(`Conditional.a: a pivot has no option 'when'`)]);
  });

  it('a retriable step whose command may say no', () => {
    class Refusing extends SagaDefinition<object> {
      go = this.pivot(P.act, { request });
      on = this.retriable(untyped(P.maybe), { request });
    }
    expect(faultsOf(Refusing)).toEqual([
      expect.stringContaining(`Refusing.on: it must succeed in the end, but 'p.maybe' may be rejected (no)`),
    ]);
  });

  it.each(['not now', '', 'undone', 'beyond-horizon', 'id-reused'])(`the check's code '%s'`, (code) => {
    class Checking extends SagaDefinition<object> {
      a = this.check(code, { passes: () => true });
    }
    expect(faultsOf(Checking)).toEqual([expect.stringContaining(`Checking.a: the code '${code}'`)]);
  });

  it('a check without a question', () => {
    class Checking extends SagaDefinition<object> {
      a = this.check('no', untyped({}));
    }
    expect(faultsOf(Checking)).toEqual([`Checking.a: 'passes' must be a function that gives true or false`]);
  });

  it('a second pivot, beside the first or behind it', () => {
    class Two extends SagaDefinition<object> {
      one = this.pivot(P.act, { request });
      two = this.pivot(P.act, { after: [], request });
      three = this.pivot(P.act, { request });
    }
    expect(faultsOf(Two)).toEqual([
      `Two.two: a saga has one point of no return, and 'one' is already the pivot`,
      `Two.three: a saga has one point of no return, and 'one' is already the pivot`,
    ]);
  });

  it('[H5] a step or a check after the pivot', () => {
    class After extends SagaDefinition<object> {
      go = this.pivot(P.act, { request });
      a = this.step(P.act, act);
      ok = this.check('no', { passes: () => true });
    }
    expect(faultsOf(After)).toEqual([
      `After.a: it stands after the pivot 'go', but a step that can be undone must come before it; declare it above 'go', or make it this.retriable(…)`,
      `After.ok: it stands after the pivot 'go', but a check must come before it; declare it above 'go', or make it this.retriable(…)`,
    ]);
  });

  it('a step beside the pivot', () => {
    class Beside extends SagaDefinition<object> {
      reserve = this.step(P.act, act);
      charge = this.step(P.act, { ...act, after: this.reserve });
      go = this.pivot(P.act, { after: this.reserve, request });
      late = this.step(P.act, { ...act, after: [] });
    }
    expect(faultsOf(Beside)).toEqual([
      `Beside.charge: it stands beside the pivot 'go', but a step that can be undone must come before it; let the pivot wait for it: leave out its 'after', or name 'charge' there`,
      expect.stringMatching(/^Beside.late: it stands beside the pivot 'go'.*; declare it above 'go'$/),
    ]);
  });

  it('a retriable step without a pivot, or not after it', () => {
    class Without extends SagaDefinition<object> {
      on = this.retriable(P.act, { request });
    }
    expect(faultsOf(Without)).toEqual(['Without.on: a retriable step comes after the pivot, and there is none']);
    class Before extends SagaDefinition<object> {
      first = this.retriable(P.act, { request });
      go = this.pivot(P.act, { after: [], request });
      on = this.retriable(P.act, { after: [], request });
    }
    expect(faultsOf(Before)).toEqual([
      expect.stringContaining(`Before.first: a retriable step must come after the pivot 'go'`),
      expect.stringContaining(`Before.on: a retriable step must come after the pivot 'go'`),
    ]);
  });

  it('everything at once, so that one mistake does not hide the next', () => {
    class Many extends SagaDefinition<object> {
      a = this.step(untyped(undefined), untyped({ timeout: 'x' }));
      b = this.retriable(P.act, { request });
    }
    expect(faultsOf(Many, { version: -1 })).toHaveLength(6);
  });
});

describe('loading a saga warns', () => {
  const Legacy = contract('legacy', { act: command({ request: typed<{ n: number }>() }) }, { inbox: false });
  function warningsOf(type: AnyClass, options: Partial<SagaOptions<undefined>> = {}): readonly string[] {
    Saga({ name: 'warned', version: 1, ...options })(type as never);
    const { warnings, faults } = inspect(new type());
    expect(faults).toEqual([]);
    return warnings;
  }

  it('of a pivot that cannot be fenced', () => {
    class Unfenced extends SagaDefinition<object> {
      a = this.step(Legacy.act, act);
      go = this.pivot(Legacy.act, { request });
    }
    expect(warningsOf(Unfenced)).toEqual([
      expect.stringContaining(`Unfenced.go: the participant 'legacy' keeps no inbox, so the pivot cannot be fenced`),
    ]);
  });

  it('of a saga that outlives what participants remember', () => {
    class Slow extends SagaDefinition<object> {
      a = this.step(P.act, { ...act, timeout: '20d', retry: { attempts: 2 } });
    }
    expect(warningsOf(Slow)).toEqual([expect.stringMatching(/^Slow: it may go on for 40d.*30d.*beyond-horizon/)]);
    class Endless extends SagaDefinition<object> {
      go = this.pivot(P.act, { request });
      on = this.retriable(P.act, { request, retry: { attempts: 1_000_000 } });
    }
    expect(warningsOf(Endless)).toHaveLength(1);
  });

  it('not where a deadline ends it in time, or where it is short', () => {
    class Ended extends SagaDefinition<object> {
      a = this.step(P.act, { ...act, timeout: '20d', retry: { attempts: 2 } });
    }
    expect(warningsOf(Ended, { deadline: '7d' })).toEqual([]);
    class Short extends SagaDefinition<object> {
      a = this.step(P.act, { request, compensate: { command: P.sure, request } });
      go = this.pivot(P.act, { request });
    }
    expect(warningsOf(Short)).toEqual([]);
  });
});

describe('whatever was written where an object, a text or a number should be', () => {
  const odd: readonly unknown[] = [
    null,
    undefined,
    Symbol('odd'),
    10n,
    () => 1,
    Object.create(null),
    'x'.repeat(300_000),
    [Symbol('odd')],
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('sprung');
        },
      },
    ),
  ];

  it('is a fault with its place and never another exception: the options of a saga', () => {
    for (const value of odd)
      for (const option of ['name', 'version', 'input', 'key', 'deadline', 'compensationOrder']) {
        class Odd extends SagaDefinition<object> {
          a = this.step(P.act, act);
        }
        for (const fault of faultsOf(Odd, { [option]: value })) {
          expect(fault).toMatch(/^Odd/);
          expect(fault.length).toBeLessThan(400);
        }
      }
    class Odd extends SagaDefinition<object> {
      a = this.step(P.act, act);
    }
    Saga(untyped(Symbol('odd')))(Odd);
    expect(() => loadDefinitions(new Container(), [Odd])).toThrow('what it was given is Symbol(odd); it must be an object');
  });

  it('is a fault with its place and never another exception: the options of a step', () => {
    for (const value of odd) {
      for (const options of [
        value,
        ...['request', 'compensate', 'after', 'uses', 'when', 'timeout', 'retry'].map((name) => ({ ...act, [name]: value })),
        ...['attempts', 'backoff'].map((name) => ({ ...act, retry: { [name]: value } })),
        ...['initial', 'factor', 'max'].map((name) => ({ ...act, retry: { backoff: { [name]: value } } })),
      ]) {
        class Odd extends SagaDefinition<object> {
          a = this.step(P.act, untyped(options));
        }
        for (const fault of faultsOf(Odd)) expect(fault).toMatch(/^Odd(?:\.a)?: (?!.*(?:is not a function|Cannot (?:read|convert)))/s);
      }
    }
  });
});
