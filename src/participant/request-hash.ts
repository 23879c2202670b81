import type { Json } from '../core/json.js';

/**
 * Tells whether a known command id came again with another request. Of the value, not of its text: a request that went through a
 * database may come back with its fields in another order. 64 bits against mistakes; it protects from no attacker.
 */
export function requestHash(value: Json): string {
  const lanes: Lanes = { a: 0xdeadbeef, b: 0x41c6ce57 };
  feed(lanes, value);
  return hex(finish(lanes.a, lanes.b)) + hex(finish(lanes.b, lanes.a));
}

interface Lanes {
  a: number;
  b: number;
}

function feed(lanes: Lanes, value: Json): void {
  if (value === null) return mix(lanes, 'n');
  if (typeof value === 'string') {
    mix(lanes, `s${value.length}:`);
    return mix(lanes, value);
  }
  if (typeof value !== 'object') return mix(lanes, `p${String(value)};`);
  if (Array.isArray(value)) {
    mix(lanes, `a${value.length}:`);
    for (const item of value as readonly Json[]) feed(lanes, item);
    return;
  }
  const fields = value as { readonly [key: string]: Json };
  const keys = inOrder(Object.keys(fields));
  mix(lanes, `o${keys.length}:`);
  for (const key of keys) {
    mix(lanes, `${key.length}:`);
    mix(lanes, key);
    feed(lanes, fields[key]!);
  }
}

/** Mostly they come in the same order, and few of them. */
function inOrder(keys: string[]): readonly string[] {
  for (let i = 1; i < keys.length; i++) if (keys[i - 1]! > keys[i]!) return keys.sort();
  return keys;
}

function mix(lanes: Lanes, text: string): void {
  let { a, b } = lanes;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x9e3779b1);
    b = Math.imul(b ^ code, 0x5f356495);
  }
  lanes.a = a;
  lanes.b = b;
}

function finish(own: number, other: number): number {
  const mixed = Math.imul(own ^ (own >>> 16), 0x85ebca6b) ^ Math.imul(other ^ (other >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function hex(lane: number): string {
  return lane.toString(16).padStart(8, '0');
}
