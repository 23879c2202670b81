import { isDeepStrictEqual } from 'node:util';
import { LIMITS } from '../../../src/core/json.js';
import { must, Violation } from './entrance.js';

// What must be true of everything that was taken. None of it uses the engine's own checks: a hole in those is what it looks for.

/** The longest text about an input that anybody is told, logs or stores. */
export const LONGEST_REASON = 4_000;

/** PostgreSQL stores it and JavaScript reads it back unchanged. */
export function mustBeStorable(value: unknown, what: string, depth = LIMITS.depth + 20): void {
  const text = JSON.stringify(value);
  if (text === undefined) return;
  must(Buffer.byteLength(text) <= LIMITS.rowBytes, 'too large to store', () => `${what} has ${Buffer.byteLength(text)} bytes`);
  walk(value, what, depth);
  must(isDeepStrictEqual(JSON.parse(text), plain(value)), 'changed by JSON', () => `${what} is not what is read back: ${cut(text)}`);
}

function walk(value: unknown, path: string, depth: number): void {
  must(depth >= 0, 'too deep to store', () => `${cut(path)} is too deep`);
  if (typeof value === 'string') return mustBeText(value, path);
  if (typeof value === 'number') {
    must(Number.isFinite(value), 'number that JSON cannot say', () => `${cut(path)} is ${value}`);
    must(!Number.isInteger(value) || Number.isSafeInteger(value), 'integer that changes', () => `${cut(path)} is ${value}`);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    mustBeText(key, `${path}, the name of a field`);
    must(key !== '__proto__', 'a field named __proto__', () => `${cut(path)} has a field named __proto__`);
    walk((value as Record<string, unknown>)[key], `${path}.${key}`, depth - 1);
  }
}

function mustBeText(text: string, path: string): void {
  must(!text.includes('\u0000'), 'NUL that cannot be stored', () => `${cut(path)} has a NUL`);
  must(text.isWellFormed(), 'half a character that cannot be stored', () => `${cut(path)} has half a surrogate pair`);
}

/** Without what JSON leaves out, and with 0 for -0. */
function plain(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each: unknown) => plain(each ?? null));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([name, each]) => [name, plain(each)]),
  );
}

/** A sentence about what is wrong: it is there, one can read it, and it is not as long as what was sent. */
export function mustBeReason(reason: string, what: string): void {
  must(reason.trim() !== '', 'no reason', () => `${what} gives no reason`);
  must(
    reason.length <= LONGEST_REASON,
    'reason without end',
    () => `${what} gives a reason of ${reason.length} characters: ${cut(reason)}`,
  );
  must(!/\n\s+at .*:\d+:\d+/.test(reason), 'stack trace told', () => `${what} tells a stack: ${cut(reason, 400)}`);
}

/** As JSON: a field that is `undefined` is none. */
export function mustEqual(one: unknown, other: unknown, rule: string, what: string): void {
  if (isDeepStrictEqual(plain(one), plain(other))) return;
  throw new Violation(rule, `${what}: ${cut(JSON.stringify(one) ?? '', 300)} is not ${cut(JSON.stringify(other) ?? '', 300)}`);
}

/** Enough of a text to know it by. */
export function cut(text: string, most = 120): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`;
}

const OBJECT = Reflect.ownKeys(Object.prototype).length;
const ARRAY = Reflect.ownKeys(Array.prototype).length;

/** Nobody's prototype has got a field from an input. */
export function mustBeUnpolluted(): void {
  const polluted = ({} as { readonly polluted?: unknown }).polluted;
  must(polluted === undefined, 'prototype polluted', () => `({}).polluted is ${String(polluted)}`);
  const grown = Reflect.ownKeys(Object.prototype).length !== OBJECT || Reflect.ownKeys(Array.prototype).length !== ARRAY;
  must(!grown, 'prototype polluted', () => `a prototype has got fields: ${Reflect.ownKeys(Object.prototype).map(String).join(', ')}`);
}
