import { LIMITS, parseJson, type Checked, type Limits } from './json.js';
import type { Headers, Message } from './wire.js';

const encoder = new TextEncoder();
const strict = () => new TextDecoder('utf-8', { fatal: true });
const decoder = strict();

/** UTF-8 bytes of a text. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of UTF-8 bytes, without a byte order mark; `undefined` when they are not UTF-8. A beginning may end within a character. */
export function decodeText(bytes: Uint8Array, { isBeginning = false } = {}): string | undefined {
  try {
    // A decoder that is told that more comes keeps what is left, so such a one serves once.
    return isBeginning ? strict().decode(bytes, { stream: true }) : decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** A JSON body from outside. The size is looked at before anything is decoded. */
export function readJsonBody({ body, whole }: Pick<Message, 'body' | 'whole'>, what: string, limits: Limits = LIMITS): Checked {
  const bytes = whole?.bytes ?? body.byteLength;
  if (bytes > limits.payloadBytes) return { ok: false, faults: [`${what} has ${bytes} bytes; the limit is ${limits.payloadBytes}`] };
  const text = decodeText(body);
  return text === undefined ? { ok: false, faults: [`${what} is not UTF-8`] } : parseJson(text, what, limits);
}

/** A header as text; `undefined` when it is missing or empty. */
export function textHeader(headers: Headers, name: string): string | undefined {
  return Object.hasOwn(headers, name) ? headerText(headers[name]) : undefined;
}
/** The same of what stands there: whoever reads one certain header asks for it by itself, which costs less. */
export function headerText(value: string | number | undefined): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A header as a whole number from 0 on; clients that only know text may send digits. `undefined` for anything else. */
export function integerHeader(headers: Headers, name: string): number | undefined {
  return Object.hasOwn(headers, name) ? headerInteger(headers[name]) : undefined;
}
/** See {@link headerText}. */
export function headerInteger(value: string | number | undefined): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string' || !/^\d{1,15}$/.test(value)) return undefined;
  return Number(value);
}

/** At most `length` UTF-16 units of a text, never half a character. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 2);
  const end = last >= 0xd800 && last <= 0xdbff ? length - 2 : length - 1;
  return `${text.slice(0, end)}…`;
}

/** The beginning of a text that has at most so many bytes in UTF-8. */
export function shortenBytes(text: string, bytes: number): string {
  const encoded = encodeText(text);
  // A stream decoder leaves out a character that the cut went through.
  return encoded.byteLength <= bytes ? text : new TextDecoder().decode(encoded.subarray(0, bytes), { stream: true });
}

// oxlint-disable-next-line no-control-regex -- control characters are what it finds
const UNPRINTABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A text that PostgreSQL can store, whatever was in it. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '\ufffd');
}

/** The longest text that is kept of what somebody else says went wrong. */
export const MESSAGE_LENGTH = 2_000;

/** Faults as one text that can be kept: they name places by the names of fields, which may be as long, and as strange, as the body. */
export function faultText(faults: readonly string[]): string {
  return shorten(printable(faults.join('; ')), MESSAGE_LENGTH);
}
