import { messageOf, SagaError } from '../core/errors.js';
import { refusalOf } from '../core/wire-limits.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
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
import { copyOf, type BrokerClient, type InProcessBroker } from './transport-broker.js';
import type { Stored, Taker } from './transport-queue.js';

export interface InProcessTransportOptions {
  readonly broker: InProcessBroker;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long publishing waits for the broker; milliseconds, default 5,000. */
  readonly publishWaitMs?: number;
}

/** A batch, or the rest of it, that waits for the broker. */
interface Parked {
  readonly batch: readonly Outgoing[];
  readonly answer: (outcomes: readonly PublishOutcome[]) => void;
  readonly timer: Timer;
}

/**
 * A connection to an {@link InProcessBroker}, with the contract of a transport over a network. Owns its consumers, their deliveries and
 * what waits to be published. Invariant: a delivery that is not settled is given back when the connection goes.
 */
export class InProcessTransport implements Transport, BrokerClient {
  readonly system = 'in_process';
  private readonly broker: InProcessBroker;
  private readonly declared: Topology[] = [];
  private readonly consumers = new Set<InProcessConsumer>();
  private readonly listeners = new Set<(health: TransportHealth) => void>();
  private parked: Parked[] = [];
  private connected: boolean;
  private claimed: string | undefined;
  private isClosed = false;
  private isCut = false;
  private told = '';

  constructor(private readonly options: InProcessTransportOptions) {
    this.broker = options.broker;
    this.connected = this.broker.isReachable;
    this.told = JSON.stringify(this.health());
    this.broker.attach(this);
  }

  async declare(topology: Topology): Promise<void> {
    if (this.connected) this.declareNow(topology);
    this.declared.push(topology);
    return Promise.resolve();
  }

  async publish(batch: readonly Outgoing[]): Promise<readonly PublishOutcome[]> {
    return new Promise((answer) => {
      if (this.canPublish()) this.publishNow(batch, answer);
      else if (this.isClosed) this.broker.soon(() => this.answerUnknown(batch, answer, 'the transport is closed'));
      else this.park(batch, answer);
    });
  }

  async consume(queue: string, options: ConsumeOptions, receive: (deliveries: readonly Delivery[]) => void): Promise<Consumer> {
    const consumer = new InProcessConsumer(this.broker, queue, options, receive, this.options.logger, () => {
      if (consumer.isDone) this.consumers.delete(consumer);
    });
    this.consumers.add(consumer);
    if (this.connected) consumer.subscribe();
    return Promise.resolve(consumer);
  }

  health(): TransportHealth {
    const lastError = this.isClosed ? 'closed' : this.connected ? undefined : 'the broker cannot be reached';
    return { connected: this.connected, blocked: this.connected && this.broker.isBlocked, ...(lastError && { lastError }) };
  }

  async queues(names: readonly string[]): Promise<readonly QueueState[]> {
    return Promise.resolve(this.connected ? names.flatMap((name) => this.broker.stateOf(name) ?? []) : []);
  }

  async claim(names: readonly string[]): Promise<string | undefined> {
    if (this.connected)
      this.claimed = this.claimed !== undefined && names.includes(this.claimed) ? this.claimed : this.broker.claim(names, this);
    return Promise.resolve(this.claimed);
  }

  onHealth(listener: (health: TransportHealth) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.broker.detach(this);
    this.disconnected();
    for (const { batch, answer, timer } of this.parked) {
      timer.cancel();
      this.answerUnknown(batch, answer, 'the transport was closed');
    }
    this.parked = [];
    this.tell();
    await new Promise<void>((resolve) => this.broker.soon(resolve));
  }

  /** Cuts this connection alone, and keeps it from coming back until {@link restore}. For tests. */
  cut(): void {
    this.isCut = true;
    if (!this.isClosed) this.connectionChanged();
  }
  restore(): void {
    this.isCut = false;
    if (!this.isClosed) this.connectionChanged();
  }

  connectionChanged(): void {
    const canConnect = this.broker.isReachable && !this.isCut;
    if (this.connected && !canConnect) this.disconnected();
    else if (!this.connected && canConnect) this.reconnected();
    this.tell();
    if (this.canPublish()) this.unpark();
  }

  topologyLost(): void {
    this.broker.soon(() => this.connected && this.declareAgain());
  }

  private canPublish(): boolean {
    return this.connected && !this.broker.isBlocked;
  }

  private disconnected(): void {
    this.connected = false;
    this.claimed = undefined;
    this.broker.unclaim(this);
    for (const consumer of this.consumers) consumer.connectionLost();
  }

  private reconnected(): void {
    this.connected = true;
    this.declareAgain();
    for (const consumer of this.consumers) consumer.subscribe();
  }

  private declareNow(topology: Topology): void {
    const faults = this.broker.declare(topology);
    if (faults.length > 0) throw new SagaError('SAGA_TOPOLOGY_CONFLICT', 'queues or exchanges exist with other arguments', faults);
  }

