// A network of its own for a program that must not reach the internet: nothing but a loopback. PostgreSQL stays reachable, since sockets of
// the file system do not care about networks: whatever the program opens to PostgreSQL's port is led to such a socket by a hook in Node.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { POSTGRES_URL, query } from './servers.mjs';

const HOOK = fileURLToPath(new URL('./postgres-by-file.mjs', import.meta.url));
const INNER = 'ip link set lo up && exec "$@"';

/** The words before a command that give it a network of its own; throws where this user or machine cannot. */
export function networkOfItsOwn() {
  for (const flags of [['-n'], ['-r', '-n']]) {
    const words = ['unshare', ...flags, 'sh', '-c', INNER, 'sh'];
    try {
      execFileSync(words[0], [...words.slice(1), 'true'], { stdio: 'ignore' });
      return words;
    } catch {
      // Not allowed, or no such program: the next way.
    }
  }
  throw new Error(
    'Restate needs a network of its own, since its server asks the internet for its version, and this machine gives none: ' +
      'it takes root (or user namespaces) and the commands unshare and ip. Leave it out with --only, or run as root',
  );
}

/** Environment for a Node program in such a network whose PostgreSQL is the one outside; `close` when it has ended. */
export async function postgresWithin() {
  const { hostname, port } = new URL(POSTGRES_URL);
  const number = Number(port || 5432);
  const own = await socketOf(number);
  const bridge = own ? undefined : await openBridge(hostname, number);
  return {
    env: {
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${HOOK}`.trim(),
      BACKSTEP_BENCH_POSTGRES_PORT: String(number),
      BACKSTEP_BENCH_POSTGRES_SOCKET: own ?? bridge.socket,
    },
    close: () => bridge?.close(),
  };
}

/** The server's own socket, where this user may use it without a password; that costs nothing. */
async function socketOf(port) {
  const { rows } = await query(POSTGRES_URL, 'show unix_socket_directories');
  for (const folder of rows[0].unix_socket_directories.split(',').map((each) => each.trim())) {
    const socket = path.join(folder, `.s.PGSQL.${port}`);
    const client = new pg.Client({
      host: folder,
      port,
      user: new URL(POSTGRES_URL).username || os.userInfo().username,
      database: 'postgres',
    });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('select 1');
      return socket;
    } catch {
      // Not on this machine, or not for this user.
    } finally {
      await client.end().catch(() => {});
    }
  }
  return undefined;
}
/** A socket that passes everything on over TCP; costs some CPU, which counts as that of others. */
async function openBridge(host, port) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backstep-bench-'));
  const socket = path.join(folder, 'postgres');
  const server = net.createServer((inside) => {
    const outside = net.connect({ host, port, noDelay: true });
    inside.pipe(outside).pipe(inside);
    for (const [one, other] of [
      [inside, outside],
      [outside, inside],
    ])
      one.on('error', () => other.destroy());
  });
  await new Promise((resolve) => server.listen(socket, resolve));
  return {
    socket,
    close: () => {
      server.close();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}
