import { Container } from 'inversify';
import { SagaError } from '../core/errors.js';
import { Host } from '../participant/host.js';
import { storeOf, type Inbox } from '../participant/no-inbox.js';
import type { ParticipantObserver } from '../participant/runtime.js';
import type { HostSettings } from '../participant/settings.js';
import type { Logger } from '../ports/logger.js';
import type { Transport } from '../ports/transport.js';
import { declarationsOf } from '../saga/handlers.js';
import { makeIn } from '../saga/instances.js';
import type { ParticipantTarget, TransactionFault } from '../saga/participant.js';
import { readConfig } from './config.js';
import { createLogger } from './log.js';
import { LogOutput } from './log-output.js';
import { openRabbitMq } from './rabbitmq.js';
import { HandlerTracing } from '../telemetry/handler-tracing.js';
import { namesIn } from '../core/wire.js';
import { openSealing } from './sealing.js';
import { openSigning } from './signing.js';
import { SystemClock } from './system.js';

/** How participants are hosted; everything but the inbox has a default. */
export interface HostOptions<Tx> {
  /** Where handled commands are recorded; stays the caller's. */
  readonly inbox: Inbox<Tx>;
  /** The broker's URL, or several with commas between them. Default: BACKSTEP_RABBITMQ_URL. */
  readonly rabbitmq?: string;
  /** Instead of RabbitMQ; stays the caller's, so it is not closed by `stop()`. */
  readonly transport?: Transport;
  /** As the orchestrator's. Default: BACKSTEP_NAMESPACE, else `backstep`. */
  readonly namespace?: string;
  /** Has the bindings of what participant classes ask for. Default: an empty one. */
  readonly container?: Container;
  /** Default: lines of JSON on stderr, from BACKSTEP_LOG_LEVEL on. */
  readonly logger?: Logger;
  /** Concurrency, sizes and times. */
  readonly settings?: Partial<Omit<HostSettings, 'namespace'>>;
  /** Keys with which replies are signed and commands checked, as JSON, or the path of a file with it. Default: BACKSTEP_SIGNING_KEYS. */
  readonly signingKeys?: string;
  /** Keys with which sensitive parts of requests are opened and those of replies sealed, likewise. Default: BACKSTEP_PAYLOAD_KEYS. */
  readonly payloadKeys?: string;
  /** For telemetry. */
  readonly observer?: ParticipantObserver;
}

/** Participants on their way to being run. */
export interface ParticipantHost<Tx> {
  /** A class under `@Participant(…)`, or what `participant(…)` gave. */
  add<P extends ParticipantTarget>(participant: P & TransactionFault<P, Tx>): ParticipantHost<Tx>;
  /** Makes instances and tables, connects and consumes. Throws SAGA_DEFINITION_INVALID, SAGA_CONFIG_INVALID, SAGA_UNAVAILABLE. */
  start(): Promise<RunningParticipants>;
}
/** Participants that run. */
export interface RunningParticipants {
  /** Takes nothing new, finishes what is under way (10 seconds at most), gives the rest back to the queues. */
  stop(): Promise<void>;
}

/** Hosts participants in this process: `hostParticipants({ inbox: typeormInbox(dataSource) }).add(PaymentService).start()`. */
export function hostParticipants<Tx>(options: HostOptions<Tx>): ParticipantHost<Tx> {
  const targets: ParticipantTarget[] = [];
  const host: ParticipantHost<Tx> = {
    add(participant) {
      targets.push(participant);
      return host;
    },
    start: () => start(options, targets),
  };
  return host;
}

async function start<Tx>(options: HostOptions<Tx>, targets: readonly ParticipantTarget[]): Promise<RunningParticipants> {
  const container = options.container ?? new Container();
  const declarations = declarationsOf(targets, (type) => makeIn(container, type));
  if (declarations.length === 0) throw new SagaError('SAGA_CONFIG_INVALID', 'there is nothing to host: add a participant first');
  const clock = new SystemClock();
  const config = readConfig(
    { required: ['BACKSTEP_NAMESPACE', 'BACKSTEP_LOG_LEVEL'], optional: ['BACKSTEP_SIGNING_KEYS', 'BACKSTEP_PAYLOAD_KEYS'] },
    {},
    process.env,
  );
  const namespace = options.namespace ?? config.BACKSTEP_NAMESPACE;
  const signing = openSigning(options.signingKeys ?? config.BACKSTEP_SIGNING_KEYS, namespace);
  const sealing = openSealing(options.payloadKeys ?? config.BACKSTEP_PAYLOAD_KEYS);
  const logger = options.logger ?? createLogger(config.BACKSTEP_LOG_LEVEL, stderrLines());
  const transport = options.transport ?? openRabbitMq({ url: brokerUrl(options.rabbitmq), namespace, clock, logger });
  const running = new Host({
    declarations,
    store: storeOf(options.inbox),
    transport,
    clock,
    logger,
    settings: { ...options.settings, namespace },
    tracing: new HandlerTracing({ names: namesIn(namespace), logger, transport }),
    ...(options.observer && { observer: options.observer }),
    ...(signing && { signing }),
    ...(sealing && { sealing }),
  });
  const stop = async () => {
    await running.stop();
    if (!options.transport) await transport.close();
    await options.inbox.close();
  };
  try {
    await running.start();
  } catch (error: unknown) {
    await stop();
    throw error;
  }
  return { stop };
}

let stderrOutput: LogOutput | undefined;
function stderrLines(): (line: string) => void {
  const output = (stderrOutput ??= new LogOutput(process.stderr));
  return (line) => output.write(line);
}

function brokerUrl(given: string | undefined): string {
  const environment = given === undefined ? process.env : { BACKSTEP_RABBITMQ_URL: given };
  return readConfig({ required: ['BACKSTEP_RABBITMQ_URL'] }, {}, environment).BACKSTEP_RABBITMQ_URL;
}
