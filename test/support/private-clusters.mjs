// Several private servers that stand in for each other: PostgreSQL with a standby, RabbitMQ of three nodes. Everything on the loopback, on
// free ports, gone with this process.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import {
  controls,
  firstThatServes,
  freePorts,
  newCookie,
  postgresBinaries,
  rabbitBinary,
  rabbitNode,
  unprivilegedAccount,
} from './private-servers.mjs';
import { postgresAnswers } from './probes.mjs';
import { SupervisedServer, temporaryFolder } from './supervised.mjs';

/** @typedef {import('./private-servers.mjs').PrivateServer} PrivateServer */
/** @typedef {import('./private-servers.mjs').PrivateRabbitNode} PrivateRabbitNode */

/**
 * Two PostgreSQL servers, the second of which follows the first.
 * @typedef {object} PostgresPair
 * @property {PrivateServer} primary
 * @property {PrivateServer} standby
 * @property {string} url both, with a comma between them
 * @property {() => Promise<string | undefined>} syncState of the standby, as the primary sees it: `sync`, `async`; `undefined` when nobody follows
 * @property {() => Promise<void>} unfollow the standby receives nothing more, and the primary knows it
 * @property {() => Promise<number>} lagBytes what the primary has written and the standby has not received
 * @property {() => Promise<void>} promote resolves when the standby takes writes
 * @property {() => Promise<void>} makeReadOnly the primary goes on serving those who are connected, but takes no new writing transaction
 * @property {() => Promise<void>} dispose
 */

/**
 * A primary and its standby. `synchronous`: a commit is answered when the standby has it on disk, and waits for ever where there is no
 * standby. Both keep what a power cut would leave (`fsync`): the promise under test rests on it.
 * @param {{ synchronous: boolean, settings?: Record<string, string> }} options
 * @returns {Promise<PostgresPair>}
 */
export async function startPostgresPair({ synchronous, settings = {} }) {
  const bin = postgresBinaries();
  if (!bin) throw new Error('no PostgreSQL binaries on this machine');
  const initdb = '"$BIN/initdb" -A trust -U postgres -E UTF8 --locale=C --no-sync';
  const primary = await firstThatServes(() => node(bin, 'backstep-primary', initdb, settings));
  /** @type {PrivateServer | undefined} */
  let standby;
  try {
    const { port } = new URL(primary.url);
    const source = `host=127.0.0.1 port=${port} user=postgres application_name=standby`;
    const backup = `"$BIN/pg_basebackup" -D "$PGDATA" -d "${source}" -R -X stream -c fast --no-sync`;
    const following = await firstThatServes(() => node(bin, 'backstep-standby', backup, settings, followsAt));
    standby = following;
    if (synchronous) await run(primary.url, `alter system set synchronous_standby_names = 'standby'`, 'select pg_reload_conf()');
    const pair = pairOf(primary, following);
    await until(async () => (await pair.syncState()) === (synchronous ? 'sync' : 'async'), 'the standby follows');
    return pair;
  } catch (error) {
    await Promise.all([standby?.dispose(), primary.dispose()]);
    throw error;
  }
}

/** @param {PrivateServer} primary @param {PrivateServer} standby @returns {PostgresPair} */
function pairOf(primary, standby) {
  const follower = () =>
    run(
      primary.url,
      `select sync_state, pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn) as lag from pg_stat_replication where state = 'streaming'`,
    );
  return {
    primary,
    standby,
    url: `${primary.url},${standby.url}`,
    syncState: async () => (await follower())[0]?.sync_state,
    async unfollow() {
      await run(standby.url, `alter system set primary_conninfo = ''`, 'select pg_reload_conf()');
      await until(async () => (await follower()).length === 0, 'the standby has stopped following');
    },
    async lagBytes() {
      const [{ at }] = /** @type {[{ at: string }]} */ (await run(primary.url, 'select pg_current_wal_lsn() as at'));
      const [{ lag }] = /** @type {[{ lag: string }]} */ (
        await run(standby.url, `select pg_wal_lsn_diff('${at}', coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())) as lag`)
      );
      return Number(lag);
    },
    async promote() {
      const [{ done }] = /** @type {[{ done: boolean }]} */ (await run(standby.url, 'select pg_promote(true, 60) as done'));
      if (!done) throw new Error('the standby was not promoted within 60 s');
    },
    makeReadOnly: async () =>
      void (await run(primary.url, 'alter system set default_transaction_read_only = on', 'select pg_reload_conf()')),
    dispose: async () => void (await Promise.all([standby.dispose(), primary.dispose()])),
  };
}

