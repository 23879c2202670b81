import type { Message as AmqpMessage, Options } from 'amqplib';
import { createHash } from 'node:crypto';
import { LIMITS } from '../core/json.js';
import { MAX_USEFUL_BYTES } from '../core/wire-limits.js';
import type { Message } from '../core/wire.js';

/** RabbitMQ refuses longer ones and closes the channel. */
const LONGEST_EXPIRATION_MS = 2 ** 32 - 1;

/** Writes a message's fields into the options of `publish`, which reads them before it returns: one object serves for all messages. */
export function writeProperties(message: Message, into: Options.Publish): void {
  into.messageId = orNone(message.messageId);
  into.correlationId = orNone(message.correlationId);
  into.type = orNone(message.type);
  into.replyTo = orNone(message.replyTo);
  into.contentType = orNone(message.contentType);
  into.appId = orNone(message.appId);
  into.timestamp = isInstant(message.timestamp) ? secondsOf(message.timestamp) : (undefined as never);
  into.expiration = message.expirationMs === undefined ? (undefined as never) : expirationOf(message.expirationMs);
  into.headers = message.headers;
}

/** Bytes as amqplib wants them, without copying. */
export function bufferOf(body: Uint8Array): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

/** Any message that AMQP can carry, whoever sent it. Never throws. */
export function readMessage(message: AmqpMessage): Message {
  const read = readWhole(message);
  return read.body.byteLength > MAX_USEFUL_BYTES ? { ...read, ...beginningOf(message.content) } : read;
}

function readWhole({ properties, content }: AmqpMessage): Message {
  const expiration = Number(properties.expiration);
  return {
    messageId: text(properties.messageId) ?? '',
    correlationId: text(properties.correlationId) ?? '',
    type: text(properties.type) ?? '',
    replyTo: text(properties.replyTo),
    contentType: text(properties.contentType) ?? '',
    timestamp: typeof properties.timestamp === 'number' ? properties.timestamp * 1_000 : undefined,
    appId: text(properties.appId),
    expirationMs: properties.expiration === undefined || !Number.isFinite(expiration) ? undefined : expiration,
    headers: readHeaders(properties.headers),
    body: content,
  };
}

/** What is too long to be understood is not held until it is settled: as many such messages as may be prefetched would fill the memory. */
function beginningOf(content: Buffer): Pick<Message, 'body' | 'whole'> {
  const beginning = Buffer.from(content.subarray(0, LIMITS.payloadBytes));
  return { body: beginning, whole: { bytes: content.byteLength, sha256: createHash('sha256').update(content).digest('hex') } };
}

function readHeaders(table: unknown): Record<string, string | number> {
  const headers: Record<string, string | number> = {};
  if (typeof table !== 'object' || table === null) return headers;
  for (const name of Object.keys(table)) {
    if (name === '__proto__') continue;
    const value = headerValue((table as Record<string, unknown>)[name]);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

/** Other clients send all types that a field table knows. What is no text or number is made visible as one, so that it is not missing. */
function headerValue(value: unknown): string | number | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'object':
      if (value === null) return undefined;
      if (Buffer.isBuffer(value)) return value.toString('utf8');
      return isTimestamp(value) ? value.value : '(table)';
    default:
      return undefined;
  }
}

function isTimestamp(value: object): value is { value: number } {
  const { '!': kind, value: seconds } = value as { '!'?: unknown; value?: unknown };
  return kind === 'timestamp' && typeof seconds === 'number';
}
/** Whether AMQP can say it. */
export function isInstant(timestamp: number | undefined): timestamp is number {
  return timestamp !== undefined && timestamp >= 0 && timestamp <= Number.MAX_SAFE_INTEGER;
}
/** AMQP counts whole seconds. */
export function secondsOf(timestamp: number): number {
  return Math.floor(timestamp / 1_000);
}
export function expirationOf(ms: number): string {
  return String(Math.min(Math.max(Math.ceil(ms) || 0, 0), LONGEST_EXPIRATION_MS));
}
function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
/** `undefined` leaves the property out; amqplib's types do not say that it may be given. */
function orNone(value: string | undefined): string {
  return value === '' ? (undefined as never) : (value as string);
}
