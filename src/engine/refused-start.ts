import { integerHeader, printable, shorten, shortenBytes, textHeader } from '../core/codec-text.js';
import { LIMITS, utf8Bytes } from '../core/json.js';
import { MAX_SHORT_TEXT } from '../core/wire-limits.js';
import { HEADER, JSON_CONTENT, type Names } from '../core/wire.js';
import type { DeadLetter } from '../ports/dead-letters.js';
import type { IncomingStart, WrittenStart } from '../ports/incoming-starts.js';

import type { Hash } from './starter.js';

const REASON_LENGTH = 1_000;

/** What stands for a queue in letters about incoming starts. */
export function incomingQueue({ namespace }: Names): string {
  return `${namespace}.incoming_start`;
}

/** An incoming start that cannot be made, as a dead letter. Its id follows from the row's, so that storing it again is one letter. */
export function letterFor(
  row: IncomingStart,
  reason: string,
  { now, hash, names }: { readonly now: number; readonly hash: Hash; readonly names: Names },
): DeadLetter {
  const { input, whole = { bytes: utf8Bytes(input), sha256: hash(input) } } = row;
  const queue = incomingQueue(names);
  const { headers, isAltered } = headersOf(row);
  return {
    id: hash(`${queue}\n${row.id}`).slice(0, 32),
    queue,
    reason: shorten(printable(reason), REASON_LENGTH),
    at: now,
    messageId: row.id,
    correlationId: '',
    type: short(row.name),
    contentType: JSON_CONTENT,
    replyTo: null,
    appId: null,
    timestamp: null,
    headers,
    isAltered: isAltered || short(row.name) !== row.name,
    body: shortenBytes(input, LIMITS.payloadBytes),
    encoding: 'text',
    bytes: whole.bytes,
    sha256: whole.sha256,
  };
}

/** What else was said of the start; whoever wrote the row may have kept no limit. */
function headersOf({ version, key, tags, traceparent, tracestate }: IncomingStart): Pick<DeadLetter, 'headers' | 'isAltered'> {
  const tagsText = JSON.stringify(tags ?? {});
  const headers: Record<string, string | number> = {
    ...(version === null ? {} : { [HEADER.sagaVersion]: version }),
    ...(key === null ? {} : { [HEADER.key]: short(key) }),
    ...(traceparent === null ? {} : { [HEADER.traceparent]: short(traceparent) }),
    ...(tracestate === null ? {} : { [HEADER.tracestate]: shortenBytes(printable(tracestate), LIMITS.headerBytes) }),
    [TAGS]: shortenBytes(tagsText, LIMITS.headerBytes),
  };
  const kept = [HEADER.key, HEADER.traceparent, HEADER.tracestate, TAGS].map((name) => headers[name] ?? null);
  const given = [key, traceparent, tracestate, tagsText];
  return { headers, isAltered: given.some((text, at) => text !== kept[at]) };
}
const TAGS = 'saga-tags';

/** The row that such a letter was, to be written down again; of one that was altered nobody knows. */
export function incomingOf({ messageId: id, type: name, headers, body: input }: DeadLetter): WrittenStart {
  return {
    id,
    name,
    version: integerHeader(headers, HEADER.sagaVersion) ?? null,
    key: textHeader(headers, HEADER.key) ?? null,
    tags: JSON.parse(textHeader(headers, TAGS) ?? '{}') as unknown,
    input,
    traceparent: textHeader(headers, HEADER.traceparent) ?? null,
    tracestate: textHeader(headers, HEADER.tracestate) ?? null,
  };
}

const short = (text: string): string => shortenBytes(printable(text), MAX_SHORT_TEXT);
