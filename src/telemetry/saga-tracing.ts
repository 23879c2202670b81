import { ROOT_CONTEXT, SpanKind, type Context, type Link, type Span, type Tracer } from '@opentelemetry/api';
import { commandId, type CommandState, type Phase, type SagaState } from '../core/state.js';
import { parseTraceparent, writeTraceparent, type TraceContext } from '../core/trace-context.js';
import type { Names } from '../core/wire.js';
import type { BegunTrace, EngineTracing, SagaChange, SagaTracer } from '../engine/tracing.js';
import type { Logger } from '../ports/logger.js';
import type { Transport } from '../ports/transport.js';
import { attemptSpan, sagaSpan, stepSpan } from './saga-spans.js';
import { canChooseIds, spanIdOf, withSpanId } from './span-ids.js';
import { below, endSpan, Guard, makeSpan, registeredTracer, spanContextOf, type PastSpan } from './spans.js';

export interface SagaTracingParts {
  readonly names: Names;
  readonly logger: Logger;
  /** What carries the messages. */
  readonly transport: Pick<Transport, 'system'>;
}

/** How a saga's spans are told from others in a trace, whoever makes them. */
const sagaKey = (saga: string) => saga;
const stepKey = (saga: string, step: string, phase: Phase) => `${saga}.${step}.${phase === 'c' ? 'c' : 'a'}`;
const attemptKey = (command: string, attempt: number) => `${command}#${attempt}`;

/**
 * Traces of sagas. A span is made when what it tells of is over, by whichever process sees the end of it, from what is in the saga's row: so no
 * span is kept from a send to its reply, and none is lost with a process. What commands and later spans refer to meanwhile is an id that is
 * computed from the saga's, the command's and the attempt; it takes a {@link SagaIdGenerator} in the SDK to make spans with such ids.
 * Without one the spans are the same, but all of them are children of the saga's stored context, which exists in any case.
 */
export class SagaTracing implements EngineTracing {
  private readonly guard: Guard;
  private last: { readonly tracer: Tracer; readonly made: SagaTracer } | undefined;

  constructor(private readonly parts: SagaTracingParts) {
    this.guard = new Guard(parts.logger);
  }

  active(): SagaTracer | undefined {
    const tracer = registeredTracer();
    if (!tracer) return undefined;
    if (this.last?.tracer !== tracer) this.last = { tracer, made: new OpenTelemetrySagaTracer(tracer, this.parts, this.guard) };
    return this.last.made;
  }
}

class OpenTelemetrySagaTracer implements SagaTracer {
  constructor(
    private readonly tracer: Tracer,
    private readonly parts: SagaTracingParts,
    private readonly guard: Guard,
  ) {}

  begin({ id, name, version }: { readonly id: string; readonly name: string; readonly version: number }): BegunTrace | undefined {
    return this.guard.try(() => {
      const attributes = { 'backstep.saga.id': id, 'backstep.saga.name': name, 'backstep.saga.version': version };
      const span = this.tracer.startSpan(`start ${name}`, { kind: SpanKind.INTERNAL, attributes }, ROOT_CONTEXT);
      const { traceId, spanId, traceFlags, traceState } = span.spanContext();
      const state = traceState?.serialize();
      return {
        traceparent: writeTraceparent({ traceId, spanId, isSampled: (traceFlags & 1) === 1 }),
        ...(state ? { tracestate: state } : {}),
        started: () => this.guard.try(() => endSpan(span, undefined), undefined),
      };
    }, undefined);
  }

  traceparentOf(state: SagaState, { id, attempt }: { readonly id: string; readonly attempt: number }): string | undefined {
    const { traceparent } = state;
    const place = canChooseIds() ? parseTraceparent(traceparent) : undefined;
    // Nobody is to record this trace, or nobody could make the span that would be named.
    if (!place?.isSampled) return traceparent ?? undefined;
    return writeTraceparent({ ...place, spanId: spanIdOf(attemptKey(id, attempt)) });
  }

  changed(change: SagaChange): void {
    const place = parseTraceparent(change.after.traceparent);
    if (place?.isSampled) this.guard.try(() => this.spansOf(change, place), undefined);
  }

