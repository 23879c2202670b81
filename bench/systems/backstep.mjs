// Backstep as the runner sees it: the engine in this process, its three participants in another one.
import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { createHash } from 'node:crypto';
import { Container } from 'inversify';
import { Orchestrator } from '../../dist/src/engine/orchestrator.js';
import { createLogger } from '../../dist/src/main/log.js';
import { SystemClock, SystemRandom, UuidV7Ids } from '../../dist/src/main/system.js';
import { openRabbitMq } from '../../dist/src/main/rabbitmq.js';
import { connect } from '../../dist/src/postgres/connect.js';
import { migrate } from '../../dist/src/postgres/migrate.js';
import { PostgresSagaStore } from '../../dist/src/postgres/postgres-saga-store.js';
import { loadDefinitions } from '../../dist/src/saga/load.js';
import { startNode, stopProcess } from '../lib/processes.mjs';
import { deleteQueues, dropDatabase, freshDatabase, query, RABBITMQ_URL } from '../lib/servers.mjs';
import { contractsFor, sagaFor } from './bench-saga.mjs';

const PARTICIPANTS = fileURLToPath(new URL('./participants.mjs', import.meta.url));
const DATABASE = 'backstep_bench_product';
const NAMESPACE = 'backstep_bench';
const QUEUES = [
  ...['order', 'stock', 'card'].map((name) => `${NAMESPACE}.commands.${name}`),
  `${NAMESPACE}.replies`,
  `${NAMESPACE}.starts`,
  `${NAMESPACE}.dead-letters`,
];
export const settings = { window: 2_000 };

export async function up({ participants, engine: tuning = {} }) {
  const url = await freshDatabase(DATABASE);
  await deleteQueues(QUEUES, [`${NAMESPACE}.commands`]);
  const logger = createLogger('warn', (line) => process.stderr.write(line));
  const clock = new SystemClock();
  const dataSource = await connect({ url, namespace: NAMESPACE, logger });
  await migrate(dataSource);
  const store = new PostgresSagaStore(dataSource);
  const transport = openRabbitMq({ url: RABBITMQ_URL, namespace: NAMESPACE, clock, logger });
  const { plans } = loadDefinitions(new Container(), [sagaFor(contractsFor(participants))]);
  const waiting = new Map();
  const batches = { count: 0, items: 0 };
  const engine = new Orchestrator({
    plans,
    store,
    transport,
    clock,
    random: new SystemRandom(),
    ids: new UuidV7Ids(),
    logger,
    hash: (text) => createHash('sha256').update(text).digest('hex'),
    settings: { namespace: NAMESPACE, ...tuning },
    observer: {
      batchCommitted: ({ items }) => {
        batches.count++;
        batches.items += items;
      },
      sagaEnded: (state) => {
        waiting.get(state.id)?.(state.end);
        waiting.delete(state.id);
      },
    },
  });
  await engine.run();
  const child = await startNode(PARTICIPANTS, [`--participants=${participants}`, `--namespace=${NAMESPACE}`, `--db=${url}`]);
  return {
    settings,
    processes: { participants: child.pid },
    extra: () => ({ averageBatch: Math.round(batches.items / Math.max(1, batches.count)) }),
    async start(payload, fails) {
      const { id } = await engine.start({ name: 'bench', input: { ...payload, fails } });
      return new Promise((resolve) => waiting.set(id, resolve));
    },
    counts: async () => {
      const { rows } = await query(
        url,
        `select status, count(*)::int as n from (select status from ${NAMESPACE}.saga union all select status from ${NAMESPACE}.finished_saga) as every_saga group by 1`,
      );
      return Object.fromEntries(rows.map((row) => [row.status, row.n]));
    },
    async down() {
      await engine.stop();
      await transport.close();
      await store.close();
      await stopProcess(child);
      await deleteQueues(QUEUES, [`${NAMESPACE}.commands`]);
      await dropDatabase(DATABASE);
    },
  };
}
