import type { Json } from '../core/json.js';

/**
 * Tells whether a known command id came again with another request. Of the value, not of its text: a request that went through a
 * database may come back with its fields in another order. 64 bits against mistakes; it protects from no attacker. Inboxes keep it, so
 * that it must stay what it is for every value.
 */
export function requestHash(value: Json): string {
  // As signed numbers, which is what they stay: they need no memory of their own.
  lanes.a = 0xdeadbeef | 0;
  lanes.b = 0x41c6ce57;
  feed(value);
  return hex(finish(lanes.a, lanes.b)) + hex(finish(lanes.b, lanes.a));
}

/** One for all: this runs for every command, and never twice at a time. */
const lanes = { a: 0, b: 0 };

/** What a value begins with. */
const STRING = 's'.charCodeAt(0);
const ARRAY = 'a'.charCodeAt(0);
const OBJECT = 'o'.charCodeAt(0);
const OTHER = 'p'.charCodeAt(0);
const COLON = ':'.charCodeAt(0);
const SEMICOLON = ';'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);

function feed(value: Json): void {
  if (value === null) return mix('n');
  if (typeof value === 'string') {
    mixUnit(STRING);
    mixLength(value.length);
    return mix(value);
  }
  if (typeof value !== 'object') return feedPlain(value);
  if (Array.isArray(value)) {
    mixUnit(ARRAY);
    mixLength(value.length);
    for (const item of value as readonly Json[]) feed(item);
    return;
  }
  const fields = value as { readonly [key: string]: Json };
  const keys = inOrder(Object.keys(fields));
  mixUnit(OBJECT);
  mixLength(keys.length);
  for (const key of keys) {
    mixLength(key.length);
    mix(key);
    feed(fields[key]!);
  }
}

/** A number or a boolean. */
function feedPlain(value: number | boolean): void {
  if (typeof value !== 'number' || !isCount(value)) return mix(`p${String(value)};`);
  mixUnit(OTHER);
  mixDigits(value);
  mixUnit(SEMICOLON);
}

/** Written in decimal digits alone, and few of them. */
function isCount(value: number): boolean {
  return value >= 0 && value <= 0x7fffffff && Math.floor(value) === value;
}

/** More than this are sorted by the library, which for a few takes more memory than they do themselves. */
const FEW = 20;

/** In place. They are the order of their UTF-16 units. */
function inOrder(keys: string[]): readonly string[] {
  if (keys.length > FEW) return keys.sort();
  for (let next = 1; next < keys.length; next++) {
    const key = keys[next]!;
    let at = next;
    for (; at > 0 && keys[at - 1]! > key; at--) keys[at] = keys[at - 1]!;
    keys[at] = key;
  }
  return keys;
}

function mix(text: string): void {
  let { a, b } = lanes;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x9e3779b1);
    b = Math.imul(b ^ code, 0x5f356495);
  }
  lanes.a = a;
  lanes.b = b;
}

function mixUnit(code: number): void {
  lanes.a = Math.imul(lanes.a ^ code, 0x9e3779b1);
  lanes.b = Math.imul(lanes.b ^ code, 0x5f356495);
}

function mixLength(length: number): void {
  mixDigits(length);
  mixUnit(COLON);
}

/** The decimal digits of a count, without making a text of them. */
function mixDigits(count: number): void {
  let power = 1;
  while (power * 10 <= count) power *= 10;
  // Cut off to whole numbers in this way the machine divides whole numbers.
  for (; power >= 1; power = (power / 10) | 0) mixUnit(ZERO + (((count / power) | 0) % 10));
}

function finish(own: number, other: number): number {
  const mixed = Math.imul(own ^ (own >>> 16), 0x85ebca6b) ^ Math.imul(other ^ (other >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Every byte as two digits. */
const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hex(lane: number): string {
  return BYTES[lane >>> 24]! + BYTES[(lane >>> 16) & 0xff]! + BYTES[(lane >>> 8) & 0xff]! + BYTES[lane & 0xff]!;
}
