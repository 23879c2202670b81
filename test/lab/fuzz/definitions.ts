import { Container } from 'inversify';
import { z } from 'zod';
import { begin } from '../../../src/core/decide.js';
import { SagaError } from '../../../src/core/errors.js';
import { toJson } from '../../../src/core/json.js';
import type { Plan } from '../../../src/core/plan.js';
import { definitionView } from '../../../src/http/definition-view.js';
import { DefinitionSchema } from '../../../src/http/schemas.js';
import { command, contract } from '../../../src/saga/contract.js';
import { SagaDefinition, type SagaClass } from '../../../src/saga/definition.js';
import { handlersOf } from '../../../src/saga/handlers.js';
import { loadDefinitions } from '../../../src/saga/load.js';
import { participant } from '../../../src/saga/participant.js';
import { planOf } from '../../../src/saga/plan-of.js';
import { Saga } from '../../../src/saga/saga.js';
import type { Chance } from '../kit/chance.js';
import { must, never, said, Violation, type Entrance, type Findings } from './entrance.js';
import { anyOdd, madeOf } from './odd.js';
import { cut, mustBeStorable } from './oracle.js';
import { anyNumber, anyText } from './values.js';

/** Declarations as somebody writes them who heeds no type. What stands for odd values, schemas and functions is in `resolved`. */
interface Declaration {
  readonly contract?: unknown;
  readonly commands?: Readonly<Record<string, unknown>>;
  readonly contractOptions?: unknown;
  readonly saga?: unknown;
  readonly steps?: readonly Step[];
  readonly handlers?: unknown;
}
interface Step {
  readonly field?: string;
  readonly kind?: 'step' | 'pivot' | 'retriable' | 'check';
  /** Name of a command of the contract, or anything. */
  readonly command?: unknown;
  readonly options?: unknown;
}

