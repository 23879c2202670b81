import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { closeAtEnd } from './closing.js';

export interface TcpProxy {
  /** The target's URL by way of the proxy. */
  readonly url: string;
  /** Resets every connection. */
  cut(): void;
  /** Resets every connection and lets no new one in until {@link accept}. */
  refuse(): void;
  accept(): void;
  /** Stops passing bytes in a direction, for connections that are open and that will be; nobody is told. */
  stall(direction: 'both' | 'fromServer' | 'toServer'): void;
  /** Passes on what was held and all that comes. */
  resume(): void;
  /** Passes so many more bytes from clients, then resets the connections in the middle of whatever it is. */
  cutAfter(bytesToServer: number): void;
  /** Passes so many bytes a second in each direction of each connection, and reads no faster; `Infinity`: as they come. */
  throttle(bytesPerSecond: number): void;
  /** Connections that are open. */
  readonly connections: number;
  close(): Promise<void>;
}

/** A proxy on the loopback between a client and the server in `target`; closed at the end of the test file. */
export async function tcpProxy(target: string): Promise<TcpProxy> {
  const proxy = new Proxying(new URL(target));
  await proxy.listen();
  closeAtEnd(async () => proxy.close());
  return proxy;
}

class Proxying implements TcpProxy {
  private readonly server: Server;
  private readonly pairs = new Set<readonly [client: Socket, server: Socket]>();
  private refusing = false;
  private stalled = { fromServer: false, toServer: false };
  private bytesLeft = Infinity;
  private bytesPerSecond = Infinity;

  constructor(private readonly target: URL) {
    this.server = createServer((client) => this.join(client));
  }

  get url(): string {
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }
  get connections(): number {
    return this.pairs.size;
  }

  async listen(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  cut(): void {
    for (const [client, server] of this.pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }
  refuse(): void {
    this.refusing = true;
    this.cut();
  }
  accept(): void {
    this.refusing = false;
  }
  stall(direction: 'both' | 'fromServer' | 'toServer'): void {
    if (direction !== 'toServer') this.stalled.fromServer = true;
    if (direction !== 'fromServer') this.stalled.toServer = true;
    this.applyStall();
  }
  resume(): void {
    this.stalled = { fromServer: false, toServer: false };
    for (const pair of this.pairs) if (pair.some((socket) => socket.destroyed)) this.part(pair);
    this.applyStall();
  }
  cutAfter(bytesToServer: number): void {
    this.bytesLeft = bytesToServer;
  }
  throttle(bytesPerSecond: number): void {
    this.bytesPerSecond = bytesPerSecond;
  }
  async close(): Promise<void> {
    this.refuse();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private join(client: Socket): void {
    if (this.refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(Number(this.target.port || 5672), this.target.hostname);
    const pair = [client, server] as const;
    this.pairs.add(pair);
    for (const [from, to] of [pair, [server, client] as const]) {
      from.setNoDelay(true);
      from.on('error', () => {});
      // What is stalled does not pass an end either: the other side learns nothing.
      from.on('close', () => this.isStalled(from === client) || this.part(pair));
      from.on('data', (chunk) => {
        this.pass(from === client, chunk, to);
        this.rest(from, chunk.length, from === client);
      });
      from.on('end', () => this.isStalled(from === client) || to.end());
    }
    this.applyStall();
  }

  private isStalled(toServer: boolean): boolean {
    return toServer ? this.stalled.toServer : this.stalled.fromServer;
  }

  /** What was passed has to have taken its time before more is read. */
  private rest(from: Socket, bytes: number, isToServer: boolean): void {
    if (this.bytesPerSecond === Infinity) return;
    from.pause();
    setTimeout(() => this.isStalled(isToServer) || from.resume(), (bytes / this.bytesPerSecond) * 1_000);
  }

  private part(pair: readonly [client: Socket, server: Socket]): void {
    this.pairs.delete(pair);
    for (const socket of pair) socket.destroy();
  }

  private pass(isToServer: boolean, chunk: Buffer, to: Socket): void {
    if (!isToServer) to.write(chunk);
    else if (chunk.length <= this.bytesLeft) {
      this.bytesLeft -= chunk.length;
      to.write(chunk);
    } else {
      to.write(chunk.subarray(0, this.bytesLeft), () => this.cut());
      this.bytesLeft = Infinity;
    }
  }

  /** A paused socket keeps what has come for when it is resumed. */
  private applyStall(): void {
    for (const [client, server] of this.pairs) {
      if (this.stalled.toServer) client.pause();
      else client.resume();
      if (this.stalled.fromServer) server.pause();
      else server.resume();
    }
  }
}
