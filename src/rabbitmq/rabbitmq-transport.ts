import type { ChannelModel } from 'amqplib';
import { SagaError } from '../core/errors.js';
import type { Timer } from '../ports/clock.js';
import type {
  Consumer,
  ConsumeOptions,
  Delivery,
  Outgoing,
  PublishOutcome,
  QueueState,
  Topology,
  Transport,
  TransportHealth,
} from '../ports/transport.js';
import { explain, isAboutArguments } from './broker-errors.js';
import { claimOne } from './claims.js';
import { Link } from './link.js';
import { settingsOf, type RabbitMqOptions, type Settings } from './options.js';
import { Publisher } from './publisher.js';
import { queueStates } from './queue-states.js';
import { RabbitMqConsumer } from './rabbitmq-consumer.js';
import { declareTopology, NeededTopology, type TopologyFault } from './topology.js';
import { within } from './waiting.js';

/** No more often than this is a message that came back a reason to declare everything again. */
const REDECLARE_GAP_MS = 1_000;

/**
 * Messages over RabbitMQ. Owns two connections, because a broker short of memory stops reading from those that publish: one for
 * publishing, one (with the first consumer) for consuming; and the topology that this process needs. Connects with the first use.
 * Invariants: whoever connects declares first; nothing here throws out of an event of the client library.
 */
export class RabbitMqTransport implements Transport {
  readonly system = 'rabbitmq';
  private readonly settings: Settings;
  private readonly publishing: Link;
  private readonly consuming: Link;
  private readonly publisher: Publisher;
  private readonly consumers = new Set<RabbitMqConsumer>();
  private readonly needed = new NeededTopology();
  private readonly listeners = new Set<(health: TransportHealth) => void>();
  private readonly upWaiters = new Set<() => void>();
  private claimed: { readonly connection: ChannelModel; readonly name: string } | undefined;
  private topologyFault: string | undefined;
  private conflictTimer: Timer | undefined;
  private declaredAt = -Infinity;
  private readonly stopping = new AbortController();
  private closing: Promise<void> | undefined;
  private told: string;

  constructor(options: RabbitMqOptions) {
    this.settings = settingsOf(options, this.stopping.signal);
    const linkChanged = () => this.linkChanged();
    this.publishing = new Link('publishing', this.settings, { linkChanged, setUp: async (connection) => this.setUpPublishing(connection) });
    this.consuming = new Link('consuming', this.settings, { linkChanged, setUp: async (connection) => this.setUpConsuming(connection) });
    this.publisher = new Publisher(this.settings, this.publishing, {
      redeclare: async (connection) => this.declareNeeded(connection),
      returned: (out) => this.onReturned(out),
    });
    this.told = JSON.stringify(this.health());
  }

  /**
   * Throws SAGA_TOPOLOGY_CONFLICT with every difference. Without a connection within the publish wait it returns all the same: the
   * topology is declared as soon as there is one, and a conflict found then is logged, shown by {@link health} and tried again slowly.
   * The same where the broker refuses for another reason: permissions may come.
   */
  async declare(topology: Topology): Promise<void> {
    const giveUpAt = this.settings.clock.monotonic() + this.settings.publishWaitMs;
    while (await this.isUp(this.publishing, giveUpAt)) {
      const { connection } = this.publishing;
      const faults = connection && (await this.declareOn(connection, topology));
      if (!faults) continue;
      if (faults.some(({ kind }) => kind === 'conflict')) throw conflict(faults);
      this.needed.add(topology);
      if (faults.length > 0) this.faulty(faults);
      return;
    }
    this.needed.add(topology);
  }

  async publish(batch: readonly Outgoing[]): Promise<readonly PublishOutcome[]> {
    this.start(this.publishing);
    return this.publisher.publish(batch);
  }

  /** Without a connection within the publish wait it returns all the same, and consumes as soon as there is one. */
  async consume(
    queue: string,
    { prefetch, priority = 0 }: ConsumeOptions,
    receive: (deliveries: readonly Delivery[]) => void,
  ): Promise<Consumer> {
    const consumer = new RabbitMqConsumer(this.settings, this.consuming, { queue, prefetch, priority, receive }, async (connection) =>
      this.declareNeeded(connection),
    );
    this.consumers.add(consumer);
    this.start(this.consuming);
    if (this.consuming.isUp) consumer.resume(this.consuming.connection!, true);
    await within(this.settings.clock, this.settings.publishWaitMs, consumer.subscribed);
    return consumer;
  }

  health(): TransportHealth {
    const links = [this.publishing, this.consuming].filter((link) => link.isStarted);
    const connected = !this.closing && links.length > 0 && links.every((link) => link.isUp);
    const lastError = this.closing
      ? 'closed'
      : (links.find((link) => link.lastError)?.lastError ?? this.topologyFault ?? this.publisher.denied);
    return { connected, blocked: connected && this.publishing.isBlocked, ...(lastError !== undefined && { lastError }) };
  }

