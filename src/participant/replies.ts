import { meantBy, type WireFault } from '../core/codec-batch.js';
import { encodeReplies } from '../core/codec-replies.js';
import { deadLetter } from '../core/codec-dead-letters.js';
import { pass } from '../core/crash-points.js';
import { messageFields } from '../core/trace-context.js';
import { isReplyQueue } from '../core/wire.js';
import type { SignatureFault } from '../ports/signing.js';
import type { Outgoing, PublishOutcome } from '../ports/transport.js';
import { Backoff } from './backoff.js';
import type { Runtime } from './runtime.js';
import type { Parcel } from './task.js';

/** Messages that a delivery waits for, and how much of it is through with them. */
interface Shipment {
  readonly parcel: Parcel;
  readonly parts: number;
  readonly messages: readonly Outgoing[];
}

/** What cannot be used of a delivery; `fault`: it is not trusted. */
type UnusedFault = WireFault & { readonly fault?: SignatureFault };

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

  /** Sends what a participant has answered of these deliveries: together what came together. */
  send(parcels: readonly Parcel[], participant: string): void {
    if (parcels.length === 0) return;
    const { names, clock, signing } = this.runtime;
    pass('answer.due');
    const now = clock.now();
    const shipments = parcels.map((parcel) => {
      const answers = parcel.take();
      const { replyTo } = parcel.delivery.message;
      const messages = encodeReplies(answers, names, replyTo === undefined ? { appId: APP_ID, now } : { appId: APP_ID, now, replyTo });
      return { parcel, parts: answers.length, messages: signing ? messages.map((each) => signing.signReply(each, participant)) : messages };
    });
    this.track(this.deliver(shipments));
  }

  /** Puts aside what cannot be understood of a delivery: nothing of that is handled here. The parcel expects each. */
  putAside(parcel: Parcel, queue: string, faults: readonly UnusedFault[]): void {
    if (faults.length > 0)
      this.track(this.deliver([{ parcel, parts: faults.length, messages: faults.map((fault) => this.letter(queue, fault)) }]));
  }

  private letter(queue: string, { message, reason, fault }: UnusedFault): Outgoing {
    const { names, clock, logger, observer } = this.runtime;
    const meant = meantBy(message);
    const { messageId, type } = meant;
    logger.warn({ queue, reason, messageId, type, ...messageFields(meant) }, 'a message was put with the dead letters');
    observer.deadLettered?.(fault ? { queue, reason, fault } : { queue, reason });
    return { exchange: '', routingKey: names.deadLetters, message: deadLetter(message, queue, reason, clock.now()) };
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
    const open: Shipment[] = [];
    let next = 0;
    for (const { parcel, parts, messages } of shipments) {
      const left: Outgoing[] = [];
      for (const message of messages) {
        const outcome = outcomes[next++]!;
        if (!this.isThrough(message, outcome)) left.push(outcome.fate === 'returned' ? this.toAll(message) : message);
      }
      if (left.length > 0) open.push({ parcel, parts, messages: left });
      else parcel.through(parts);
    }
    return open;
  }

  /** The queue of the daemon that asked is gone: any other daemon will do as well. */
  private toAll(message: Outgoing): Outgoing {
    const { names } = this.runtime;
    return isReplyQueue(message.routingKey, names) ? { ...message, routingKey: names.replies } : message;
  }

  private isThrough({ routingKey, message }: Outgoing, outcome: PublishOutcome): boolean {
    if (outcome.fate === 'confirmed') return true;
    const fields = { queue: routingKey, correlationId: message.correlationId, ...messageFields(message), outcome };
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
