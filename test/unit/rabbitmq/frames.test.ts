import { describe, expect, it } from '@jest/globals';
import type { ConfirmChannel } from 'amqplib';
import fc from 'fast-check';
import { createRequire } from 'node:module';
import { encodeReply } from '../../../src/core/codec-replies.js';
import { namesIn, type Headers } from '../../../src/core/wire.js';
import type { Outgoing } from '../../../src/ports/transport.js';
import { FrameWriter } from '../../../src/rabbitmq/frames.js';
import { bufferOf, writeProperties } from '../../../src/rabbitmq/properties.js';
import { senderOn } from '../../../src/rabbitmq/sender.js';

interface Connection {
  readonly sendMessage: (channel: number, method: number, fields: object, properties: number, given: object, content: Buffer) => boolean;
  readonly sendContent: (channel: number, body: Buffer) => boolean;
}
// The library does not export them, and these are what the product has to be equal to.
const inLibrary = createRequire(import.meta.url);
const { prototype } = (inLibrary('../../../node_modules/amqplib/lib/connection.js') as { Connection: { prototype: Connection } })
  .Connection;
const { BasicPublish, BasicProperties } = inLibrary('../../../node_modules/amqplib/lib/defs.js') as Record<string, number>;

/** A connection with one channel, of which only sending works. */
function connectionOf(channel: number) {
  const chunks: Buffer[] = [];
  const channels: ({ buffer: { write(chunk: Buffer): boolean } } | null)[] = [];
  channels[channel] = { buffer: { write: (chunk) => chunks.push(chunk) < 3 } };
  const { sendMessage, sendContent } = prototype;
  return { channels, frameMax: 131_072, sentSinceLastCheck: false, sendMessage, sendContent, chunks };
}

function byTheLibrary(channel: number, { exchange, routingKey, message }: Outgoing): Buffer {
  const connection = connectionOf(channel);
  const fields = { exchange, routingKey, mandatory: true, immediate: false, persistent: true, deliveryMode: 2 };
  writeProperties(message, fields);
  connection.sendMessage(channel, BasicPublish!, fields, BasicProperties!, fields, bufferOf(message.body));
  return Buffer.concat(connection.chunks);
}

const ascii = (maxLength: number) => fc.string({ unit: 'binary-ascii', maxLength });
const anyText = (maxLength: number) =>
  fc.oneof({ weight: 9, arbitrary: ascii(maxLength) }, { weight: 1, arbitrary: fc.string({ maxLength }) });
