import type { Channel, ChannelModel } from 'amqplib';
import type { QueueDeclaration, Topology } from '../ports/transport.js';
import { channelErrorCode, conflictOf } from './broker-errors.js';

export type QueueType = 'quorum' | 'classic';

/** Everything that this process needs, put together from several declarations; a later one of the same thing wins. */
export class NeededTopology implements Topology {
  private readonly byName = {
    exchanges: new Map<string, Topology['exchanges'][number]>(),
    queues: new Map<string, QueueDeclaration>(),
    bindings: new Map<string, Topology['bindings'][number]>(),
  };

  get exchanges(): Topology['exchanges'] {
    return [...this.byName.exchanges.values()];
  }
  get queues(): Topology['queues'] {
    return [...this.byName.queues.values()];
  }
  get bindings(): Topology['bindings'] {
    return [...this.byName.bindings.values()];
  }

  add(topology: Topology): void {
    for (const exchange of topology.exchanges) this.byName.exchanges.set(exchange.name, exchange);
    for (const queue of topology.queues) this.byName.queues.set(queue.name, queue);
    for (const binding of topology.bindings)
      this.byName.bindings.set(`${binding.exchange}/${binding.routingKey}/${binding.queue}`, binding);
  }

  /** Whether a message there should have found a queue. */
  routes(exchange: string, routingKey: string): boolean {
    if (exchange === '') return this.byName.queues.has(routingKey);
    return this.bindings.some((binding) => binding.exchange === exchange && binding.routingKey === routingKey);
  }
}

/** What the broker has against a declaration. */
export interface TopologyFault {
  /** `conflict`: it exists otherwise, and somebody has to remove it. `refused`: anything else, above all missing permissions. */
  readonly kind: 'conflict' | 'refused';
  readonly text: string;
}

/**
 * Declares exchanges, queues and bindings, and gives a fault for each that the broker refuses. Rejects when the connection goes.
 * A refusal closes the channel, so the rest goes over a new one.
 */
export async function declareTopology(connection: ChannelModel, topology: Topology, queueType: QueueType): Promise<TopologyFault[]> {
  const faults: TopologyFault[] = [];
  let channel: Channel | undefined;
  for (const { what, declare, check } of declarations(topology, queueType)) {
    channel ??= await openChannel(connection);
    try {
      await declare(channel);
    } catch (error: unknown) {
      const code = channelErrorCode(error);
      if (code === undefined) throw error;
      channel = undefined;
      if (code === ACCESS_REFUSED && (await isThere(connection, check))) continue;
      faults.push({ kind: code === PRECONDITION_FAILED ? 'conflict' : 'refused', text: conflictOf(what, error) });
    }
  }
  await channel?.close();
  return faults;
}

const ACCESS_REFUSED = 403;
const PRECONDITION_FAILED = 406;

interface Declaration {
  readonly what: string;
  readonly declare: (channel: Channel) => Promise<unknown>;
  /** Asks whether it is there, which needs no permission. */
  readonly check: (channel: Channel) => Promise<unknown>;
}

/** Who may not declare anything, as a participant on a broker that is shared, uses what others have declared. */
async function isThere(connection: ChannelModel, check: Declaration['check']): Promise<boolean> {
  const channel = await openChannel(connection);
  try {
    await check(channel);
    await channel.close();
    return true;
  } catch (error: unknown) {
    if (channelErrorCode(error) === undefined) throw error;
    return false;
  }
}

function declarations(topology: Topology, queueType: QueueType): Declaration[] {
  return [
    ...topology.exchanges.map(({ name, kind }) => ({
      what: `exchange ${name}`,
      declare: async (channel: Channel) => channel.assertExchange(name, kind, { durable: true }),
      check: async (channel: Channel) => channel.checkExchange(name),
    })),
    ...topology.queues.map((queue) => ({
      what: `queue ${queue.name}`,
      declare: async (channel: Channel) => channel.assertQueue(queue.name, { durable: true, arguments: queueArguments(queue, queueType) }),
      check: async (channel: Channel) => channel.checkQueue(queue.name),
    })),
    ...topology.bindings.map(({ exchange, routingKey, queue }) => ({
      what: `binding of queue ${queue} to exchange ${exchange}`,
      declare: async (channel: Channel) => channel.bindQueue(queue, exchange, routingKey),
      // A binding cannot be asked for. Whoever declared the queue has bound it.
      check: async (channel: Channel) => channel.checkQueue(queue),
    })),
  ];
}

function queueArguments({ deliveryLimit, deadLetterQueue }: QueueDeclaration, queueType: QueueType): Record<string, string | number> {
  const isQuorum = queueType === 'quorum';
  return {
    'x-queue-type': queueType,
    ...(isQuorum && deliveryLimit !== undefined && { 'x-delivery-limit': deliveryLimit }),
    ...(deadLetterQueue !== undefined && {
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': deadLetterQueue,
      // At least once needs the broker to push back rather than to drop when the queue is full.
      'x-overflow': 'reject-publish',
      ...(isQuorum && { 'x-dead-letter-strategy': 'at-least-once' }),
    }),
  };
}

/** A channel of its own, whose errors reach only what is waited for on it. */
export async function openChannel(connection: ChannelModel): Promise<Channel> {
  const channel = await connection.createChannel();
  // What closes the channel also rejects the operation that is waited for.
  channel.on('error', () => {});
  return channel;
}
