import { Socket } from 'node:net';
import type { Manner } from './order.js';

type Done = (error?: Error | null) => void;
interface Writing {
  _write: (this: Socket, chunk: unknown, encoding: string, done: Done) => void;
  _writev: (this: Socket, chunks: readonly { readonly chunk: unknown; readonly encoding: string }[], done: Done) => void;
}

/** Methods of AMQP's class 60. */
const BASIC = 60;
const PUBLISH = 40;
const ACK = 80;

/**
 * Waits until this process writes what the manner is about, to any socket, hands the bytes (or those before the middle message) to the
 * kernel, and calls `then`, which must not return.
 */
export function afterWrite(manner: Exclude<Manner, 'at once'>, then: () => never): void {
  const prototype = Socket.prototype as unknown as Writing;
  const { _write: write, _writev: writev } = prototype;
  /** The kernel takes the bytes within the call. */
  const look = (socket: Socket, bytes: Buffer): void => {
    const length = lengthToSend(manner, bytes);
    if (length === undefined) return;
    write.call(socket, bytes.subarray(0, length), 'buffer', () => {});
    then();
  };
  prototype._write = function (chunk, encoding, done) {
    look(this, bytesOf(chunk, encoding));
    write.call(this, chunk, encoding, done);
  };
  prototype._writev = function (chunks, done) {
    look(this, Buffer.concat(chunks.map(({ chunk, encoding }) => bytesOf(chunk, encoding))));
    writev.call(this, chunks, done);
  };
}

/** `undefined`: these bytes are about something else. */
export function lengthToSend(manner: Exclude<Manner, 'at once'>, bytes: Buffer): number | undefined {
  if (manner === 'commit sent') return bytes.includes('COMMIT') ? bytes.length : undefined;
  if (manner === 'acknowledged') return framesOf(bytes, ACK).length > 0 ? bytes.length : undefined;
  const publications = framesOf(bytes, PUBLISH);
  // In the midst of a frame: the broker has some messages whole, and one that it must not take.
  return publications.length < 2 ? undefined : publications[publications.length >> 1]! + 5;
}

/** Where frames with this method begin. Bytes that are no sequence of AMQP frames have none. */
function framesOf(bytes: Buffer, method: number): number[] {
  const found: number[] = [];
  for (let at = 0; at + 12 <= bytes.length;) {
    const size = bytes.readUInt32BE(at + 3);
    const isMethod = bytes[at] === 1 && size >= 4;
    if (bytes[at]! > 8 || bytes[at + 7 + size] !== 0xce) return found;
    if (isMethod && bytes.readUInt16BE(at + 7) === BASIC && bytes.readUInt16BE(at + 9) === method) found.push(at);
    at += 8 + size;
  }
  return found;
}

function bytesOf(chunk: unknown, encoding: string): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding as BufferEncoding) : Buffer.from(chunk as Uint8Array);
}