/** A standby takes no writes, but answers. @param {string} url */
async function followsAt(url) {
  try {
    const [row] = await run(url, 'select pg_is_in_recovery() as follows');
    return row?.follows === true || (await postgresAnswers(url));
  } catch {
    return false;
  }
}

/**
 * @param {string} bin
 * @param {string} prefix
 * @param {string} make shell text that makes the data folder
 * @param {Record<string, string>} settings
 * @param {(url: string) => Promise<boolean>} answers
 */
async function node(bin, prefix, make, settings, answers = postgresAnswers) {
  const account = unprivilegedAccount();
  const dir = temporaryFolder(prefix, account);
  const [port] = await freePorts(1);
  const options = {
    port: `${port}`,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    wal_keep_size: '1GB', // a standby that was away finds what it needs
    ...settings,
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = new SupervisedServer({
    dir,
    command: ['sh', '-c', `[ -s "$PGDATA/PG_VERSION" ] || ${make} && exec "$BIN/postgres" "$@"`, 'postgres', ...flags],
    env: { BIN: bin, PGDATA: join(dir, 'data'), HOME: dir, LC_ALL: 'C' },
    account,
    lastSignal: 'QUIT',
  });
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  return controls(server, { url, how: `private, from ${bin}`, answers: () => answers(url), stopSignal: 'SIGINT' });
}

/** @typedef {{ nodes: PrivateRabbitNode[], url: string, dispose(): Promise<void> }} RabbitCluster `url`: all nodes, with commas between them */

/**
 * A RabbitMQ cluster, complete. Its nodes take little of the machine each: one scheduler, and none of them waits busily.
 * @param {{ nodes?: number }} [options]
 * @returns {Promise<RabbitCluster>}
 */
export async function startRabbitCluster({ nodes: count = 3 } = {}) {
  const script = rabbitBinary();
  if (!script) throw new Error('no RabbitMQ binaries on this machine');
  const [epmdPort, ...ports] = /** @type {[number, ...number[]]} */ (await freePorts(1 + 2 * count));
  const cookie = newCookie();
  const nodes = Array.from({ length: count }, (_, i) =>
    rabbitNode({
      script,
      dir: temporaryFolder('backstep-rabbitmq'),
      port: /** @type {number} */ (ports[i]),
      distPort: /** @type {number} */ (ports[count + i]),
      epmdPort,
      cookie,
      peers: i === 0 ? [] : [`backstep${ports[0]}@localhost`], // the first is the cluster that the others join
      erlang: '+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none',
    }),
  );
  const dispose = async () => void (await Promise.all(nodes.map((each) => each.dispose())));
  try {
    const [first, ...others] = nodes;
    await first?.start();
    await Promise.all(others.map((other) => other.start()));
    await until(
      async () =>
        /** @type {PrivateRabbitNode} */ (first)
          .ctl('cluster_status', '--formatter', 'json')
          .then((text) => JSON.parse(text).running_nodes.length === count),
      'the cluster is complete',
    );
    return { nodes, url: nodes.map(({ url }) => url).join(','), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** @param {string} url @param {string[]} statements @returns {Promise<any[]>} the rows of the last one */
async function run(url, ...statements) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 70_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    let rows = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}

/** @param {() => Promise<boolean>} condition @param {string} what */
async function until(condition, what) {
  const giveUpAt = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`not within 60 s: ${what}`);
    await delay(50);
  }
}
