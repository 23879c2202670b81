import { utf8Bytes } from './json.js';
import type { Addressed } from './wire.js';

/** Bytes of a message that every broker takes: RabbitMQ 4 refuses more than 16 MiB and closes the channel. */
export const MAX_MESSAGE_BYTES = 16_777_216;
/** Nothing that can be understood is longer. Of a longer body only the beginning is kept, so that nobody fills the memory with them. */
export const MAX_USEFUL_BYTES = 1_048_576;
/** Elements of a batch, also of one that somebody else made: each bad one becomes a dead letter. */
export const MAX_BATCH = 1_000;
/** Bytes of all headers together; the client library's buffer holds 64 KiB of properties. */
export const MAX_HEADER_BYTES = 49_152;
/** Bytes of an AMQP short string: ids, type, queue names, routing keys. */
export const MAX_SHORT_TEXT = 255;

/**
 * Why no transport will ever send this message, or `undefined`. Checked before sending, because the broker's own answer to each of
 * these closes the channel with everything else that is on it.
 */
export function refusalOf(out: Addressed, maxMessageBytes = MAX_MESSAGE_BYTES): string | undefined {
  const { message } = out;
  if (message.body.byteLength > maxMessageBytes) return `the body has ${message.body.byteLength} bytes; the limit is ${maxMessageBytes}`;
  return (
    tooLong('exchange', out.exchange) ??
    tooLong('routing key', out.routingKey) ??
    tooLong('message id', message.messageId) ??
    tooLong('correlation id', message.correlationId) ??
    tooLong('type', message.type) ??
    tooLong('content type', message.contentType) ??
    tooLong('reply-to', message.replyTo) ??
    tooLong('app id', message.appId) ??
    headerFault(out)
  );
}

function tooLong(what: string, text: string | undefined): string | undefined {
  // 85 units of UTF-16 are at most 255 bytes of UTF-8.
  if (text === undefined || text.length <= 85) return undefined;
  const bytes = utf8Bytes(text);
  return bytes > MAX_SHORT_TEXT ? `the ${what} has ${bytes} bytes; the limit is ${MAX_SHORT_TEXT}` : undefined;
}

function headerFault(out: Addressed): string | undefined {
  const { headers } = out.message;
  let units = 0;
  for (const name in headers) {
    const value = headers[name];
    if (name === 'CC' || name === 'BCC') return `the header ${name} would send copies elsewhere`;
    if (typeof value === 'string') units += value.length;
    else if (!Number.isSafeInteger(value)) return `the header ${name} is neither text nor an integer`;
    const fault = tooLong('header name', name);
    if (fault) return fault;
    units += name.length + 16;
  }
  if (units * 3 <= MAX_HEADER_BYTES) return undefined;
  let bytes = 0;
  for (const name in headers) bytes += utf8Bytes(name) + utf8Bytes(String(headers[name])) + 16;
  return bytes > MAX_HEADER_BYTES ? `the headers have ${bytes} bytes; the limit is ${MAX_HEADER_BYTES}` : undefined;
}
