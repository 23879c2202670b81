import { decodeCommands, type DecodedCommand } from '../core/codec-commands.js';
import { elementOf } from '../core/codec-batch.js';
import { pass } from '../core/crash-points.js';
import { KEY_MISSING, NotOpened } from '../core/sealing.js';
import { FENCE_TYPE, type Message } from '../core/wire.js';
import type { Delivery } from '../ports/transport.js';
import type { HandlerDeclaration, ParticipantDeclaration } from '../saga/participant-declaration.js';
import { failure } from './answer.js';
import type { Dispatcher } from './dispatcher.js';
import type { Replies } from './replies.js';
import type { Runtime } from './runtime.js';
import { openedRequest } from './sealing.js';
import { Parcel, taskOf, type Task } from './task.js';

/** Set by quorum queues: how often a message went back to its queue. */
const DELIVERY_COUNT = 'x-delivery-count';
/** So far from the limit a message is put aside, while there is still something to put aside. */
const POISON_MARGIN = 2;

/** Reads deliveries: what can be understood and trusted goes to the dispatcher, the rest to the dead letters. Never throws for a message. */
export class Intake {
  /** By the type of the command. */
  private readonly handlers: ReadonlyMap<string, HandlerDeclaration>;

  constructor(
    private readonly runtime: Runtime,
    private readonly declaration: ParticipantDeclaration,
    private readonly dispatcher: Dispatcher,
    private readonly replies: Replies,
    private readonly queue: string,
  ) {
    const { participant, commands } = declaration;
    this.handlers = new Map([...commands].map(([name, handler]) => [`${participant}.${name}`, handler]));
  }

  readonly receive = (deliveries: readonly Delivery[]): void => {
    pass('command.delivered');
    const tasks: Task[] = [];
    for (const delivery of deliveries) this.read(delivery, tasks);
    this.dispatcher.add(tasks);
  };

  private read(delivery: Delivery, into: Task[]): void {
    const parcel = new Parcel(delivery);
    const { message } = delivery;
    const returned = Number(message.headers[DELIVERY_COUNT] ?? 0);
    if (returned >= this.runtime.settings.deliveryLimit - POISON_MARGIN) {
      parcel.expect(1);
      this.replies.putAside(parcel, this.queue, [{ message, reason: `it went back to its queue ${returned} times` }]);
      return;
    }
    const judged = this.runtime.signing?.judgeCommand(message, this.declaration.participant);
    if (judged && !judged.ok) {
      parcel.expect(1);
      this.replies.putAside(parcel, this.queue, [{ message, ...judged }]);
      return;
    }
    const { commands, faults } = decodeCommands(message, this.declaration.participant, this.whyNot);
    parcel.expect(commands.length + faults.length);
    this.replies.putAside(parcel, this.queue, faults);
    for (const command of commands) {
      const task = this.taskOf(command, parcel, message);
      if (task) into.push(task);
    }
  }

  /** None for a command whose request cannot be opened: one that was altered is put aside, one whose key is not here is asked again later. */
  private taskOf(command: DecodedCommand, parcel: Parcel, message: Message): Task | undefined {
    const handler = this.handlerOf(command);
    const hasInbox = this.declaration.inbox && this.runtime.store !== undefined;
    try {
      const request = openedRequest(command, handler, this.runtime.sealing);
      const opened = request === command.request ? command : { ...command, request };
      return taskOf(opened, command.request, handler, parcel, hasInbox);
    } catch (error: unknown) {
      if (!(error instanceof NotOpened)) throw error;
      if (error.why === 'forged') {
        const single = elementOf(message, command.id);
        this.replies.putAside(parcel, this.queue, [{ message: single, reason: error.message, fault: 'broken-seal' }]);
      } else this.noKey(command, parcel, error);
      return undefined;
    }
  }
  private noKey(command: DecodedCommand, parcel: Parcel, error: NotOpened): void {
    const { participant, type } = command;
    this.runtime.logger.warn(
      { participant, type, command: command.id, key: error.keyId },
      'a request is sealed with a key that is not here; it is asked again later',
    );
    parcel.answer(command, failure(KEY_MISSING, error.message));
    this.runtime.observer.answered?.({ participant, type, outcome: 'error', code: KEY_MISSING });
    this.replies.send([parcel], this.declaration.participant);
  }

  private readonly whyNot = (command: DecodedCommand): string | undefined =>
    command.type === FENCE_TYPE || this.handlerOf(command) ? undefined : `nothing here handles ${command.type}`;

  /** A fence has none. */
  private handlerOf({ type }: DecodedCommand): HandlerDeclaration | undefined {
    return type === FENCE_TYPE ? undefined : this.handlers.get(type);
  }
}
