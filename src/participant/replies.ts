import { encodeReplies } from '../core/codec-replies.js';
import { deadLetter } from '../core/codec-dead-letters.js';
import { pass } from '../core/crash-points.js';
import type { Outgoing, PublishOutcome } from '../ports/transport.js';
import { Backoff } from './backoff.js';
import type { Runtime } from './runtime.js';
import type { Parcel } from './task.js';

/** Messages that a delivery waits for. */
interface Shipment {
  readonly parcel: Parcel;
  readonly messages: readonly Outgoing[];
}

/**
 * Publishes answers and dead letters, and settles their deliveries once those are confirmed.
 * Owns: repeating what has no known outcome. Does not own: the answers, which are stored by then: whatever is lost here is answered
 * again when its command comes again.
 */
export class Replies {
  private readonly backoff: Backoff;
  private readonly underWay = new Set<Promise<void>>();

  constructor(private readonly runtime: Runtime) {
    this.backoff = new Backoff(runtime.clock, runtime.settings, runtime.ending);
  }

  /** For deliveries all of whose commands are answered. */
  send(parcels: readonly Parcel[]): void {
    if (parcels.length === 0) return;
    const { names, clock } = this.runtime;
    pass('answer.due');
    const facts = { appId: APP_ID, now: clock.now() };
    this.track(this.deliver(parcels.map((parcel) => ({ parcel, messages: encodeReplies(parcel.replies, names, facts) }))));
  }

  /** Puts a message aside that cannot be understood; nothing of it is handled here. */
  putAside(parcel: Parcel, queue: string, reason: string): void {
    const { names, clock, logger, observer } = this.runtime;
    const { message } = parcel.delivery;
    logger.warn({ queue, reason, messageId: message.messageId, type: message.type }, 'a message was put with the dead letters');
    observer.deadLettered?.({ queue, reason });
    const letter = deadLetter(message, queue, reason, clock.now());
    this.track(this.deliver([{ parcel, messages: [{ exchange: '', routingKey: names.deadLetters, message: letter }] }]));
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }

  private track(delivering: Promise<void>): void {
    this.underWay.add(delivering);
    void delivering.finally(() => this.underWay.delete(delivering));
  }

  private async deliver(shipments: readonly Shipment[]): Promise<void> {
    for (let open = shipments; open.length > 0;) {
      const outcomes = await this.runtime.transport.publish(open.flatMap(({ messages }) => messages));
      pass('answer.published');
      open = this.settled(open, outcomes);
      if (open.length === 0) return this.backoff.succeeded();
      if (this.runtime.ending.isOver) return open.forEach(({ parcel }) => parcel.settle('requeue'));
      await this.backoff.pause();
    }
  }

  /** Settles what is through and gives the rest, with the messages that are to be published again. */
  private settled(shipments: readonly Shipment[], outcomes: readonly PublishOutcome[]): readonly Shipment[] {
    let next = 0;
    return shipments.flatMap(({ parcel, messages }) => {
      const left = messages.filter((message) => !this.isThrough(message, outcomes[next++]!));
      if (left.length > 0) return [{ parcel, messages: left }];
      parcel.settle('done');
      return [];
    });
  }

  private isThrough({ routingKey, message }: Outgoing, outcome: PublishOutcome): boolean {
    if (outcome.fate === 'confirmed') return true;
    const fields = { queue: routingKey, correlationId: message.correlationId, outcome };
    if (outcome.fate === 'refused') {
      this.runtime.logger.error(
        fields,
        'a message cannot be sent as it is and is given up; its command is answered with the same when it comes again',
      );
      return true;
    }
    if (!this.backoff.isFailing) this.runtime.logger.warn(fields, 'a message is not through yet and will be published again');
    return false;
  }
}

const APP_ID = 'backstep-participant';
