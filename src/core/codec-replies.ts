import { alone, apart, bodyOf, elementText, putTogether, readBatch, type Head, type Single, type WireFault } from './codec-batch.js';
import { faultText, integerHeader, MESSAGE_LENGTH, printable, readJsonBody, shorten, textHeader } from './codec-text.js';
import { parseJson, utf8Bytes, type Checked, type Json } from './json.js';
import { parseCommandId, type CommandRef, type Outcome } from './state.js';
import {
  BATCH_CONTENT,
  HEADER,
  isReplyQueue,
  JSON_CONTENT,
  type Addressed,
  type Headers,
  type Message,
  type Names,
  type ReplyMessage,
  type SenderFacts,
} from './wire.js';
import { MAX_BATCH, MAX_SHORT_TEXT } from './wire-limits.js';

/** A reply that was read: its outcome counts even where its body cannot be used. */
export interface DecodedReply extends ReplyContent {
  readonly commandId: string;
  readonly ref: CommandRef;
  readonly outcome: Outcome;
  readonly attempt: number | undefined;
  /** The body as {@link readReplyText} reads it again: JSON text, or '' for none. */
  readonly text: string;
}
export interface ReplyContent {
  /** Of a success; `null` when there was none. */
  readonly body: Json;
  /** Why the body cannot be used. */
  readonly unusable?: string;
  /** With `rejected` and `error`, where the participant gave them. */
  readonly code?: string;
  readonly message?: string;
  readonly details?: Json;
}
export type ReplyReading =
  | { readonly ok: true; readonly reply: DecodedReply }
  /** For the dead letters: one sentence. */
  | { readonly ok: false; readonly reason: string };
export interface DecodedReplies {
  readonly replies: readonly DecodedReply[];
  readonly faults: readonly WireFault[];
}

/** Begins the text that stands for a body that cannot be used; no JSON begins so. */
const UNUSABLE = '\ufffd';
const CODE_BYTES = 200;

/**
 * The messages that carry these replies, in their order: as few as will do, so only for an orchestrator that wrote a batch itself. They go
 * where their commands want them, if that is a queue for replies ({@link isReplyQueue}), else to the one that all daemons share.
 */
export function encodeReplies(replies: readonly ReplyMessage[], names: Names, facts: SenderFacts): Addressed[] {
  const writing = { single: (reply: ReplyMessage) => singleOf(reply, names, facts), element: replyElement };
  return putTogether(replies, MAX_BATCH, writing).map(({ addressed }) => addressed);
}
/** The same as {@link singleOf}, written at once: an id and a word of ours need no escaping. */
function replyElement(reply: ReplyMessage): string {
  const { commandId, outcome, attempt, body } = reply;
  const tried = attempt === undefined ? '' : `,"${HEADER.attempt}":${attempt}`;
  return elementText(ownIdOf(reply), commandId, '', `{"${HEADER.outcome}":"${outcome}"${tried}}`, body);
}
function ownIdOf({ commandId, outcome }: ReplyMessage): string {
  const ownId = `${commandId}#${outcome}`;
  return ownId.length <= MAX_SHORT_TEXT ? ownId : commandId;
}

/** The replies in a message, whether one or a batch, and what is wrong with each element that is none. */
export function decodeReplies(message: Message): DecodedReplies {
  if (message.contentType !== BATCH_CONTENT) {
    const read = decodeReply(message);
    return read.ok ? { replies: [read.reply], faults: [] } : { replies: [], faults: [{ reason: read.reason, message }] };
  }
  const batch = readBatch(message, 'the reply');
  if (!batch.ok) return { replies: [], faults: [{ reason: batch.reason, message }] };
  const replies: DecodedReply[] = [];
  const faults: WireFault[] = [];
  for (const element of batch.elements) {
    const read = readReply(element.head, () => bodyOf(element));
    if (read.ok) replies.push(read.reply);
    else faults.push({ reason: read.reason, message: apart(message, element) });
  }
  return { replies, faults };
}

