import { decodeText, encodeText, integerHeader } from './codec-text.js';
import { jsonFaults, LIMITS, utf8Bytes, type Checked, type Json } from './json.js';
import { BATCH_CONTENT, HEADER, JSON_CONTENT, type Addressed, type Headers, type Message } from './wire.js';
import { MAX_BATCH, MAX_USEFUL_BYTES } from './wire-limits.js';

/** What is wrong with one element of a message, and that element as a message of its own, for the dead letters. */
export interface WireFault {
  /** One sentence. */
  readonly reason: string;
  readonly message: Message;
}
/** What a message says beside its body. */
export type Head = Omit<Message, 'body' | 'whole'>;
/** One element: what it would say as a message of its own, and its body, parsed already; see {@link bodyOf}. */
export interface Element {
  /** Its place in the array. */
  readonly index: number;
  readonly head: Head;
  /** The body as it stands there; `undefined`: there is none. */
  readonly content: unknown;
  /** What is wrong with the body. */
  readonly faults: readonly string[];
}
export type BatchReading = { readonly ok: true; readonly elements: readonly Element[] } | { readonly ok: false; readonly reason: string };

/** A message that would go on its own, without its body, and that as JSON text; '' for none. */
export interface Single extends Omit<Addressed, 'message'> {
  readonly head: Head;
  readonly text: string;
}

/** The message that it is on its own. */
export function alone({ exchange, routingKey, head, text }: Single): Addressed {
  const { messageId, correlationId, type, replyTo, contentType, timestamp, appId, expirationMs, headers } = head;
  const body = encodeText(text);
  // Every field by name: a copy of the head costs as much as all the rest.
  const message: Message = { messageId, correlationId, type, replyTo, contentType, timestamp, appId, expirationMs, headers, body };
  return { exchange, routingKey, message };
}

/** How something becomes a message of its own, and how an element of a batch. */
export interface Writing<T> {
  readonly single: (item: T) => Single;
  /** JSON text of the element; what it says is what {@link Single} says, but for what all elements share. */
  readonly element: (item: T) => string;
}

/**
 * What goes to one place, put together: at most `most` in one message, and no more bytes than the reader takes. A single one stays as
 * it is. They share what says nothing about one element: where answers go, the sender, the time, and when a broker may drop it.
 */
export function putTogether<T>(
  items: readonly T[],
  most: number,
  { single, element }: Writing<T>,
): { readonly addressed: Addressed; readonly of: readonly T[] }[] {
  if (items.length === 1) return [{ of: items, addressed: alone(single(items[0]!)) }];
  const messages: { addressed: Addressed; of: readonly T[] }[] = [];
  let of: T[] = [];
  let texts: string[] = [];
  let units = 0;
  const close = () => {
    if (of.length > 0) messages.push({ of, addressed: of.length === 1 ? alone(single(of[0]!)) : asBatch(single(of[0]!), texts) });
    [of, texts, units] = [[], [], 0];
  };
  for (const item of items) {
    const text = element(item);
    // A unit of UTF-16 is at most three bytes.
    if (of.length === most || (units + text.length + 3) * 3 > MAX_USEFUL_BYTES) close();
    of.push(item);
    texts.push(text);
    units += text.length + 1;
  }
  close();
  return messages;
}

function asBatch({ exchange, routingKey, head }: Single, texts: readonly string[]): Addressed {
  const body = encodeText(`[${texts.join(',')}]`);
  return { exchange, routingKey, message: { ...head, correlationId: '', type: '', contentType: BATCH_CONTENT, headers: {}, body } };
}

/** An element, of texts that need no escaping and the JSON text of headers and body. `body`: '' for none. */
export function elementText(messageId: string, correlationId: string, type: string, headers: string, body: string): string {
  const said = type === '' ? '' : `,"type":"${type}"`;
  const properties = `"message_id":"${messageId}","correlation_id":"${correlationId}"${said}`;
  return `{"properties":{${properties}},"headers":${headers}${body === '' ? '' : `,"body":${body}`}}`;
}

