import type { Message as AmqpMessage } from 'amqplib';
import { readMessage } from '../../../src/rabbitmq/properties.js';
import type { Message } from '../../../src/core/wire.js';
import type { Chance } from '../kit/chance.js';
import { anyBody, anyNumber, anyText } from './values.js';

/** A message as AMQP brings it: what the client library makes of the frames. */
export interface WireCase {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly body?: Uint8Array;
}

/** What a valid message of its kind says. */
export interface Template {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

const TEXT_PROPERTIES = ['messageId', 'correlationId', 'type', 'replyTo', 'contentType', 'contentEncoding', 'appId', 'userId'];
/** That a broker or a consumer might act upon. */
const SPOOFED = [
  'CC',
  'BCC',
  'cc',
  'x-death',
  'x-first-death-reason',
  'x-first-death-queue',
  'x-delivery-count',
  'x-delay',
  'x-match',
  'dead-letter-reason',
  'dead-letter-queue',
  'dead-letter-at',
  'dead-letter-bytes',
  'dead-letter-sha256',
  'saga-id',
  'saga-element',
  'saga-signature',
  'saga-key',
  'saga-outcome',
  'traceparent',
  '__proto__',
  'constructor',
  'hasOwnProperty',
];

/** A valid message of the kind with some things changed, or with none. */
export function anyMessage(chance: Chance, template: Template): WireCase {
  const properties: Record<string, unknown> = { ...template.properties };
  let headers: Record<string, unknown> = { ...template.headers };
  for (let changes = chance.pick([0, 0, 1, 1, 2, 4]); changes > 0; changes--) {
    const kind = chance.next();
    if (kind < 0.3) properties[chance.pick(TEXT_PROPERTIES)] = chance.is(0.2) ? undefined : shortText(anyText(chance));
    else if (kind < 0.4) delete headers[chance.pick([...Object.keys(template.headers), 'none'])];
    else if (kind < 0.65) headers[chance.pick([...Object.keys(template.headers), ...SPOOFED])] = anyHeader(chance);
    else if (kind < 0.85) headers[chance.pick(SPOOFED)] = anyHeader(chance);
    else if (kind < 0.9) headers[anyText(chance).slice(0, 255)] = anyHeader(chance);
    else if (kind < 0.96) properties[chance.pick(['expiration', 'priority', 'timestamp', 'deliveryMode'])] = anyProperty(chance);
    else if (kind < 0.963) headers = manyHeaders(chance);
    else properties['contentType'] = chance.pick(['application/vnd.backstep.batch+json', 'text/plain', 'application/json; charset=utf-16']);
  }
  return { properties: { ...properties, headers }, body: anyBody(chance, template.body) };
}

function manyHeaders(chance: Chance): Record<string, unknown> {
  const count = chance.pick([100, 1_000, 4_000]);
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`h${at}`, at]));
}

function anyProperty(chance: Chance): unknown {
  return chance.is(0.5) ? anyNumber(chance) : String(anyNumber(chance));
}

/** Of whatever type a field table knows. */
function anyHeader(chance: Chance): unknown {
  const kind = chance.next();
  if (kind < 0.5) return anyText(chance);
  if (kind < 0.75) return anyNumber(chance);
  if (kind < 0.8) return chance.is(0.5);
  if (kind < 0.84) return null;
  if (kind < 0.88) return new Uint8Array([0xff, 0x00, 0xc3]);
  if (kind < 0.92) return { '!': chance.pick(['long', 'timestamp', 'decimal', 'nothing']), value: anyNumber(chance) };
  if (kind < 0.96) return [anyText(chance), { a: [1, [2]] }];
  return { a: { b: { c: anyText(chance) } }, __proto__: null };
}

/** AMQP carries at most 255 bytes, and bytes that are no UTF-8 are read as one replacement character each. */
export function shortText(text: string): string {
  return text.slice(0, 255);
}

/** The message as the transport hands it on. */
export function messageOf({ properties = {}, body = new Uint8Array() }: WireCase): Message {
  const headers = properties['headers'];
  const content = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return readMessage({ properties: { ...properties, headers: withBuffers(headers) }, content } as unknown as AmqpMessage);
}

/** The client library gives bytes as buffers. */
function withBuffers(headers: unknown): unknown {
  if (typeof headers !== 'object' || headers === null) return headers;
  return Object.fromEntries(
    Object.entries(headers as Record<string, unknown>).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value) : value,
    ]),
  );
}
