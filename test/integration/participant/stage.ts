import pg from 'pg';
import { randomBytes } from 'node:crypto';
import { encodeCommand } from '../../../src/core/codec-commands.js';
import { decodeReply, type DecodedReply } from '../../../src/core/codec-replies.js';
import { commandId } from '../../../src/core/state.js';
import { namesIn, type CommandMessage, type Names } from '../../../src/core/wire.js';
import { InProcessTransport } from '../../../src/memory/in-process-transport.js';
import { InProcessBroker } from '../../../src/memory/transport-broker.js';
import { Host, type HostParts } from '../../../src/participant/host.js';
import type { ParticipantObserver } from '../../../src/participant/runtime.js';
import type { HostSettings } from '../../../src/participant/settings.js';
import type { Message } from '../../../src/core/wire.js';
import type { LogFields } from '../../../src/ports/logger.js';
import type { Transport } from '../../../src/ports/transport.js';
import { pgInbox } from '../../../src/postgres/inbox-pg.js';
import { RabbitMqTransport } from '../../../src/rabbitmq/rabbitmq-transport.js';
import { realClock, recordingLogger, type RecordingLogger } from '../../contract/transport-parts.js';
import { closeAtEnd } from '../../support/closing.js';
import { amqpUrl, freshDatabase, uniqueNamespace } from '../../support/servers.js';
import { declare, type Declaring, type Request, type Script } from './payments.js';

/** Where messages go: a broker in the process, or RabbitMQ. */
export interface Wiring {
  readonly namespace: string;
  connect(): Transport;
  readonly broker?: InProcessBroker;
}
export function inProcess(): Wiring {
  const broker = new InProcessBroker(realClock);
  const connect = () => new InProcessTransport({ broker, clock: realClock, logger: recordingLogger() });
  return { namespace: 'backstep', connect, broker };
}
export function overRabbitMq(): Wiring {
  return { namespace: uniqueNamespace(), connect: () => rabbitMqAt(amqpUrl()) };
}
export function rabbitMqAt(url: string): Transport {
  const reconnectMs = { first: 10, longest: 50 };
  return new RabbitMqTransport({ urls: [url], clock: realClock, random: { next: Math.random }, logger: recordingLogger(), reconnectMs });
}

/** Every test has a stage, all of them end with their file, and the server has a hundred connections for everybody. */
const IDLE_MS = 500;

export interface HostOptions {
  readonly settings?: Partial<HostSettings>;
  readonly observer?: ParticipantObserver;
  /** By another way, or another store altogether. */
  readonly url?: string;
  readonly store?: HostParts['store'];
  readonly transport?: Transport;
  readonly declarations?: HostParts['declarations'];
}

/** A database, a broker, any number of hosts, and the orchestrator's side of the wire. */
export class Stage {
  readonly names: Names;
  readonly logger: RecordingLogger = listeningLogger(() => this.look());
  readonly replies: DecodedReply[] = [];
  readonly deadLetters: Message[] = [];
  readonly script: Script = {};
  readonly pool: pg.Pool;
  private readonly opened: (() => Promise<void>)[] = [];
  private waiting: { readonly check: () => boolean; readonly resolve: () => void }[] = [];

  static async open(wiring: Wiring = inProcess(), declaring: Declaring = declare): Promise<Stage> {
    const stage = new Stage(await freshSchema(), wiring, declaring);
    closeAtEnd(() => stage.close());
    await stage.listen();
    return stage;
  }

  private constructor(
    readonly url: string,
    readonly wiring: Wiring,
    private readonly declaring: Declaring,
  ) {
    this.names = namesIn(wiring.namespace);
    this.transport = wiring.connect();
    this.pool = new pg.Pool({ connectionString: url, idleTimeoutMillis: IDLE_MS });
    // A pool has ended before its connections have: dropping the database may cut the last of them.
    this.pool.on('error', () => {});
    this.opened.push(
      () => this.pool.end(),
      () => this.transport.close(),
    );
  }
  readonly transport: Transport;

  /** Starts a host with connections of its own, as another process would have. */
  async host(options: HostOptions = {}): Promise<Host> {
    const { url = this.url, store, settings, observer, declarations = [this.declaring(this.script)] } = options;
    const pool = new pg.Pool({ connectionString: url, idleTimeoutMillis: IDLE_MS });
    pool.on('error', () => {});
    const transport = options.transport ?? this.wiring.connect();
    const host = new Host({
      declarations,
      store: store ?? (pgInbox(pool, { lockTimeoutMs: 5_000 }) as HostParts['store']),
      transport,
      clock: realClock,
      logger: this.logger,
      settings: { namespace: this.wiring.namespace, drainMs: 2_000, backoffMs: 10, backoffMaxMs: 50, lockWaitMs: 1_000, ...settings },
      ...(observer && { observer }),
    });
    this.opened.push(
      () => pool.end(),
      () => transport.close(),
      () => host.stop(),
    );
    await host.start();
    return host;
  }

  async send(...commands: readonly CommandMessage[]): Promise<void> {
    await this.transport.publish(commands.map((command) => encodeCommand(command, this.names, { appId: 'test', now: Date.now() })));
  }