export const definitions: Entrance<Declaration> = {
  name: 'definitions',
  about: 'contracts, participants and saga classes: a plan, or a SagaError that lists every fault',
  share: 60,
  batch: 50,
  rows: ['C4', 'C5', 'H5', 'I12'],
  make: makeDeclaration,
  open: () =>
    Promise.resolve({
      feed: (cases, found) => {
        for (const one of cases) declare(one, found);
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    }),
};

// ---- making

const COMMANDS = ['reserve', 'release', 'charge', 'notify'];

function makeDeclaration(chance: Chance): Declaration {
  // Most of it is right, or only the first fault would ever be seen.
  const spoilt = chance.pick([0, 0.02, 0.1]);
  const may = <T>(good: T): unknown => (chance.is(spoilt) ? anything(chance) : good);
  const commands = Object.fromEntries(
    COMMANDS.map((name) => [
      chance.is(spoilt) ? anyText(chance) : name,
      may({
        request: may({ is: 'schema' }),
        ...(chance.is(0.5) ? { reply: may({ is: 'schema' }) } : {}),
        ...(name === 'charge' ? { rejections: may(['card-declined', ...(chance.is(spoilt) ? [anything(chance)] : [])]) } : {}),
      }),
    ]),
  );
  const fields = ['first', 'second', 'third', 'fourth'].slice(0, chance.between(0, 4));
  return {
    contract: may('shop'),
    commands,
    ...(chance.is(0.3) ? { contractOptions: may({ inbox: may(true), batch: may(5) }) } : {}),
    saga: may({
      name: may('test-saga'),
      version: may(1),
      ...(chance.is(0.3) ? { input: may({ is: 'schema' }) } : {}),
      ...(chance.is(0.3) ? { key: may({ is: 'function', gives: 'k' }) } : {}),
      ...(chance.is(0.3) ? { deadline: may('1h') } : {}),
      ...(chance.is(0.2) ? { compensationOrder: may('by-dependency') } : {}),
      ...(chance.is(spoilt) ? { [anyText(chance)]: anything(chance) } : {}),
    }),
    steps: fields.map((field, at) => makeStep(chance, spoilt, field, fields.slice(0, at))),
    handlers: may(
      Object.fromEntries(COMMANDS.map((name) => [name, may(chance.is(0.8) ? { is: 'function', gives: 1 } : makeHandler(chance, may))])),
    ),
  };
}

function makeHandler(chance: Chance, may: (good: unknown) => unknown): unknown {
  return {
    handle: may({ is: 'function', gives: 1 }),
    effects: may(chance.pick(['transaction', 'outside'])),
    concurrency: may(3),
    slow: may(true),
    horizon: may('30d'),
  };
}

function makeStep(chance: Chance, spoilt: number, field: string, above: readonly string[]): Step {
  const may = <T>(good: T): unknown => (chance.is(spoilt) ? anything(chance) : good);
  const kind = chance.pick(['step', 'step', 'pivot', 'retriable', 'check'] as const);
  const ref = (name: string) => ({ is: 'field', name });
  const options: Record<string, unknown> = {
    ...(chance.is(0.3) ? { after: may(above.filter(() => chance.is(0.5)).map(ref)) } : {}),
    ...(chance.is(0.3) && above.length > 0 ? { uses: may({ [chance.is(spoilt) ? anyText(chance) : 'it']: ref(chance.pick(above)) }) } : {}),
    ...(chance.is(0.2) && kind !== 'pivot' ? { when: may({ is: 'function', gives: true }) } : {}),
    ...(chance.is(spoilt) ? { [anyText(chance)]: anything(chance) } : {}),
  };
  if (kind === 'check')
    return { field, kind, command: may('not-passed'), options: may({ ...options, passes: may({ is: 'function', gives: true }) }) };
  const retry = { attempts: may(3), backoff: may({ initial: may('200ms'), factor: may(2), max: may('30s') }) };
  const request = may({ is: 'function', gives: { orderId: 'o' } });
  return {
    field: chance.is(spoilt) ? anyText(chance) : field,
    kind,
    command: may(chance.pick(kind === 'retriable' ? ['notify', 'release'] : COMMANDS)),
    options: may({
      ...options,
      request,
      ...(chance.is(0.3) ? { timeout: may('30s') } : {}),
      ...(chance.is(0.3) ? { retry: may(retry) } : {}),
      ...(kind === 'step'
        ? {
            compensate: may(
              chance.is(0.5) ? 'none' : { command: may({ is: 'command', name: 'release' }), request, ...(chance.is(0.3) ? { retry } : {}) },
            ),
          }
        : {}),
    }),
  };
}

function anything(chance: Chance): unknown {
  const kind = chance.next();
  if (kind < 0.5) return anyOdd(chance);
  if (kind < 0.65) return anyText(chance);
  if (kind < 0.75) return { odd: chance.pick(['NaN', 'Infinity', '-0', '2^53']) };
  if (kind < 0.8) return anyNumber(chance);
  if (kind < 0.85) return [anyOdd(chance), anyText(chance)];
  if (kind < 0.9) return { [anyText(chance)]: anyOdd(chance) };
  if (kind < 0.95)
    return {
      is: chance.pick(['field', 'command', 'schema', 'bad schema']),
      name: chance.pick([...COMMANDS, 'first', 'fourth', 'none']),
      gives: anyOdd(chance),
    };
  return { is: 'function', gives: anyOdd(chance) };
}

// ---- declaring

interface Around {
  readonly commands: Readonly<Record<string, unknown>>;
  readonly instance: Readonly<Record<string, unknown>>;
}
const NOTHING: Around = { commands: {}, instance: {} };

/** What a description stands for: odd values, schemas, functions, commands of the contract, steps in fields above. */
function resolved(described: unknown, around: Around = NOTHING): unknown {
  if (typeof described !== 'object' || described === null) return described;
  if (Array.isArray(described)) return described.map((one: unknown) => resolved(one, around));
  const { is, name, gives, odd } = described as {
    readonly is?: unknown;
    readonly name?: string;
    readonly gives?: unknown;
    readonly odd?: unknown;
  };
  if (odd !== undefined) return madeOf(described);
  switch (is) {
    case 'function':
      return () => resolved(gives);
    case 'schema':
      return z.looseObject({});
    case 'bad schema':
      return { '~standard': { version: 1, vendor: 'odd', validate: () => madeOf(gives) } };
    case 'command':
      return around.commands[name ?? ''];
    case 'field':
      return around.instance[name ?? ''];
    default:
      return Object.fromEntries(Object.entries(described).map(([key, value]) => [key, resolved(value, around)]));
  }
}

function declare(one: Declaration, found: Findings): void {
  const commands = attempt('contract', found, () => {
    const shapes = Object.fromEntries(
      Object.entries(one.commands ?? {}).map(([name, shape]) => {
        const isWritten = typeof shape === 'object' && shape !== null && !('odd' in shape);
        return [name, isWritten ? command(resolved(shape) as never) : resolved(shape)];
      }),
    );
    return contract(resolved(one.contract ?? 'shop') as string, shapes as never, resolved(one.contractOptions) as never);
  });
  if (commands === undefined) return;
  attempt('participant', found, () => handlersOf(participant(commands as never, resolved(one.handlers ?? {}) as never)));
  const type = attempt('saga', found, () => classOf(one, commands));
  if (type === undefined) return;
  const plan = attempt('plan', found, () => planOf(type));
  const loaded = attempt('load', found, () => loadDefinitions(new Container(), [type]));
  must(
    (plan === undefined) === (loaded === undefined),
    'planOf and loadDefinitions disagree',
    () => `planOf: ${plan?.name}, loadDefinitions: ${loaded?.plans.length}`,
  );
  if (loaded) for (const one of loaded.plans) use(one);
}

/** A class as TypeScript would make it: its steps are fields that its constructor sets. */
function classOf({ saga = { name: 'test-saga', version: 1 }, steps = [] }: Declaration, commands: object): SagaClass {
  class Fuzzed extends SagaDefinition<unknown> {
    constructor() {
      super();
      const instance = this as unknown as Record<string, unknown>;
      const make = this as unknown as Record<string, (about: unknown, options: unknown) => unknown>;
      for (const { field = 'field', kind = 'step', command: about, options = {} } of steps) {
        const around = { commands: commands as Record<string, unknown>, instance };
        const known = typeof about === 'string' && kind !== 'check' ? around.commands[about] : resolved(about, around);
        const step = make[kind]!.call(this, known, resolved(options, around));
        Object.defineProperty(this, field, { value: step, enumerable: true, configurable: true, writable: true });
      }
    }
  }
  Saga(resolved(saga) as never)(Fuzzed as never);
  return Fuzzed;
}

/** The value, or `undefined` where a SagaError says all that is wrong. Anything else that is thrown is a violation. */
function attempt<T>(what: string, found: Findings, act: () => T): T | undefined {
  try {
    const value = act();
    found.count(`${what}: taken`);
    return value;
  } catch (error: unknown) {
    if ((what === 'saga' || what === 'participant') && isOwnThrow(error)) {
      found.count(`${what}: the author's own code threw`);
      return undefined;
    }
    if (!(error instanceof SagaError) || error.code !== 'SAGA_DEFINITION_INVALID')
      throw new Violation(`${what} throws what is no SagaError`, `${what}: ${said(error)}`, { cause: error });
    must(error.faults.length > 0, 'definition refused without a fault', () => error.message);
    for (const fault of error.faults) {
      must(fault.trim() !== '', 'no reason', () => `${what} has an empty fault`);
      must(
        !ACCIDENT.test(fault) || /it cannot be (?:read|made)/.test(fault),
        'fault that is an accident',
        () => `${what}: ${cut(fault, 300)}`,
      );
    }
    found.count(`${what}: refused`);
    return undefined;
  }
}

/** What JavaScript says where nobody has looked before using something. */
const ACCIDENT =
  /is not a function|is not iterable|Cannot (?:read|convert|destructure|set|perform)|undefined is not|of (?:null|undefined)\b/;

/** Decorators copy what they are given at once: a getter of the author's that throws there throws at the author. */
function isOwnThrow(error: unknown): boolean {
  return error instanceof Error && /^a trap was sprung$|a proxy that has been revoked$/.test(error.message);
}

/** A plan that was taken can be shown, and a saga begins with it: at worst its first step is stuck and says why. */
function use(plan: Plan): void {
  mustBeStorable(plan.shape, 'a shape');
  const view = never('definitionView', () => definitionView(plan));
  const read = DefinitionSchema.safeParse(JSON.parse(JSON.stringify(view)));
  must(read.success, 'view that its schema refuses', () => cut(String(read.error), 400));
  const input = never('readInput', () => plan.readInput({ total: 1 }));
  const json = toJson(input.ok ? input.value : null, 'input');
  if (!json.ok) return;
  const beginning = { id: '0198f000-0000-7000-8000-000000000000', key: null, tags: {}, traceparent: null, input: json.value, bytes: 2 };
  const begun = never('begin', () => begin(plan, beginning, 1_000));
  mustBeStorable(begun.state, 'the state of a saga that begins');
}
