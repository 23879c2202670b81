import type { ChannelModel } from 'amqplib';
import { HEADER } from '../core/wire.js';

/** Where the frames of a connection come from in the client library; `rest` are bytes that are not a frame yet. */
interface FrameSource {
  rest: Buffer;
  recvFrame(): unknown;
}

const HEADER_FRAME = 2;
/** Type, channel and size come before a frame's payload, a mark after it. */
const [BEFORE, AFTER] = [7, 1];
/** In the payload: class, weight and body size come before the flags, the properties after them. */
const [FLAGS, PROPERTIES] = [12, 14];
const [HAS_CONTENT_TYPE, HAS_CONTENT_ENCODING, HAS_HEADERS] = [0x80_00, 0x40_00, 0x20_00];

/** Nobody can take these for an answer or a start. */
const INSTEAD = table([HEADER.outcome, HEADER.sagaVersion], '(unreadable)');

/**
 * The client library reads tables within tables by recursion: a message with a few thousand levels in its headers ends the connection, with
 * every consumer on it, and comes again on the next one. This gives such a message headers that say so, and it is put aside like any
 * other that cannot be understood.
 */
export function surviveUnreadableHeaders(connection: ChannelModel): void {
  const source = connection.connection as unknown as Partial<FrameSource>;
  // Not part of the library's types: without it everything works, except for such a message.
  if (typeof source.recvFrame !== 'function' || !Buffer.isBuffer(source.rest)) return;
  const frames = source as FrameSource;
  const receive = frames.recvFrame.bind(frames);
  frames.recvFrame = () => {
    const { rest } = frames;
    try {
      return receive();
    } catch (error: unknown) {
      // A frame that was taken and cannot be read; anything else is no frame at all.
      const readable = frames.rest === rest ? undefined : withOtherHeaders(rest);
      if (!readable) throw error;
      frames.rest = Buffer.concat([readable, frames.rest]);
      return receive();
    }
  };
}

/** The frame at the beginning with {@link INSTEAD} for its headers; `undefined` if it has none. */
function withOtherHeaders(bytes: Buffer): Buffer | undefined {
  if (bytes[0] !== HEADER_FRAME) return undefined;
  const payload = bytes.subarray(BEFORE, BEFORE + bytes.readUInt32BE(3));
  const flags = payload.readUInt16BE(FLAGS);
  if (!(flags & HAS_HEADERS)) return undefined;
  let at = PROPERTIES;
  for (const flag of [HAS_CONTENT_TYPE, HAS_CONTENT_ENCODING]) if (flags & flag) at += 1 + payload[at]!;
  const after = payload.subarray(at + 4 + payload.readUInt32BE(at));
  const changed = Buffer.concat([payload.subarray(0, at), INSTEAD, after]);
  const mark = bytes.subarray(BEFORE + payload.length, BEFORE + payload.length + AFTER);
  return Buffer.concat([bytes.subarray(0, 3), uint32(changed.length), changed, mark]);
}

function table(names: readonly string[], value: string): Buffer {
  const text = Buffer.from(value);
  const fields = names.flatMap((name) => [Buffer.from([name.length]), Buffer.from(`${name}S`), uint32(text.length), text]);
  const bytes = Buffer.concat(fields);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
