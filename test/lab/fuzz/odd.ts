import type { Chance } from '../kit/chance.js';

// Values of JavaScript that are no JSON, by name: a case that holds names can be printed and made smaller.

/* oxlint-disable unicorn/no-thenable, unicorn/no-new-array, no-sparse-arrays -- odd on purpose */

const NUL = String.fromCharCode(0);

const cyclic = () => {
  const one: Record<string, unknown> = {};
  one['self'] = one;
  return one;
};
const trap = () => {
  throw new Error('a trap was sprung');
};
const deep = (levels: number) => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = { a: value };
  return value;
};
const withMessage = (message: unknown) => Object.assign(new Error('x'), { message });

export const ODD: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  symbol: () => Symbol('odd'),
  bigint: () => 10n ** 30n,
  NaN: () => Number.NaN,
  Infinity: () => Infinity,
  '-0': () => -0,
  '2^53': () => 2 ** 53,
  function: () => () => 1,
  'async function': () => async () => Promise.resolve(1),
  'function that throws': () => trap,
  'async function that rejects': () => async () => Promise.reject(new Error('rejected')),
  class: () => class Odd {},
  date: () => new Date(Date.UTC(2026, 0, 1)),
  'invalid date': () => new Date(Number.NaN),
  map: () => new Map([['a', 1]]),
  set: () => new Set([1]),
  buffer: () => Buffer.from([0, 255]),
  regexp: () => /(a+)+$/,
  'no prototype': () => Object.create(null) as unknown,
  'no prototype with fields': () => Object.assign(Object.create(null) as object, { a: 1 }),
  cyclic,
  'deep 65': () => deep(65),
  'deep 20000': () => deep(20_000),
  'getter that throws': () => Object.defineProperty({}, 'a', { enumerable: true, get: trap }),
  'toJSON that throws': () => ({ toJSON: trap }),
  'toString that throws': () => ({ toString: trap, [Symbol.toPrimitive]: trap }),
  'proxy that throws': () => new Proxy({}, { get: trap, ownKeys: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap, has: trap }),
  'proxy of a function': () => new Proxy(() => 1, {}),
  'revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy as unknown;
  },
  promise: () => Promise.resolve(1),
  'promise that rejects': () => {
    const promise = Promise.reject(new Error('a promise that rejects'));
    promise.catch(() => undefined);
    return promise as unknown;
  },
  'then that throws': () => ({ then: trap }),
  'then that never calls': () => ({ then: () => undefined }),
  sparse: () => [, 1, , 2],
  'array of holes': () => new Array<unknown>(1_000),
  'boxed text': () => Object('text') as unknown,
  'boxed number': () => Object(1) as unknown,
  '__proto__ of its own': () => JSON.parse('{"__proto__":{"polluted":"yes"}}') as unknown,
  'constructor of its own': () => ({ constructor: { prototype: { polluted: 'yes' } } }),
  'a lone surrogate': () => '\ud800',
  'a NUL': () => NUL,
  'a NUL in a key': () => ({ [NUL]: 1 }),
  'long text': () => 'x'.repeat(300_000),
  'text of the limit': () => 'x'.repeat(262_142),
  'many fields': () => Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`k${at}`, NUL])),
  error: () => new Error('an error'),
  'error without a message': () => new Error(),
  'error with a message that is none': () => withMessage(undefined),
  'error with a number for a message': () => withMessage(5),
  'error with a symbol for a message': () => withMessage(Symbol('m')),
  'error with a message that throws': () => Object.defineProperty(new Error('x'), 'message', { get: trap }),
  'error with a long message': () => new Error(`${'\ud83d\ude00'.repeat(200_000)}`),
  'error with halves of characters': () => new Error(`\ud800${NUL}\udc00`),
  'error with a cause of itself': () => {
    const error = new Error('round');
    error.cause = error;
    return error;
  },
  'error whose stack throws': () => Object.defineProperty(new Error('x'), 'stack', { get: trap }),
  'frozen error': () => Object.freeze(new Error('frozen')),
};

export const ODD_NAMES: readonly string[] = Object.keys(ODD);

/** Stands for an odd value in a case. */
export interface OddRef {
  readonly odd: string;
}

export function anyOdd(chance: Chance): OddRef {
  return { odd: chance.pick(ODD_NAMES) };
}

/** The value that a case describes. */
export function madeOf(described: unknown): unknown {
  if (typeof described !== 'object' || described === null) return described;
  if (Array.isArray(described)) return described.map(madeOf);
  const { odd } = described as Partial<OddRef>;
  if (typeof odd === 'string' && Object.hasOwn(ODD, odd)) return ODD[odd]!();
  return Object.fromEntries(Object.entries(described).map(([name, value]) => [name, madeOf(value)]));
}
