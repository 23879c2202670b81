// PostgreSQL and RabbitMQ of one's own, from the binaries on this machine: free ports on the loopback, a temporary folder, and nothing
// left behind. Data survives `kill` and `stop`, not `dispose`.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { amqpAnswers, postgresAnswers } from './probes.mjs';
import { SupervisedServer, temporaryFolder } from './supervised.mjs';

/**
 * A server that a test may treat badly.
 * @typedef {object} PrivateServer
 * @property {string} url the same through every restart
 * @property {string} how where it comes from, for people
 * @property {() => Promise<void>} start resolves when it serves
 * @property {() => Promise<void>} stop an orderly stop
 * @property {() => Promise<void>} kill `kill -9` of every process of it
 * @property {() => Promise<void>} pause connections stay open, nothing answers
 * @property {() => Promise<void>} resume
 * @property {() => Promise<void>} dispose
 */

/** @typedef {PrivateServer & { ctl(...args: string[]): Promise<string> }} PrivateRabbit `ctl` runs rabbitmqctl against this broker */
/** @typedef {PrivateRabbit & { node: string, wipe(): Promise<void> }} PrivateRabbitNode `wipe` removes all that it holds, while it is down */

/** Below what Linux (32768), macOS and Windows (49152) give to outgoing connections, above what services usually have. */
const PORTS = { from: 12_000, to: 32_000 };

/**
 * Ports that stay free for a server which is killed and started again. Not such as the system gives away: while the server is down, somebody's
 * connection may be given its port, and a client that tries to reach it may even be connected to itself.
 * @param {number} count @returns {Promise<number[]>}
 */
export async function freePorts(count) {
  /** @type {import('node:net').Server[]} */
  const held = [];
  /** @type {number[]} */
  const ports = [];
  while (ports.length < count) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    const server = createServer();
    if (!(await listens(server, port))) continue;
    held.push(server);
    ports.push(port);
  }
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** @param {import('node:net').Server} server @param {number} port @returns {Promise<boolean>} */
function listens(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', (/** @type {NodeJS.ErrnoException} */ error) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
}

/** The folder with `initdb` and `postgres`, newest version first. */
export function postgresBinaries() {
  const versioned = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt', '/usr/pgsql'].flatMap((base) =>
    entriesOf(base)
      .filter((name) => /^(postgresql@?)?[\d.]*$/.test(name))
      .sort((a, b) => parseFloat(b.replace(/\D+/, '')) - parseFloat(a.replace(/\D+/, '')))
      .map((name) => join(base, name, 'bin')),
  );
  return [...versioned, ...pathFolders()].find((bin) => existsSync(join(bin, 'initdb')) && existsSync(join(bin, 'postgres')));
}

/** The server's own start script. Debian's `/usr/sbin/rabbitmq-server` is none: it changes user and folder. */
export function rabbitBinary() {
  const folders = ['/usr/lib/rabbitmq/bin', '/opt/homebrew/opt/rabbitmq/sbin', '/usr/local/opt/rabbitmq/sbin', ...pathFolders()];
  const script = folders.map((folder) => join(folder, 'rabbitmq-server')).find((path) => existsSync(path));
  return script && entriesOf(dirname(script)).includes('rabbitmqctl') ? script : undefined;
}

/** @param {{ settings?: Record<string, string> | undefined }} [options] `settings` go on the server's command line @returns {Promise<PrivateServer>} */
export async function startPrivatePostgres({ settings = {} } = {}) {
  const bin = postgresBinaries();
  if (!bin) throw new Error('no PostgreSQL binaries on this machine');
  return firstThatServes(async () => {
    const account = unprivilegedAccount();
    const dir = temporaryFolder('backstep-postgres', account);
    const [port] = await freePorts(1);
    const options = {
      port: `${port}`,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: '200',
      fsync: 'off', // a killed process loses nothing by it, only a machine without power would
      full_page_writes: 'off',
      ...settings,
    };
    const script = `[ -s "$PGDATA/PG_VERSION" ] || "$BIN/initdb" -A trust -U postgres -E UTF8 --locale=C --no-sync && exec "$BIN/postgres" "$@"`;
    const flags = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = new SupervisedServer({
      dir,
      command: ['sh', '-c', script, 'postgres', ...flags],
      env: { BIN: bin, PGDATA: join(dir, 'data'), HOME: dir, LC_ALL: 'C' },
      account,
      lastSignal: 'QUIT',
    });
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    return controls(server, { url, how: `private, from ${bin}`, answers: () => postgresAnswers(url), stopSignal: 'SIGINT' });
  });
}

/**
 * RabbitMQ 3.10 loses a quorum queue that was declared less than about a second before `kill`: it is listed, and whoever asks it waits.
 * @param {{ config?: string | undefined, password?: string | undefined }} [options] `config`: more lines of rabbitmq.conf; `password`: of `guest`, also after a wipe
 * @returns {Promise<PrivateRabbitNode>}
 */
export async function startPrivateRabbit({ config, password } = {}) {
  const script = rabbitBinary();
  if (!script) throw new Error('no RabbitMQ binaries on this machine');
  return firstThatServes(async () => {
    const dir = temporaryFolder('backstep-rabbitmq');
    const [port, distPort, epmdPort] = /** @type {[number, number, number]} */ (await freePorts(3));
    return rabbitNode({ script, dir, port, distPort, epmdPort, cookie: newCookie(), config, password });
  });
}

