import type { StoredSaga } from '../ports/saga-store.js';
import { historyEntryView } from '../http/history-view.js';
import { sagaView, summaryView } from '../http/saga-view.js';
import type { SummaryView } from '../http/schemas.js';
import { InProcessTransport } from '../memory/in-process-transport.js';
import { InProcessBroker } from '../memory/transport-broker.js';
import { sagaDataSource } from '../postgres/connect.js';
import { openEmbedded } from '../postgres/embedded.js';
import { migrate } from '../postgres/migrate.js';
import type { ListenOptions } from '../http/server.js';
import { poolOf } from '../postgres/pool.js';
import { PostgresActivityLog } from '../postgres/activity-log.js';
import { PostgresSagaStore } from '../postgres/postgres-saga-store.js';
import type { Logger } from '../ports/logger.js';
import { createDaemon } from './daemon.js';
import type { DemoStage } from './demo-stage.js';
import { schemaFor, startHosts } from './hosts.js';
import { openSagas } from './sagas.js';
import { SystemClock } from './system.js';

const NAMESPACE = 'backstep';
/** Sagas under way at a time: as many as there are customers. */
const AT_A_TIME = 150;
/** A saga that takes longer than this is not waited for; the demo then says where it is. */
const PATIENCE_MS = 60_000;
const PAGE = 500;
const ANYWHERE: ListenOptions = { host: '127.0.0.1', port: 0 };

/**
 * Orchestrator, participants, PostgreSQL and transport in this process: one embedded database in memory, with a schema for the sagas
 * and one for each participant.
 */
export async function openInside({
  directories,
  logger,
  atATime = AT_A_TIME,
  http = ANYWHERE,
}: {
  readonly directories: readonly string[];
  readonly logger: Logger;
  readonly atATime?: number;
  /** Where API and dashboard are. Default: on any free port of this machine. */
  readonly http?: ListenOptions;
}): Promise<DemoStage> {
  const { plans, participants } = await openSagas(directories, logger);
  const embedded = await openEmbedded();
  const dataSources = new Map<string, Awaited<ReturnType<typeof embedded.dataSource>>>();
  const open = async (schema: string) => {
    const dataSource = await embedded.dataSource(schema === NAMESPACE ? sagaDataSource(NAMESPACE) : { schema });
    dataSources.set(schema, dataSource);
    return dataSource;
  };
  const sagaSource = await open(NAMESPACE);
  await migrate(sagaSource);

  const clock = new SystemClock();
  const store = new PostgresSagaStore(sagaSource);
  const broker = new InProcessBroker(clock);
  const connect = () => new InProcessTransport({ broker, clock, logger });
  const waiting = new Map<string, () => void>();
  const daemon = await createDaemon({
    plans,
    store,
    activityLog: new PostgresActivityLog(sagaSource),
    transport: connect(),
    logger,
    http,
    observer: { sagaEnded: ({ id }) => waiting.get(id)?.() },
    settings: { namespace: NAMESPACE },
  });
  const { orchestrator } = daemon;
  const forHosts = connect();
  const hosts = await startHosts({
    declarations: participants(),
    transport: forHosts,
    clock,
    logger,
    namespace: NAMESPACE,
    dataSource: open,
  });
  /** Whether it ended before patience did. */
  const end = (id: string) =>
    new Promise<boolean>((resolve) => {
      const leave = (hasEnded: boolean) => {
        timer.cancel();
        waiting.delete(id);
        resolve(hasEnded);
      };
      const timer = clock.after(PATIENCE_MS, () => leave(false));
      waiting.set(id, () => leave(true));
    });

  return {
    what: 'one process, with an embedded PostgreSQL in memory and an in-process transport',
    url: daemon.url,
    run: async (name, inputs, progress) => {
      let next = 0;
      let ended = 0;
      const customer = async () => {
        while (next < inputs.length) {
          const { id } = await orchestrator.start({ name, input: inputs[next++] });
          if (await end(id)) progress(++ended);
        }
      };
      await Promise.all(Array.from({ length: Math.min(atATime, inputs.length) }, customer));
    },
    sagas: async () => {
      const sagas: SummaryView[] = [];
      for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
        const page = await store.list({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
        sagas.push(...page.sagas.map(({ state }: StoredSaga) => summaryView(state)));
        cursor = page.cursor;
      }
      return sagas;
    },
    show: async (id) => {
      const { state } = (await store.find(id))!;
      const plan = plans.find(({ name, version }) => name === state.name && version === state.version);
      const history = (await store.history(id, 0, PAGE)) ?? [];
      return { saga: sagaView(state, plan), history: history.map((entry) => historyEntryView(entry, state.noted)) };
    },
    ask: async (participant, sql) => {
      const { rows } = await poolOf(dataSources.get(schemaFor(participant))!).query<Record<string, unknown>>(sql);
      return rows;
    },
    close: async () => {
      await hosts.stop();
      await daemon.stop();
      await forHosts.close();
      for (const dataSource of dataSources.values()) if (dataSource.isInitialized) await dataSource.destroy();
      await embedded.close();
    },
  };
}
