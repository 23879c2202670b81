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
 * A value as JSON that PostgreSQL and JavaScript both give back unchanged, and its text. Refused, all faults at once: what JSON drops
 * or changes (functions, NaN, bigint), NUL and lone surrogates, integers beyond 2^53, too deep, too large.
 */
export function toJson(value: unknown, what: string, limits: Limits = LIMITS): Checked {
  const faults: string[] = [];
  inspect(value, what, 0, limits, faults);
  if (faults.length > 0) return { ok: false, faults };
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error: unknown) {
    return { ok: false, faults: [`${what} cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}`] };
  }
  return sized(text ?? 'null', what, limits);
}

/** Reads JSON text that came from outside; the same refusals as {@link toJson}, and text that is not JSON. */
export function parseJson(text: string, what: string, limits: Limits = LIMITS): Checked {
  const tooLong = overLimit(text, what, limits);
  if (tooLong) return { ok: false, faults: [tooLong] };
  if (nesting(text) > limits.depth) return { ok: false, faults: [`${what} is nested deeper than ${limits.depth}`] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error: unknown) {
    return { ok: false, faults: [`${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`] };
  }
  const faults: string[] = [];
  inspect(value, what, 0, limits, faults);
  return faults.length > 0 ? { ok: false, faults } : { ok: true, value: value as Json, text };
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

function sized(text: string, what: string, limits: Limits): Checked {
  const fault = overLimit(text, what, limits);
  return fault ? { ok: false, faults: [fault] } : { ok: true, value: JSON.parse(text) as Json, text };
}

function overLimit(text: string, what: string, limits: Limits): string | undefined {
  if (text.length * 3 <= limits.payloadBytes) return undefined;
  const bytes = utf8Bytes(text);
  return bytes > limits.payloadBytes ? `${what} has ${bytes} bytes; the limit is ${limits.payloadBytes}` : undefined;
}

/** Nesting of JSON text without parsing it: brackets outside strings. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return deepest;
}

const NUL = String.fromCharCode(0);

function inspect(value: unknown, path: string, depth: number, limits: Limits, faults: string[]): void {
  if (faults.length >= 10) return;
  switch (typeof value) {
    case 'string':
      if (value.includes(NUL)) faults.push(`${path} contains a NUL character, which PostgreSQL cannot store`);
      else if (hasLoneSurrogate(value)) faults.push(`${path} contains half of a surrogate pair, which is not text`);
      return;
    case 'number':
      if (!Number.isFinite(value)) faults.push(`${path} is ${value}, which JSON cannot say`);
      else if (Number.isInteger(value) && !Number.isSafeInteger(value))
        faults.push(`${path} is an integer beyond 2^53 and would change; send it as a string`);
      return;
    case 'boolean':
    case 'undefined':
      return;
    case 'object':
      break;
    default:
      faults.push(`${path} is a ${typeof value}, which JSON cannot say`);
      return;
  }
  if (value === null) return;
  if (depth >= limits.depth) {
    faults.push(`${path} is nested deeper than ${limits.depth}`);
    return;
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) inspect(value[i], `${path}[${i}]`, depth + 1, limits, faults);
    return;
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    faults.push(`${path} is a ${value.constructor?.name ?? 'value'} that JSON would change; send it as a string`);
    return;
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__') faults.push(`${path} has a field named __proto__`);
    else {
      if (key.includes(NUL) || hasLoneSurrogate(key)) faults.push(`${path} has a field name that is not plain text`);
      inspect((value as Record<string, unknown>)[key], `${path}.${key}`, depth + 1, limits, faults);
    }
  }
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
