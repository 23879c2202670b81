import { context, isSpanContextValid, trace } from '@opentelemetry/api';
import { writeTraceparent } from '../core/trace-context.js';

/** The trace that the caller is in, as headers; none where nothing records traces in this process, or no span is active. */
export function activeTrace(): { readonly traceparent?: string; readonly tracestate?: string } {
  const span = trace.getSpanContext(context.active());
  if (!span || !isSpanContextValid(span)) return {};
  const { traceId, spanId, traceFlags, traceState } = span;
  const tracestate = traceState?.serialize();
  const traceparent = writeTraceparent({ traceId, spanId, isSampled: (traceFlags & 1) === 1 });
  return tracestate ? { traceparent, tracestate } : { traceparent };
}
