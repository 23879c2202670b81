import { hash } from 'node:crypto';
import { textHeader, printable, shorten } from '../core/codec-text.js';
import { placeText, signedText } from '../core/signed-text.js';
import { HEADER, namesIn, type Message, type Names } from '../core/wire.js';
import type { Judgement, OrchestratorSigning, ParticipantSigning, SignatureFault } from '../ports/signing.js';
import type { Outgoing } from '../ports/transport.js';
import { isSignature, Keyring, signatureOf } from './keyring.js';
import { ownerText, type Owner, type SigningKey, type SigningKeys } from './keys.js';

const ORCHESTRATOR: Owner = { kind: 'orchestrator' };
const participantNamed = (name: string): Owner => ({ kind: 'participant', name });
const clientNamed = (name: string): Owner => ({ kind: 'client', name });

/** Queues of a key whose place is remembered: all but those of clients, who may have any number for their answers. */
const MOST_PLACES = 20;

/** Where a message is between two owners: the queue, who sent it, and which kinds of owner may have. */
interface Way {
  readonly queue: string;
  /** The sender, from the owner of a key; `undefined`: such a key signs nothing here. */
  readonly senderBy: (key: SigningKey) => Owner | undefined;
  /** Of whom a sender is expected, for a person. */
  readonly expected: string;
}

/**
 * Signs and judges the messages of one installation; both sides of the wire, so that they cannot differ.
 * Owns: the keys. Invariant: which algorithm a signature is of is decided by its key alone, and what a message says of itself only after it
 * is known to be genuine.
 */
export class MessageSigning implements OrchestratorSigning, ParticipantSigning {
  private readonly ring: Keyring;
  private readonly names: Names;
  /** By key and queue. */
  private readonly places = new Map<string, Map<string, string>>();

  constructor(
    private readonly keys: SigningKeys,
    namespace: string,
  ) {
    this.ring = new Keyring(keys);
    this.names = namesIn(namespace);
  }

  orchestratorFaults(participants: Iterable<string>): readonly string[] {
    return this.mustSign(participants).flatMap((name) => {
      const faults: string[] = [];
      if (!this.commandKey(name))
        faults.push(`there is no active key to sign commands to ${name} with: its own secret, or a privateKey of the orchestrator`);
      if (!this.ring.knows(participantNamed(name))) faults.push(`there is no key of ${name} to check its replies with`);
      return faults;
    });
  }

  participantFaults(participants: Iterable<string>): readonly string[] {
    return this.mustSign(participants).flatMap((name) => {
      const own = this.ring.activeOf(participantNamed(name));
      const faults: string[] = [];
      if (!signing(own)) faults.push(`there is no active key of ${name} to sign its replies with`);
      if (own?.algorithm === 'ed25519' && !this.ring.knows(ORCHESTRATOR))
        faults.push(`there is no key of the orchestrator to check commands to ${name} with`);
      return faults;
    });
  }

  // ---- signing

  signCommand(command: Outgoing, participant: string): Outgoing {
    return this.signed(command, this.commandKey(participant), this.names.commands(participant), ORCHESTRATOR);
  }

  signReply(reply: Outgoing, participant: string): Outgoing {
    const owner = participantNamed(participant);
    return this.signed(reply, signing(this.ring.activeOf(owner)), this.names.replies, owner);
  }

  signAnswer(answer: Outgoing, client: string): Outgoing {
    return this.signed(answer, this.keyTo(clientNamed(client)), answer.routingKey, ORCHESTRATOR);
  }

  /** A start, as a client that has such a key signs it. */
  signStart(start: Outgoing, client: string): Outgoing {
    const owner = clientNamed(client);
    return this.signed(start, signing(this.ring.activeOf(owner)), this.names.starts, owner);
  }

  // ---- judging

  judgeCommand(message: Message, participant: string): Judgement {
    return this.judge(message, this.mayBeUnsigned(participant), {
      queue: this.names.commands(participant),
      senderBy: ({ owner, algorithm }) =>
        // With a key pair of its own a participant signs replies, and nobody signs commands.
        owner.kind === 'orchestrator' || (algorithm === 'hmac-sha256' && owner.kind === 'participant' && owner.name === participant)
          ? ORCHESTRATOR
          : undefined,
      expected: `commands for ${participant}`,
    });
  }

  judgeReply(message: Message): Judgement {
    return this.judge(message, this.keys.unsignedParticipants.size > 0, {
      queue: this.names.replies,
      senderBy: ({ owner }) => (owner.kind === 'participant' ? owner : undefined),
      expected: 'replies',
    });
  }

