import type { Message } from '../core/wire.js';

/**
 * Moves messages: at least once, persistent, in order per queue as long as nothing is redelivered. Connects by itself, for ever, with
 * backoff; while there is no connection, publishing waits up to its time and then says `unknown`.
 */
export interface Transport {
  /** What it is, in the words of OpenTelemetry's messaging conventions; for traces. */
  readonly system?: string;
  /** Declares what this process needs; repeated by itself after every reconnect. Throws SAGA_TOPOLOGY_CONFLICT when a queue exists with other arguments. */
  declare(topology: Topology): Promise<void>;
  /**
   * Publishes all of them and gives for each, in their order, what became of it. Never throws for a message: one that cannot be sent
   * (too large for the client or broker) is `refused`.
   */
  publish(batch: readonly Outgoing[]): Promise<readonly PublishOutcome[]>;
  /** Starts consuming; `receive` is called with whatever came together, in order. It must not throw. */
  consume(queue: string, options: ConsumeOptions, receive: (deliveries: readonly Delivery[]) => void): Promise<Consumer>;
  /** Alive as the transport sees it: connected and not blocked by the broker. */
  health(): TransportHealth;
  /**
   * What waits in queues and who consumes them, in no order; one that is not there is left out. Empty without a connection. For people who
   * look, not for every second. A transport that cannot tell leaves it out.
   */
  queues?(names: readonly string[]): Promise<readonly QueueState[]>;
  /**
   * Takes the first of these names that no other connection has, until this one goes; whoever asks again while it is held is given the
   * same. `undefined`: all are taken, it is not allowed, or there is no connection. A transport that cannot leaves it out.
   */
  claim?(names: readonly string[]): Promise<string | undefined>;
  /** Called when the connection comes or goes. Returns the unsubscribe. */
  onHealth(listener: (health: TransportHealth) => void): () => void;
  /** Waits for confirms under way, then disconnects. Consumers are to be stopped before. */
  close(): Promise<void>;
}

export interface Topology {
  readonly exchanges: readonly { readonly name: string; readonly kind: 'direct' | 'topic' }[];
  readonly queues: readonly QueueDeclaration[];
  readonly bindings: readonly { readonly exchange: string; readonly routingKey: string; readonly queue: string }[];
}
export interface QueueDeclaration {
  readonly name: string;
  /** Redeliveries after which the broker gives up on a message (RabbitMQ 4 has 20 by default; declared so that versions agree). */
  readonly deliveryLimit?: number;
  /** Where messages go that were given up; at least once. */
  readonly deadLetterQueue?: string;
}

export interface QueueState {
  readonly name: string;
  /** Messages that wait, without those under way to a consumer. */
  readonly depth: number;
  readonly consumers: number;
}

export interface Outgoing {
  /** '' is the default exchange: the routing key is a queue's name. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly message: Message;
}
/**
 * `confirmed`: in a queue, on disk. `returned`: no queue for it. `refused`: this message can never be sent as it is.
 * `unknown`: no answer in time or the connection went; it may or may not be in the queue, so publish it again.
 */
export type PublishOutcome =
  | { readonly fate: 'confirmed' }
  | { readonly fate: 'returned' }
  | { readonly fate: 'refused'; readonly reason: string }
  | { readonly fate: 'unknown'; readonly reason: string };

export interface ConsumeOptions {
  /** Deliveries that may be unsettled at a time. */
  readonly prefetch: number;
  /** Of several consumers of a queue, those with the highest get everything for as long as they take it. Default 0. */
  readonly priority?: number;
}
export interface Delivery {
  readonly message: Message;
  /** Delivered before, to this consumer or another one, and not settled then. */
  readonly redelivered: boolean;
  /**
   * Exactly once, in any order. `done`: never to be seen again. `requeue`: again, later or elsewhere. The transport puts
   * acknowledgements together, but never acknowledges a delivery that was not settled. On a connection that is gone it does nothing:
   * the broker redelivers.
   */
  settle(verdict: 'done' | 'requeue'): void;
}
export interface Consumer {
  /** No further deliveries; those under way may still be settled. Resolves when the broker has agreed. */
  stop(): Promise<void>;
}
export interface TransportHealth {
  readonly connected: boolean;
  /** The broker holds publishing back (memory or disk alarm). */
  readonly blocked: boolean;
  readonly lastError?: string;
}