export const newCookie = () => `BACKSTEP${Math.random().toString(36).slice(2)}`;

/**
 * One node, not started yet. Those of a cluster share the port of epmd and the cookie, and find each other by `peers` (names of nodes).
 * @param {{ script: string, dir: string, port: number, distPort: number, epmdPort: number, cookie: string, peers?: string[], erlang?: string, config?: string | undefined, password?: string | undefined }} options
 * @returns {PrivateRabbitNode}
 */
export function rabbitNode({ script, dir, port, distPort, epmdPort, cookie, peers = [], erlang = '', config = '', password = 'guest' }) {
  const node = `backstep${port}@localhost`;
  const discovery =
    peers.length === 0
      ? ''
      : [
          'cluster_formation.peer_discovery_backend = classic_config',
          ...peers.map((peer, i) => `cluster_formation.classic_config.nodes.${i + 1} = ${peer}`),
          '',
        ].join('\n');
  writeFileSync(join(dir, '.erlang.cookie'), cookie, { mode: 0o400 });
  writeFileSync(
    join(dir, 'rabbitmq.conf'),
    `listeners.tcp.1 = 127.0.0.1:${port}\ndisk_free_limit.absolute = 50MB\n${password === 'guest' ? '' : `default_pass = ${password}\n`}${discovery}${config}`,
  );
  writeFileSync(join(dir, 'enabled_plugins'), '[].\n');
  const env = {
    HOME: dir,
    RABBITMQ_NODENAME: node,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: `${port}`,
    RABBITMQ_DIST_PORT: `${distPort}`,
    ERL_EPMD_PORT: `${epmdPort}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-kernel inet_dist_use_interface {127,0,0,1} ${erlang}`.trimEnd(),
    RABBITMQ_MNESIA_BASE: join(dir, 'data'),
    RABBITMQ_LOG_BASE: join(dir, 'logs'),
    RABBITMQ_CONFIG_FILE: join(dir, 'rabbitmq'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null', // not /etc/rabbitmq's
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(dir, 'config'),
    RABBITMQ_PID_FILE: join(dir, 'rabbit.pid'),
    RUNNING_UNDER_SYSTEMD: 'true', // the script then becomes the Erlang machine instead of staying between it and our signals
  };
  // epmd turns into a daemon of its own, and refuses to end while the node's death has not reached it.
  const endEpmd = 'for try in 1 2 3 4 5; do epmd -port "$ERL_EPMD_PORT" -kill && break; sleep 0.2; done >/dev/null 2>&1';
  const server = new SupervisedServer({ dir, command: [script], env, lastSignal: 'KILL', afterwards: endEpmd });
  const url = `amqp://guest:${password}@127.0.0.1:${port}`;
  const how = `private, from ${script}`;
  const rabbit = controls(server, { url, how, answers: () => amqpAnswers(url), stopSignal: 'SIGTERM' });
  const ctl = async (/** @type {string[]} */ ...args) => {
    const { stdout } = await promisify(execFile)(join(dirname(script), 'rabbitmqctl'), args, {
      env: { ...process.env, ...env },
      cwd: '/',
    });
    return stdout;
  };
  const wipe = async () => {
    if (server.isRunning) throw new Error('a broker that runs cannot be wiped: kill or stop it first');
    rmSync(join(dir, 'data'), { recursive: true, force: true });
  };
  return { ...rabbit, ctl, wipe, node };
}

/**
 * Somebody may take a free port before the server does: then other ones are tried.
 * @template {PrivateServer} T
 * @param {() => Promise<T>} make
 */
export async function firstThatServes(make) {
  for (let attempt = 1; ; attempt++) {
    const server = await make();
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.dispose();
      if (attempt === 3) throw error;
    }
  }
}

/**
 * @param {SupervisedServer} server
 * @param {{ url: string, how: string, answers: () => Promise<boolean>, stopSignal: NodeJS.Signals }} options
 * @returns {PrivateServer}
 */
export function controls(server, { url, how, answers, stopSignal }) {
  return {
    url,
    how,
    async start() {
      await server.start();
      const giveUpAt = performance.now() + 60_000;
      while (!(await answers())) {
        const problem = !server.isRunning
          ? 'ended while it started'
          : performance.now() > giveUpAt
            ? 'does not serve after 60 s'
            : undefined;
        if (problem) throw new Error(`the server for ${url} ${problem}; its log ends with:\n${server.logTail}`);
        await delay(50);
      }
    },
    stop: () => server.end(stopSignal),
    kill: () => server.kill(),
    pause: async () => server.signalAll('SIGSTOP'),
    resume: async () => server.signalAll('SIGCONT'),
    dispose: () => server.dispose(),
  };
}

/** PostgreSQL refuses to run as root; root lends it another account. */
export function unprivilegedAccount() {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const number = (/** @type {string} */ flag) =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: number('-u'), gid: number('-g') };
    } catch {
      continue; // no such account
    }
  }
  return undefined;
}

const pathFolders = () => (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);

/** @param {string} folder */
function entriesOf(folder) {
  return existsSync(folder) ? readdirSync(folder) : [];
}
