import { context, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type IdGenerator,
  type ReadableSpan,
  type Sampler,
} from '@opentelemetry/sdk-trace-base';
import { SagaIdGenerator } from '../../src/tracing.js';

/** What of a span the tests look at, whether it was kept in memory or written by a process. */
export interface SeenSpan {
  readonly name: string;
  readonly kind: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId?: string | undefined;
  readonly from: number;
  readonly to: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly string[];
  readonly failed: boolean;
}

/** A tracing SDK for this test file, in place of whichever was there before. `ids: false`: one that was set up without our generator. */
export function recordTraces({
  sampler,
  ids = new SagaIdGenerator(),
}: { readonly sampler?: Sampler; readonly ids?: IdGenerator | false } = {}) {
  stopTraces();
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)],
    ...(ids ? { idGenerator: ids } : {}),
    ...(sampler ? { sampler } : {}),
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  return {
    spans: () => exporter.getFinishedSpans().map(seen),
    reset: () => exporter.reset(),
  };
}
export function stopTraces(): void {
  trace.disable();
  context.disable();
}

function seen(span: ReadableSpan): SeenSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    name: span.name,
    kind: SpanKind[span.kind],
    traceId,
    spanId,
    parentId: span.parentSpanContext?.spanId,
    from: millis(span.startTime),
    to: millis(span.endTime),
    attributes: span.attributes,
    links: span.links.map(({ context: { spanId: linked } }) => linked),
    failed: span.status.code === 2,
  };
}
function millis([seconds, nanos]: readonly [number, number]): number {
  return seconds * 1_000 + nanos / 1e6;
}

/** Spans whose parent is not there, and links to what is not there. */
export function strays(
  spans: readonly Pick<SeenSpan, 'name' | 'spanId' | 'parentId' | 'links'>[],
  callers: readonly string[] = [],
): readonly string[] {
  const known = new Set([...callers, ...spans.map(({ spanId }) => spanId)]);
  return spans
    .filter(({ parentId, links }) => [...(parentId === undefined ? [] : [parentId]), ...links].some((id) => !known.has(id)))
    .map(({ name, parentId }) => `${name} under ${parentId}`);
}

/** The trace as a tree, without ids and times. */
export function drawn(spans: readonly SeenSpan[]): string {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  const isTop = ({ parentId }: SeenSpan) => parentId === undefined || !names.has(parentId);
  const lines: string[] = [];
  const draw = (span: SeenSpan, first: string, rest: string) => {
    lines.push(`${first}${labelOf(span, names)}`);
    const below = inOrder(spans.filter(({ parentId }) => parentId === span.spanId));
    for (const [at, child] of below.entries()) {
      const isLast = at === below.length - 1;
      draw(child, `${rest}${isLast ? '└─ ' : '├─ '}`, `${rest}${isLast ? '   ' : '│  '}`);
    }
  };
  for (const top of inOrder(spans.filter(isTop))) draw(top, '', '');
  return `${lines.join('\n')}\n`;
}
function inOrder(spans: readonly SeenSpan[]): readonly SeenSpan[] {
  return spans.toSorted((one, other) => one.from - other.from || one.name.localeCompare(other.name));
}
function labelOf({ name, attributes, links, failed }: SeenSpan, names: ReadonlyMap<string, string>): string {
  const outcome = (attributes['backstep.saga.outcome'] ?? attributes['backstep.outcome']) as string | undefined;
  const facts = [
    outcome,
    failed ? `error: ${String(attributes['error.type'])}` : undefined,
    ...links.map((id) => `linked to ${names.get(id) ?? 'nothing'}`),
  ].filter((fact) => fact !== undefined);
  return facts.length === 0 ? name : `${name} (${facts.join(', ')})`;
}
