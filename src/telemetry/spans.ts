import {
  createTraceState,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
  type Tracer,
} from '@opentelemetry/api';
import type { TraceContext } from '../core/trace-context.js';
import type { Logger } from '../ports/logger.js';
import { messageOf } from '../core/errors.js';

/** Who made a span, in the words of OpenTelemetry: its instrumentation scope. */
const SCOPE = 'backstep';

/** The tracer of whatever SDK is registered now, or `undefined` if none is: then nothing is to be made at all. */
export function registeredTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  // The API hands out a provider that makes spans of nothing until there is a real one behind it.
  return provider instanceof ProxyTracerProvider ? provider.getDelegateTracer(SCOPE) : provider.getTracer(SCOPE);
}

/** A text for an attribute: nobody's message becomes arbitrarily long in a trace. */
const LONGEST = 200;
export function short(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** What others know a span by. */
export function spanContextOf({ traceId, spanId, isSampled }: TraceContext, tracestate?: string): SpanContext {
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  const place = { traceId, spanId, traceFlags, isRemote: true };
  return tracestate === undefined ? place : { ...place, traceState: createTraceState(tracestate) };
}
/** Nothing of the process's own context is in it: what is active while a batch is handled belongs to nobody. */
export function below(parent: SpanContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}

/** A span that is over. Instants are milliseconds since 1970. */
export interface PastSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly from: number;
  readonly to: number;
  readonly attributes: Attributes;
  readonly links?: readonly Link[];
  /** What went wrong, in a word; the span's status is an error then. */
  readonly error?: string | undefined;
}
/** Makes it within `parent`. */
export function makeSpan(tracer: Tracer, parent: Context, { name, kind, from, attributes, links }: PastSpan): Span {
  return tracer.startSpan(name, { kind, startTime: from, attributes, ...(links ? { links: [...links] } : {}) }, parent);
}
export function endSpan(span: Span, error: string | undefined, at?: number): void {
  if (error !== undefined) span.setAttribute('error.type', short(error)).setStatus({ code: SpanStatusCode.ERROR });
  span.end(at);
}

/** Runs what makes spans. Faults of an SDK, a sampler or a processor are nobody's but theirs: the first is logged, and `otherwise` is the result. */
export class Guard {
  private hasFailed = false;

  constructor(private readonly logger: Logger) {}

  try<R>(work: () => R, otherwise: R): R {
    try {
      return work();
    } catch (error: unknown) {
      if (!this.hasFailed) this.logger.error({ error: messageOf(error) }, 'tracing failed; said once');
      this.hasFailed = true;
      return otherwise;
    }
  }

  /** For what is to be known once. */
  tell(message: string): void {
    this.logger.warn({}, message);
  }
}
