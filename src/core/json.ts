import { messageOf } from './errors.js';

/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Limits on what is stored or sent; every one is checked before anything is stored. */
export interface Limits {
  /** Bytes of one payload: input, request or reply. */
  readonly payloadBytes: number;
  /** Nesting of one payload. */
  readonly depth: number;
  /** UTF-8 bytes of a name or key. */
  readonly nameBytes: number;
  /** Bytes of a message's headers. */
  readonly headerBytes: number;
  /** Bytes of one saga's row. */
  readonly rowBytes: number;
}
export const LIMITS: Limits = { payloadBytes: 262_144, depth: 64, nameBytes: 200, headerBytes: 16_384, rowBytes: 16_777_216 };

export type Checked =
  { readonly ok: true; readonly value: Json; readonly text: string } | { readonly ok: false; readonly faults: readonly string[] };

/**
 * A value as JSON that PostgreSQL and JavaScript both give back unchanged, and its text. The value given back is a copy that shares
 * nothing with the original. Refused, all faults at once: what JSON drops or changes (functions, NaN, bigint), NUL and lone surrogates,
 * integers beyond 2^53, too deep, too large.
 */
export function toJson(value: unknown, what: string, limits: Limits = LIMITS): Checked {
  const reading: Copying = { limits, faults: [] };
  const copy = value === undefined ? null : copyOrFault(value, what, reading);
  if (reading.faults.length > 0) return { ok: false, faults: reading.faults };
  const text = JSON.stringify(copy);
  const tooLong = overLimit(text, what, limits);
  return tooLong ? { ok: false, faults: [tooLong] } : { ok: true, value: copy as Json, text };
}

/** Reads JSON text that came from outside; the same refusals as {@link toJson}, and text that is not JSON. */
export function parseJson(text: string, what: string, limits: Limits = LIMITS): Checked {
  const tooLong = overLimit(text, what, limits);
  if (tooLong) return { ok: false, faults: [tooLong] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error: unknown) {
    return { ok: false, faults: [`${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`] };
  }
  const faults = jsonFaults(value, what, limits);
  return faults.length > 0 ? { ok: false, faults } : { ok: true, value: value as Json, text };
}

/** What {@link parseJson} would refuse in a value that was parsed already, but for its size. */
export function jsonFaults(value: unknown, what: string, limits: Limits = LIMITS): string[] {
  const faults: string[] = [];
  // Nearly all are fine, which is found out without making the path to every field.
  if (!isFine(value, limits.depth)) inspect(value, what, 0, limits, faults);
  return faults;
}

/** Deeply frozen, in place: builders run on values that nobody can change. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const key of Object.keys(value)) deepFreeze((value as Record<string, unknown>)[key]);
  }
  return value;
}

/** UTF-8 bytes of a text, without encoding it. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    bytes += code < 0x800 ? 1 : 2;
    if (code >= 0xd800 && code <= 0xdbff) {
      bytes -= 1;
      i += 1;
      bytes += 1;
    }
  }
  return bytes;
}

function overLimit(text: string, what: string, limits: Limits): string | undefined {
  if (text.length * 3 <= limits.payloadBytes) return undefined;
  const bytes = utf8Bytes(text);
  return bytes > limits.payloadBytes ? `${what} has ${bytes} bytes; the limit is ${limits.payloadBytes}` : undefined;
}

/** Faults beyond this say nothing new. */
const ENOUGH = 10;
/** UTF-16 units of a place in a fault: fields may have names as long as the payload, and a fault is logged, stored and answered. */
const PLACE_LENGTH = 200;

/** Where a fault is: the beginning and the end of a path that is too long. */
function place(path: string): string {
  if (path.length <= PLACE_LENGTH) return path;
  const half = PLACE_LENGTH / 2;
  return `${path.slice(0, half).toWellFormed()}…${path.slice(-half).toWellFormed()}`;
}

interface Copying {
  readonly limits: Limits;
  readonly faults: string[];
}

/** A value that comes from somebody's code may have fields that throw when they are read. */
function copyOrFault(value: unknown, what: string, reading: Copying): unknown {
  try {
    return copyOf(value, what, 0, reading);
  } catch (error: unknown) {
    reading.faults.push(`${what} cannot be read: ${messageOf(error)}`);
    return null;
  }
}

