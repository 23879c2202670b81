import type { ConfirmChannel, Options } from 'amqplib';
import type { Outgoing } from '../ports/transport.js';
import { FrameWriter } from './frames.js';
import { bufferOf, writeProperties } from './properties.js';

/** Hands a message to the client library; false: it is to be given no more for now. Throws what the library throws. */
export type Send = (out: Outgoing, confirmed: (error: unknown) => void) => boolean;

/** What the client library's `publish` comes down to. */
interface Channel {
  readonly sendMessage: (method: object, properties: object, content: Buffer) => boolean;
  pushConfirmCallback(confirmed: (error: unknown) => void): void;
  readonly ch?: number;
  readonly connection?: Connection;
}
interface Connection {
  readonly sendMessage: (...all: unknown[]) => boolean;
  sentSinceLastCheck: boolean;
  readonly channels: readonly ({ readonly buffer: { write(frames: Buffer): boolean } } | null)[];
}
/** The arguments of the method and the properties of a message, as the library wants them: it picks out of one object what it needs. */
type Fields = Options.Publish & { exchange: string; routingKey: string };

/**
 * The client library's `publish` makes the headers of every message the prototype of another object, which is dear: the engine takes a
 * prototype apart, and whoever reads the headers afterwards, and then theirs of other messages, reads them slowly. So this does what
 * `publish` does, with the headers as they are. One object serves for all messages, since the library reads it before it returns.
 */
export function senderOn(channel: ConfirmChannel): Send {
  const fields: Fields = { exchange: '', routingKey: '', mandatory: true, immediate: false, persistent: true, deliveryMode: 2 } as Fields;
  const inner = channel as unknown as Partial<Channel>;
  // Not part of the library's types: without it everything works, only slower.
  if (typeof inner.sendMessage !== 'function' || typeof inner.pushConfirmCallback !== 'function')
    return ({ exchange, routingKey, message }, confirmed) => {
      writeProperties(message, fields);
      return channel.publish(exchange, routingKey, bufferOf(message.body), fields, confirmed);
    };
  const open = inner as Channel;
  const direct = directOn(open);
  return (out, confirmed) => {
    let takesMore = direct?.(out);
    if (takesMore === undefined) {
      const { exchange, routingKey, message } = out;
      writeProperties(message, fields);
      fields.exchange = exchange;
      fields.routingKey = routingKey;
      takesMore = open.sendMessage(fields, fields, bufferOf(message.body));
    }
    open.pushConfirmCallback(confirmed);
    return takesMore;
  };
}

/**
 * Writes the frames of a message where the library would. `undefined` of a message: the library has to, also since it refuses whatever is sent on a
 * channel or connection that is closing.
 */
function directOn(channel: Channel): ((out: Outgoing) => boolean | undefined) | undefined {
  const { ch, connection, sendMessage } = channel;
  if (ch === undefined || !connection?.channels) return undefined;
  const sendOnConnection = connection.sendMessage;
  const writer = new FrameWriter(ch);
  return (out) => {
    const to = connection.channels[ch];
    // On closing the library puts others in the place of both.
    if (!to || channel.sendMessage !== sendMessage || connection.sendMessage !== sendOnConnection) return undefined;
    const frames = writer.publish(out);
    if (!frames) return undefined;
    connection.sentSinceLastCheck = true;
    return to.buffer.write(frames);
  };
}
