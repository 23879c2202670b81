import { integerHeader } from '../core/codec-text.js';
import { HEADER } from '../core/wire.js';
import { decodeDeadLetter } from '../core/codec-dead-letters.js';
import { pass } from '../core/crash-points.js';
import { messageOf } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';
import type { DeadLetter } from '../ports/dead-letters.js';
import type { SagaStore } from '../ports/saga-store.js';
import type { Delivery } from '../ports/transport.js';
import type { EngineObserver } from './observer.js';
import { backoffMs, pause } from './pause.js';
import type { EngineSettings } from './settings.js';
import type { Hash } from './starter.js';

export interface DeadLetterKeeperParts {
  readonly store: SagaStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly hash: Hash;
  readonly observer: EngineObserver;
  readonly settings: EngineSettings;
}

/**
 * Moves what is in the dead-letter queue into the store.
 * Owns: the deliveries it was given, until they are stored. Does not own: the letters afterwards.
 * Invariants: a delivery is settled only when its letter is stored; storing one twice is one letter.
 */
export class DeadLetterKeeper {
  problem: string | undefined;
  private readonly stopping = new AbortController();
  private working: Promise<void> = Promise.resolve();

  constructor(private readonly parts: DeadLetterKeeperParts) {}

  receive(deliveries: readonly Delivery[]): void {
    this.working = this.working.then(() => this.keep(deliveries));
  }

  /** Gives up what cannot be stored now; it is delivered again. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.working;
  }

  private async keep(deliveries: readonly Delivery[]): Promise<void> {
    const { clock, random, settings, store, logger, observer } = this.parts;
    const letters = deliveries.map((delivery) => letterOf(delivery, this.parts.hash, clock.now()));
    pass('dead-letter.received');
    for (let failures = 1; ; failures++) {
      try {
        await store.letters.add(letters);
        pass('dead-letter.stored');
        this.problem = undefined;
        observer.deadLettersStored?.(letters.length);
        for (const delivery of deliveries) delivery.settle('done');
        return;
      } catch (error: unknown) {
        if (!this.problem) logger.error({ error: messageOf(error) }, 'dead letters cannot be stored; they stay in their queue');
        this.problem = `dead letters cannot be stored: ${messageOf(error)}`;
      }
      await pause(clock, backoffMs(failures, random, settings), this.stopping.signal);
      if (this.stopping.signal.aborted) {
        for (const delivery of deliveries) delivery.settle('requeue');
        return;
      }
    }
  }
}

/**
 * The letter in a delivery. Its id follows from the message, so that a second delivery is the same letter; and so is a second letter about
 * one message, which there is when a process dies between putting it aside and acknowledging it. Messages without an id are told apart by
 * when they were put aside.
 */
function letterOf({ message }: Delivery, hash: Hash, now: number): DeadLetter {
  const { whole, at, ...read } = decodeDeadLetter(message);
  const { bytes, sha256 } = whole ?? { bytes: message.body.byteLength, sha256: hash(message.body) };
  // Elements of one batch are letters of their own.
  const element = integerHeader(read.headers, HEADER.batchElement);
  const said = [read.queue, read.messageId, read.correlationId, read.type, read.messageId === '' ? (at ?? '') : '', sha256];
  const identity = [...said, ...(element === undefined ? [] : [element])].join('\n');
  return { id: hash(identity).slice(0, 32), ...read, at: at ?? now, bytes, sha256 };
}
