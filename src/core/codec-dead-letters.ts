import { decodeText, integerHeader, printable, shorten, shortenBytes, textHeader } from './codec-text.js';
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
  readonly headers: Headers;
  /** At most the payload limit, as text if that is UTF-8 without NUL, else base64. */
  readonly body: string;
  readonly encoding: 'text' | 'base64';
  /** `undefined`: the message has the whole body. */
  readonly whole: WholeBody | undefined;
}

const OWN_HEADERS: ReadonlySet<string> = new Set([HEADER.deadReason, HEADER.deadQueue, HEADER.deadAt, HEADER.deadBytes, HEADER.deadSha256]);
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
  const { messageId, correlationId, type, contentType, appId, whole } = original;
  const { byteLength } = original.body;
  // For a transport that keeps long bodies whole: some brokers deliver what others take from nobody.
  const isTooLong = byteLength > MAX_MESSAGE_BYTES;
  const said = shorten(printable(reason), REASON_LENGTH);
  return {
    ...original,
    messageId: short(messageId),
    correlationId: short(correlationId),
    type: short(type),
    contentType: short(contentType),
    appId: appId === undefined ? undefined : short(appId),
    replyTo: undefined,
    expirationMs: undefined,
    body: isTooLong ? original.body.subarray(0, LIMITS.payloadBytes) : original.body,
    headers: {
      ...harmless(original.headers),
      [HEADER.deadReason]: isTooLong ? `${said} (only the beginning of ${byteLength} bytes is kept)` : said,
      [HEADER.deadQueue]: queue,
      [HEADER.deadAt]: now,
      ...(whole && { [HEADER.deadBytes]: whole.bytes, [HEADER.deadSha256]: whole.sha256 }),
    },
  };
}

/** Reads what is in the dead-letter queue, also what the broker itself has put there. Never fails. */
export function decodeDeadLetter(message: Message): DecodedDeadLetter {
  const { headers, body } = message;
  const whole = message.whole ?? statedWhole(headers);
  const byBroker = textHeader(headers, 'x-first-death-reason');
  return {
    queue: printable(textHeader(headers, HEADER.deadQueue) ?? textHeader(headers, 'x-first-death-queue') ?? ''),
    reason: printable(textHeader(headers, HEADER.deadReason) ?? (byBroker ? `the broker gave up on it: ${byBroker}` : 'no reason given')),
    at: integerHeader(headers, HEADER.deadAt),
    messageId: printable(message.messageId),
    correlationId: printable(message.correlationId),
    type: printable(message.type),
    headers: harmless(headers),
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

/** Headers without ours and without those that a broker acts upon, within the limit; the rest is dropped. */
function harmless(headers: Headers): Headers {
  const kept: Record<string, string | number> = {};
  let bytes = 0;
  for (const name of Object.keys(headers)) {
    if (OWN_HEADERS.has(name) || name === '__proto__' || /^(x-|b?cc$)/i.test(name)) continue;
    const value = headers[name]!;
    if (typeof value === 'number' && !Number.isSafeInteger(value)) continue;
    const shown = short(printable(name));
    const said = typeof value === 'string' ? printable(value) : value;
    bytes += utf8Bytes(shown) + utf8Bytes(String(said)) + HEADER_OVERHEAD;
    if (bytes > LIMITS.headerBytes) break;
    kept[shown] = said;
  }
  return kept;
}

function storable(body: Uint8Array, wasCut: boolean): Pick<DecodedDeadLetter, 'body' | 'encoding'> {
  const kept = body.subarray(0, LIMITS.payloadBytes);
  const text = decodeText(kept, { isBeginning: wasCut || kept.byteLength < body.byteLength });
  if (text === undefined || text.includes('\u0000')) return { body: base64(kept), encoding: 'base64' };
  return { body: text, encoding: 'text' };
}

function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let from = 0; from < bytes.length; from += 8_192) binary += String.fromCharCode(...bytes.subarray(from, from + 8_192));
  return btoa(binary);
}
