import amqp, { type ConfirmChannel } from 'amqplib';

/** A message as bytes, for what no client library would write. */
export interface RawMessage {
  /** The inside of the header table. */
  readonly headers?: Buffer;
  readonly contentType?: string;
  readonly correlationId?: Buffer | string;
  readonly messageId?: Buffer | string;
  readonly type?: Buffer | string;
  readonly body: Buffer;
}

/** Publishes into queues, by way of the client library or by hand. */
export class RawPublisher {
  private constructor(
    private readonly connection: amqp.ChannelModel,
    readonly channel: ConfirmChannel,
  ) {}

  static async open(url: string): Promise<RawPublisher> {
    const connection = await amqp.connect(url);
    return new RawPublisher(connection, await connection.createConfirmChannel());
  }

  /** Resolves when the broker has taken it. */
  async send(queue: string, body: Buffer, properties: amqp.Options.Publish = {}): Promise<void> {
    this.channel.sendToQueue(queue, body, properties);
    await this.channel.waitForConfirms();
  }

  /** On a connection of its own; resolves when the broker has taken it. */
  static async sendRaw(url: string, queue: string, message: RawMessage): Promise<void> {
    const connection = await amqp.connect(url);
    const channel = await connection.createChannel();
    const inside = connection.connection as unknown as { readonly stream: { write(bytes: Buffer): void } };
    const { ch } = channel as unknown as { readonly ch: number };
    inside.stream.write(framesOf(ch, queue, message));
    // What was written before the channel's good-bye is handled before it.
    await channel.close();
    await connection.close();
  }

  async waiting(queue: string): Promise<number> {
    return (await this.channel.checkQueue(queue)).messageCount;
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}

/** The inside of a header table with tables in tables, so many levels deep. */
export function nestedTables(levels: number): Buffer {
  return Buffer.concat(
    Array.from({ length: levels }, (_, level) => Buffer.concat([Buffer.from('\u0001aF'), uint(4, (levels - 1 - level) * 7)])),
  );
}

const [METHOD, HEADER, BODY] = [1, 2, 3];
const BASIC = 60;
const PUBLISH = 40;

function framesOf(channel: number, queue: string, { headers, contentType, correlationId, messageId, type, body }: RawMessage): Buffer {
  const properties: readonly (readonly [bit: number, value: Buffer | undefined])[] = [
    [15, shortText(contentType)],
    [13, headers && Buffer.concat([uint(4, headers.length), headers])],
    [10, shortText(correlationId)],
    [7, shortText(messageId)],
    [5, shortText(type)],
  ];
  const given = properties.filter(([, value]) => value !== undefined);
  const flags = given.reduce((sum, [bit]) => sum + 2 ** bit, 0);
  const frame = (kind: number, payload: Buffer) =>
    Buffer.concat([uint(1, kind), uint(2, channel), uint(4, payload.length), payload, uint(1, 0xce)]);
  const publish = Buffer.concat([uint(2, BASIC), uint(2, PUBLISH), uint(2, 0), shortText('')!, shortText(queue)!, uint(1, 0)]);
  const header = Buffer.concat([
    uint(2, BASIC),
    uint(2, 0),
    uint(4, 0),
    uint(4, body.length),
    uint(2, flags),
    ...given.map(([, value]) => value!),
  ]);
  return Buffer.concat([frame(METHOD, publish), frame(HEADER, header), frame(BODY, body)]);
}

function shortText(text: Buffer | string | undefined): Buffer | undefined {
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text);
  return Buffer.concat([uint(1, bytes.length), bytes]);
}

function uint(bytes: 1 | 2 | 4, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}
