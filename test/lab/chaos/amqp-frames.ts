// AMQP 0-9-1 as far as the proxy looks into it: frames, and the few methods that something may happen to.
import { Frames } from './frames.js';

/** `bytes` is the whole frame as it was on the wire. */
export interface AmqpFrame {
  readonly kind: 'protocol' | 'method' | 'header' | 'body' | 'heartbeat';
  readonly channel: number;
  /** Class and method, e.g. `60.40`; empty unless the frame is a method. */
  readonly method: string;
  readonly bytes: Buffer;
}

/** What passes from RabbitMQ to a client, where it shows that something has happened. */
export const SIGHTINGS = [
  'refused',
  'returned',
  'redelivered',
  'held back',
  'consumer cancelled',
  'connection closed',
  'channel closed',
] as const;
export type Sighting = (typeof SIGHTINGS)[number];
const SEEN_AT: Readonly<Record<string, Sighting>> = {
  '60.120': 'refused',
  '60.50': 'returned',
  '10.60': 'held back',
  '60.30': 'consumer cancelled',
  '10.50': 'connection closed',
  '20.40': 'channel closed',
};
const DELIVER = '60.60';

export const METHOD = { publish: '60.40', ack: '60.80', nack: '60.120', confirmSelect: '85.10', channelOpen: '20.10' } as const;

const KINDS = ['protocol', 'method', 'header', 'body'] as const;
const HEAD = 7;
const FRAME_END = 0xce;

export function amqpFrames(): Frames<AmqpFrame> {
  return new Frames((bytes) => {
    if (bytes.length < HEAD) return undefined;
    const isProtocol = bytes[0] === 0x41; // AMQP and a version, instead of a frame
    const length = isProtocol ? 8 : HEAD + bytes.readUInt32BE(3) + 1;
    if (bytes.length < length) return undefined;
    const kind = isProtocol ? 'protocol' : (KINDS[bytes[0]!] ?? 'heartbeat');
    const method = kind === 'method' ? `${bytes.readUInt16BE(HEAD)}.${bytes.readUInt16BE(HEAD + 2)}` : '';
    return { frame: { kind, channel: isProtocol ? 0 : bytes.readUInt16BE(1), method, bytes: bytes.subarray(0, length) }, length };
  });
}

/** What a frame from RabbitMQ shows. */
export function sightingAt({ method, bytes }: AmqpFrame): Sighting | undefined {
  if (method !== DELIVER) return SEEN_AT[method];
  const tagAt = HEAD + 5 + bytes[HEAD + 4]!; // behind the consumer's name
  return bytes[tagAt + 8] === 1 ? 'redelivered' : undefined;
}

/** How many bytes of body follow a header frame. */
export function bodyLength(header: AmqpFrame): number {
  return Number(header.bytes.readBigUInt64BE(HEAD + 4));
}
export function payloadLength(body: AmqpFrame): number {
  return body.bytes.length - HEAD - 1;
}

/** Where a `basic.publish` goes. */
export function addressOf(publish: AmqpFrame): { readonly exchange: string; readonly routingKey: string } {
  const { bytes } = publish;
  const exchangeAt = HEAD + 6; // class, method, a reserved short
  const exchangeLength = bytes[exchangeAt]!;
  const keyAt = exchangeAt + 1 + exchangeLength;
  return {
    exchange: bytes.toString('utf8', exchangeAt + 1, keyAt),
    routingKey: bytes.toString('utf8', keyAt + 1, keyAt + 1 + bytes[keyAt]!),
  };
}

/** Of a `basic.ack` or `basic.nack`. */
export function tagOf(frame: AmqpFrame): { readonly tag: number; readonly isMultiple: boolean } {
  return { tag: Number(frame.bytes.readBigUInt64BE(HEAD + 4)), isMultiple: (frame.bytes[HEAD + 12]! & 1) === 1 };
}

/** One confirm, or refusal, of one message. */
export function confirmFrame(channel: number, tag: number, isNack: boolean): Buffer {
  const bytes = Buffer.alloc(HEAD + 13 + 1);
  bytes.writeUInt8(1, 0);
  bytes.writeUInt16BE(channel, 1);
  bytes.writeUInt32BE(13, 3);
  bytes.writeUInt16BE(60, HEAD);
  bytes.writeUInt16BE(isNack ? 120 : 80, HEAD + 2);
  bytes.writeBigUInt64BE(BigInt(tag), HEAD + 4);
  bytes.writeUInt8(FRAME_END, HEAD + 13);
  return bytes;
}