  judgeStart(message: Message): Judgement {
    return this.judge(message, this.keys.unsignedStarts, {
      queue: this.names.starts,
      senderBy: ({ owner }) => (owner.kind === 'client' ? owner : undefined),
      expected: 'starts',
    });
  }

  refusesUnsigned(queue: string): boolean {
    const { replies, starts } = this.names;
    if (queue === replies) return this.keys.unsignedParticipants.size === 0;
    if (queue === starts) return !this.keys.unsignedStarts;
    const commands = this.names.commands('');
    return queue.startsWith(commands) && !this.mayBeUnsigned(queue.slice(commands.length));
  }

  strangerFault(by: string | undefined, participant: string): { readonly fault: SignatureFault; readonly reason: string } | undefined {
    if (by === participant) return undefined;
    if (by !== undefined) return { fault: 'misattributed', reason: `it is signed by ${by}, but the command went to ${participant}` };
    return this.mayBeUnsigned(participant)
      ? undefined
      : { fault: 'unsigned', reason: `it is not signed, as replies of ${participant} have to be` };
  }

  private judge(message: Message, mayBeUnsigned: boolean, way: Way): Judgement {
    const signature = textHeader(message.headers, HEADER.signature);
    const keyId = textHeader(message.headers, HEADER.signatureKey);
    if (signature === undefined && keyId === undefined)
      return mayBeUnsigned ? UNSIGNED_BUT_FINE : not('unsigned', `it is not signed, as ${way.expected} have to be`);
    if (keyId === undefined) return not('unknown-key', 'it has a signature, but does not say by which key');
    const shown = shorten(printable(keyId), 64);
    const key = this.ring.find(keyId);
    if (!key) return not('unknown-key', `it is signed with the key "${shown}", which is not known here`);
    if (key.state === 'revoked') return not('revoked-key', `it is signed with the key "${shown}", which is revoked`);
    const sender = way.senderBy(key);
    if (!sender)
      return not('misattributed', `it is signed with the key "${shown}" of ${ownerText(key.owner)}, which signs no ${way.expected}`);
    if (signature === undefined || !isSignature(key, this.textOf(message, way.queue, sender, key), signature))
      return not('mismatch', `its signature is not one of the key "${shown}" for this message in this queue`);
    return { ok: true, by: sender.kind === 'orchestrator' ? undefined : sender.name };
  }

  /** Adds the signature to the headers, which the encoder has made for this message alone: a copy of them costs as much as the signature. */
  private signed(out: Outgoing, key: SigningKey | undefined, queue: string, sender: Owner): Outgoing {
    if (!key) return out;
    const headers = out.message.headers as Record<string, string | number>;
    const signature = signatureOf(key, this.textOf(out.message, queue, sender, key));
    headers[HEADER.signature] = signature;
    headers[HEADER.signatureKey] = key.id;
    return out;
  }

  private textOf(message: Message, queue: string, sender: Owner, key: SigningKey): string {
    // Of a body that is too long to be kept whole the transport has kept this.
    const body = message.whole?.sha256 ?? hash('sha256', message.body);
    return signedText(message, this.placeOf(queue, sender, key), body);
  }

  /** Key and queue together say who the sender is. */
  private placeOf(queue: string, sender: Owner, { id: keyId }: SigningKey): string {
    const places = this.places.get(keyId) ?? new Map<string, string>();
    const known = places.get(queue);
    if (known !== undefined) return known;
    const text = placeText({ namespace: this.names.namespace, queue, sender: ownerText(sender), keyId });
    if (places.size < MOST_PLACES) this.places.set(keyId, places.set(queue, text));
    return text;
  }

  // ---- keys

  private mayBeUnsigned(participant: string): boolean {
    return this.keys.unsignedParticipants.has(participant);
  }
  private mustSign(participants: Iterable<string>): string[] {
    return [...participants].filter((name) => !this.mayBeUnsigned(name));
  }

  /** What the orchestrator signs commands to a participant with: the secret that they share, else its own private key. */
  private commandKey(participant: string): SigningKey | undefined {
    return this.keyTo(participantNamed(participant));
  }
  private keyTo(owner: Owner): SigningKey | undefined {
    const theirs = this.ring.activeOf(owner);
    return theirs?.algorithm === 'hmac-sha256' ? theirs : signing(this.ring.activeOf(ORCHESTRATOR));
  }
}

const UNSIGNED_BUT_FINE: Judgement = { ok: true, by: undefined };

/** The key, if this process can sign with it. */
function signing(key: SigningKey | undefined): SigningKey | undefined {
  return key?.signs ? key : undefined;
}
function not(fault: SignatureFault, reason: string): Judgement {
  return { ok: false, fault, reason };
}
