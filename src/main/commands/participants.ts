import { messageOf, SagaError } from '../../core/errors.js';
import { namesIn } from '../../core/wire.js';
import { assertCanListen, type ListenOptions } from '../../http/server.js';
import type { Clock } from '../../ports/clock.js';
import type { Logger } from '../../ports/logger.js';
import { isConnectionLost } from '../../postgres/fate.js';
import { createSchema } from '../../postgres/schema.js';
import { Metrics } from '../../telemetry/metrics.js';
import { openDatabase } from '../database.js';
import { onlyNamed, startHosts } from '../hosts.js';
import type { Running } from '../lifetime.js';
import { openRabbitMq } from '../rabbitmq.js';
import { openSagas } from '../sagas.js';
import { openSealing } from '../sealing.js';
import { openSigning } from '../signing.js';
import { serveMetrics } from '../serve-metrics.js';
import { SystemClock } from '../system.js';

/** What `backstep participants` is told. */
export interface ParticipantsOptions {
  readonly postgresUrl: string;
  readonly rabbitmqUrl: string;
  readonly namespace: string;
  /** BACKSTEP_SIGNING_KEYS. */
  readonly signingKeys: string | undefined;
  /** BACKSTEP_PAYLOAD_KEYS. */
  readonly payloadKeys: string | undefined;
  readonly sagas: readonly string[];
  /** Only these; all of them when absent. */
  readonly only: readonly string[] | undefined;
  /** Where `/metrics` is served; nowhere when absent. */
  readonly measureOn: ListenOptions | undefined;
  readonly waitForDatabaseMs: number;
  readonly logger: Logger;
}

/** Connections of one participant; commands are handled in groups, so it needs few. */
const POOL_SIZE = 4;
/** Between two tries to start. */
const RESTART_MS = 500;

/** Hosts the participants that saga folders export, on PostgreSQL and RabbitMQ; a schema for each. */
export async function hostParticipants(options: ParticipantsOptions): Promise<Running> {
  const { logger, namespace, rabbitmqUrl, measureOn } = options;
  const signing = openSigning(options.signingKeys, namespace);
  const sealing = openSealing(options.payloadKeys);
  if (measureOn) await assertCanListen(measureOn);
  const sagas = await openSagas(options.sagas, logger);
  const declarations = onlyNamed(sagas.participants(), options.only);
  const clock = new SystemClock();
  const transport = openRabbitMq({ url: rabbitmqUrl, namespace, clock, logger });
  const opened: Running[] = [{ stop: () => transport.close() }];
  const stop = async () => {
    while (opened.length > 0) await opened.pop()!.stop();
  };
  try {
    const metrics = measureOn && new Metrics();
    const observer = metrics?.participants(declarations, namesIn(namespace));
    const trust = { ...(signing && { signing }), ...(sealing && { sealing }) };
    const parts = { declarations, transport, clock, logger, namespace, ...(observer && { observer }), ...trust };
    opened.push(
      await untilConnected(options, clock, () => startHosts({ ...parts, dataSource: (schema) => dataSource(options, schema, clock) })),
    );
    if (metrics) opened.push(await measured(metrics, measureOn, logger));
    return { stop };
  } catch (error: unknown) {
    await stop();
    throw error;
  }
}

async function measured(metrics: Metrics, on: ListenOptions, logger: Logger): Promise<Running> {
  const server = await serveMetrics(metrics, on);
  logger.info({ url: server.url }, `metrics are on ${server.url}`);
  return server;
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
