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
  /** How host and port are chosen, for whoever has to choose others. */
  readonly chosenBy?: { readonly host: string; readonly port: string };
}

const CHOSEN_BY = { host: '--host', port: '--port or BACKSTEP_HTTP_PORT' } as const;

/** Listens, or throws SAGA_CONFIG_INVALID saying why that is not possible. `env` has the connection's own objects, `incoming` and `outgoing`. */
export async function openServer(
  fetch: (request: Request, env: object) => Response | Promise<Response>,
  options: ListenOptions,
): Promise<HttpServer> {
  const server = createAdaptorServer({
    fetch,
    overrideGlobalObjects: false,
    // A client that trickles its request must not hold a connection for long.
    serverOptions: { headersTimeout: 10_000, requestTimeout: 60_000, keepAliveTimeout: 15_000, connectionsCheckingInterval: 5_000 },
  }) as Server;
  server.maxConnections = 2_000;
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
