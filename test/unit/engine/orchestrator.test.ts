import { afterEach, describe, expect, it } from '@jest/globals';
import { EngineWorld, until } from '../../support/engine.js';
import { planFrom } from '../../support/plans.js';

const plan = planFrom({ steps: [{ name: 'reserve' }, { name: 'charge', rejections: ['card-declined'] }, { name: 'ship' }] });

describe('an orchestrator', () => {
  let world: EngineWorld;
  const open = async (...args: ConstructorParameters<typeof EngineWorld>) => (world = await new EngineWorld(...args).open());
  afterEach(() => world.engine.stop());

  it('brings a saga through its steps to its end', async () => {
    const { engine, received, clock } = await open({ plans: [plan] });
    const started = await engine.start({ name: 'test-saga', input: { total: 3 } });
    expect(started).toMatchObject({ created: true, status: 'running', version: 1, key: null });
    const final = await engine.waitUntilFinal(started.id, 1_000);
    expect(final.state.end).toBe('completed');
    expect(received.map(({ step, attempt }) => `${step} ${attempt}`)).toEqual(['reserve 1', 'charge 1', 'ship 1']);
    expect(clock.monotonic()).toBe(0);
  });

  it('undoes in reverse order when a step is rejected', async () => {
    const { engine, received } = await open({ plans: [plan] });
    world.script = ({ step, phase }) => (step === 'ship' && phase === 'a' ? { outcome: 'rejected', body: '{"code":"no-courier"}' } : {});
    const { id } = await engine.start({ name: 'test-saga', input: null });
    const final = await engine.waitUntilFinal(id, 1_000);
    expect(final.state.end).toBe('compensated');
    expect(received.map(({ step, phase }) => step + phase)).toEqual(['reservea', 'chargea', 'shipa', 'chargec', 'reservec']);
  });

  it('carries the trace of whoever started the saga on every command, and leaves a malformed one out', async () => {
    const { engine, received } = await open({ plans: [plan] });
    world.script = ({ step, phase }) => (step === 'ship' && phase === 'a' ? { outcome: 'rejected', body: '{"code":"no"}' } : {});
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { id } = await engine.start({ name: 'test-saga', input: null, traceparent });
    await engine.waitUntilFinal(id, 1_000);
    expect(received.map((command) => command.traceparent)).toEqual(Array.from({ length: 5 }, () => traceparent));
    const other = await engine.start({ name: 'test-saga', input: null, traceparent: 'rubbish' });
    await engine.waitUntilFinal(other.id, 1_000);
    expect(received.slice(5).map((command) => command.traceparent)).toEqual(Array.from({ length: 5 }, () => undefined));
  });

  it('sends a command again near the time at which its backoff is over', async () => {
    const { engine, received, clock } = await open({ plans: [plan] });
    world.script = ({ attempt, step }) => (step === 'reserve' && attempt === 1 ? { outcome: 'error', body: '{"message":"busy"}' } : {});
    const { id } = await engine.start({ name: 'test-saga', input: null });
    await until(async () => (await world.inner.find(id))!.state.steps['reserve']!.action!.status === 'backingOff');
    const command = (await world.inner.find(id))!.state.steps['reserve']!.action!;
    const wait = (command as { retryAt: number }).retryAt - clock.now();
    await clock.advance(wait - 1);
    expect(received).toHaveLength(1);
    await clock.advance(41);
    expect(received.slice(0, 2).map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('[A10] does not let a timer act twice whose commands were not sent: the next timer sends them', async () => {
    const { engine, received, clock } = await open({ plans: [planFrom({ steps: [{ name: 'reserve', timeoutMs: 8_000, attempts: 3 }] })] });
    world.script = ({ attempt }) => (attempt === 1 ? undefined : {});
    const { id } = await engine.start({ name: 'test-saga', input: null });
    const events = async () => (await world.inner.history(id, 0, 100))!.map(({ event, attempt }) => `${event} ${attempt ?? ''}`.trim());
    await clock.advance(7_000);
    expect(await events()).toEqual(['started', 'resent 1']);
    world.onPublish = async (batch) => batch.map(() => ({ fate: 'unknown' as const, reason: 'it died' }));
    await clock.advance(2_000);
    expect(await events()).toEqual(['started', 'resent 1', 'timed-out 1']);
    await clock.advance(3_000);
    world.onPublish = undefined;
    expect(received.map(({ attempt }) => attempt)).toEqual([1, 1]);
    await clock.advance(2_000);
    expect(received.map(({ attempt }) => attempt)).toEqual([1, 1, 2]);
    expect((await engine.waitUntilFinal(id, 0)).state.end).toBe('completed');
    expect(await events()).toEqual(['started', 'resent 1', 'timed-out 1', 'resent 2', 'replied 2']);
  });

  it('[B5] times out a command that is not answered', async () => {
    const { engine, received, clock } = await open({ plans: [planFrom({ steps: [{ name: 'reserve', timeoutMs: 1_000, attempts: 2 }] })] });
    world.script = ({ phase }) => (phase === 'c' ? {} : undefined);
    const { id } = await engine.start({ name: 'test-saga', input: null });
    await clock.advance(2_100);
    expect(received.map(({ phase, attempt }) => `${phase}${attempt}`)).toEqual(['a1', 'a2', 'c1']);
    expect((await engine.waitUntilFinal(id, 0)).state.end).toBe('compensated');
  });
});
