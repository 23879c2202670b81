import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { namesIn } from '../core/wire.js';
import { commandQueue, engineTopology } from '../engine/topology.js';
import { ApiClient } from '../http/api-client.js';
import type { SummaryView } from '../http/schemas.js';
import type { Logger } from '../ports/logger.js';
import { connect } from '../postgres/connect.js';
import { removeTopology } from '../rabbitmq/remove-topology.js';
import { withDatabase, withSearchPath } from './demo-database.js';
import { runCommand, startService, type Service } from './demo-process.js';
import type { DemoStage } from './demo-stage.js';
import { schemaFor } from './hosts.js';

const DEFAULTS = {
  BACKSTEP_POSTGRES_URL: 'postgres://postgres@localhost:5432/postgres',
  BACKSTEP_RABBITMQ_URL: 'amqp://guest:guest@localhost:5672',
} as const;
/** Each in a process of its own. */
const SHARES = [['inventory', 'freight'], ['payments'], ['shipping', 'mail']] as const;
const PARTICIPANTS: readonly string[] = SHARES.flat();
const LOOK_EVERY_MS = 250;
/** Without any news for so long, nobody waits any more. */
const PATIENCE_MS = 60_000;
const PAGE = 500;

/**
 * A daemon and three participant processes, run by the real commands, over the PostgreSQL and RabbitMQ of the environment: in a database
 * and a namespace that are made for this and removed at the end.
 */
export async function openProcesses(options: {
  readonly directory: string;
  readonly logger: Logger;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): Promise<DemoStage> {
  const { directory, logger, environment } = options;
  const name = `backstep_demo_${randomBytes(4).toString('hex')}`;
  const postgresUrl = environment['BACKSTEP_POSTGRES_URL'] ?? DEFAULTS.BACKSTEP_POSTGRES_URL;
  const rabbitmqUrl = environment['BACKSTEP_RABBITMQ_URL'] ?? DEFAULTS.BACKSTEP_RABBITMQ_URL;
  const databaseUrl = withDatabase(postgresUrl, name);
  const opened: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (let undo = opened.pop(); undo; undo = opened.pop()) await undo();
  };
  try {
    const admin = await connect({ url: postgresUrl, poolSize: 1, logger });
    opened.push(() => admin.destroy());
    await admin.query(`create database ${name}`);
    opened.push(() => admin.query(`drop database if exists ${name} with (force)`));
    opened.push(() => removeNames(rabbitmqUrl, name));

    const own = { ...environment, BACKSTEP_POSTGRES_URL: databaseUrl, BACKSTEP_RABBITMQ_URL: rabbitmqUrl, BACKSTEP_NAMESPACE: name };
    delete (own as Record<string, unknown>)['BACKSTEP_PARTICIPANTS_POSTGRES_URL'];
    await runCommand(['migrate'], own);
    const service = (...args: readonly string[]): Service => {
      const started = startService([...args, '--sagas', directory], own);
      opened.push(() => started.stop());
      return started;
    };
    const daemon = service('serve', '--port', '0');
    const hosts = SHARES.map((share) => service('participants', '--only', share.join(',')));
    const url = await daemon.told(({ url: at }) => (typeof at === 'string' ? at : undefined));
    for (const host of hosts) await host.told(({ msg }) => (msg === 'participants are up' ? true : undefined));
    return stageOf({ url, environment: own, databaseUrl, logger, close });
  } catch (error: unknown) {
    await close();
    throw error;
  }
}

function stageOf(parts: {
  readonly url: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly databaseUrl: string;
  readonly logger: Logger;
  readonly close: () => Promise<void>;
}): DemoStage {
  const api = new ApiClient({ url: parts.url });
  const databases = new Map<string, Awaited<ReturnType<typeof connect>>>();
  const databaseOf = async (participant: string) => {
    const schema = schemaFor(participant);
    const known = databases.get(schema);
    if (known) return known;
    const made = await connect({ url: withSearchPath(parts.databaseUrl, schema), poolSize: 1, logger: parts.logger });
    databases.set(schema, made);
    return made;
  };
  return {
    what: `a daemon and ${SHARES.length} participant processes, over PostgreSQL and RabbitMQ`,
    url: parts.url,
    run: async (name, inputs, progress) => {
      const lines = inputs.map((input) => JSON.stringify(input)).join('\n');
      await runCommand(['start', name, '--many', '-', '--url', parts.url], parts.environment, lines);
      await untilAllEnded(api, progress);
    },
    sagas: () => allSagas(api),
    show: async (id) => ({ saga: await api.saga(id), history: await api.history(id) }),
    ask: async (participant, sql) => (await databaseOf(participant)).query<Record<string, unknown>[]>(sql),
    close: async () => {
      for (const database of databases.values()) await database.destroy();
      await parts.close();
    },
  };
}

async function untilAllEnded(api: ApiClient, progress: (ended: number) => void): Promise<void> {
  let before = -1;
  for (let newsAt = performance.now(); performance.now() - newsAt < PATIENCE_MS; await delay(LOOK_EVERY_MS)) {
    const sagas = await allSagas(api);
    const ended = sagas.filter(({ endedAt }) => endedAt !== null).length;
    if (ended !== before) newsAt = performance.now();
    before = ended;
    progress(ended);
    if (sagas.every(({ endedAt, status }) => endedAt !== null || status === 'stuck')) return;
  }
}

async function allSagas(api: ApiClient): Promise<readonly SummaryView[]> {
  const sagas: SummaryView[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.list({ limit: PAGE, cursor });
    sagas.push(...page.sagas);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return sagas;
}

async function removeNames(url: string, namespace: string): Promise<void> {
  const names = namesIn(namespace);
  const { queues, exchanges } = engineTopology(names, PARTICIPANTS);
  await removeTopology(url.split(',')[0]!.trim(), {
    exchanges,
    queues: [...queues, ...PARTICIPANTS.map((one) => commandQueue(names, one))],
  });
}
