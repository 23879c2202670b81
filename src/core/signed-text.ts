import { utf8Bytes } from './json.js';
import { HEADER, type Headers, type Message } from './wire.js';

/** What a signature begins with; another form of the text gets another one. */
export const SIGNATURE_FORMAT = 'backstep-signature-1';

/** What both sides know of a message without reading it there. */
export interface SignedPlace {
  /** Of the installation. */
  readonly namespace: string;
  /** The queue that it is for. */
  readonly queue: string;
  /** `orchestrator`, `participant <name>` or `client <name>`. */
  readonly sender: string;
  readonly keyId: string;
}

/**
 * The text that a signature is made over (docs/signing.md): everything in a message that routes or decides, each part with its length
 * before it, so that no two messages have the same text. `place`: what {@link placeText} gives. `bodySha256`: of the exact bytes of the
 * body, in hex. What is missing is as what is empty, as it is for whoever reads the message.
 */
export function signedText(message: Message, place: string, bodySha256: string): string {
  const { contentType, messageId, correlationId, type, replyTo, headers } = message;
  const id = part(messageId);
  let text = place + part(contentType) + id + (correlationId === messageId ? id : part(correlationId)) + part(type);
  text += part(replyTo === undefined ? '' : replyAddress(replyTo)) + part(bodySha256);
  for (const name of signedNames(headers)) text += (KNOWN.get(name) ?? part(name)) + part(String(headers[name]));
  return text;
}

/** The beginning of the text: the same for all messages that one key signs for one queue. */
export function placeText({ namespace, queue, sender, keyId }: SignedPlace): string {
  return part(SIGNATURE_FORMAT) + part(namespace) + part(queue) + part(sender) + part(keyId);
}

/** Their order in the message says nothing, since a broker or a client library may change it. */
function signedNames(headers: Headers): string[] {
  const names: string[] = [];
  for (const name in headers) if (isSigned(name)) names.push(name);
  return names.sort();
}

const UNSIGNED: ReadonlySet<string> = new Set([HEADER.signature, HEADER.signatureKey]);
/** Headers of today, written once. */
const KNOWN: ReadonlyMap<string, string> = new Map(
  Object.values(HEADER)
    .filter((name) => name.startsWith('saga-') && !UNSIGNED.has(name))
    .map((name) => [name, part(name)]),
);

/** Every header that Backstep decides by has such a name; whatever it will read later is signed from today on. */
function isSigned(name: string): boolean {
  return KNOWN.has(name) || (/^saga-[a-z0-9-]+$/.test(name) && !UNSIGNED.has(name));
}

/** RabbitMQ puts an address of its own in the place of this name, on the way. */
const DIRECT_REPLY = 'amq.rabbitmq.reply-to';
function replyAddress(replyTo: string): string {
  return replyTo.startsWith(`${DIRECT_REPLY}.`) ? DIRECT_REPLY : replyTo;
}

/** A netstring. */
function part(value: string): string {
  return `${utf8Bytes(value)}:${value},`;
}
