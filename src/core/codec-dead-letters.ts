import { meantBy } from './codec-batch.js';
import { decodeText, encodeText, integerHeader, printable, shorten, shortenBytes, textHeader } from './codec-text.js';
import { LIMITS, utf8Bytes } from './json.js';
import { MAX_MESSAGE_BYTES, MAX_SHORT_TEXT } from './wire-limits.js';
import { HEADER, type Headers, type Message, type WholeBody } from './wire.js';

/** A dead letter as it was read; whoever stores it adds an id, and what `whole` says where nobody else has said it. */
export interface DecodedDeadLetter {
  /** Where it was found. */
  readonly queue: string;
  readonly reason: string;
  /** Milliseconds since 1970; `undefined` where nobody said when. */
  readonly at: number | undefined;
  readonly messageId: string;
  readonly correlationId: string;
  readonly type: string;
  readonly contentType: string;
  readonly replyTo: string | null;
  readonly appId: string | null;
  /** Of its sender; milliseconds since 1970. */
  readonly timestamp: number | null;
  readonly headers: Headers;
  /** Ids or headers are not those that the message came with: they could not be kept as they were. */
  readonly isAltered: boolean;
  /** At most the payload limit, as text if that is UTF-8 without NUL, else base64. */
  readonly body: string;
  readonly encoding: 'text' | 'base64';
  /** `undefined`: the message has the whole body. */
  readonly whole: WholeBody | undefined;
}

const OWN_HEADERS: ReadonlySet<string> = new Set([
  HEADER.deadReason,
  HEADER.deadQueue,
  HEADER.deadAt,
  HEADER.deadBytes,
  HEADER.deadSha256,
  HEADER.deadReplyTo,
  HEADER.deadAltered,
]);
const REASON_LENGTH = 1_000;
/** What a header takes up beside its name and value, generously. */
const HEADER_OVERHEAD = 16;
/** What a database's integer can say. */
const MOST_BYTES = 2_147_483_647;

/**
 * The message with which one that could not be understood or trusted is put aside; it goes to the queue `names.deadLetters`. It can
 * always be sent, whatever the original was: one that could not would be lost, or come again and again.
 */
export function deadLetter(original: Message, queue: string, reason: string, now: number): Message {
  const { contentType, replyTo, appId, whole } = original;
  const { byteLength } = original.body;
  // For a transport that keeps long bodies whole: some brokers deliver what others take from nobody.
  const isTooLong = byteLength > MAX_MESSAGE_BYTES;
  const said = shorten(printable(whichOf(original) + reason), REASON_LENGTH);
  const ids = idsOf(original, short);
  const { kept, isAltered } = harmless(original.headers);
  const texts = { contentType: short(contentType), appId: appId === undefined ? undefined : short(appId) };
  const altered = isAltered || !isAlike({ ...ids, ...texts, replyTo: replyTo && short(replyTo) }, original);
  return {
    ...original,
    ...ids,
    ...texts,
    replyTo: undefined,
    expirationMs: undefined,
    body: isTooLong ? original.body.subarray(0, LIMITS.payloadBytes) : original.body,
    headers: {
      ...kept,
      [HEADER.deadReason]: isTooLong ? `${said} (only the beginning of ${byteLength} bytes is kept)` : said,
      [HEADER.deadQueue]: queue,
      [HEADER.deadAt]: now,
      ...(whole && { [HEADER.deadBytes]: whole.bytes, [HEADER.deadSha256]: whole.sha256 }),
      ...(replyTo === undefined ? {} : { [HEADER.deadReplyTo]: short(replyTo) }),
      ...(altered ? { [HEADER.deadAltered]: 1 } : {}),
    },
  };
}

/** Of a batch that is put aside for one of its elements. */
function whichOf(original: Message): string {
  const meant = meantBy(original);
  if (meant === original) return '';
  return `element ${original.headers[HEADER.batchElement]} of a batch (${shorten(printable(meant.correlationId || meant.messageId), 100)}): `;
}

