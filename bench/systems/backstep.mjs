// Backstep as the runner sees it: the engine in this process, its three participants in another one.
import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { createHash } from 'node:crypto';
import { Container } from 'inversify';
import { Orchestrator } from '../../dist/src/engine/orchestrator.js';
import { createLogger } from '../../dist/src/main/log.js';
import { SystemClock, SystemRandom, UuidV7Ids } from '../../dist/src/main/system.js';
import { connect } from '../../dist/src/postgres/connect.js';
import { migrate } from '../../dist/src/postgres/migrate.js';
import { firstIdAt } from '../../dist/src/postgres/partitions.js';
import { PostgresSagaStore } from '../../dist/src/postgres/postgres-saga-store.js';
import { loadDefinitions } from '../../dist/src/saga/load.js';
import { namesIn } from '../../dist/src/core/wire.js';
import { SagaTracing } from '../../dist/src/telemetry/saga-tracing.js';
import { startNode, stopProcess } from '../lib/processes.mjs';
import { checkpoint, databaseUrl, deleteBenchQueues, dropDatabase, freshDatabase, NAME, query, updatesOf } from '../lib/servers.mjs';
import { contractsFor, sagaFor } from './bench-saga.mjs';
import { signingOf } from './signing.mjs';
import { openTransport } from './transport.mjs';

const PARTICIPANTS = fileURLToPath(new URL('./participants.mjs', import.meta.url));
const DATABASE = `${NAME}_product`;
export const settings = { window: 2_000 };

/** `database`: one that is there already and stays; else a fresh one is made and dropped. */
export async function up({ participants, queue, parallel, database, signing, engine: tuning = {} }) {
  const url = database ? databaseUrl(database) : await freshDatabase(DATABASE);
  if (database) await checkpoint();
  await deleteBenchQueues();
  const logger = createLogger('warn', (line) => process.stderr.write(line));
  const dataSource = await connect({ url, namespace: NAME, logger });
  await migrate(dataSource);
  const updatesBefore = await updatesOf(url);
  const store = new PostgresSagaStore(dataSource);
  const transport = openTransport(queue, logger);
  const { plans } = loadDefinitions(new Container(), [sagaFor(contractsFor(participants), { parallel })]);
  const waiting = new Map();
  const batches = { count: 0, items: 0 };
  const engine = new Orchestrator({
    plans,
    store,
    transport,
    clock: new SystemClock(),
    random: new SystemRandom(),
    ids: new UuidV7Ids(),
    logger,
    ...(signing && { signing: signingOf(signing, 'daemon') }),
    hash: (text) => createHash('sha256').update(text).digest('hex'),
    settings: { namespace: NAME, ...tuning },
    tracing: new SagaTracing({ names: namesIn(NAME), logger, transport }),
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
  const firstId = firstIdAt(Date.now());
  await engine.run();
  const child = await startNode(PARTICIPANTS, [
    `--participants=${participants}`,
    `--queue=${queue}`,
    `--db=${url}`,
    ...(signing ? [`--signing=${signing}`] : []),
  ]);
  return {
    settings,
    processes: { participants: child.pid },
    figures: () => ({ averageBatch: Math.round(batches.items / Math.max(1, batches.count)) }),
    async start(payload, fails) {
      const { id } = await engine.start({ name: 'bench', input: { ...payload, fails } });
      return new Promise((resolve) => waiting.set(id, resolve));
    },
    async stop() {
      await engine.stop();
      await transport.close();
      await store.close();
      await stopProcess(child);
    },
    /** After `stop`: PostgreSQL counts an update when its connection is idle or gone. */
    async verify() {
      const { rows } = await query(
        url,
        `select status, count(*)::int as n from
           (select status from ${NAME}.saga where id >= $1 union all select status from ${NAME}.finished_saga where id >= $1) as every_saga
         group by 1`,
        [firstId],
      );
      const { updates, hot } = await updatesOf(url);
      const updated = updates - updatesBefore.updates;
      return {
        counts: Object.fromEntries(rows.map((row) => [row.status, row.n])),
        figures: { updates: updated, hotUpdates: hot - updatesBefore.hot, hotPart: updated > 0 ? (hot - updatesBefore.hot) / updated : 0 },
      };
    },
    async remove() {
      await deleteBenchQueues();
      if (!database) await dropDatabase(DATABASE);
    },
  };
}
