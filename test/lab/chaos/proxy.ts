import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { amqpConversation } from './amqp-conversation.js';
import { Flow, STRAIGHT, type Shape } from './flow.js';
import { postgresConversation } from './postgres-conversation.js';
import { Triggers, type Arming, type Trigger } from './triggers.js';

/** Both directions of a connection, behind whoever looks into its frames. */
export interface Ends {
  readonly toServer: Flow;
  readonly toClient: Flow;
}
/** Looks into the frames of one connection and passes on what shall pass. */
export interface Conversation {
  fromClient(chunk: Buffer): void;
  fromServer(chunk: Buffer): void;
}
export type Direction = 'both' | 'toServer' | 'toClient';

interface Pair extends Ends {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * Stands between a process and its PostgreSQL or RabbitMQ, on the loopback, and treats the connections badly on request. Owns the
 * connections that pass through it; knows the protocol as far as `Trigger` needs. Until something is asked of it, it only passes bytes.
 */
export class Proxy implements AsyncDisposable {
  readonly triggers = new Triggers();
  private readonly pairs = new Set<Pair>();
  private readonly shapes: { readonly toServer: Shape; readonly toClient: Shape } = {
    toServer: { ...STRAIGHT },
    toClient: { ...STRAIGHT },
  };
  private readonly server: Server = createServer((client) => this.join(client));
  private refuses = false;
  private bytesLeft = Infinity;

  private constructor(private readonly target: URL) {}

  /** `target` is a URL with a port; its scheme says which protocol is spoken. */
  static async open(target: string): Promise<Proxy> {
    const proxy = new Proxy(new URL(target));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  /** The target's URL by way of the proxy. */
  get url(): string {
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }
  get connections(): number {
    return this.pairs.size;
  }

  /** Connections whose client is gone and whose server does not know it. */
  get halfOpen(): number {
    return [...this.pairs].filter(({ client, server }) => client.destroyed && !server.destroyed).length;
  }

  /** Resets every connection. */
  cut(): void {
    for (const pair of this.pairs) this.reset(pair);
  }
  /** Resets every connection and lets no new one in until it is healed. */
  refuse(): void {
    this.refuses = true;
    this.cut();
  }
  /** Nothing passes in a direction, also on connections to come; nobody is told, not even of an end. */
  stall(direction: Direction): void {
    this.shape(direction, (shape) => (shape.isStalled = true));
  }
  delay(ms: number, direction: Direction = 'both'): void {
    this.shape(direction, (shape) => (shape.delayMs = ms));
  }
  throttle(bytesPerSecond: number, direction: Direction = 'both'): void {
    this.shape(direction, (shape) => (shape.bytesPerSecond = bytesPerSecond));
  }
  /** Passes so many more bytes from clients, then resets every connection, in the middle of whatever it is. */
  cutAfter(bytesToServer: number): void {
    this.bytesLeft = bytesToServer;
  }
  arm(trigger: Trigger, arming: Arming): void {
    this.triggers.arm(trigger, arming);
  }

  /** Straight again: what was held passes, what has ended behind a stall is told so. Triggers are disarmed. */
  heal(): void {
    this.refuses = false;
    this.bytesLeft = Infinity;
    this.triggers.disarm();
    for (const pair of this.pairs) if (pair.client.destroyed || pair.server.destroyed) this.reset(pair);
    this.shape('both', (shape) => Object.assign(shape, STRAIGHT));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private shape(direction: Direction, change: (shape: Shape) => void): void {
    for (const way of ['toServer', 'toClient'] as const) {
      if (direction !== 'both' && direction !== way) continue;
      change(this.shapes[way]);
      for (const pair of this.pairs) pair[way].changed();
    }
  }

  private join(client: Socket): void {
    if (this.refuses) {
      client.resetAndDestroy();
      return;
    }
    const isPostgres = this.target.protocol.startsWith('postgres');
    const server = connect(Number(this.target.port || (isPostgres ? 5432 : 5672)), this.target.hostname);
    const reset = () => this.reset(pair);
    const pair: Pair = {
      client,
      server,
      toServer: new Flow(client, server, this.shapes.toServer, reset),
      toClient: new Flow(server, client, this.shapes.toClient, reset),
    };
    this.pairs.add(pair);
    const conversation = (isPostgres ? postgresConversation : amqpConversation)(pair, this.triggers);
    for (const [socket, flow, way] of [
      [client, pair.toServer, 'toServer'],
      [server, pair.toClient, 'toClient'],
    ] as const) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('end', () => flow.end());
      socket.on('close', (hadError) => this.gone(pair, way, hadError));
    }
    client.on('data', (chunk) => {
      if (chunk.length <= this.bytesLeft) {
        this.bytesLeft -= chunk.length;
        conversation.fromClient(chunk);
      } else {
        const last = chunk.subarray(0, this.bytesLeft);
        this.bytesLeft = Infinity;
        conversation.fromClient(last);
        server.write(Buffer.alloc(0), () => this.cut());
      }
    });
    server.on('data', (chunk) => conversation.fromServer(chunk));
  }

  /** Behind a stall the other side learns nothing of an end: that is what half open means. */
  private gone(pair: Pair, way: 'toServer' | 'toClient', hadError: boolean): void {
    if (!this.pairs.has(pair) || this.shapes[way].isStalled) return;
    if (hadError) this.reset(pair);
    else if (pair.client.destroyed && pair.server.destroyed) this.part(pair);
    else pair[way].end();
  }

  private reset(pair: Pair): void {
    this.part(pair);
    pair.client.resetAndDestroy();
    pair.server.resetAndDestroy();
  }
  private part(pair: Pair): void {
    this.pairs.delete(pair);
    pair.toServer.close();
    pair.toClient.close();
  }
}
