import { printable, shorten, shortenBytes } from '../core/codec-text.js';
import { LIMITS, utf8Bytes } from '../core/json.js';
import { MAX_SHORT_TEXT } from '../core/wire-limits.js';
import { HEADER, type Names } from '../core/wire.js';
import type { IncomingStart } from '../ports/incoming-starts.js';
import type { DeadLetter } from '../ports/saga-store.js';
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
  return {
    id: hash(`${queue}\n${row.id}`).slice(0, 32),
    queue,
    reason: shorten(printable(reason), REASON_LENGTH),
    at: now,
    messageId: row.id,
    correlationId: '',
    type: short(row.name),
    headers: headersOf(row),
    body: shortenBytes(input, LIMITS.payloadBytes),
    encoding: 'text',
    bytes: whole.bytes,
    sha256: whole.sha256,
  };
}

/** What else was said of the start; whoever wrote the row may have kept no limit. */
function headersOf({ version, key, tags, traceparent }: IncomingStart): Readonly<Record<string, string | number>> {
  return {
    ...(version === null ? {} : { [HEADER.sagaVersion]: version }),
    ...(key === null ? {} : { [HEADER.key]: short(key) }),
    ...(traceparent === null ? {} : { [HEADER.traceparent]: short(traceparent) }),
    'saga-tags': shortenBytes(JSON.stringify(tags ?? {}), LIMITS.headerBytes),
  };
}

const short = (text: string): string => shortenBytes(printable(text), MAX_SHORT_TEXT);
