import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { SagaError } from '../core/errors.js';

/** A listening HTTP server. */
export interface HttpServer {
  /** Without a slash at the end, e.g. `http://127.0.0.1:7420`. */
  readonly url: string;
  /** Takes no further connections, answers what is under way for at most `graceMs`, then cuts what is left. */
  stop(graceMs: number): Promise<void>;
}
export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Connections open at once (default 2,000), half of them for one address; and how long a client may take for its headers (default 10 s). */
  readonly limits?: { readonly connections?: number; readonly headersMs?: number };
  /**
   * The process has nothing else to do: its global `Request` and `Response` are replaced, for good, by ones that are made in full only when
   * somebody looks at them, which spares a start over HTTP a sixth of its CPU. Default false, since globals are not ours.
   */
  readonly isOwnProcess?: boolean;
  /** How host and port are chosen, for whoever has to choose others. */
  readonly chosenBy?: { readonly host: string; readonly port: string };
}

/** `env` tells of the connection. */
export type Answer = (request: Request, env?: unknown) => Response | Promise<Response>;

const CHOSEN_BY = { host: '--host', port: '--port or BACKSTEP_HTTP_PORT' } as const;

/** Listens, or throws SAGA_CONFIG_INVALID saying why that is not possible. */
export async function openServer(fetch: Answer, options: ListenOptions): Promise<HttpServer> {
  const { connections = CONNECTIONS, headersMs = HEADERS_MS } = options.limits ?? {};
  const server = createAdaptorServer({
    fetch,
    overrideGlobalObjects: options.isOwnProcess ?? false,
    // A client that trickles its request must not hold a connection for long.
    serverOptions: {
      headersTimeout: headersMs,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: 15_000,
      connectionsCheckingInterval: Math.ceil(headersMs / 2),
    },
  }) as Server;
  server.maxConnections = connections;
  limitConnections(server, connections / 2);
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return { url: `http://${host}:${port}`, stop: (graceMs) => stop(server, graceMs) };
}

/** Throws as `openServer` would, before anything slow or lasting has been begun. */
export async function assertCanListen(options: ListenOptions): Promise<void> {
  const server = createServer();
  await listen(server, options);
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

const CONNECTIONS = 2_000;
const HEADERS_MS = 10_000;
const REQUEST_MS = 60_000;

/** One client cannot take them all. */
function limitConnections(server: Server, ofOneAddress: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
    if (count > ofOneAddress) socket.destroy();
  });
}

function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) =>
      reject(new SagaError('SAGA_CONFIG_INVALID', whyNot(error, options), [], { cause: error }));
    server.once('error', refuse);
    server.listen(options.port, options.host, () => {
      server.off('error', refuse);
      resolve();
    });
  });
}

function whyNot(error: NodeJS.ErrnoException, { host, port, chosenBy = CHOSEN_BY }: ListenOptions): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use; stop what listens there, or choose another with ${chosenBy.port}`;
    case 'EACCES':
      return `this user may not listen on port ${port}; choose one above 1023 with ${chosenBy.port}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine; choose another with ${chosenBy.host}`;
    default:
      return `cannot listen on ${host}:${port}: ${error.message}`;
  }
}

const IDLE_CHECK_MS = 25;

async function stop(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // A connection that was busy at first is kept alive by its client after its answer.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
}