/** Checks and copies in one pass: this runs for every request that is built. */
function copyOf(value: unknown, path: string, depth: number, reading: Copying): unknown {
  if (typeof value === 'string') {
    if (!isPlainText(value)) checkText(value, path, reading.faults);
    return value;
  }
  if (typeof value !== 'object' || value === null) {
    if (typeof value !== 'boolean' && value !== null) inspect(value, path, depth, reading.limits, reading.faults);
    return value;
  }
  if (reading.faults.length >= ENOUGH) return null;
  if (depth >= reading.limits.depth) {
    reading.faults.push(`${place(path)} is nested deeper than ${reading.limits.depth}`);
    return null;
  }
  if (Array.isArray(value))
    return value.map((each: unknown, at) => (each === undefined ? null : copyOf(each, `${path}[${at}]`, depth + 1, reading)));
  if (!isPlainEnough(value, path, reading.faults)) return null;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const each = (value as Record<string, unknown>)[key];
    if (each === undefined) continue;
    checkKey(key, path, reading.faults);
    copy[key] = copyOf(each, `${path}.${key}`, depth + 1, reading);
  }
  return copy;
}

/** Whether a value that was parsed surely has none of the faults that {@link inspect} names. `depth`: so much deeper it may be nested. */
function isFine(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return isPlainText(value);
  if (typeof value === 'number') return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (typeof value !== 'object') return typeof value === 'boolean';
  if (value === null) return true;
  if (depth <= 0) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isFine(value[i], depth - 1)) return false;
    return true;
  }
  for (const key in value) {
    if (key === 'toJSON' || key === '__proto__' || !isPlainText(key)) return false;
    if (!isFine((value as Record<string, unknown>)[key], depth - 1)) return false;
  }
  return true;
}

function inspect(value: unknown, path: string, depth: number, limits: Limits, faults: string[]): void {
  if (faults.length >= ENOUGH) return;
  switch (typeof value) {
    case 'string':
      if (!isPlainText(value)) checkText(value, path, faults);
      return;
    case 'number':
      if (!Number.isFinite(value)) faults.push(`${place(path)} is ${value}, which JSON cannot say`);
      else if (Number.isInteger(value) && !Number.isSafeInteger(value))
        faults.push(`${place(path)} is an integer beyond 2^53 and would change; send it as a string`);
      return;
    case 'boolean':
    case 'undefined':
      return;
    case 'object':
      break;
    default:
      faults.push(`${place(path)} is a ${typeof value}, which JSON cannot say`);
      return;
  }
  if (value === null) return;
  if (depth >= limits.depth) {
    faults.push(`${place(path)} is nested deeper than ${limits.depth}`);
    return;
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) inspect(value[i], `${path}[${i}]`, depth + 1, limits, faults);
    return;
  }
  if (!isPlainEnough(value, path, faults)) return;
  for (const key of Object.keys(value)) {
    checkKey(key, path, faults);
    inspect((value as Record<string, unknown>)[key], `${path}.${key}`, depth + 1, limits, faults);
  }
}

function isPlainEnough(value: object, path: string, faults: string[]): boolean {
  if (typeof (value as { toJSON?: unknown }).toJSON !== 'function') return true;
  faults.push(`${place(path)} is a ${value.constructor?.name ?? 'value'} that JSON would change; send it as a string`);
  return false;
}

const NUL = String.fromCharCode(0);
// oxlint-disable-next-line no-control-regex
const SUSPECT = /[\u0000\ud800-\udfff]/;
/** For a text that is shorter it takes longer to begin with a regular expression than to look at every unit. */
const SHORT = 64;

/** Text that needs no closer look: it has neither a NUL nor a surrogate. */
function isPlainText(text: string): boolean {
  if (text.length > SHORT) return !SUSPECT.test(text);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0 || (unit >= 0xd800 && unit <= 0xdfff)) return false;
  }
  return true;
}

function checkText(value: string, path: string, faults: string[]): void {
  if (value.includes(NUL)) faults.push(`${place(path)} contains a NUL character, which PostgreSQL cannot store`);
  else if (hasLoneSurrogate(value)) faults.push(`${place(path)} contains half of a surrogate pair, which is not text`);
}
function checkKey(key: string, path: string, faults: string[]): void {
  if (key === '__proto__') faults.push(`${place(path)} has a field named __proto__`);
  else if (!isPlainText(key) && (key.includes(NUL) || hasLoneSurrogate(key)))
    faults.push(`${place(path)} has a field name that is not plain text`);
}

function hasLoneSurrogate(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0xd800 || code > 0xdfff) continue;
    const next = text.charCodeAt(i + 1);
    if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return true;
    i++;
  }
  return false;
}
