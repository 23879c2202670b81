import type { Message } from '../../../src/core/wire.js';
import { InProcessTransport } from '../../../src/memory/in-process-transport.js';
import type { InProcessBroker } from '../../../src/memory/transport-broker.js';
import type { Logger } from '../../../src/ports/logger.js';
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
} from '../../../src/ports/transport.js';
import type { Chance } from '../kit/chance.js';
import type { Life } from './life.js';
import type { VirtualTime } from './virtual-time.js';

/** The broker as all machines reach it. */
export interface BrokerWorld {
  readonly time: VirtualTime;
  readonly broker: InProcessBroker;
  readonly chance: Chance;
  readonly logger: Logger;
  /** How probably a message takes much longer than the others. */
  readonly slow: number;
  /** Whose message is being published: read by the broker's mishaps. */
  publisher: string;
  onCounted(what: string): void;
  onPublished?(by: string, batch: readonly Outgoing[], outcomes: readonly PublishOutcome[]): void;
  onDelivered?(to: string, queue: string, deliveries: readonly Delivery[]): void;
}

/** Heartbeats are 10 s apart, and two missing are too many. */
const HEARTBEATS_MS = 20_000;

/**
 * A connection of one process to the broker, some milliseconds away.
 * Owns: what is on the wire. Invariants: each direction keeps its order; what is on the wire when the link breaks never arrives, and
 * whoever waits for a confirm then learns that nobody knows.
 */
export class SimulatedTransport implements Transport {
  private readonly inner: InProcessTransport;
  private epoch = 0;
  private outUntil = 0;
  private inUntil = 0;
  private readonly unanswered = new Set<(why: string) => void>();
  private readonly published = new WeakSet<Message>();

  constructor(
    private readonly world: BrokerWorld,
    private readonly life: Life,
    publishWaitMs?: number,
  ) {
    const { broker, logger, time, chance } = world;
    this.inner = new InProcessTransport({ broker, clock: time, logger, ...(publishWaitMs === undefined ? {} : { publishWaitMs }) });
    this.inner.onHealth(({ connected }) => {
      if (!connected) this.broke('the connection went');
    });
    if (!life.machine.linkIsUp) this.inner.cut();
    // A process that is killed is missed at once, a machine that is gone only after a while.
    life.onDeath(() => time.after(chance.is(0.7) ? 1 : chance.between(1_000, HEARTBEATS_MS), () => void this.inner.close()));
    life.onStop((ms) => {
      if (ms <= HEARTBEATS_MS) return;
      time.after(HEARTBEATS_MS, () => this.inner.cut());
      time.after(ms + 50, () => life.machine.linkIsUp && this.inner.restore());
    });
  }

  cut(): void {
    this.inner.cut();
  }
  restore(): void {
    this.inner.restore();
  }

  declare(topology: Topology): Promise<void> {
    return this.life.port('broker.setup', async () => {
      await this.trip();
      await this.inner.declare(topology);
    });
  }

  publish(batch: readonly Outgoing[]): Promise<readonly PublishOutcome[]> {
    for (const { message } of batch) {
      if (this.published.has(message)) this.world.onCounted('published again');
      else this.published.add(message);
    }
    return this.life.port('broker.publish', (strike) => {
      // Dies with the messages on the wire: they arrive, and nobody waits for their confirms.
      if (strike?.moment === 'middle') this.world.time.after(0, () => this.life.struck(strike));
      return new Promise((resolve) => this.send(batch, resolve));
    });
  }

  consume(queue: string, options: ConsumeOptions, receive: (deliveries: readonly Delivery[]) => void): Promise<Consumer> {
    const { life, world } = this;
    return life.port('broker.setup', async () => {
      await this.trip();
      const consumer = await this.inner.consume(queue, options, (deliveries) => {
        const wrapped = deliveries.map((delivery) => this.wrapped(delivery));
        this.arrive(() => {
          if (life.isAlive) world.onDelivered?.(life.machine.name, queue, deliveries);
          life.enter(() => receive(wrapped));
        });
      });
      const stop = () => life.port('broker.setup', () => consumer.stop());
      return { stop };
    });
  }

  queues(names: readonly string[]): Promise<readonly QueueState[]> {
    return this.asked(() => this.inner.queues(names));
  }
  claim(names: readonly string[]): Promise<string | undefined> {
    return this.asked(() => this.inner.claim(names));
  }
  private asked<T>(ask: () => Promise<T>): Promise<T> {
    return this.life.port('broker.setup', async () => {
      await this.trip();
      return ask();
    });
  }

  health(): TransportHealth {
    return this.inner.health();
  }
  onHealth(listener: (health: TransportHealth) => void): () => void {
    return this.inner.onHealth((health) => this.life.enter(() => listener(health)));
  }
  /** What is on its way out gets there first. */
  async close(): Promise<void> {
    const { time } = this.world;
    if (this.outUntil > time.elapsed) await time.sleep(this.outUntil - time.elapsed);
    await this.inner.close();
  }

  private send(batch: readonly Outgoing[], resolve: (outcomes: readonly PublishOutcome[]) => void): void {
    const { world, life } = this;
    const answer = (outcomes: readonly PublishOutcome[]) => {
      this.unanswered.delete(lost);
      resolve(outcomes);
    };
    const lost = (reason: string) => answer(batch.map(() => ({ fate: 'unknown', reason })));
    const hand = async () => {
      world.publisher = life.machine.name;
      const outcomes = await this.inner.publish(batch);
      world.onPublished?.(life.machine.name, batch, outcomes);
      return outcomes;
    };
    // Without a connection the client keeps it for a while.
    if (!this.inner.health().connected) return void hand().then(answer);
    this.unanswered.add(lost);
    this.leave(() => void hand().then((outcomes) => this.arrive(() => answer(outcomes))));
  }

  private wrapped(delivery: Delivery): Delivery {
    const { life } = this;
    return {
      message: delivery.message,
      redelivered: delivery.redelivered,
      settle: (verdict) => {
        if (!life.isAlive) return;
        const strike = life.strikeAt('broker.settle');
        if (strike?.moment === 'before' && life.struck(strike)) return;
        this.leave(() => delivery.settle(verdict));
        if (strike && strike.moment !== 'before') life.struck(strike);
      },
    };
  }

  private broke(why: string): void {
    this.epoch++;
    for (const tell of this.unanswered) tell(why);
  }

  private async trip(): Promise<void> {
    await this.world.time.sleep(this.delay());
  }
  private leave(run: () => void): void {
    this.outUntil = this.travel(this.outUntil, run);
  }
  private arrive(run: () => void): void {
    this.inUntil = this.travel(this.inUntil, run);
  }
  /** Never past what left before. */
  private travel(after: number, run: () => void): number {
    const { time } = this.world;
    const { epoch } = this;
    const at = Math.max(after, time.elapsed + this.delay());
    time.after(at - time.elapsed, () => {
      if (epoch === this.epoch) run();
    });
    return at;
  }
  private delay(): number {
    const { chance, slow } = this.world;
    return chance.is(slow) ? chance.between(10, 400) : 0.2 + chance.next() * 2;
  }
}