  /** Waits for so many answers to a command and gives the last of them as text: outcome and code, or the reply. */
  async answer(to: CommandMessage, nth = 1): Promise<string> {
    const found = () => this.replies.filter((reply) => reply.commandId === to.id);
    await this.until(() => found().length >= nth);
    const { outcome, code, body } = found()[nth - 1]!;
    return outcome === 'success' ? JSON.stringify(body) : `${outcome} ${code}`;
  }
  async ask(commandMessage: CommandMessage): Promise<string> {
    const before = this.replies.filter((reply) => reply.commandId === commandMessage.id).length;
    await this.send(commandMessage);
    return this.answer(commandMessage, before + 1);
  }
  async until(check: () => boolean): Promise<void> {
    if (!check()) await new Promise<void>((resolve) => this.waiting.push({ check, resolve }));
  }

  async effects(): Promise<string[]> {
    const { rows } = await this.pool.query<{ kind: string; id: string }>('select kind, id from effect order by kind, id');
    return rows.map(({ kind, id }) => `${kind} ${id}`);
  }
  async rows(actionId: string): Promise<string[]> {
    const { rows } = await this.pool.query<{ direction: string; state: string }>(
      'select direction, state from backstep_inbox where action_id = $1 order by direction',
      [actionId],
    );
    return rows.map(({ direction, state }) => `${direction} ${state}`);
  }
  async age(actionId: string): Promise<void> {
    await this.pool.query('delete from backstep_inbox where action_id = $1', [actionId]);
  }

  private async listen(): Promise<void> {
    const { replies, deadLetters } = this.names;
    await this.transport.declare({ exchanges: [], queues: [{ name: replies, deliveryLimit: 20 }, { name: deadLetters }], bindings: [] });
    await this.transport.consume(replies, { prefetch: 500 }, (deliveries) => {
      for (const { message, settle } of deliveries.map((delivery) => ({
        message: delivery.message,
        settle: () => delivery.settle('done'),
      }))) {
        const read = decodeReply(message);
        if (read.ok) this.replies.push(read.reply);
        settle();
      }
      this.look();
    });
    await this.transport.consume(deadLetters, { prefetch: 500 }, (deliveries) => {
      for (const delivery of deliveries) {
        this.deadLetters.push(delivery.message);
        delivery.settle('done');
      }
      this.look();
    });
  }

  look(): void {
    this.waiting = this.waiting.filter(({ check, resolve }) => !check() || resolve());
  }

  private async close(): Promise<void> {
    for (const close of this.opened.toReversed()) await close();
  }
}

let database: ReturnType<typeof freshDatabase> | undefined;
let schemas = 0;
/** The URL of an empty schema; the database is shared by the stages of a test file, since dropping one takes a second. */
async function freshSchema(): Promise<string> {
  const url = new URL((await (database ??= freshDatabase())).url);
  const schema = `stage_${++schemas}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await client.query(`create schema ${schema}`);
  await client.end();
  url.searchParams.set('options', `-c search_path=${schema}`);
  return url.href;
}

/** A recording logger that tells when it has recorded something. */
function listeningLogger(listener: () => void): RecordingLogger {
  const { lines, ...levels } = recordingLogger();
  const told = Object.entries(levels).map(([level, log]) => [level, (fields: LogFields, text: string) => (log(fields, text), listener())]);
  return { lines, ...Object.fromEntries(told) } as RecordingLogger;
}

/** Commands of one step of one saga. */
export class Step {
  readonly sagaId: string;
  constructor(
    readonly step: 'charge' | 'capture' = 'charge',
    readonly request: Request = { orderId: 'o-1', amount: 10 },
    readonly firstSentAt: number = Date.now(),
  ) {
    const hex = Date.now().toString(16).padStart(12, '0');
    const random = randomBytes(8).toString('hex');
    this.sagaId = `${hex.slice(0, 8)}-${hex.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(4)}`;
  }
  get action(): CommandMessage {
    return this.made('a', `payments.${this.step}`);
  }
  undo(outcome: 'success' | 'unknown' = 'unknown'): CommandMessage {
    return this.made('c', this.step === 'charge' ? 'payments.refund' : 'payments.giveBack', outcome);
  }
  get fence(): CommandMessage {
    return this.made('f', 'backstep.fence');
  }
  private made(phase: 'a' | 'c' | 'f', type: string, outcome: 'success' | 'unknown' = 'unknown'): CommandMessage {
    return {
      id: commandId(this.sagaId, this.step, phase, 1),
      participant: 'payments',
      type,
      sagaId: this.sagaId,
      sagaName: 'place-order',
      sagaVersion: 1,
      sagaKey: undefined,
      step: this.step,
      phase,
      attempt: 1,
      execution: 1,
      firstSentAt: this.firstSentAt,
      action: phase === 'a' ? undefined : { id: commandId(this.sagaId, this.step, 'a', 1), outcome, firstSentAt: this.firstSentAt },
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      body: phase === 'f' ? '{}' : JSON.stringify(this.request),
      expirationMs: 60_000,
    };
  }
}
