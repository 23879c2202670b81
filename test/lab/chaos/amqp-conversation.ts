import {
  addressOf,
  amqpFrames,
  bodyLength,
  confirmFrame,
  METHOD,
  payloadLength,
  sightingAt,
  tagOf,
  type AmqpFrame,
} from './amqp-frames.js';
import { ConfirmBook } from './confirm-book.js';
import type { Conversation, Ends } from './proxy.js';
import type { Triggers } from './triggers.js';

/** A message on its way: it passes when it is whole, so that nothing can be put between its frames. */
interface Content {
  readonly publish: AmqpFrame;
  readonly frames: Buffer[];
  bodyLeft: number;
}

/** One connection to RabbitMQ, seen from the middle. */
export function amqpConversation(ends: Ends, triggers: Triggers): Conversation {
  return new AmqpConversation(ends, triggers);
}

class AmqpConversation implements Conversation {
  private readonly clientFrames = amqpFrames();
  private readonly serverFrames = amqpFrames();
  private readonly contents = new Map<number, Content>();
  /** Of channels in confirm mode. */
  private readonly books = new Map<number, ConfirmBook>();
  private isOver = false;

  constructor(
    private readonly ends: Ends,
    private readonly triggers: Triggers,
  ) {}

  fromClient(chunk: Buffer): void {
    for (const frame of this.clientFrames.push(chunk)) {
      if (this.isOver) return;
      this.clientFrame(frame);
    }
  }
  fromServer(chunk: Buffer): void {
    for (const frame of this.serverFrames.push(chunk)) {
      const sighting = sightingAt(frame);
      if (sighting) this.triggers.seen[sighting]++;
      const book = this.books.get(frame.channel);
      if (book && (frame.method === METHOD.ack || frame.method === METHOD.nack)) {
        if (!this.confirm(book, frame)) return;
      } else this.ends.toClient.write(frame.bytes);
    }
  }

  private clientFrame(frame: AmqpFrame): void {
    const { toServer } = this.ends;
    const content = this.contents.get(frame.channel);
    if (frame.method === METHOD.publish) {
      this.contents.set(frame.channel, { publish: frame, frames: [frame.bytes], bodyLeft: Infinity });
    } else if (content && (frame.kind === 'header' || frame.kind === 'body')) {
      content.frames.push(frame.bytes);
      content.bodyLeft = frame.kind === 'header' ? bodyLength(frame) : content.bodyLeft - payloadLength(frame);
      if (content.bodyLeft > 0) return;
      this.contents.delete(frame.channel);
      this.publish(frame.channel, content);
    } else if (frame.method === METHOD.ack && this.swallowed('swallow-ack')) {
      this.isOver = true;
    } else {
      if (frame.method === METHOD.confirmSelect) this.books.set(frame.channel, new ConfirmBook());
      if (frame.method === METHOD.channelOpen) this.books.delete(frame.channel);
      toServer.write(frame.bytes);
    }
  }

  private swallowed(trigger: 'swallow-ack' | 'swallow-publish', address?: string): boolean {
    const fired = this.triggers.fires(trigger, address);
    if (fired) this.ends.toServer.sever(fired.resetAfterMs);
    return fired !== undefined;
  }

  private publish(channel: number, content: Content): void {
    const { toServer, toClient } = this.ends;
    const { exchange, routingKey } = addressOf(content.publish);
    const address = `${exchange}/${routingKey}`;
    const bytes = Buffer.concat(content.frames);
    const book = this.books.get(channel);
    if (this.swallowed('swallow-publish', address)) {
      this.isOver = true;
    } else if (this.triggers.fires('cut-in-frame', address)) {
      this.isOver = true;
      toServer.lastWords(bytes.subarray(0, bytes.length >> 1));
    } else if (book && this.triggers.fires('duplicate-publish', address)) {
      book.passes(book.publishes());
      book.passes(undefined);
      toServer.write(bytes);
      toServer.write(bytes);
    } else {
      const detained = book && this.triggers.fires('detain-publish', address);
      const tag = book?.publishes();
      if (book && tag !== undefined && detained) {
        book.withholds();
        toClient.write(confirmFrame(channel, tag, false));
        setTimeout(() => this.release(channel, book, bytes), detained.holdMs).unref();
        return;
      }
      book?.passes(tag);
      toServer.write(bytes);
    }
  }

  /** A detained message goes on, unless its channel has gone meanwhile: then it is lost, as what a broker loses. */
  private release(channel: number, book: ConfirmBook, bytes: Buffer): void {
    if (this.isOver || this.books.get(channel) !== book) return;
    book.passes(undefined);
    this.ends.toServer.write(bytes);
  }

  /** False when nothing more passes. */
  private confirm(book: ConfirmBook, frame: AmqpFrame): boolean {
    const { toClient } = this.ends;
    const { tag, isMultiple } = tagOf(frame);
    const tags = book.settled(tag, isMultiple);
    if (tags.length > 0) {
      const cut = this.triggers.fires('swallow-confirm-and-cut');
      if (cut) {
        toClient.sever(cut.resetAfterMs);
        return false;
      }
      if (this.triggers.fires('swallow-confirm')) {
        book.isExact = false;
        return true;
      }
      if (frame.method === METHOD.ack && this.triggers.fires('nack-publish')) {
        for (const one of tags) toClient.write(confirmFrame(frame.channel, one, true));
        return true;
      }
    }
    if (book.isExact) toClient.write(frame.bytes);
    else for (const one of tags) toClient.write(confirmFrame(frame.channel, one, frame.method === METHOD.nack));
    return true;
  }
}
