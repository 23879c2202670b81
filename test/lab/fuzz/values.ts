import { gzipSync } from 'node:zlib';
import type { Chance } from '../kit/chance.js';

const NUL = String.fromCharCode(0);
const ESCAPE = String.fromCharCode(27);
/** A saga's id that nobody has. */
export const NO_SAGA = '01980000-0000-7000-8000-00000000dead';

/** Texts that have broken something somewhere. */
export const TEXTS: readonly string[] = [
  '',
  ' ',
  'a',
  '0',
  '-0',
  '1e400',
  'NaN',
  'Infinity',
  'null',
  'undefined',
  'true',
  '__proto__',
  'constructor',
  'constructor.prototype',
  'prototype',
  'toString',
  'hasOwnProperty',
  'toJSON',
  'then',
  'length',
  NUL,
  `a${NUL}b`,
  '\ud800',
  '\udc00\ud800',
  'ok \ud83d',
  '\u{1f600}',
  '\ufeffbom',
  '\u202eright to left\u202c',
  '\u2028\u2029',
  `${ESCAPE}[2J${ESCAPE}]0;owned\u0007`,
  'line\r\nanother: line',
  "'; drop table saga; --",
  "' or '1'='1",
  '%',
  '_%',
  '\\',
  '$1',
  '${7*7}',
  '{{7*7}}',
  '../../../../etc/passwd',
  '<script>alert(1)</script>',
  '\u00e9'.repeat(127),
  'x'.repeat(200),
  'x'.repeat(201),
  'x'.repeat(255),
  '\ufffd'.repeat(85),
  '\ufffd'.repeat(255),
  NO_SAGA,
  `${NO_SAGA}.reserve.a.1`,
  `${NO_SAGA}.reserve.a.999999999`,
  `${NO_SAGA}.reserve.0.a.1`,
  `${NO_SAGA}.${'s'.repeat(64)}.c.1`,
  NO_SAGA.toUpperCase(),
  '9007199254740993',
  '-9223372036854775809',
  '2147483648',
  '9'.repeat(40),
  'e\u0301\u0301\u0301',
  '(table)',
];

/** A text, usually short. */
export function anyText(chance: Chance): string {
  const kind = chance.next();
  if (kind < 0.75) return chance.pick(TEXTS);
  if (kind < 0.8) return chance.pick(TEXTS) + chance.pick(TEXTS);
  if (kind < 0.99) {
    let text = '';
    for (let length = chance.between(0, 12); length > 0; length--) text += String.fromCharCode(chance.between(0, 0xffff));
    return text;
  }
  return chance.pick(['x', '\u00e9', '"', '\ud800', NUL]).repeat(chance.pick([1_000, 20_000, 65_536]));
}

/** A number, seldom a good one. */
export function anyNumber(chance: Chance): number {
  return chance.pick([
    0,
    -0,
    1,
    2,
    -1,
    0.1,
    1e-7,
    5e-324,
    -1.5,
    255,
    256,
    1_000_000,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 53 - 1,
    2 ** 53,
    2 ** 53 + 2,
    -(2 ** 63),
    8.64e15,
    8.64e15 + 1,
    9e15,
    1e21,
    1e308,
    Number.NaN,
    Infinity,
    -Infinity,
  ]);
}

/** Stands in a value for JSON text that no value gives. */
const RAW = '@raw:';
const raw = (text: string) => `${RAW}${text}@`;
const RAW_TOKENS = [
  '1e400',
  '-1e400',
  '1e200000',
  '-0',
  '9007199254740993',
  '-9007199254740993',
  '1E+2',
  '0.1e1',
  'NaN',
  '01',
  '1.',
  '+1',
  '"\\u0000"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '{"__proto__":{"polluted":"yes"}}',
  '{"constructor":{"prototype":{"polluted":"yes"}}}',
  '{"a":1,"a":2}',
  '{"toJSON":1}',
  '[,]',
  '"\t"',
  'undefined',
];

/** A value that JSON text can be made of by {@link jsonText}. */
export function anyValue(chance: Chance, depth = 0): unknown {
  const kind = chance.next();
  if (depth > 4 || kind < 0.3) return anyText(chance);
  if (kind < 0.45) return anyNumber(chance);
  if (kind < 0.55) return raw(chance.pick(RAW_TOKENS));
  if (kind < 0.65) return chance.pick([null, true, false]);
  if (kind < 0.8) return Array.from({ length: chance.between(0, 4) }, () => anyValue(chance, depth + 1));
  return Object.fromEntries(
    Array.from({ length: chance.between(0, 4) }, () => [chance.is(0.5) ? anyText(chance) : 'a', anyValue(chance, depth + 1)]),
  );
}

/** The value with something in it changed: a field taken away, added, of another type, in a list, or renamed. */
export function mutated(chance: Chance, value: unknown): unknown {
  if (Array.isArray(value)) {
    const list = [...(value as unknown[])];
    if (list.length === 0 || chance.is(0.2)) return chance.is(0.5) ? [...list, anyValue(chance)] : Object.assign({}, list);
    const at = chance.between(0, list.length - 1);
    if (chance.is(0.2)) list.splice(at, 1);
    else list[at] = mutated(chance, list[at]);
    return list;
  }
  if (typeof value !== 'object' || value === null) return chance.is(0.3) ? [value] : anyValue(chance);
  const fields = Object.entries(value);
  const kind = chance.next();
  if (fields.length === 0 || kind < 0.15) return own([...fields, [anyText(chance), anyValue(chance)]]);
  if (kind < 0.2) return anyValue(chance);
  if (kind < 0.25) return [value];
  const at = chance.between(0, fields.length - 1);
  const [name, inner] = fields[at]!;
  if (kind < 0.4) fields.splice(at, 1);
  else if (kind < 0.45) fields[at] = [anyText(chance), inner];
  else fields[at] = [name, mutated(chance, inner)];
  return own(fields);
}

