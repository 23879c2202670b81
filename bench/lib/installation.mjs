// Backstep as it is deployed: a migrated database, daemons and participants in processes of their own.
import { fileURLToPath } from 'node:url';
import { connect } from '../../dist/src/postgres/connect.js';
import { migrate } from '../../dist/src/postgres/migrate.js';
import { createLogger } from '../../dist/src/main/log.js';
import { ask, startNode, stopProcess } from './processes.mjs';
import { deleteBenchQueues, dropDatabase, freshDatabase, NAME, query, serverProcesses } from './servers.mjs';

const file = (name) => fileURLToPath(new URL(`../systems/${name}.mjs`, import.meta.url));
const DATABASE = `${NAME}_installation`;

/** `timeout`: of a step; for sagas that are to stay in flight. */
export async function install({ participants, queue, parallel, timeout }) {
  const url = await freshDatabase(DATABASE);
  await deleteBenchQueues();
  const logger = createLogger('warn', (line) => process.stderr.write(line));
  const dataSource = await connect({ url, namespace: NAME, logger });
  await migrate(dataSource);
  await dataSource.destroy();
  const env = {
    BACKSTEP_BENCH_PARTICIPANTS: participants,
    ...(parallel && { BACKSTEP_BENCH_PARALLEL: String(parallel) }),
    ...(timeout && { BACKSTEP_BENCH_TIMEOUT: timeout }),
  };
  const daemons = [];
  let others;
  return {
    daemons,
    url,
    async startDaemon() {
      const child = await startNode(file('daemon'), [`--db=${url}`, `--queue=${queue}`], env);
      daemons.push({ url: /http:\S+/.exec(child.said)[0], pid: child.pid, child, counts: () => ask(child, 'counts') });
    },
    async startParticipants({ delayMs = 0 } = {}) {
      const args = [`--participants=${participants}`, `--queue=${queue}`, `--db=${url}`, ...(delayMs > 0 ? [`--delay=${delayMs}`] : [])];
      others = await startNode(file('participants'), args);
    },
    async stopParticipants() {
      if (others) await stopProcess(others);
      others = undefined;
    },
    async processes() {
      return { ...(await serverProcesses()), daemons: daemons.map(({ pid }) => pid), ...(others && { participants: others.pid }) };
    },
    /** Sagas that the daemons have ended; asking them costs nothing, other than counting rows while everything is busy. */
    async ended() {
      const counts = await Promise.all(daemons.map((daemon) => daemon.counts()));
      return counts.reduce((sum, { ended }) => sum + ended, 0);
    },
    /** Sagas that have not ended. */
    async open() {
      const { rows } = await query(url, `select count(*)::int as n from ${NAME}.saga where ended_at is null`);
      return rows[0].n;
    },
    /** By status, all of them. */
    async counts() {
      const { rows } = await query(
        url,
        `select status, count(*)::int as n from (select status from ${NAME}.saga union all select status from ${NAME}.finished_saga) each group by 1`,
      );
      return Object.fromEntries(rows.map((row) => [row.status, row.n]));
    },
    async remove() {
      await Promise.all([...daemons.map(({ child }) => stopProcess(child)), ...(others ? [stopProcess(others)] : [])]);
      await deleteBenchQueues();
      await dropDatabase(DATABASE);
    },
  };
}

/** Installs, works, and removes everything again. */
export async function installed(given, work) {
  const installation = await install(given);
  try {
    return await work(installation);
  } finally {
    await installation.remove();
  }
}
