import type { Names } from '../core/wire.js';
import type { QueueDeclaration, Topology } from '../ports/transport.js';

/** Redeliveries after which the broker gives up on a message: what RabbitMQ 4 does unasked, said so that every version does it. */
const DELIVERY_LIMIT = 20;

/** A participant's command queue; engine and SDK have to declare it alike. No dead-letter queue: every copy of a command expires. */
export function commandQueue(names: Names, participant: string): QueueDeclaration {
  return { name: names.commands(participant), deliveryLimit: DELIVERY_LIMIT };
}

/** What an engine needs of the broker. A participant's queue is there before the participant, so that commands wait for it. */
export function engineTopology(names: Names, participants: Iterable<string>): Topology {
  const targets = [...participants].toSorted();
  return {
    exchanges: [{ name: names.commandExchange, kind: 'direct' }],
    queues: [
      // Lost replies come again with the resend of their command; lost starts would not.
      { name: names.replies, deliveryLimit: DELIVERY_LIMIT },
      { name: names.deadLetters },
      { name: names.starts, deliveryLimit: DELIVERY_LIMIT, deadLetterQueue: names.deadLetters },
      ...targets.map((participant) => commandQueue(names, participant)),
    ],
    bindings: targets.map((participant) => ({
      exchange: names.commandExchange,
      routingKey: participant,
      queue: names.commands(participant),
    })),
  };
}