/** `fromEntries` makes `__proto__` a field of its own, as JSON.parse does. */
function own(fields: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(fields);
}

/** JSON text of a value, with the numbers and tokens that JSON.stringify would not write. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'number' && !Number.isFinite(inner)) return raw(String(inner));
    return Object.is(inner, -0) ? raw('-0') : inner;
  });
  return (text ?? '').replace(/"@raw:((?:[^"\\]|\\.)*?)@"/g, (_, token: string) => JSON.parse(`"${token}"`) as string);
}

/** JSON that is none, or hard to take. */
const HARD_TEXTS: readonly string[] = [
  '',
  ' ',
  '\n\n',
  '{',
  '[',
  '"',
  '{"a":1,}',
  "{'a':1}",
  '{"a":1}{"b":2}',
  '// comment\n{}',
  'nul',
  ...RAW_TOKENS,
  '\ufeff{}',
  '{"\\u0000":1}',
  '{"\\ud800":1}',
  '['.repeat(200),
  '['.repeat(64) + ']'.repeat(64),
  '['.repeat(65) + ']'.repeat(65),
  '['.repeat(66) + ']'.repeat(66),
  '['.repeat(10_001) + ']'.repeat(10_001),
  '['.repeat(100_000),
  '{"a":'.repeat(63) + '1' + '}'.repeat(63),
  '{"a":'.repeat(10_001) + '1' + '}'.repeat(10_001),
];

let bomb: Uint8Array | undefined;
let manyKeys: Uint8Array | undefined;
let longText: Uint8Array | undefined;

/** Costly to make, so made once: nobody changes a body. */
const HUGE: readonly (() => Uint8Array)[] = [
  () => (manyKeys ??= bytesOf(`{${Array.from({ length: 1_000_000 }, (_, at) => `"k${at}":${at % 10}`).join(',')}}`)),
  () => (longText ??= bytesOf(`"${'x'.repeat(10 * 1_048_576)}"`)),
  () => bytesOf(`"${'x'.repeat(262_142)}"`),
  () => bytesOf(`"${'x'.repeat(262_143)}"`),
  () => bytesOf(`{"${'k'.repeat(200_000)}":1e400}`),
  () => bytesOf(`{${Array.from({ length: 20_000 }, (_, at) => `"k${at}":"\\u0000"`).join(',')}}`),
  () => bytesOf(`[${'0,'.repeat(100_000)}0]`),
  () => bytesOf(`"${'\\ud800'.repeat(40_000)}"`),
];

/** Makes what is kept once made, so that it does not look like memory that grows. */
export function warmUp(): void {
  for (const make of HUGE) make();
  bomb ??= gzipSync(Buffer.alloc(10 * 1_048_576));
}

/** A body, made from a valid one. */
export function anyBody(chance: Chance, valid: unknown): Uint8Array {
  const kind = chance.next();
  if (kind < 0.25) return bytesOf(jsonText(valid));
  if (kind < 0.65) return bytesOf(jsonText(chance.is(0.8) ? mutated(chance, valid) : mutated(chance, mutated(chance, valid))));
  if (kind < 0.75) return bytesOf(chance.pick(HARD_TEXTS));
  if (kind < 0.8) return bytesOf(jsonText(anyValue(chance)));
  if (kind < 0.92) return scrambled(chance, bytesOf(jsonText(valid)));
  if (kind < 0.95) return Uint8Array.from({ length: chance.between(0, 64) }, () => chance.between(0, 255));
  if (kind < 0.9993) return otherEncoding(chance, jsonText(valid));
  return chance.pick(HUGE)();
}

function otherEncoding(chance: Chance, text: string): Uint8Array {
  switch (chance.between(0, 5)) {
    case 0:
      return bytesOf(`\ufeff${text}`);
    case 1:
      return Buffer.from(text, 'utf16le');
    case 2:
      return Buffer.from(`${text}\u00e9`, 'latin1');
    case 3:
      return (bomb ??= gzipSync(Buffer.alloc(10 * 1_048_576)));
    case 4:
      return gzipSync(text);
    default:
      return Buffer.from(text, 'base64');
  }
}

/** Some bytes changed, cut or doubled. */
export function scrambled(chance: Chance, bytes: Uint8Array): Uint8Array {
  const list = [...bytes];
  for (let times = chance.between(1, 3); times > 0; times--) {
    const at = chance.between(0, Math.max(0, list.length - 1));
    switch (chance.between(0, 3)) {
      case 0:
        list[at] = chance.pick([0, 0xff, 0xc0, 0x80, 0xed, 0x22, 0x5c, 0x7b, 0x0a, chance.between(0, 255)]);
        break;
      case 1:
        list.splice(at, chance.between(1, 8));
        break;
      case 2:
        list.splice(at, 0, ...list.slice(at, at + 8));
        break;
      default:
        list.length = at;
    }
  }
  return Uint8Array.from(list);
}

export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text);
}
