import { utf8Bytes } from './json.js';
import { HEADER, type Message } from './wire.js';

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
 * before it, so that no two messages have the same text. `bodySha256`: of the exact bytes of the body, in hex. What is missing is as
 * what is empty, as it is for whoever reads the message.
 */
export function signedText(message: Message, { namespace, queue, sender, keyId }: SignedPlace, bodySha256: string): string {
  let text =
    part(SIGNATURE_FORMAT) +
    part(namespace) +
    part(queue) +
    part(sender) +
    part(keyId) +
    part(message.contentType) +
    part(message.messageId) +
    part(message.correlationId) +
    part(message.type) +
    part(message.replyTo === undefined ? '' : replyAddress(message.replyTo)) +
    part(bodySha256);
  const { headers } = message;
  for (const name of signedNames(headers)) text += part(name) + part(String(headers[name]));
  return text;
}

/** Their order says nothing, since a broker or a client library may change it. */
function signedNames(headers: Message['headers']): string[] {
  const names: string[] = [];
  for (const name in headers) if (isSigned(name)) names.push(name);
  return names.sort();
}

/** Every header that Backstep reads has such a name; whatever it will read later is signed from today on. */
function isSigned(name: string): boolean {
  return name.startsWith('saga-') && name !== HEADER.signature && name !== HEADER.signatureKey && /^[a-z0-9-]+$/.test(name);
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