/** One reply as one message; see {@link encodeReplies}. */
export function encodeReply(reply: ReplyMessage, names: Names, facts: SenderFacts): Addressed {
  return alone(singleOf(reply, names, facts));
}

function singleOf(reply: ReplyMessage, names: Names, facts: SenderFacts): Single {
  return {
    exchange: '',
    routingKey: facts.replyTo !== undefined && isReplyQueue(facts.replyTo, names) ? facts.replyTo : names.replies,
    text: reply.body,
    head: {
      messageId: ownIdOf(reply),
      correlationId: reply.commandId,
      type: '',
      replyTo: undefined,
      contentType: JSON_CONTENT,
      timestamp: facts.now,
      appId: facts.appId,
      expirationMs: undefined,
      headers: replyHeaders(reply),
    },
  };
}

/** Names that are written out make an object at once; the compiler sees to it that they are those of the wire. */
function replyHeaders({ outcome, attempt }: ReplyMessage): Headers {
  if (attempt === undefined) return { 'saga-outcome': outcome } satisfies OutcomeHeader;
  return { 'saga-outcome': outcome, 'saga-attempt': attempt } satisfies OutcomeHeader & AttemptHeader;
}
type OutcomeHeader = { readonly [name in typeof HEADER.outcome]: Outcome };
type AttemptHeader = { readonly [name in typeof HEADER.attempt]: number };

/** One message that is one reply. The command's id in `correlation_id` is the only must; without an outcome it is a success. */
export function decodeReply(message: Message): ReplyReading {
  return readReply(message, () => (message.body.byteLength === 0 ? undefined : readJsonBody(message, 'the reply')));
}

function readReply(message: Head, readBody: () => Checked | undefined): ReplyReading {
  const commandId = message.correlationId;
  const ref = parseCommandId(commandId);
  if (!ref) return not(`the correlation id "${shorten(printable(commandId), 100)}" is not a command id`);
  const outcome = textHeader(message.headers, HEADER.outcome) ?? 'success';
  if (outcome !== 'success' && outcome !== 'rejected' && outcome !== 'error') {
    return not(`"${shorten(printable(outcome), 100)}" is not an outcome; success, rejected and error are`);
  }
  const attempt = integerHeader(message.headers, HEADER.attempt);
  const read = readBody();
  const text = read === undefined ? '' : read.ok ? read.text : UNUSABLE + faultText(read.faults);
  return { ok: true, reply: { commandId, ref, outcome, attempt, text, ...contentOf(outcome, read) } };
}

/** What a reply says, from the text that {@link DecodedReply} keeps: for replies that were put aside unread. */
export function readReplyText(outcome: Outcome, text: string): ReplyContent {
  if (text === '') return contentOf(outcome, undefined);
  if (text.startsWith(UNUSABLE)) return { body: null, unusable: text.slice(UNUSABLE.length) };
  return contentOf(outcome, parseJson(text, 'the reply'));
}

function contentOf(outcome: Outcome, read: Checked | undefined): ReplyContent {
  if (read === undefined) return { body: null };
  if (!read.ok) return { body: null, unusable: faultText(read.faults) };
  return outcome === 'success' ? { body: read.value } : problemOf(read.value);
}

/** `{ code, message, details }` as far as it is there. Frameworks answer a failure with all kinds of bodies. */
function problemOf(value: Json): ReplyContent {
  if (typeof value === 'string') return { body: null, message: shorten(value, MESSAGE_LENGTH) };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { body: null };
  const { code, message, details } = value as { readonly [key: string]: Json | undefined };
  return {
    body: null,
    ...(isCode(code) && { code: String(code) }),
    ...(typeof message === 'string' && { message: shorten(message, MESSAGE_LENGTH) }),
    ...(details !== undefined && { details }),
  };
}

function isCode(code: Json | undefined): code is string | number {
  return typeof code === 'number' || (typeof code === 'string' && code !== '' && utf8Bytes(code) <= CODE_BYTES);
}
function not(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
