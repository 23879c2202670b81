import {
  context,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import type { DecodedCommand } from '../core/codec-commands.js';
import { PHASE_NAMES } from '../core/state.js';
import { parseTraceparent } from '../core/trace-context.js';
import type { Names } from '../core/wire.js';
import type { Answer } from '../participant/answer.js';
import type { Handling, HandlerTracer, ParticipantTracing } from '../participant/tracing.js';
import type { Logger } from '../ports/logger.js';
import type { Transport } from '../ports/transport.js';
import { UNNAMED_SYSTEM } from './saga-spans.js';
import { below, endSpan, Guard, registeredTracer, spanContextOf } from './spans.js';

export interface HandlerTracingParts {
  readonly names: Names;
  readonly logger: Logger;
  /** What carries the messages. */
  readonly transport: Pick<Transport, 'system'>;
}

/**
 * Spans of handlers. Each is a child of what its command names, and is active while the handler runs, so that whatever instruments
 * databases and HTTP hangs its own spans below. A command of a trace that nobody records makes none, and its handler runs in that trace
 * all the same, so that nothing it does is recorded either.
 */
export class HandlerTracing implements ParticipantTracing {
  private readonly guard: Guard;
  private last: { readonly tracer: Tracer; readonly made: HandlerTracer } | undefined;

  constructor(private readonly parts: HandlerTracingParts) {
    this.guard = new Guard(parts.logger);
  }

  active(): HandlerTracer | undefined {
    const tracer = registeredTracer();
    if (!tracer) return undefined;
    if (this.last?.tracer !== tracer) this.last = { tracer, made: { begin: (commands) => this.begin(tracer, commands) } };
    return this.last.made;
  }

  private begin(tracer: Tracer, commands: readonly DecodedCommand[]): Handling {
    return this.guard.try<Handling>(() => {
      const { spans, active } = this.spans(tracer, commands);
      return {
        run: (work) => context.with(active, work),
        end: (answers) =>
          this.guard.try(() => {
            for (const [at, span] of spans.entries()) if (span) endSpan(span, span.isRecording() ? errorOf(answers[at]!) : undefined);
          }, undefined),
      };
    }, UNTRACED);
  }

  /** One for each command; the first of them that is recorded is active, and the others say so by a link. */
  private spans(
    tracer: Tracer,
    commands: readonly DecodedCommand[],
  ): { readonly spans: readonly (Span | undefined)[]; readonly active: Context } {
    let active: Context | undefined;
    let first: Link | undefined;
    const spans = commands.map((command) => {
      const place = parseTraceparent(command.traceparent);
      const parent = place ? below(spanContextOf(place, command.tracestate)) : ROOT_CONTEXT;
      if (place && !place.isSampled) {
        if (commands.length === 1) active = parent;
        return undefined;
      }
      const attributes = this.attributesOf(command, commands.length);
      const options = { kind: SpanKind.CONSUMER, attributes, ...(first ? { links: [first] } : {}) };
      const span = tracer.startSpan(`process ${command.type}`, options, parent);
      if (!first) {
        first = { context: span.spanContext() };
        active = trace.setSpan(parent, span);
      }
      return span;
    });
    return { spans, active: active ?? ROOT_CONTEXT };
  }

  private attributesOf(command: DecodedCommand, together: number): Attributes {
    const { names, transport } = this.parts;
    const { id, participant, sagaId, sagaName, step, phase, attempt, type } = command;
    const attributes: Attributes = {
      'messaging.system': transport.system ?? UNNAMED_SYSTEM,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': names.commands(participant),
      'messaging.message.id': id,
      'messaging.message.conversation_id': sagaId,
      'backstep.saga.id': sagaId,
      'backstep.saga.name': sagaName,
      'backstep.step': step,
      'backstep.phase': PHASE_NAMES[phase],
      'backstep.command.type': type,
      'backstep.attempt': attempt,
    };
    if (together > 1) attributes['messaging.batch.message_count'] = together;
    return attributes;
  }
}

const UNTRACED: Handling = { run: (work) => work(), end: () => undefined };

/** The code of an answer that is no success; its message may quote what is nobody's business. */
function errorOf({ outcome, body }: Answer): string | undefined {
  if (outcome === 'success') return undefined;
  try {
    const { code } = JSON.parse(body) as { readonly code?: unknown };
    return typeof code === 'string' ? code : outcome;
  } catch {
    return outcome;
  }
}
