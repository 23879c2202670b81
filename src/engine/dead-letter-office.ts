import { originalOf } from '../core/codec-dead-letters.js';
import { SagaError } from '../core/errors.js';
import { LIMITS } from '../core/json.js';
import { HEADER, type Names } from '../core/wire.js';
import type { DeadLetter, KeptLetter, LetterDecree } from '../ports/dead-letters.js';
import type { SagaStore } from '../ports/saga-store.js';
import type { OrchestratorSigning } from '../ports/signing.js';
import type { PublishOutcome, Transport } from '../ports/transport.js';
import { incomingOf, incomingQueue } from './refused-start.js';
import type { Hash } from './starter.js';

export interface DeadLetterOfficeParts {
  readonly store: Pick<SagaStore, 'letters' | 'incoming'>;
  readonly transport: Pick<Transport, 'publish'>;
  readonly names: Names;
  /** SHA-256 in hex. */
  readonly hash: Hash;
  /** Where messages are signed. */
  readonly signing?: Pick<OrchestratorSigning, 'refusesUnsigned'>;
}

/**
 * What a person may do with a dead letter.
 * Owns: putting a message back, and then marking its letter, in this order: whoever dies between the two leaves a letter that still waits, and
 * replaying that again is harmless, since every reader of a queue knows a message that it has had. Does not own: what comes of the message.
 */
export class DeadLetterOffice {
  constructor(private readonly parts: DeadLetterOfficeParts) {}

  /**
   * Puts the message back where it came from, as it was. Throws SAGA_DEAD_LETTER_NOT_FOUND; SAGA_DEAD_LETTER_NOT_ALLOWED where it is not known
   * any more as it was, or its queue is not there or not one of ours; SAGA_UNAVAILABLE where broker or database do not answer: try again.
   */
  async replay(id: string, decree: LetterDecree): Promise<KeptLetter> {
    const letter = await this.find(id);
    const why = this.whyNot(letter) ?? this.whyNotWhole(letter) ?? this.whyNotThere(letter);
    if (why !== undefined) throw notAllowed(`dead letter ${id} cannot be replayed: ${why}`);
    await this.putBack(letter);
    const marked = await this.parts.store.letters.replayed(id, letter.at, decree);
    if (!marked) throw notFound(id);
    return marked;
  }

  /** Why a letter cannot be replayed, as far as that is known without its body; `undefined` where it can. */
  whyNot({ bytes, isAltered, queue, headers }: Pick<DeadLetter, 'bytes' | 'isAltered' | 'queue' | 'headers'>): string | undefined {
    if (bytes > LIMITS.payloadBytes) return `its body has ${bytes} bytes, of which only the first ${LIMITS.payloadBytes} were kept`;
    if (isAltered) return 'its ids or headers could not be kept as they were';
    if (headers[HEADER.signature] !== undefined || !this.parts.signing?.refusesUnsigned(queue)) return undefined;
    return (
      `it has no signature, and would be put aside again. It came without one, or was a part of a larger message. Commands are sent again by ` +
      `themselves while their steps wait; a step that is stuck needs 'retry' or 'settle'`
    );
  }

  /** Marks one as not needed. Throws SAGA_DEAD_LETTER_NOT_FOUND, and SAGA_DEAD_LETTER_NOT_ALLOWED where it does not wait any more. */
  async discard(id: string, decree: LetterDecree): Promise<KeptLetter> {
    const discarded = await this.parts.store.letters.discard(id, decree);
    if (!discarded) throw notFound(id);
    const { letter, done } = discarded;
    if (!done) {
      const by = (letter.status === 'replayed' ? letter.replay : letter.discard)?.by ?? 'somebody';
      throw notAllowed(`dead letter ${id} cannot be discarded: ${by} has ${letter.status} it already`);
    }
    return letter;
  }

  private async find(id: string): Promise<KeptLetter> {
    const letter = await this.parts.store.letters.find(id);
    if (!letter) throw notFound(id);
    return letter;
  }

  private async putBack(letter: KeptLetter): Promise<void> {
    const { store, transport, names } = this.parts;
    if (letter.queue === incomingQueue(names)) return store.incoming.restore(incomingOf(letter));
    const [outcome] = await transport.publish([{ exchange: '', routingKey: letter.queue, message: originalOf(letter) }]);
    const error = outcome && errorOf(letter, outcome);
    if (error) throw error;
  }

  /** Of a forged letter not even the length is true. */
  private whyNotWhole(letter: KeptLetter): string | undefined {
    const { body } = originalOf(letter);
    if (body.byteLength === letter.bytes && this.parts.hash(body) === letter.sha256) return undefined;
    return `what is kept of its body, ${body.byteLength} bytes, is not the body that it had (${letter.bytes} bytes, by its hash)`;
  }

  /** Letters say themselves where they come from, and whoever can send one could have it sent anywhere. */
  private whyNotThere({ queue }: KeptLetter): string | undefined {
    const { names } = this.parts;
    if (queue === '') return 'nobody knows which queue it was in';
    const isOurs =
      queue === names.replies || queue === names.starts || queue === incomingQueue(names) || queue.startsWith(names.commands(''));
    return isOurs ? undefined : `'${queue}' is no queue of ${names.namespace}`;
  }
}

function errorOf({ id, queue }: KeptLetter, outcome: PublishOutcome): SagaError | undefined {
  switch (outcome.fate) {
    case 'confirmed':
      return undefined;
    case 'returned':
      return notAllowed(`dead letter ${id} cannot be replayed: there is no queue '${queue}'`);
    case 'refused':
      return notAllowed(`dead letter ${id} cannot be replayed: ${outcome.reason}`);
    case 'unknown':
      return new SagaError(
        'SAGA_UNAVAILABLE',
        `the broker did not confirm dead letter ${id} (${outcome.reason}); replay it again, which is harmless`,
      );
  }
}

const notAllowed = (message: string): SagaError => new SagaError('SAGA_DEAD_LETTER_NOT_ALLOWED', message);
const notFound = (id: string): SagaError => new SagaError('SAGA_DEAD_LETTER_NOT_FOUND', `there is no dead letter ${id}`);
