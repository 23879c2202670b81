import { REPLY_QUEUES, type Names } from '../core/wire.js';
import type { QueueDeclaration, Topology } from '../ports/transport.js';

/** Redeliveries after which the broker gives up on a message: what RabbitMQ 4 does unasked, said so that every version does it. */
const DELIVERY_LIMIT = 20;

/** A participant's command queue; engine and SDK have to declare it alike. No dead-letter queue: every copy of a command expires. */
export function commandQueue(names: Names, participant: string): QueueDeclaration {
  return { name: names.commands(participant), deliveryLimit: DELIVERY_LIMIT };
}

/** The numbers that daemons can have. */
export const DAEMONS: readonly number[] = Array.from({ length: REPLY_QUEUES }, (_, index) => index + 1);

function repliesIn(name: string): QueueDeclaration {
  return { name, deliveryLimit: DELIVERY_LIMIT };
}
/** What daemons that share the work need beside {@link engineTopology}: a reply queue for each. */
export function repliesOfDaemons(names: Names): Topology {
  return { exchanges: [], queues: DAEMONS.map((daemon) => repliesIn(names.repliesOf(daemon))), bindings: [] };
}

/** What an engine needs of the broker. A participant's queue is there before the participant, so that commands wait for it. */
export function engineTopology(names: Names, participants: Iterable<string>): Topology {
  const targets = [...participants].toSorted();
  return {
    exchanges: [{ name: names.commandExchange, kind: 'direct' }],
    queues: [
      // Lost replies come again with the resend of their command; lost starts would not.
      repliesIn(names.replies),
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
