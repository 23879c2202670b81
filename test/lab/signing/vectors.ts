import { createHash } from 'node:crypto';
import { encodeCommand, encodeCommands } from '../../../src/core/codec-commands.js';
import { encodeReply } from '../../../src/core/codec-replies.js';
import { encodeStart } from '../../../src/core/codec-starts.js';
import { placeText, signedText } from '../../../src/core/signed-text.js';
import { HEADER, namesIn, type CommandMessage, type Message } from '../../../src/core/wire.js';
import type { Outgoing } from '../../../src/ports/transport.js';
import { clientKey, hmacKey, pairKey, signingOf, type KeyText } from '../../support/signing.js';

/** What docs/signing-vectors.json holds, for programs in other languages to be tested with. */
export interface Vectors {
  readonly note: string;
  readonly keys: readonly KeyText[];
  readonly vectors: readonly Vector[];
}
export interface Vector {
  readonly what: string;
  readonly namespace: string;
  readonly queue: string;
  readonly sender: string;
  readonly key: string;
  readonly properties: Readonly<Record<string, string>>;
  /** Without those of the signature. */
  readonly headers: Readonly<Record<string, string | number>>;
  readonly bodyBase64: string;
  readonly signedText: string;
  readonly signature: string;
}

const NAMESPACE = 'backstep';
const names = namesIn(NAMESPACE);
const FACTS = { appId: NAMESPACE, now: 1_764_000_000_000 };
const SAGA = '019ab0e2-7c00-7000-8000-000000000001';
const KEYS = [
  hmacKey('payments'),
  clientKey('shop'),
  pairKey({ orchestrator: true }, 'orchestrator-1', true),
  pairKey({ participant: 'ledger' }, 'ledger-1', true),
];
const signing = signingOf({ keys: KEYS }, NAMESPACE);

const charge: CommandMessage = {
  id: `${SAGA}.charge.a.1`,
  participant: 'payments',
  type: 'payments.charge',
  sagaId: SAGA,
  sagaName: 'place-order',
  sagaVersion: 3,
  sagaKey: 'Bestellung-Nr. 7 (Zürich) 🚲',
  step: 'charge',
  phase: 'a',
  attempt: 2,
  execution: 1,
  firstSentAt: FACTS.now - 30_000,
  action: undefined,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  body: '{"orderId":"o-7","amount":12000,"note":"für Zoë"}',
  expirationMs: 60_000,
};
const refund: CommandMessage = {
  ...charge,
  id: `${SAGA}.charge.c.1`,
  type: 'payments.refund',
  phase: 'c',
  action: { id: charge.id, outcome: 'unknown', firstSentAt: charge.firstSentAt },
};
const post: CommandMessage = { ...charge, id: `${SAGA}.post.a.1`, participant: 'ledger', type: 'ledger.post', step: 'post' };

const command = (each: CommandMessage) => signing.signCommand(encodeCommand(each, names, FACTS), each.participant);
const reply = (to: CommandMessage, body: string, outcome: 'success' | 'rejected', attempt?: number) =>
  signing.signReply(encodeReply({ commandId: to.id, outcome, attempt, body }, names, FACTS), to.participant);
/** What a participant in 30 lines of another language answers: no outcome, no attempt, no ids of its own. */
function bareReply(): Outgoing {
  const { exchange, routingKey, message } = encodeReply(
    { commandId: charge.id, outcome: 'success', attempt: undefined, body: '' },
    names,
    FACTS,
  );
  return signing.signReply({ exchange, routingKey, message: { ...message, messageId: '', contentType: '', headers: {} } }, 'payments');
}

/** All of them, made anew. */
export function makeVectors(): Vectors {
  const [batch] = encodeCommands(
    [charge, refund].map((each) => ({ command: each, mostTogether: 10 })),
    names,
    FACTS,
  );
  const start = {
    name: 'place-order',
    version: 3,
    key: 'o-7',
    startId: 's-7',
    input: '{"orderId":"o-7"}',
    replyTo: 'shop.answers',
    traceparent: undefined,
  };
  const toPayments = names.commands('payments');
  return {
    note: 'Made by `npm run signing-vectors`; docs/signing.md explains them. The keys are public: use them for tests only.',
    keys: KEYS,
    vectors: [
      vector('a command, HMAC, with text that is not ASCII', toPayments, 'orchestrator', command(charge)),
      vector('a compensation, HMAC', toPayments, 'orchestrator', command(refund)),
      vector('a batch of two commands, HMAC: signed once', toPayments, 'orchestrator', signing.signCommand(batch!.addressed, 'payments')),
      vector('a reply, HMAC', names.replies, 'participant payments', reply(charge, '{"paymentId":"p-1"}', 'success', 2)),
      vector('a rejection, HMAC', names.replies, 'participant payments', reply(charge, '{"code":"card-declined"}', 'rejected', 2)),
      vector('a reply with nothing but a correlation id, HMAC', names.replies, 'participant payments', bareReply()),
      vector('a start, HMAC', names.starts, 'client shop', signing.signStart(encodeStart(start, names, FACTS), 'shop')),
      vector('a command, Ed25519', names.commands('ledger'), 'orchestrator', command(post)),
      vector('a reply, Ed25519', names.replies, 'participant ledger', reply(post, '{"entry":41}', 'success', 2)),
    ],
  };
}

function vector(what: string, queue: string, sender: string, { message }: Outgoing): Vector {
  const { [HEADER.signature]: signature, [HEADER.signatureKey]: key, ...headers } = message.headers;
  const place = { namespace: NAMESPACE, queue, sender, keyId: String(key) };
  return {
    what,
    namespace: NAMESPACE,
    queue,
    sender,
    key: String(key),
    properties: propertiesOf(message),
    headers,
    bodyBase64: Buffer.from(message.body).toString('base64'),
    signedText: signedText(message, placeText(place), createHash('sha256').update(message.body).digest('hex')),
    signature: String(signature),
  };
}

/** Those that are signed, by their names in AMQP; what is empty is not there. */
function propertiesOf({ contentType, messageId, correlationId, type, replyTo = '' }: Message): Record<string, string> {
  const all = { content_type: contentType, message_id: messageId, correlation_id: correlationId, type, reply_to: replyTo };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}
