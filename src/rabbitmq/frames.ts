import type { Headers } from '../core/wire.js';
import type { Outgoing } from '../ports/transport.js';
import { expirationOf, isInstant, secondsOf } from './properties.js';

/** Longer bodies are few, and not worth being copied into one piece with the rest. Every frame may hold as much (AMQP 0-9-1, §4.2.3). Bytes. */
const MOST_BODY = 2_048;
/** Of a short text. */
const MOST_UNITS = 255;
/** For all but the body, and what is left of it for the few bytes around the texts. */
const SPACE = 16_384;
const MARGIN = 512;

const [METHOD, HEADER, BODY, END] = [1, 2, 3, 0xce] as const;
const [BASIC, PUBLISH] = [60, 40] as const;
const [MANDATORY, PERSISTENT] = [1, 2] as const;
/** Which properties there are, in the order in which they stand. */
const FLAG = {
  contentType: 0x8000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  correlationId: 0x0400,
  replyTo: 0x0200,
  expiration: 0x0100,
  messageId: 0x0080,
  timestamp: 0x0040,
  type: 0x0020,
  appId: 0x0008,
} as const;
/** Of the values in a table. */
const TAG = { text: 0x53, int8: 0x62, int16: 0x73, int32: 0x49, int64: 0x6c } as const;

/**
 * Writes messages as frames of a channel. The client library makes five buffers of each, two of them from the system, and writes every text by
 * calls out of JavaScript: most of what sending cost. This writes what messages of ours are made of and leaves the rest to the library.
 * Invariant: what it writes is byte for byte what the library would.
 */
export class FrameWriter {
  private readonly space = Buffer.allocUnsafeSlow(SPACE + MOST_BODY);
  private at = 0;
  /** Nothing was met that is the library's to write. */
  private isUsual = true;

  constructor(private readonly channel: number) {}

  /**
   * `basic.publish`, mandatory and persistent: the frames of method, header and body (AMQP 0-9-1, §4.2.3, §4.2.5, §4.2.6) in one buffer. `undefined`: the
   * message has what is rare, such as text that is not ASCII, numbers that are not whole, a long body.
   */
  publish({ exchange, routingKey, message }: Outgoing): Buffer | undefined {
    const { body } = message;
    if (body.byteLength > MOST_BODY) return undefined;
    this.at = 0;
    this.isUsual = true;

    const method = this.begin(METHOD);
    this.uint16(BASIC);
    this.uint16(PUBLISH);
    this.uint16(0);
    this.short(exchange);
    this.short(routingKey);
    this.byte(MANDATORY);
    this.end(method);

    const header = this.begin(HEADER);
    this.uint16(BASIC);
    this.uint16(0);
    this.int64(body.byteLength);
    this.properties(message);
    this.end(header);

    if (body.byteLength > 0) {
      const frame = this.begin(BODY);
      this.space.set(body, this.at);
      this.at += body.byteLength;
      this.end(frame);
    }
    return this.isUsual ? Buffer.from(this.space.subarray(0, this.at)) : undefined;
  }

  private properties(message: Outgoing['message']): void {
    const { contentType, headers, correlationId, replyTo, expirationMs, messageId, timestamp, type, appId } = message;
    const flagsAt = this.at;
    this.uint16(0);
    let flags: number = FLAG.headers | FLAG.deliveryMode;
    if (this.property(contentType)) flags |= FLAG.contentType;
    this.table(headers);
    this.byte(PERSISTENT);
    if (this.property(correlationId)) flags |= FLAG.correlationId;
    if (this.property(replyTo)) flags |= FLAG.replyTo;
    if (expirationMs !== undefined && this.property(expirationOf(expirationMs))) flags |= FLAG.expiration;
    if (this.property(messageId)) flags |= FLAG.messageId;
    if (isInstant(timestamp)) {
      this.int64(secondsOf(timestamp));
      flags |= FLAG.timestamp;
    }
    if (this.property(type)) flags |= FLAG.type;
    if (this.property(appId)) flags |= FLAG.appId;
    this.space.writeUInt16BE(flags, flagsAt);
  }
  /** One that is empty is left out. */
  private property(text: string | undefined): boolean {
    if (text === undefined || text === '') return false;
    this.short(text);
    return true;
  }

  private table(headers: Headers): void {
    const from = this.at;
    this.uint32(0);
    for (const name in headers) {
      const value = headers[name];
      if (value === undefined) continue;
      this.short(name);
      if (!this.isUsual) return;
      if (typeof value === 'string') this.long(value);
      else this.number(value);
    }
    this.space.writeUInt32BE(this.at - from - 4, from);
  }
  /** In the smallest type that holds it, as the library has it. */
  private number(value: number): void {
    if (!Number.isSafeInteger(value)) this.isUsual = false;
    else if (value >= -0x80 && value < 0x80) {
      this.byte(TAG.int8);
      this.byte(value);
    } else if (value >= -0x8000 && value < 0x8000) {
      this.byte(TAG.int16);
      this.uint16(value);
    } else if (value >= -0x8000_0000 && value < 0x8000_0000) {
      this.byte(TAG.int32);
      this.uint32(value);
    } else {
      this.byte(TAG.int64);
      this.int64(value);
    }
  }

  /** Gives where the frame begins. */
  private begin(type: number): number {
    const from = this.at;
    this.byte(type);
    this.uint16(this.channel);
    this.uint32(0);
    return from;
  }
  private end(from: number): void {
    this.space.writeUInt32BE(this.at - from - 7, from + 3);
    this.byte(END);
  }

  private short(text: string): void {
    if (text.length > MOST_UNITS) this.isUsual = false;
    else if (this.hasRoomFor(text)) {
      this.byte(text.length);
      this.ascii(text);
    }
  }
  private long(text: string): void {
    if (!this.hasRoomFor(text)) return;
    this.byte(TAG.text);
    this.uint32(text.length);
    this.ascii(text);
  }
  private hasRoomFor({ length }: string): boolean {
    if (this.at + length + MARGIN < SPACE) return true;
    this.isUsual = false;
    return false;
  }
  private ascii(text: string): void {
    const { space } = this;
    let at = this.at;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) this.isUsual = false;
      space[at++] = unit;
    }
    this.at = at;
  }

  /** The same bits for a negative one. */
  private int64(value: number): void {
    this.uint32(Math.floor(value / 0x1_0000_0000));
    this.uint32(value);
  }
  private uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value);
  }
  private uint16(value: number): void {
    this.byte(value >>> 8);
    this.byte(value);
  }
  private byte(value: number): void {
    this.space[this.at++] = value;
  }
}
