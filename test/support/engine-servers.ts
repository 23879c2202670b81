import amqp from 'amqplib';
import { decodeCommands, type DecodedCommand } from '../../src/core/codec-commands.js';
import { encodeReply } from '../../src/core/codec-replies.js';
import type { Plan } from '../../src/core/plan.js';
import { namesIn, type Names } from '../../src/core/wire.js';
import { Definitions } from '../../src/engine/definitions.js';
import type { EngineObserver } from '../../src/engine/observer.js';
import { Orchestrator } from '../../src/engine/orchestrator.js';
import type { EngineSettings } from '../../src/engine/settings.js';
import { commandQueue, engineTopology, repliesOfDaemons } from '../../src/engine/topology.js';
import type { Clock } from '../../src/ports/clock.js';
import type { PayloadSealing } from '../../src/ports/sealing.js';
import type { Delivery } from '../../src/ports/transport.js';
import { connect, type ConnectOptions } from '../../src/postgres/connect.js';
import { migrate } from '../../src/postgres/migrate.js';
import { PostgresSagaStore } from '../../src/postgres/postgres-saga-store.js';
import type { RabbitMqOptions } from '../../src/rabbitmq/options.js';
import { RabbitMqTransport } from '../../src/rabbitmq/rabbitmq-transport.js';
import { removeTopology } from '../../src/rabbitmq/remove-topology.js';
import { v7 } from 'uuid';
import { closeAtEnd } from './closing.js';
import { hash, LogBook, type Script } from './engine.js';
import { amqpUrl, freshDatabase, uniqueNamespace } from './servers.js';

const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Engines of all the tests of two files run beside each other, and a server takes a hundred connections. */
const FEW_CONNECTIONS = 4;

/** What differs from a plain engine of an installation. */
export interface EngineOptions {
  readonly settings?: Partial<EngineSettings>;
  readonly observer?: EngineObserver;
  readonly sealing?: PayloadSealing;
  readonly databaseUrl?: string;
  readonly connect?: Partial<ConnectOptions>;
  readonly transport?: Partial<RabbitMqOptions>;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** One installation on real servers: a database, a namespace on the broker, and as many engines and participants as a test wants. */
export class Installation {
  private readonly open: (() => Promise<void>)[] = [];
  private readonly participants = new Set<string>();

  private constructor(
    readonly databaseUrl: string,
    readonly brokerUrl: string,
    readonly names: Names,
  ) {}

  static async open(servers: { readonly databaseUrl?: string; readonly brokerUrl?: string } = {}): Promise<Installation> {
    const databaseUrl = servers.databaseUrl ?? (await freshDatabase()).url;
    const brokerUrl = servers.brokerUrl ?? amqpUrl();
    const names = namesIn(uniqueNamespace('engine'));
    const dataSource = await connect({ url: databaseUrl });
    await migrate(dataSource);
    await dataSource.destroy();
    const installation = new Installation(databaseUrl, brokerUrl, names);
    closeAtEnd(() => installation.deleteQueues());
    return installation;
  }

  /** Runs an engine with connections of its own; all of it is closed at the end of the test file. */
  async engine(
    plans: readonly Plan[],
    options: EngineOptions = {},
  ): Promise<{
    readonly engine: Orchestrator;
    readonly store: PostgresSagaStore;
    readonly logs: LogBook;
    readonly transport: RabbitMqTransport;
    close(): Promise<void>;
  }> {
    for (const participant of new Definitions(plans).participants()) this.participants.add(participant);
    const logs = new LogBook();
    const databaseUrl = options.databaseUrl ?? this.databaseUrl;
    const store = new PostgresSagaStore(await connect({ url: databaseUrl, poolSize: FEW_CONNECTIONS, logger: logs, ...options.connect }));
    const transport = this.transport(logs, options.transport);
    const engine = new Orchestrator({
      plans,
      store,
      transport,
      clock: options.clock ?? realClock,
      ids: { sagaId: () => v7() },
      random: { next: () => Math.random() },
      logger: logs,
      hash,
      ...(options.observer ? { observer: options.observer } : {}),
      ...(options.sealing ? { sealing: options.sealing } : {}),
      settings: { ...options.settings, namespace: this.names.namespace },
    });
    let closing: Promise<void> | undefined;
    const close = async () => {
      await engine.stop();
      await transport.close();
      await store.close();
    };
    const once = () => (closing ??= close());
    this.closing(once);
    await engine.run();
    return { engine, store, logs, transport, close: once };
  }

  /** A participant that answers by a script; gives what it has received. */
  async participant(name: string, script: Script, options: Partial<RabbitMqOptions> = {}): Promise<DecodedCommand[]> {
    this.participants.add(name);
    const transport = this.transport(new LogBook(), options);
    this.closing(() => transport.close());
    const received: DecodedCommand[] = [];
    const receive = (deliveries: readonly Delivery[]) => {
      const replies = deliveries.flatMap(({ message }) => {
        const command = decodeCommands(message, name).commands[0]!;
        received.push(command);
        const given = script(command);
        if (!given) return [];
        const reply = { commandId: command.id, outcome: 'success', body: '', attempt: command.attempt, ...given } as const;
        return [encodeReply(reply, this.names, { appId: 'test', now: Date.now(), ...(message.replyTo && { replyTo: message.replyTo }) })];
      });
      // The reply is safe before its command is acknowledged, as with the SDK.
      void transport.publish(replies).then((outcomes) => {
        const isSafe = outcomes.every(({ fate }) => fate === 'confirmed');
        for (const delivery of deliveries) delivery.settle(isSafe ? 'done' : 'requeue');
      });
    };
    await transport.declare({ exchanges: [], queues: [commandQueue(this.names, name)], bindings: [] });
    await transport.consume(this.names.commands(name), { prefetch: 500 }, receive);
    return received;
  }

  /** Ends every engine and participant of it, as the end of the test file does. */
  async close(): Promise<void> {
    await Promise.all(this.open.splice(0).map((end) => end()));
  }

  /** Messages that wait in the queues of the installation. */
  async waiting(participants: readonly string[]): Promise<number> {
    const connection = await amqp.connect(this.brokerUrl);
    const channel = await connection.createChannel();
    const queues = [
      this.names.replies,
      this.names.starts,
      this.names.deadLetters,
      ...participants.map((participant) => this.names.commands(participant)),
    ];
    const counts = await Promise.all(queues.map(async (queue) => (await channel.checkQueue(queue)).messageCount));
    await connection.close();
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** What is left on a broker that others use takes file handles from them. A test's own broker may be gone by then. */
  private async deleteQueues(): Promise<void> {
    if (this.brokerUrl !== amqpUrl()) return;
    const { exchanges, queues } = engineTopology(this.names, this.participants);
    await removeTopology(this.brokerUrl, { exchanges, queues: [...queues, ...repliesOfDaemons(this.names).queues] });
  }
  private closing(end: () => Promise<void>): void {
    this.open.push(end);
    closeAtEnd(end);
  }
  /** A connection of its own to the broker. */
  transport(logs: LogBook, options: Partial<RabbitMqOptions> = {}): RabbitMqTransport {
    return new RabbitMqTransport({
      urls: [this.brokerUrl],
      clock: realClock,
      random: { next: () => 0.5 },
      logger: logs,
      reconnectMs: { first: 50, longest: 500 },
      ...options,
    });
  }
}