  private declareAgain(): void {
    for (const topology of this.declared) {
      try {
        this.declareNow(topology);
      } catch (error: unknown) {
        this.options.logger.error({ error: messageOf(error) }, 'The topology could not be declared again.');
      }
    }
  }

  private publishNow(batch: readonly Outgoing[], answer: Parked['answer']): void {
    const outcomes = batch.map((out) => this.publishOne(out));
    this.broker.soon(() => answer(outcomes));
  }

  private publishOne(out: Outgoing): PublishOutcome {
    const reason = refusalOf(out);
    if (reason !== undefined) return { fate: 'refused', reason };
    const mishap = this.broker.mishap?.(out);
    const routed = this.broker.publish(out, mishap);
    // What came back has lost its exchange, its binding or its queue: like over a network, that is a reason to declare again.
    if (routed !== 'queued') this.topologyLost();
    if (mishap?.outcome) return mishap.outcome;
    if (routed === 'no-exchange') return { fate: 'unknown', reason: `there is no exchange ${out.exchange}` };
    return { fate: routed === 'queued' ? 'confirmed' : 'returned' };
  }

  private park(batch: readonly Outgoing[], answer: Parked['answer']): void {
    const timer = this.options.clock.after(this.options.publishWaitMs ?? 5_000, () => {
      this.parked = this.parked.filter((one) => one !== parked);
      const why = this.connected ? 'the broker holds publishing back' : 'no connection to the broker';
      this.answerUnknown(batch, answer, why);
    });
    const parked = { batch, answer, timer };
    this.parked.push(parked);
  }

  private unpark(): void {
    const { parked } = this;
    this.parked = [];
    for (const { batch, answer, timer } of parked) {
      timer.cancel();
      this.publishNow(batch, answer);
    }
  }

  private answerUnknown(batch: readonly Outgoing[], answer: Parked['answer'], why: string): void {
    answer(batch.map((out) => unsent(out, why)));
  }

  private tell(): void {
    const health = this.health();
    const text = JSON.stringify(health);
    if (text === this.told) return;
    this.told = text;
    for (const listener of this.listeners) listener(health);
  }
}

function unsent(out: Outgoing, why: string): PublishOutcome {
  const reason = refusalOf(out);
  return reason === undefined ? { fate: 'unknown', reason: why } : { fate: 'refused', reason };
}

/**
 * One consumer across reconnects. Owns its deliveries that are not settled. Invariant: never more of them than the prefetch; each is
 * settled or given back, once.
 */
class InProcessConsumer implements Consumer, Taker {
  private unsettled = new Set<InProcessDelivery>();
  private isStopped = false;
  private isSubscribed = false;

  constructor(
    private readonly broker: InProcessBroker,
    private readonly queue: string,
    private readonly options: ConsumeOptions,
    private readonly receive: (deliveries: readonly Delivery[]) => void,
    private readonly logger: Logger,
    private readonly onSettled: () => void,
  ) {}

  get priority(): number {
    return this.options.priority ?? 0;
  }
  /** Stopped with nothing under way. */
  get isDone(): boolean {
    return this.isStopped && this.unsettled.size === 0;
  }

  subscribe(): void {
    if (this.isStopped || this.isSubscribed) return;
    this.isSubscribed = true;
    this.broker.subscribe(this.queue, this);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.unsubscribe();
    this.onSettled();
    await new Promise<void>((resolve) => this.broker.soon(resolve));
  }

  connectionLost(): void {
    this.unsubscribe();
    const lost = this.unsettled;
    this.unsettled = new Set();
    for (const delivery of lost) this.broker.giveBack(this.queue, delivery.stored);
  }

  capacity(): number {
    return this.options.prefetch - this.unsettled.size;
  }

  take(batch: readonly Stored[]): void {
    const deliveries = batch.map((stored) => new InProcessDelivery(stored, this));
    for (const delivery of deliveries) this.unsettled.add(delivery);
    try {
      this.receive(deliveries);
    } catch (error: unknown) {
      this.logger.error({ queue: this.queue, error: messageOf(error) }, 'A receiver threw; its deliveries stay unsettled.');
    }
  }

  settle(delivery: InProcessDelivery, verdict: 'done' | 'requeue'): void {
    if (!this.unsettled.delete(delivery)) return;
    if (verdict === 'requeue') this.broker.giveBack(this.queue, delivery.stored);
    else this.broker.wake(this.queue);
    this.onSettled();
  }

  private unsubscribe(): void {
    this.isSubscribed = false;
    this.broker.unsubscribe(this.queue, this);
  }
}

class InProcessDelivery implements Delivery {
  readonly message;
  readonly redelivered;

  constructor(
    readonly stored: Stored,
    private readonly consumer: InProcessConsumer,
  ) {
    this.message = copyOf(stored.message);
    this.redelivered = stored.returns > 0;
  }

  settle(verdict: 'done' | 'requeue'): void {
    this.consumer.settle(this, verdict);
  }
}