  private spansOf(change: SagaChange, place: TraceContext): void {
    const { before, after } = change;
    const saga = { place, tracestate: after.tracestate, id: after.id };
    for (const step in after.steps) {
      const now = after.steps[step]!;
      const then = before?.steps[step];
      // A decision keeps the parts it does not change.
      if (now === then) continue;
      for (const phase of ['a', 'f', 'c'] as const) this.attemptOver(saga, change, step, phase);
      if (now.outcome !== 'open' && (then === undefined || then.outcome === 'open')) this.stepOver(saga, change, step, 'a');
      if (now.undone !== undefined && then?.undone === undefined) this.stepOver(saga, change, step, 'c');
    }
    if (after.end !== null && (before?.end ?? null) === null) this.make(saga, sagaKey(after.id), undefined, sagaSpan(after));
  }

  /** The attempt that was under way is no longer; one that a batch begins and ends was never sent. */
  private attemptOver(saga: Saga, change: SagaChange, step: string, phase: Phase): void {
    const then = commandIn(change.before, step, phase);
    const now = commandIn(change.after, step, phase);
    if (then?.status !== 'inFlight' || !now) return;
    const { execution, attempt } = then;
    if (now.status === 'inFlight' && now.execution === execution && now.attempt === attempt) return;
    const id = commandId(saga.id, step, phase, execution);
    const span = attemptSpan({ change, step, phase, id, ...this.parts });
    const retried = this.link(saga, retriedKey(saga.id, step, phase, then));
    this.make(saga, attemptKey(id, attempt), stepKey(saga.id, step, phase), retried ? { ...span, links: [retried] } : span);
  }

  private stepOver(saga: Saga, change: SagaChange, step: string, phase: 'a' | 'c'): void {
    const span = stepSpan(change, step, phase);
    if (!span) return;
    const undoes = phase === 'c' ? this.link(saga, stepKey(saga.id, step, 'a')) : undefined;
    this.make(saga, stepKey(saga.id, step, phase), sagaKey(saga.id), undoes ? { ...span, links: [undoes] } : span);
  }

  /** `key` names the span and `parent` the one above it; without that it is the topmost one of its saga. */
  private make(saga: Saga, key: string, parent: string | undefined, past: PastSpan): void {
    const isOurs = canChooseIds();
    const above = this.context(saga, isOurs ? parent : undefined);
    const { span, isChosen } = withSpanId<Span>(isOurs ? spanIdOf(key) : undefined, () => makeSpan(this.tracer, above, past));
    if (!isChosen)
      this.guard.tell(
        "Backstep's SagaIdGenerator was made, but the tracing SDK does not use it; sagas' spans are not nested (docs/tracing.md)",
      );
    endSpan(span, past.error, past.to);
  }

  private context({ place, tracestate }: Saga, key: string | undefined): Context {
    return below(spanContextOf(key === undefined ? place : { ...place, spanId: spanIdOf(key) }, tracestate));
  }
  private link({ place, tracestate }: Saga, key: string | undefined): Link | undefined {
    if (key === undefined || !canChooseIds()) return undefined;
    return { context: spanContextOf({ ...place, spanId: spanIdOf(key) }, tracestate) };
  }
}

/** Where a saga's spans hang. */
interface Saga {
  readonly id: string;
  readonly place: TraceContext;
  readonly tracestate: string | undefined;
}

function commandIn(state: SagaState | undefined, step: string, phase: Phase): CommandState | undefined {
  const at = state?.steps[step];
  return phase === 'a' ? at?.action : phase === 'c' ? at?.undo : at?.fence;
}

/** What an attempt repeats: the one before it, or the first of the execution before. */
function retriedKey(saga: string, step: string, phase: Phase, { execution, attempt }: CommandState): string | undefined {
  if (attempt > 1) return attemptKey(commandId(saga, step, phase, execution), attempt - 1);
  return execution > 1 ? attemptKey(commandId(saga, step, phase, execution - 1), 1) : undefined;
}
