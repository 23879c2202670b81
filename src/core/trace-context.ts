import { parseCommandId } from './state.js';
import { HEADER, type Message } from './wire.js';

/** A place in a trace, as a `traceparent` header names it (W3C trace context). */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits: of the span that whoever gets this is caused by. */
  readonly spanId: string;
  /** Somebody decided that this trace is recorded. */
  readonly isSampled: boolean;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
/** The standard wants at least so much to be passed on; more is cut nowhere well. */
const LONGEST_TRACESTATE = 512;
const TRACESTATE = /^[\x20-\x7e]+$/;
const SAMPLED = 0x01;

/** What a header says, or `undefined` where it is malformed. A later version is read as far as this one knows it. */
export function parseTraceparent(text: string | null | undefined): TraceContext | undefined {
  if (!isTraceparent(text)) return undefined;
  return { traceId: text.slice(3, 35), spanId: text.slice(36, 52), isSampled: (parseInt(text.slice(53), 16) & SAMPLED) !== 0 };
}

export function writeTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;
}

/** What a request says of its caller's trace. A trace helps people who look for something; a malformed one is no reason to refuse anything. */
export interface GivenTrace {
  readonly traceparent: string | null;
  /** Vendors' own part; there only beside a usable traceparent. */
  readonly tracestate?: string;
}
export function readTrace(traceparent: string | undefined, tracestate: string | undefined): GivenTrace {
  if (!isTraceparent(traceparent)) return { traceparent: null };
  const isUsable = tracestate !== undefined && tracestate.length <= LONGEST_TRACESTATE && TRACESTATE.test(tracestate);
  return isUsable ? { traceparent, tracestate } : { traceparent };
}

/** The trace that a saga or a command is part of, as a field of a log line; nothing where there is none. */
export function traceField(of: { readonly traceparent?: string | null | undefined } | undefined): { readonly traceId?: string } {
  return isTraceparent(of?.traceparent) ? { traceId: of.traceparent.slice(3, 35) } : {};
}

/** The saga, step and trace that a message is about, as fields of a log line, as far as it says so. */
export function messageFields({ correlationId, messageId, headers }: Pick<Message, 'correlationId' | 'messageId' | 'headers'>): {
  readonly sagaId?: string;
  readonly step?: string;
  readonly traceId?: string;
} {
  const about = parseCommandId(correlationId) ?? parseCommandId(messageId);
  const traceparent = headers[HEADER.traceparent];
  return {
    ...(about && { sagaId: about.sagaId, step: about.step }),
    ...traceField(typeof traceparent === 'string' ? { traceparent } : undefined),
  };
}

function isTraceparent(text: string | null | undefined): text is string {
  return typeof text === 'string' && TRACEPARENT.test(text);
}
