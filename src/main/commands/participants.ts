import { messageOf, SagaError } from '../../core/errors.js';
import type { Clock } from '../../ports/clock.js';
import type { Logger } from '../../ports/logger.js';
import { isConnectionLost } from '../../postgres/fate.js';
import { createSchema } from '../../postgres/schema.js';
import { openDatabase } from '../database.js';
import { onlyNamed, startHosts } from '../hosts.js';
import type { Running } from '../lifetime.js';
import { openRabbitMq } from '../rabbitmq.js';
import { openSagas } from '../sagas.js';
import { SystemClock } from '../system.js';

/** What `backstep participants` is told. */
export interface ParticipantsOptions {
  readonly postgresUrl: string;
  readonly rabbitmqUrl: string;
  readonly namespace: string;
  readonly sagas: readonly string[];
  /** Only these; all of them when absent. */
  readonly only: readonly string[] | undefined;
  readonly waitForDatabaseMs: number;
  readonly logger: Logger;
}

/** Connections of one participant; commands are handled in groups, so it needs few. */
const POOL_SIZE = 4;
/** Between two tries to start. */
const RESTART_MS = 500;

/** Hosts the participants that saga folders export, on PostgreSQL and RabbitMQ; a schema for each. */
export async function hostParticipants(options: ParticipantsOptions): Promise<Running> {
  const { logger, namespace, rabbitmqUrl } = options;
  const sagas = await openSagas(options.sagas, logger);
  const declarations = onlyNamed(sagas.participants(), options.only);
  const clock = new SystemClock();
  const transport = openRabbitMq({ url: rabbitmqUrl, namespace, clock, logger });
  try {
    const parts = { declarations, transport, clock, logger, namespace };
    const hosts = await untilConnected(options, clock, () =>
      startHosts({ ...parts, dataSource: (schema) => dataSource(options, schema, clock) }),
    );
    return {
      stop: async () => {
        await hosts.stop();
        await transport.close();
      },
    };
  } catch (error: unknown) {
    await transport.close();
    throw error;
  }
}

/** A database that goes while the participants start is waited for like one that is not up yet. */
async function untilConnected<T>({ waitForDatabaseMs, logger }: ParticipantsOptions, clock: Clock, start: () => Promise<T>): Promise<T> {
  const giveUpAt = clock.monotonic() + waitForDatabaseMs;
  for (;;) {
    try {
      return await start();
    } catch (error: unknown) {
      const isLost = isConnectionLost(error) || (error instanceof SagaError && isConnectionLost(error.cause));
      if (!isLost || clock.monotonic() >= giveUpAt) throw error;
      logger.warn({ error: messageOf(error) }, 'the database went while the participants started; they start again');
      await new Promise<void>((resolve) => clock.after(RESTART_MS, resolve));
    }
  }
}

async function dataSource({ postgresUrl, waitForDatabaseMs, logger }: ParticipantsOptions, schema: string, clock: Clock) {
  const opened = await openDatabase({
    url: postgresUrl
      .split(',')
      .map((url) => withSearchPath(url.trim(), schema))
      .join(','),
    namespace: schema,
    poolSize: POOL_SIZE,
    applicationName: schema,
    waitMs: waitForDatabaseMs,
    logger,
    clock,
  });
  try {
    await createSchema(opened);
  } catch (error: unknown) {
    await opened.destroy();
    throw error;
  }
  return opened;
}

/** Handlers write `insert into stock …`: the connection itself leads them to their schema. */
function withSearchPath(url: string, schema: string): string {
  const target = new URL(url);
  target.searchParams.set('options', `-c search_path=${schema}`);
  return target.href;
}
