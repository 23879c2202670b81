import { context, trace } from '@opentelemetry/api';
import { AlwaysOffSampler, RandomIdGenerator } from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import type { Host } from '../../../src/participant/host.js';
import { HandlerTracing } from '../../../src/telemetry/handler-tracing.js';
import { SagaTracing } from '../../../src/telemetry/saga-tracing.js';
import { activeTrace } from '../../../src/telemetry/active-trace.js';
import { SagaIdGenerator, type IdSource } from '../../../src/tracing.js';
import { EngineWorld, type Script } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { planFrom } from '../../support/plans.js';
import { drawn, recordTraces, stopTraces, strays, type SeenSpan } from '../../support/traces.js';
import { commandOf } from '../participant/commands.js';
import { Stand } from '../participant/stand.js';

const CALLER = '00f067aa0ba902b7';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SAMPLED = `00-${TRACE}-${CALLER}-01`;
const UNSAMPLED = `00-${TRACE}-${CALLER}-00`;

const plan = planFrom({ steps: [{ name: 'one' }, { name: 'two', kind: 'pivot' }] });
/** One succeeds, two says no. */
const refuses: Script = ({ step, phase }) =>
  step === 'two' && phase === 'a' ? { outcome: 'rejected', body: '{"code":"no","message":"4711"}' } : {};

afterEach(stopTraces);

async function world(options: { readonly beside?: EngineWorld; readonly participants?: readonly string[] } = {}): Promise<EngineWorld> {
  const made: EngineWorld = new EngineWorld({
    plans: [plan],
    ...(options.beside ? { beside: options.beside } : {}),
    tracing: (parts) => new SagaTracing(parts),
  });
  return made.open(options.participants ?? ['p']);
}

describe('the trace of a saga', () => {
  it('is whole when it began here, with a span of the start above all others', async () => {
    const traces = recordTraces();
    const { engine } = await world();
    await engine.start({ name: 'test-saga', input: { secret: 4711 }, key: 'key-4711' });
    await turns(60);
    const spans = traces.spans();
    expect(drawn(spans)).toBe(
      [
        'start test-saga',
        '└─ test-saga (completed)',
        '   ├─ one (succeeded)',
        '   │  └─ send p.one (success)',
        '   └─ two (succeeded)',
        '      └─ send p.two (success)',
        '',
      ].join('\n'),
    );
    expect(strays(spans)).toEqual([]);
  });

  it('is that of the caller, whose tracestate goes on', async () => {
    const traces = recordTraces();
    const { engine, received } = await world();
    await engine.start({ name: 'test-saga', input: null, traceparent: SAMPLED, tracestate: 'vendor=1' });
    await turns(60);
    const spans = traces.spans();
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
    expect(strays(spans, [CALLER])).toEqual([]);
    expect(received.map(({ tracestate }) => tracestate)).toEqual(['vendor=1', 'vendor=1']);
    // What a command names is the span of its attempt.
    expect(received.map(({ traceparent }) => traceparent!.slice(36, 52))).toEqual(
      spans.filter(({ kind }) => kind === 'PRODUCER').map(({ spanId }) => spanId),
    );
  });

  it('has every try, linked to the one before, and compensations linked to what they undo', async () => {
    const traces = recordTraces();
    const made = await world();
    made.script = (command) => {
      if (command.step === 'one' && command.phase === 'a' && command.attempt === 1) return undefined;
      if (command.step === 'one' && command.attempt === 2) return { outcome: 'error', body: '{"code":"busy","message":"4711"}' };
      return refuses(command);
    };
    await made.engine.start({ name: 'test-saga', input: null });
    for (let round = 0; round < 20; round++) {
      await made.clock.advance(10_000);
      await turns(60);
    }
    const spans = traces.spans();
    expect(strays(spans)).toEqual([]);
    expect(drawn(spans)).toBe(
      [
        'start test-saga',
        '└─ test-saga (compensated, error: no)',
        '   ├─ one (succeeded)',
        '   │  ├─ send p.one (timeout, error: timeout)',
        '   │  ├─ send p.one (error, error: busy, linked to send p.one)',
        '   │  └─ send p.one (success, linked to send p.one)',
        '   ├─ two (rejected, error: no)',
        '   │  └─ send p.two (rejected, error: no)',
        '   └─ undo one (undone, linked to one)',
        '      └─ send p.undoone (success)',
        '',
      ].join('\n'),
    );
    expect(JSON.stringify(spans)).not.toContain('4711');
  });

  it('is whole although the engine that sent a command is gone when its answer comes', async () => {
    const traces = recordTraces();
    const first = await world();
    first.script = () => undefined;
    const { id } = await first.engine.start({ name: 'test-saga', input: null });
    await turns(60);
    expect(first.received).toHaveLength(1);
    await first.engine.stop();
    const second = await world({ beside: first, participants: [] });
    first.script = refuses;
    await second.reply(`${id}.one.a.1`);
    await turns(100);
    const spans = traces.spans();
    expect((await second.store.find(id))!.state.end).toBe('compensated');
    expect(strays(spans)).toEqual([]);
    expect(spans.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['start test-saga', 'test-saga', 'one', 'send p.one', 'undo one']),
    );
  });

  it('is whole, though flat, where the SDK was set up without our generator', async () => {
    recordTraces();
    const run = async () => {
      const traces = recordTraces({ ids: new RandomIdGenerator() });
      const made = await world();
      made.script = refuses;
      await made.engine.start({ name: 'test-saga', input: null });
      await turns(100);
      return { spans: traces.spans(), warnings: made.logs.count('does not use it') };
    };
    // It was made, and the SDK does not use it: the first span that should have had an id of ours shows that.
    expect(await run()).toMatchObject({ warnings: 1 });
    const { spans, warnings } = await run();
    expect(warnings).toBe(0);
    expect(strays(spans)).toEqual([]);
    const top = spans.find(({ name }) => name === 'start test-saga')!;
    expect(new Set(spans.filter((span) => span !== top).map(({ parentId }) => parentId))).toEqual(new Set([top.spanId]));
    expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['test-saga', 'one', 'two', 'undo one']));
  });

  it('is not recorded where the caller does not, and says so to participants', async () => {
    const traces = recordTraces();
    const { engine, received } = await world();
    await engine.start({ name: 'test-saga', input: null, traceparent: UNSAMPLED });
    await turns(60);
    expect(traces.spans()).toEqual([]);
    expect(received.map(({ traceparent }) => traceparent)).toEqual([UNSAMPLED, UNSAMPLED]);
  });

  it('is decided about by the sampler where it begins here', async () => {
    const traces = recordTraces({ sampler: new AlwaysOffSampler() });
    const { engine, received } = await world();
    await engine.start({ name: 'test-saga', input: null });
    await turns(60);
    expect(traces.spans()).toEqual([]);
    expect(received.map(({ traceparent }) => traceparent!.slice(-2))).toEqual(['00', '00']);
  });

  it('leaves everything as it is without an SDK', async () => {
    stopTraces();
    expect(new SagaTracing({} as never).active()).toBeUndefined();
    expect(new HandlerTracing({} as never).active()).toBeUndefined();
    const { engine, received } = await world();
    await engine.start({ name: 'test-saga', input: null, traceparent: SAMPLED });
    await engine.start({ name: 'test-saga', input: null });
    await turns(60);
    expect(received.map(({ traceparent }) => traceparent)).toEqual([SAMPLED, undefined, SAMPLED, undefined]);
  });

  it('does no harm when an SDK throws', async () => {
    const broken: IdSource = {
      generateSpanId: () => {
        throw new Error('broken');
      },
      generateTraceId: () => '',
    };
    recordTraces({ ids: new SagaIdGenerator(broken) });
    const made = await world();
    const { id } = await made.engine.start({ name: 'test-saga', input: null });
    await turns(60);
    expect((await made.store.find(id))!.state.end).toBe('completed');
    expect(made.logs.count('tracing failed; said once')).toBe(1);
  });
});

