import { decodeText, integerHeader, printable, shorten, textHeader } from './codec-text.js';
import { LIMITS, utf8Bytes } from './json.js';
import { HEADER, type Headers, type Message } from './wire.js';
import { MAX_MESSAGE_BYTES } from './wire-limits.js';

/** A dead letter as it was read; whoever stores it adds an id and a hash of `whole`. */
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
  /** At most the payload limit, as text if the whole is UTF-8 without NUL, else base64. */
  readonly body: string;
  readonly encoding: 'text' | 'base64';
  readonly whole: Uint8Array;
}

const OWN_HEADERS: ReadonlySet<string> = new Set([HEADER.deadReason, HEADER.deadQueue, HEADER.deadAt]);
const REASON_LENGTH = 1_000;

/** The message with which one that could not be understood or trusted is put aside; it goes to the queue `names.deadLetters`. */
export function deadLetter(original: Message, queue: string, reason: string, now: number): Message {
  const { byteLength } = original.body;
  // Some brokers deliver what others take from nobody; sent back whole it would come again and again.
  const isTooLong = byteLength > MAX_MESSAGE_BYTES;
  const said = shorten(printable(reason), REASON_LENGTH);
  return {
    ...original,
    replyTo: undefined,
    expirationMs: undefined,
    body: isTooLong ? original.body.subarray(0, LIMITS.payloadBytes) : original.body,
    headers: {
      ...harmless(original.headers),
      [HEADER.deadReason]: isTooLong ? `${said} (only the beginning of ${byteLength} bytes is kept)` : said,
      [HEADER.deadQueue]: queue,
      [HEADER.deadAt]: now,
    },
  };
}

/** Reads what is in the dead-letter queue, also what the broker itself has put there. Never fails. */
export function decodeDeadLetter(message: Message): DecodedDeadLetter {
  const { headers, body } = message;
  const byBroker = textHeader(headers, 'x-first-death-reason');
  return {
    queue: printable(textHeader(headers, HEADER.deadQueue) ?? textHeader(headers, 'x-first-death-queue') ?? ''),
    reason: printable(textHeader(headers, HEADER.deadReason) ?? (byBroker ? `the broker gave up on it: ${byBroker}` : 'no reason given')),
    at: integerHeader(headers, HEADER.deadAt),
    messageId: printable(message.messageId),
    correlationId: printable(message.correlationId),
    type: printable(message.type),
    headers: harmless(headers),
    ...storable(body),
    whole: body,
  };
}

/** Headers without ours and without those that a broker acts upon, within the limit; the rest is dropped. */
function harmless(headers: Headers): Headers {
  const kept: Record<string, string | number> = {};
  let bytes = 0;
  for (const name of Object.keys(headers)) {
    if (OWN_HEADERS.has(name) || name === '__proto__' || /^(x-|b?cc$)/i.test(name)) continue;
    const value = headers[name]!;
    if (typeof value === 'number' && !Number.isSafeInteger(value)) continue;
    bytes += utf8Bytes(name) + utf8Bytes(String(value));
    if (bytes > LIMITS.headerBytes) break;
    kept[printable(name)] = typeof value === 'string' ? printable(value) : value;
  }
  return kept;
}

function storable(body: Uint8Array): Pick<DecodedDeadLetter, 'body' | 'encoding'> {
  const limit = LIMITS.payloadBytes;
  const text = decodeText(body);
  if (text === undefined || text.includes('\u0000')) return { body: base64(body.subarray(0, limit)), encoding: 'base64' };
  if (body.byteLength <= limit) return { body: text, encoding: 'text' };
  // A stream decoder leaves a character that the cut went through.
  return { body: new TextDecoder().decode(body.subarray(0, limit), { stream: true }), encoding: 'text' };
}

function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let from = 0; from < bytes.length; from += 8_192) binary += String.fromCharCode(...bytes.subarray(from, from + 8_192));
  return btoa(binary);
}
