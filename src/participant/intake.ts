import { decodeCommands, type DecodedCommand } from '../core/codec-commands.js';
import { pass } from '../core/crash-points.js';
import { FENCE_TYPE } from '../core/wire.js';
import type { Delivery } from '../ports/transport.js';
import type { HandlerDeclaration, ParticipantDeclaration } from '../saga/participant-declaration.js';
import type { Dispatcher } from './dispatcher.js';
import type { Replies } from './replies.js';
import type { Runtime } from './runtime.js';
import { Parcel, taskOf, type Task } from './task.js';

/** Set by quorum queues: how often a message went back to its queue. */
const DELIVERY_COUNT = 'x-delivery-count';
/** So far from the limit a message is put aside, while there is still something to put aside. */
const POISON_MARGIN = 2;

/** Reads deliveries: what can be understood goes to the dispatcher, the rest to the dead letters. Never throws for a message. */
export class Intake {
  constructor(
    private readonly runtime: Runtime,
    private readonly declaration: ParticipantDeclaration,
    private readonly dispatcher: Dispatcher,
    private readonly replies: Replies,
    private readonly queue: string,
  ) {}

  readonly receive = (deliveries: readonly Delivery[]): void => {
    pass('command.delivered');
    this.dispatcher.add(deliveries.flatMap((delivery) => this.tasksIn(delivery)));
  };

  private tasksIn(delivery: Delivery): Task[] {
    const parcel = new Parcel(delivery);
    const returned = Number(delivery.message.headers[DELIVERY_COUNT] ?? 0);
    if (returned >= this.runtime.settings.deliveryLimit - POISON_MARGIN)
      return this.putAside(parcel, `it went back to its queue ${returned} times`);
    const { commands, faults } = decodeCommands(delivery.message, this.declaration.participant);
    const known = commands.map((command) => ({ command, handler: this.handlerOf(command) }));
    const unknown = known.flatMap(({ handler }) => (typeof handler === 'string' ? [handler] : []));
    // One message is settled as a whole, so that it is understood as a whole or not at all.
    if (faults.length + unknown.length > 0) return this.putAside(parcel, [...faults, ...unknown].join('; '));
    if (commands.length === 0) parcel.settle('done');
    const hasInbox = this.declaration.inbox && this.runtime.store !== undefined;
    parcel.expect(commands.length);
    return known.map(({ command, handler }) => taskOf(command, handler as HandlerDeclaration | undefined, parcel, hasInbox));
  }

  /** `undefined` for a fence; a sentence where there is no handler. */
  private handlerOf({ type, participant }: DecodedCommand): HandlerDeclaration | string | undefined {
    if (type === FENCE_TYPE) return undefined;
    return this.declaration.commands.get(type.slice(participant.length + 1)) ?? `nothing here handles ${type}`;
  }

  private putAside(parcel: Parcel, reason: string): Task[] {
    this.replies.putAside(parcel, this.queue, reason);
    return [];
  }
}