/** Reads what is in the dead-letter queue, also what the broker itself has put there. Never fails. */
export function decodeDeadLetter(message: Message): DecodedDeadLetter {
  const { headers, body } = message;
  const whole = message.whole ?? statedWhole(headers);
  const byBroker = textHeader(headers, 'x-first-death-reason');
  const ids = idsOf(message, printable);
  const { kept, isAltered } = harmless(headers);
  const replyTo = textHeader(headers, HEADER.deadReplyTo) ?? message.replyTo;
  const texts = { contentType: printable(message.contentType), appId: message.appId === undefined ? undefined : printable(message.appId) };
  return {
    queue: printable(textHeader(headers, HEADER.deadQueue) ?? textHeader(headers, 'x-first-death-queue') ?? ''),
    reason: printable(textHeader(headers, HEADER.deadReason) ?? (byBroker ? `the broker gave up on it: ${byBroker}` : 'no reason given')),
    at: instantOf(integerHeader(headers, HEADER.deadAt)) ?? undefined,
    ...ids,
    contentType: texts.contentType,
    replyTo: replyTo === undefined ? null : printable(replyTo),
    appId: texts.appId ?? null,
    timestamp: instantOf(message.timestamp),
    headers: kept,
    isAltered: isAltered || integerHeader(headers, HEADER.deadAltered) === 1 || !isAlike({ ...ids, ...texts }, message),
    ...storable(body, whole !== undefined),
    whole,
  };
}

function statedWhole(headers: Headers): WholeBody | undefined {
  const bytes = integerHeader(headers, HEADER.deadBytes);
  const sha256 = textHeader(headers, HEADER.deadSha256);
  return bytes !== undefined && bytes <= MOST_BYTES && sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256)
    ? { bytes, sha256 }
    : undefined;
}

/** Bytes that are no UTF-8 are more bytes once they are text. */
function short(text: string): string {
  return shortenBytes(text, MAX_SHORT_TEXT);
}

function idsOf({ messageId, correlationId, type }: Message, each: (text: string) => string): Ids {
  return { messageId: each(messageId), correlationId: each(correlationId), type: each(type) };
}
type Ids = Pick<Message, 'messageId' | 'correlationId' | 'type'>;

function isAlike(kept: Partial<Message>, original: Message): boolean {
  return (Object.keys(kept) as (keyof Message)[]).every((field) => kept[field] === original[field]);
}

/** What is an instant everywhere, in a database and as a date. */
function instantOf(timestamp: number | undefined): number | null {
  return timestamp !== undefined && Number.isSafeInteger(timestamp) && timestamp >= 0 && timestamp <= LATEST ? timestamp : null;
}
const LATEST = 8_640_000_000_000_000;

/** Headers without ours and without those that a broker acts upon, within the limit; the rest is dropped. */
function harmless(headers: Headers): { readonly kept: Headers; readonly isAltered: boolean } {
  const kept: Record<string, string | number> = {};
  let bytes = 0;
  let isAltered = false;
  for (const name of Object.keys(headers)) {
    if (OWN_HEADERS.has(name) || name === '__proto__' || /^(x-|b?cc$)/i.test(name)) continue;
    const value = headers[name]!;
    isAltered ||= typeof value === 'number' && !Number.isSafeInteger(value);
    if (typeof value === 'number' && !Number.isSafeInteger(value)) continue;
    const shown = short(printable(name));
    const said = typeof value === 'string' ? printable(value) : value;
    bytes += utf8Bytes(shown) + utf8Bytes(String(said)) + HEADER_OVERHEAD;
    isAltered ||= shown !== name || said !== value || bytes > LIMITS.headerBytes;
    if (bytes > LIMITS.headerBytes) break;
    kept[shown] = said;
  }
  return { kept, isAltered };
}

function storable(body: Uint8Array, wasCut: boolean): Pick<DecodedDeadLetter, 'body' | 'encoding'> {
  const kept = body.subarray(0, LIMITS.payloadBytes);
  const text = decodeText(kept, { isBeginning: wasCut || kept.byteLength < body.byteLength });
  // A text loses its byte order mark, so such a one is kept as bytes.
  const isMarked = kept[0] === 0xef && kept[1] === 0xbb && kept[2] === 0xbf;
  if (text === undefined || isMarked || text.includes('\u0000')) return { body: base64(kept), encoding: 'base64' };
  return { body: text, encoding: 'text' };
}

function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let from = 0; from < bytes.length; from += 8_192) binary += String.fromCharCode(...bytes.subarray(from, from + 8_192));
  return btoa(binary);
}

/** What a dead letter was before it was put aside. */
export type Original = Omit<DecodedDeadLetter, 'reason' | 'at' | 'whole'>;

/** The message that a dead letter was. Its body is whatever was kept of it; when it was to expire is not known any more. */
export function originalOf(letter: Original): Message {
  const { messageId, correlationId, type, contentType, headers } = letter;
  return {
    messageId,
    correlationId,
    type,
    contentType,
    headers,
    replyTo: letter.replyTo ?? undefined,
    appId: letter.appId ?? undefined,
    timestamp: letter.timestamp ?? undefined,
    expirationMs: undefined,
    body: letter.encoding === 'text' ? encodeText(letter.body) : bytesOf(letter.body),
  };
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0));
}