const number = fc.oneof(
  fc.integer({ min: -200, max: 200 }),
  fc.integer({ min: -40_000, max: 40_000 }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(-0x80, 0x7f, 0x80, -0x8000, 0x7fff, 0x8000, -0x8000_0000, 0x7fff_ffff, 0x8000_0000, 2 ** 53, -0, 0.5),
);
const headers = fc.dictionary(ascii(30), fc.oneof(anyText(300), number), { maxKeys: 12, noNullPrototype: true }) as fc.Arbitrary<Headers>;
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
const anyMessage: fc.Arbitrary<Outgoing> = fc.record({
  exchange: anyText(60),
  routingKey: anyText(200),
  message: fc.record({
    messageId: anyText(200),
    correlationId: anyText(200),
    type: anyText(100),
    replyTo: maybe(anyText(100)),
    contentType: anyText(60),
    timestamp: maybe(fc.oneof(fc.maxSafeNat(), fc.constant(-1))),
    appId: maybe(anyText(60)),
    expirationMs: maybe(fc.oneof(fc.nat(), fc.constantFrom(0.5, 2 ** 40, -3))),
    headers,
    body: fc.uint8Array({ maxLength: 2_100 }),
  }),
});

const usual = encodeReply({ commandId: 'c-1', outcome: 'success', attempt: 2, body: '{"a":1}' }, namesIn('backstep'), {
  appId: 'me',
  now: 1_800_000_000_000,
});
const withHeaders = (more: Headers): Outgoing => ({ ...usual, message: { ...usual.message, headers: more } });

describe('frames of a message', () => {
  it('are byte for byte what the library writes, or left to it', () => {
    let written = 0;
    let left = 0;
    fc.assert(
      fc.property(anyMessage, fc.integer({ min: 1, max: 2_047 }), (out, channel) => {
        const frames = new FrameWriter(channel).publish(out);
        if (frames) written += 1;
        else left += 1;
        if (frames) expect(frames.equals(byTheLibrary(channel, out))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
    expect(Math.min(written, left)).toBeGreaterThan(50);
  });

  it('are written for what the product sends, one after the other', () => {
    const writer = new FrameWriter(3);
    const long = { ...usual, message: { ...usual.message, body: Buffer.alloc(2_048, 'x') } };
    const empty = { ...usual, message: { ...usual.message, body: Buffer.alloc(0) } };
    const all = [usual, withHeaders({ first: 'é' }), long, withHeaders({ 'saga-first-sent': 1_800_000_000_000, at: -5 }), empty];
    const written = all.map((out) => writer.publish(out));
    expect(written[1]).toBeUndefined();
    for (const [at, out] of all.entries()) if (at !== 1) expect(written[at]).toEqual(byTheLibrary(3, out));
  });

  it.each([
    ['text that is not ASCII', withHeaders({ name: 'Müller' })],
    ['a number that is not whole', withHeaders({ part: 0.5 })],
    ['a number that JavaScript itself does not hold', withHeaders({ large: 2 ** 60 })],
    ['headers without end', withHeaders({ name: 'x'.repeat(20_000) })],
    ['very many headers', withHeaders(Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`header-${at}`, at])))],
    ['a short text that is not short', { ...usual, routingKey: 'k'.repeat(256) }],
    ['a long body', { ...usual, message: { ...usual.message, body: Buffer.alloc(2_049) } }],
  ])('are left to it: %s', (_, out) => {
    expect(new FrameWriter(1).publish(out)).toBeUndefined();
  });
});

describe('a sender on a channel of the library', () => {
  const channelOn = (connection: ReturnType<typeof connectionOf>) => {
    const given: unknown[] = [];
    const confirms: unknown[] = [];
    const channel = {
      ch: 5,
      connection,
      sendMessage: (...all: unknown[]) => given.push(all) > 0,
      pushConfirmCallback: (confirmed: unknown) => confirms.push(confirmed),
    };
    return { channel, given, confirms, send: senderOn(channel as unknown as ConfirmChannel) };
  };
  const confirmed = () => {};

  it('writes the frames into its buffer, and says when that is full', () => {
    const connection = connectionOf(5);
    const { given, confirms, send } = channelOn(connection);
    expect([send(usual, confirmed), send(usual, confirmed), send(usual, confirmed)]).toEqual([true, true, false]);
    expect(Buffer.concat(connection.chunks)).toEqual(Buffer.concat([1, 2, 3].map(() => byTheLibrary(5, usual))));
    expect(connection.sentSinceLastCheck).toBe(true);
    expect([given, confirms]).toEqual([[], [confirmed, confirmed, confirmed]]);
  });

  it.each(['channel', 'connection'] as const)('lets the library refuse what is sent on a %s that is closing', (which) => {
    const connection = connectionOf(5);
    const { channel, send } = channelOn(connection);
    send(usual, confirmed);
    const refuse = () => {
      throw new Error('it is closing');
    };
    if (which === 'connection') connection.sendMessage = refuse;
    channel.sendMessage = refuse;
    expect(() => send(usual, confirmed)).toThrow('it is closing');
    expect(connection.chunks).toHaveLength(1);
  });

  it('lets the library send what is rare', () => {
    const connection = connectionOf(5);
    const { given, confirms, send } = channelOn(connection);
    send(withHeaders({ name: 'Müller' }), confirmed);
    expect([connection.chunks, given.length, confirms]).toEqual([[], 1, [confirmed]]);
  });
});