/** The elements of a batch; a sentence where it is none. */
export function readBatch(message: Message, what: string): BatchReading {
  const bytes = message.whole?.bytes ?? message.body.byteLength;
  if (bytes > MAX_USEFUL_BYTES) return { ok: false, reason: `the batch has ${bytes} bytes; the limit is ${MAX_USEFUL_BYTES}` };
  const elements = arrayIn(message);
  if (typeof elements === 'string') return { ok: false, reason: elements };
  if (elements.length > MAX_BATCH) return { ok: false, reason: `the batch has ${elements.length} elements; the limit is ${MAX_BATCH}` };
  const isLarge = bytes > LIMITS.payloadBytes;
  const only = integerHeader(message.headers, HEADER.batchElement);
  if (only !== undefined && !(only in elements)) return { ok: false, reason: `the batch has no element ${only}` };
  if (only !== undefined) return { ok: true, elements: [readElement(elements[only], only, message, what, isLarge)] };
  return { ok: true, elements: elements.map((element, index) => readElement(element, index, message, what, isLarge)) };
}

/** The body of an element, with its text. */
export function bodyOf({ content, faults }: Element): Checked | undefined {
  if (content === undefined) return undefined;
  return faults.length > 0 ? { ok: false, faults } : { ok: true, value: content as Json, text: JSON.stringify(content) };
}

/** The element with this correlation id, {@link apart}; the message itself where it is no batch. */
export function elementOf(message: Message, correlationId: string): Message {
  if (message.contentType !== BATCH_CONTENT) return message;
  const read = readBatch(message, 'the element');
  const element = read.ok && read.elements.find(({ head }) => head.correlationId === correlationId);
  return element ? apart(message, element) : message;
}

/**
 * An element to be put aside: the message that it would have been on its own. Of a signed message it is the whole, which names the element, since
 * nothing less could be trusted again; unless that is too large to be kept.
 */
export function apart(message: Message, element: Element): Message {
  const isKeptWhole = message.whole === undefined && message.body.byteLength <= LIMITS.payloadBytes;
  if (message.headers[HEADER.signature] === undefined || !isKeptWhole) return asMessage(element);
  return { ...message, headers: { ...message.headers, [HEADER.batchElement]: element.index } };
}

/** The one that such a message is about, for people; any other message itself. */
export function meantBy(message: Message): Message {
  if (message.contentType !== BATCH_CONTENT || message.headers[HEADER.batchElement] === undefined) return message;
  const read = readBatch(message, 'the element');
  return read.ok ? asMessage(read.elements[0]!) : message;
}

function asMessage({ head, content }: Element): Message {
  return { ...head, body: encodeText(content === undefined ? '' : JSON.stringify(content)) };
}

function arrayIn(message: Message): readonly unknown[] | string {
  const text = decodeText(message.body);
  if (text === undefined) return 'the batch is not UTF-8';
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return 'the batch is not a JSON array';
    return value.length > 0 ? value : 'the batch is empty';
  } catch (error: unknown) {
    return `the batch is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** What an element does not say is as the message says it. Whatever it is, it becomes a message: at worst one that nobody understands. */
function readElement(element: unknown, index: number, carrier: Message, what: string, isLarge: boolean): Element {
  const { properties, headers, body } = fieldsOf(element);
  const said = fieldsOf(properties);
  // Every field by name: a copy of the carrier with some of them changed costs more than parsing the element.
  const head: Head = {
    messageId: textOf(said['message_id']),
    correlationId: textOf(said['correlation_id']),
    type: textOf(said['type']),
    replyTo: carrier.replyTo,
    contentType: JSON_CONTENT,
    timestamp: carrier.timestamp,
    appId: carrier.appId,
    expirationMs: carrier.expirationMs,
    headers: readHeaders(headers),
  };
  return { index, head, content: body, faults: body === undefined ? [] : bodyFaults(body, what, isLarge) };
}

/** `isLarge`: the whole batch is so large that one body of it may be too large. */
function bodyFaults(body: unknown, what: string, isLarge: boolean): readonly string[] {
  const faults = jsonFaults(body, what);
  const bytes = isLarge ? utf8Bytes(JSON.stringify(body)) : 0;
  if (bytes > LIMITS.payloadBytes) faults.push(`${what} has ${bytes} bytes; the limit is ${LIMITS.payloadBytes}`);
  return faults;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Of those that were parsed: the same object, unless there is something in it that is no header. */
function readHeaders(value: unknown): Headers {
  const said = fieldsOf(value);
  for (const name in said) if (!isHeader(name, said[name])) return onlyHeaders(said);
  return said as Headers;
}

function onlyHeaders(said: Readonly<Record<string, unknown>>): Headers {
  const headers: Record<string, string | number> = {};
  for (const name of Object.keys(said)) {
    const each = said[name];
    if (isHeader(name, each)) headers[name] = each;
  }
  return headers;
}

function isHeader(name: string, value: unknown): value is string | number {
  return name !== '__proto__' && (typeof value === 'string' || typeof value === 'number');
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
