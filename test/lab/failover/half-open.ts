import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * A way to a server whose connections can die without a word, as when a cable is pulled or a firewall forgets: what is open then passes
 * nothing any more, in neither direction, not even its end; who connects anew gets through.
 */
export class HalfOpen implements AsyncDisposable {
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private readonly dead = new Set<readonly [Socket, Socket]>();
  private readonly server: Server = createServer((client) => this.join(client));

  private constructor(private readonly target: URL) {}

  static async open(target: string): Promise<HalfOpen> {
    const made = new HalfOpen(new URL(target));
    made.server.listen(0, '127.0.0.1');
    await once(made.server, 'listening');
    return made;
  }

  /** The target's URL by this way. */
  get url(): string {
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }

  /** Gives how many connections have died. */
  deaden(): number {
    const dying = [...this.pairs].filter((pair) => !this.dead.has(pair));
    for (const pair of dying) {
      this.dead.add(pair);
      for (const socket of pair) socket.pause();
    }
    return dying.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private join(client: Socket): void {
    const server = connect(Number(this.target.port), this.target.hostname);
    const pair = [client, server] as const;
    this.pairs.add(pair);
    for (const [from, to] of [pair, [server, client] as const]) {
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('data', (chunk) => this.dead.has(pair) || to.write(chunk));
      from.on('end', () => this.dead.has(pair) || to.end());
      from.on('close', () => this.closed(pair, from, to));
    }
  }

  /** The other side of a dead connection learns nothing of it. */
  private closed(pair: readonly [Socket, Socket], from: Socket, to: Socket): void {
    if (!this.dead.has(pair)) to.destroy();
    if (from.destroyed && to.destroyed) {
      this.pairs.delete(pair);
      this.dead.delete(pair);
    }
  }
}
