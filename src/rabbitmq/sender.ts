import type { ConfirmChannel, Options } from 'amqplib';
import type { Outgoing } from '../ports/transport.js';
import { bufferOf, writeProperties } from './properties.js';

/** Hands a message to the client library; false: it is to be given no more for now. Throws what the library throws. */
export type Send = (out: Outgoing, confirmed: (error: unknown) => void) => boolean;

/** What the client library's `publish` comes down to. */
interface Channel {
  sendMessage(method: object, properties: object, content: Buffer): boolean;
  pushConfirmCallback(confirmed: (error: unknown) => void): void;
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
  return ({ exchange, routingKey, message }, confirmed) => {
    writeProperties(message, fields);
    fields.exchange = exchange;
    fields.routingKey = routingKey;
    const takesMore = open.sendMessage(fields, fields, bufferOf(message.body));
    open.pushConfirmCallback(confirmed);
    return takesMore;
  };
}