describe('the span of a handler', () => {
  const hosts: Host[] = [];
  afterAll(() => Promise.all(hosts.map((host) => host.stop())));
  const stand = async (inbox: 'inbox' | 'none' = 'inbox') => {
    const made = new Stand();
    const { names, logger, transport } = made;
    await made.start({ tracing: new HandlerTracing({ names, logger, transport }), ...(inbox === 'none' ? { store: undefined } : {}) });
    hosts.push(made.host);
    return made;
  };
  const named = (spans: readonly SeenSpan[], name: string) => spans.filter((span) => span.name === name);

  it('is a child of what the command names, and is active while it runs', async () => {
    const traces = recordTraces();
    const made = await stand();
    made.charge = async ({ commandId }) => {
      await Promise.resolve();
      trace.getTracer('pg').startSpan('insert').end();
      return { paymentId: commandId };
    };
    await made.send(commandOf({ traceparent: SAMPLED }));
    const [span] = named(traces.spans(), 'process payments.charge');
    expect(span).toMatchObject({ kind: 'CONSUMER', traceId: TRACE, parentId: CALLER, failed: false });
    expect(span!.attributes).toMatchObject({ 'messaging.system': 'in_process', 'backstep.step': 'charge', 'backstep.attempt': 1 });
    expect(named(traces.spans(), 'insert')).toMatchObject([{ parentId: span!.spanId }]);
  });

  it('says by a code how it failed, and nothing of what was thrown', async () => {
    const traces = recordTraces();
    const made = await stand();
    made.charge = () => Promise.reject(new Error('card 4711'));
    await made.send(commandOf({ traceparent: SAMPLED }));
    expect(traces.spans()).toMatchObject([{ failed: true, attributes: { 'error.type': 'handler-failed' } }]);
    expect(JSON.stringify(traces.spans())).not.toContain('4711');
  });

  it('is not made in a trace that is not recorded, and nothing below it either', async () => {
    const traces = recordTraces();
    const made = await stand();
    const seen: unknown[] = [];
    made.charge = async ({ commandId }) => {
      seen.push(activeTrace().traceparent);
      trace.getTracer('pg').startSpan('insert').end();
      return Promise.resolve({ paymentId: commandId });
    };
    await made.send(commandOf({ traceparent: UNSAMPLED }));
    expect(traces.spans()).toEqual([]);
    expect(seen).toEqual([UNSAMPLED]);
  });

  it('is not made for a command that is answered from the inbox', async () => {
    const traces = recordTraces();
    const made = await stand();
    await made.send(commandOf({ traceparent: SAMPLED }));
    await made.send(commandOf({ traceparent: SAMPLED }));
    expect(made.replies).toHaveLength(2);
    expect(traces.spans()).toHaveLength(1);
  });
});

describe('the trace that a client is in', () => {
  it('is that of the active span', () => {
    expect(activeTrace()).toEqual({});
    recordTraces();
    const span = trace.getTracer('web').startSpan('request');
    const given = context.with(trace.setSpan(context.active(), span), activeTrace);
    expect(given.traceparent).toBe(`00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`);
  });
});
