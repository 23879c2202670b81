import { messageOf, SagaError } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';
import type { Consumer, Delivery, Topology, Transport } from '../ports/transport.js';
import { backoffMs, pause } from './pause.js';
import type { EngineSettings } from './settings.js';

export interface ConnectionParts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: EngineSettings;
}
export interface Subscription {
  readonly queue: string;
  readonly prefetch: number;
  readonly receive: (deliveries: readonly Delivery[]) => void;
}

/**
 * Gets the queues declared and consumed, however long the broker is away.
 * Owns: the consumers. Does not own: reconnecting, which is the transport's.
 * Invariant: after `close` nothing is received any more, also if the broker comes only then.
 */
export class Connection {
  problem: string | undefined;
  private readonly consumers: Consumer[] = [];
  private readonly closing = new AbortController();

  constructor(
    private readonly parts: ConnectionParts,
    private readonly topology: Topology,
    private readonly subscriptions: readonly Subscription[],
  ) {}

  /** Resolves when all is consumed, or after `connectWaitMs`, from when on it goes on by itself. Throws SAGA_TOPOLOGY_CONFLICT. */
  async open(): Promise<void> {
    const { clock, settings, logger } = this.parts;
    const over = new AbortController();
    const connecting = this.connect().catch((error: unknown) => {
      this.problem = messageOf(error);
      if (!over.signal.aborted) throw error;
      logger.error({ error: this.problem }, 'the queues are not as they should be');
    });
    try {
      await Promise.race([connecting, pause(clock, settings.connectWaitMs, over.signal)]);
    } finally {
      over.abort();
    }
  }

  /** Resolves when the broker has agreed that nothing more is delivered. */
  async close(): Promise<void> {
    this.closing.abort();
    await Promise.all(this.consumers.map((consumer) => consumer.stop()));
  }

  private async connect(): Promise<void> {
    const { signal } = this.closing;
    await this.persist(() => this.parts.transport.declare(this.topology));
    for (const { queue, prefetch, receive } of this.subscriptions) {
      if (signal.aborted) return;
      const consumer = await this.persist(() => this.parts.transport.consume(queue, { prefetch }, receive));
      if (!consumer) return;
      this.consumers.push(consumer);
      if (signal.aborted) await consumer.stop();
    }
    this.problem = undefined;
  }

  /** Until it works; a conflict is not going to. Gives `undefined` when closed meanwhile. */
  private async persist<T>(act: () => Promise<T>): Promise<T | undefined> {
    const { clock, random, settings } = this.parts;
    for (let failures = 1; !this.closing.signal.aborted; failures++) {
      try {
        return await act();
      } catch (error: unknown) {
        if (error instanceof SagaError && error.code === 'SAGA_TOPOLOGY_CONFLICT') throw error;
        this.problem = `the broker cannot be used: ${messageOf(error)}`;
      }
      await pause(clock, backoffMs(failures, random, settings), this.closing.signal);
    }
    return undefined;
  }
}