  async queues(names: readonly string[]): Promise<readonly QueueState[]> {
    const { connection } = this.publishing;
    return connection && this.publishing.isUp ? queueStates(connection, names) : [];
  }

  /** By queues that only one connection can have; the one that consumes, so that a name and its consumers go together. */
  async claim(names: readonly string[]): Promise<string | undefined> {
    const { connection } = this.consuming;
    if (!connection || !this.consuming.isUp) return undefined;
    if (this.claimed?.connection !== connection || !names.includes(this.claimed.name)) {
      const name = await claimOne(connection, names);
      this.claimed = name === undefined ? undefined : { connection, name };
    }
    return this.claimed?.name;
  }

  onHealth(listener: (health: TransportHealth) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    this.conflictTimer?.cancel();
    const consumersClosed = Promise.all([...this.consumers].map(async (consumer) => consumer.close()));
    await Promise.all([within(this.settings.clock, this.settings.closeTimeoutMs, consumersClosed), this.publisher.close()]);
    this.stopping.abort();
    await Promise.all([this.publishing.close(), this.consuming.close()]);
    this.tell();
  }

  private start(link: Link): void {
    if (this.closing) return;
    link.start();
  }

  private async setUpPublishing(connection: ChannelModel): Promise<void> {
    await this.declareNeeded(connection);
    await this.publisher.open(connection);
  }

  private async setUpConsuming(connection: ChannelModel): Promise<void> {
    await this.declareNeeded(connection);
  }

  private linkChanged(): void {
    if (this.publishing.isUp) this.publisher.pump();
    if (this.consuming.isUp) for (const consumer of this.consumers) consumer.resume(this.consuming.connection!, true);
    for (const wake of this.upWaiters) wake();
    this.tell();
  }

  /** Gives the faults, or nothing when the connection went meanwhile. */
  private async declareOn(connection: ChannelModel, topology: Topology): Promise<TopologyFault[] | undefined> {
    try {
      return await declareTopology(connection, topology, this.settings.queueType);
    } catch (error: unknown) {
      // The client library's complaint about a name or an argument; anything else is the connection's end.
      if (isAboutArguments(error)) throw error;
      this.publishing.drop(connection, explain(error));
      return undefined;
    }
  }

  /** All that was declared before. Conflicts are no reason not to work with the rest. */
  private async declareNeeded(connection: ChannelModel): Promise<void> {
    this.declaredAt = this.settings.clock.monotonic();
    const faults = await declareTopology(connection, this.needed, this.settings.queueType);
    this.faulty(faults);
  }

  /** Logged when it is news; none: all is well. */
  private faulty(faults: readonly TopologyFault[]): void {
    const fault = faults.length > 0 ? faults.map(({ text }) => text).join('; ') : undefined;
    if (fault !== undefined && fault !== this.topologyFault) {
      const isConflict = faults.some(({ kind }) => kind === 'conflict');
      const what = isConflict ? 'Queues or exchanges exist with other arguments' : 'The broker refuses to declare queues or exchanges';
      const code = isConflict ? { code: 'SAGA_TOPOLOGY_CONFLICT' } : {};
      this.settings.logger.error({ ...code, faults: faults.map(({ text }) => text) }, `${what}; trying again from time to time.`);
    }
    this.topologyFault = fault;
    if (fault !== undefined) this.retryConflict();
    this.tell();
  }

  private retryConflict(): void {
    this.conflictTimer?.cancel();
    this.conflictTimer = this.settings.clock.after(this.settings.conflictRetryMs, () => this.redeclareQuietly());
  }

  /** Something we declared is gone, and nobody told us: declare again. */
  private onReturned(out: Outgoing): void {
    if (!this.needed.routes(out.exchange, out.routingKey)) return;
    if (this.settings.clock.monotonic() - this.declaredAt >= REDECLARE_GAP_MS) this.redeclareQuietly();
  }

  private redeclareQuietly(): void {
    const { connection } = this.publishing;
    if (!connection || this.closing) return;
    // When it fails the connection is going, and the next one declares.
    this.declareNeeded(connection).catch(() => {});
  }

  private async isUp(link: Link, giveUpAt: number): Promise<boolean> {
    this.start(link);
    while (!link.isUp && !this.closing) {
      const left = giveUpAt - this.settings.clock.monotonic();
      if (left <= 0) return false;
      await within(this.settings.clock, left, this.nextChange());
    }
    return link.isUp;
  }

  private async nextChange(): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.upWaiters.delete(wake);
        resolve();
      };
      this.upWaiters.add(wake);
    });
  }

  private tell(): void {
    const health = this.health();
    const text = JSON.stringify(health);
    if (text === this.told) return;
    this.told = text;
    for (const listener of this.listeners) listener(health);
  }
}

function conflict(faults: readonly TopologyFault[]): SagaError {
  const what = 'queues or exchanges exist with other arguments; delete them once they are empty, or use another namespace';
  return new SagaError(
    'SAGA_TOPOLOGY_CONFLICT',
    what,
    faults.map(({ text }) => text),
  );
}
