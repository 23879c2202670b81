import { encodeText, integerHeader, printable, readJsonBody, shorten, textHeader } from './codec-text.js';
import { LIMITS, utf8Bytes, type Json } from './json.js';
import type { Status } from './state.js';
import { STATUSES } from './state.js';
import { MAX_SHORT_TEXT } from './wire-limits.js';
import { HEADER, isReplyQueue, JSON_CONTENT, type Addressed, type Message, type Names, type SenderFacts } from './wire.js';

/** A saga to be started over the wire. */
export interface StartMessage {
  /** The saga definition. */
  readonly name: string;
  /** `undefined`: the newest. */
  readonly version: number | undefined;
  readonly key: string | undefined;
  /** Makes sending it again safe; '' only with a key. */
  readonly startId: string;
  /** JSON text. */
  readonly input: string;
  /** Queue that wants an answer after the commit. */
  readonly replyTo: string | undefined;
  readonly traceparent: string | undefined;
  readonly tracestate?: string;
}
export interface DecodedStart {
  readonly name: string;
  readonly version: number | undefined;
  readonly key: string | undefined;
  readonly startId: string | undefined;
  readonly input: Json;
  readonly traceparent: string | undefined;
  readonly tracestate?: string;
}
/** Who wants to know what became of a start. */
export interface AnswerAddress {
  readonly queue: string;
  readonly correlationId: string;
  /** The client whose signature the start bears. */
  readonly client?: string;
}
/** `answerTo` is known even for a start that cannot be understood, so that its sender learns why. */
export type StartReading = { readonly answerTo: AnswerAddress | undefined } & (
  { readonly ok: true; readonly start: DecodedStart } | { readonly ok: false; readonly reason: string }
);

export type StartAnswer =
  | { readonly outcome: 'success'; readonly id: string; readonly status: Status; readonly created: boolean }
  /** `rejected`: never as it is. `error`: try again. */
  | { readonly outcome: 'rejected' | 'error'; readonly code: string; readonly message: string; readonly faults: readonly string[] };
export type StartAnswerReading =
  { readonly ok: true; readonly correlationId: string; readonly answer: StartAnswer } | { readonly ok: false; readonly reason: string };

/** A start as a message. */
export function encodeStart(start: StartMessage, names: Names, facts: SenderFacts): Addressed {
  const headers: Record<string, string | number> = {};
  if (start.key !== undefined) headers[HEADER.key] = start.key;
  if (start.version !== undefined) headers[HEADER.sagaVersion] = start.version;
  if (start.traceparent !== undefined) headers[HEADER.traceparent] = start.traceparent;
  if (start.tracestate !== undefined) headers[HEADER.tracestate] = start.tracestate;
  return {
    exchange: '',
    routingKey: names.starts,
    message: {
      messageId: start.startId,
      correlationId: start.startId,
      type: start.name,
      replyTo: start.replyTo,
      contentType: JSON_CONTENT,
      timestamp: facts.now,
      appId: facts.appId,
      expirationMs: undefined,
      headers,
      body: encodeText(start.input),
    },
  };
}

/** Reads a start. One with neither message id nor key could start twice, so it is refused. */
export function decodeStart(message: Message, names: Names): StartReading {
  const answerTo = addressOf(message, names);
  const not = (reason: string): StartReading => ({ ok: false, reason, answerTo });
  const { type: name, headers } = message;
  if (name === '' || tooLong(name)) return not('the type is not the name of a saga');
  const key = textHeader(headers, HEADER.key);
  if (key !== undefined && (tooLong(key) || printable(key) !== key)) return not(`the header ${HEADER.key} is no key`);
  const startId = message.messageId === '' ? undefined : message.messageId;
  if (startId !== undefined && (tooLong(startId) || printable(startId) !== startId))
    return not('the message id is too long or not plain text');
  if (startId === undefined && key === undefined) return not(`neither a message id nor the header ${HEADER.key}: it could start twice`);
  const version = integerHeader(headers, HEADER.sagaVersion);
  if (version === undefined && textHeader(headers, HEADER.sagaVersion) !== undefined)
    return not(`the header ${HEADER.sagaVersion} is not a number`);
  const body = readJsonBody(message, 'the input');
  if (!body.ok) return not(body.faults.join('; '));
  const traceparent = textHeader(headers, HEADER.traceparent);
  const tracestate = textHeader(headers, HEADER.tracestate);
  const trace = { traceparent, ...(tracestate === undefined ? {} : { tracestate }) };
  return { ok: true, answerTo, start: { name, version, key, startId, input: body.value, ...trace } };
}

/** What became of a start, for whoever asked. */
export function encodeStartAnswer(to: AnswerAddress, answer: StartAnswer, facts: SenderFacts): Addressed {
  const { outcome, ...body } = answer;
  return {
    exchange: '',
    routingKey: to.queue,
    message: {
      messageId: to.correlationId,
      correlationId: to.correlationId,
      type: '',
      replyTo: undefined,
      contentType: JSON_CONTENT,
      timestamp: facts.now,
      appId: facts.appId,
      expirationMs: undefined,
      headers: { [HEADER.outcome]: outcome },
      body: encodeText(JSON.stringify(body)),
    },
  };
}

export function decodeStartAnswer(message: Message): StartAnswerReading {
  const outcome = textHeader(message.headers, HEADER.outcome) ?? 'success';
  const body = readJsonBody(message, 'the answer');
  if (!body.ok) return { ok: false, reason: body.faults.join('; ') };
  if (typeof body.value !== 'object' || body.value === null) return { ok: false, reason: 'the answer is not an object' };
  const answer = answerOf(outcome, body.value as { readonly [key: string]: Json | undefined });
  return answer
    ? { ok: true, correlationId: message.correlationId, answer }
    : { ok: false, reason: `the answer is not one to a start (outcome ${shorten(printable(outcome), 100)})` };
}

function answerOf(outcome: string, fields: { readonly [key: string]: Json | undefined }): StartAnswer | undefined {
  const { id, status, created, code, message, faults } = fields;
  if (outcome === 'success') {
    const known = STATUSES.find((one) => one === status);
    return typeof id === 'string' && known ? { outcome, id, status: known, created: created !== false } : undefined;
  }
  if ((outcome !== 'rejected' && outcome !== 'error') || typeof code !== 'string') return undefined;
  const lines = Array.isArray(faults) ? faults.filter((fault): fault is string => typeof fault === 'string') : [];
  return { outcome, code, message: typeof message === 'string' ? message : '', faults: lines };
}

/**
 * Nobody can have the answer put into a queue of the installation itself, where it would count as a reply or a start. An address that no
 * message can carry (bytes that are no UTF-8 are more once they are text) is none.
 */
function addressOf(message: Message, names: Names): AnswerAddress | undefined {
  const { replyTo } = message;
  if (replyTo === undefined || replyTo === '') return undefined;
  const own = [names.starts, names.deadLetters].includes(replyTo) || isReplyQueue(replyTo, names) || replyTo.startsWith(names.commands(''));
  const correlationId = message.correlationId || message.messageId;
  if (own || utf8Bytes(replyTo) > MAX_SHORT_TEXT || utf8Bytes(correlationId) > MAX_SHORT_TEXT) return undefined;
  return { queue: replyTo, correlationId };
}

function tooLong(name: string): boolean {
  return utf8Bytes(name) > LIMITS.nameBytes;
}
