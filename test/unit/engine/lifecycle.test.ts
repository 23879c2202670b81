import { afterEach, describe, expect, it } from '@jest/globals';
import type { SagaError } from '../../../src/core/errors.js';
import type { Plan } from '../../../src/core/plan.js';
import { EngineWorld, held, until } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { planFrom } from '../../support/plans.js';

const plan = planFrom({ steps: [{ name: 'one' }, { name: 'two' }] });
const request = { name: 'test-saga', input: null };

describe('the life of an engine', () => {
  const worlds: EngineWorld[] = [];
  const make = (options: ConstructorParameters<typeof EngineWorld>[0]) => {
    const world = new EngineWorld(options);
    worlds.push(world);
    return world;
  };
  afterEach(async () => {
    const past = worlds.splice(0);
    for (const world of past) {
      const stopping = world.engine.stop();
      await world.clock.advance(60_000);
      await stopping;
    }
    const timers = past.map(({ clock }) => clock.waiting);
    if (timers.some((count) => count > 0)) throw new Error(`timers are left after stop: ${timers.join(', ')}`);
  });
  const errorOf = (promise: Promise<unknown>) => promise.then(() => undefined, (error: SagaError) => error); // prettier-ignore
  const changed: Plan = { ...plan, fingerprint: 'g', shape: ['one', 'two changed'] };
  const before: Plan = { ...plan, shape: ['one', 'two'] };

  it('[H2] refuses a changed definition while sagas of it are in flight, and says what changed', async () => {
    const first = await make({ plans: [before] }).open([]);
    await first.engine.start(request);
    await first.engine.stop();
    const error = await errorOf(make({ plans: [changed], beside: first }).engine.run());
    expect(error!.code).toBe('SAGA_DEFINITION_CHANGED');
    expect(error!.faults).toEqual(['test-saga version 1, 1 in flight: - two; + two changed']);
  });

  it('takes a changed definition when nothing of it is in flight', async () => {
    const first = await make({ plans: [before] }).open();
    await first.engine.stop();
    const second = await make({ plans: [changed], beside: first }).open();
    await second.engine.stop();
    expect((await errorOf(make({ plans: [before], beside: first }).engine.run()))?.code).toBeUndefined();
  });

  it('[H1] refuses to run without a version that is in flight, unless orphans are allowed', async () => {
    const first = await make({ plans: [plan] }).open([]);
    const { id } = await first.engine.start(request);
    await first.engine.stop();
    const other = { ...plan, name: 'other' };
    const error = await errorOf(make({ plans: [other], beside: first }).engine.run());
    expect(error!.code).toBe('SAGA_DEFINITION_MISSING');
    expect(error!.faults).toEqual(['test-saga version 1, 1 in flight']);
    const orphans = await make({ plans: [other], beside: first, settings: { allowOrphans: true } }).open([]);
    await orphans.reply(`${id}.one.a.1`, 'success', '', 1);
    await until(async () => (await first.inner.find(id))!.parked.length === 1);
    expect(await errorOf(orphans.engine.operate(id, { kind: 'cancel', by: 'ann', text: '' }))).toMatchObject({ code: 'SAGA_NOT_ALLOWED' });
    const back = await make({ plans: [plan], beside: first }).open();
    await first.clock.advance(1_000);
    expect((await back.engine.waitUntilFinal(id, 0)).state.end).toBe('completed');
  });

  it('[D1] runs although the broker is away, and connects when it comes', async () => {
    const world = make({ plans: [plan] });
    world.broker.disconnect();
    await world.open();
    const { id } = await world.engine.start(request);
    world.broker.reconnect();
    await world.clock.advance(100);
    expect((await world.engine.waitUntilFinal(id, 0)).state.end).toBe('completed');
  });

  it('[D8] runs after a while although declaring does not come to an end, and refuses a conflict', async () => {
    const world = make({ plans: [plan], settings: { connectWaitMs: 2_000 } });
    world.transport.declare = () => new Promise(() => {});
    const running = world.engine.run();
    await world.clock.advance(2_000);
    await running;
    const other = make({ plans: [plan] });
    await other.publish();
    await other.transport.declare({ exchanges: [], queues: [{ name: other.names.replies, deliveryLimit: 3 }], bindings: [] });
    expect(await errorOf(other.engine.run())).toMatchObject({ code: 'SAGA_TOPOLOGY_CONFLICT' });
  });

  it('[A13] finishes what is in hand before it stops', async () => {
    const world = await make({ plans: [plan] }).open();
    world.script = () => undefined;
    const { id } = await world.engine.start(request);
    await until(() => world.received.length === 1);
    const commit = held<void>();
    world.commitFaults.push(async (ids, decide) => {
      await commit.promise;
      return world.inner.commit(ids, decide);
    });
    await world.reply(`${id}.one.a.1`, 'success', '', 1);
    await until(() => world.commitFaults.length === 0);
    const late = world.engine.start({ ...request, key: 'late' });
    const stopping = world.engine.stop();
    await turns();
    expect(world.settled).toEqual([]);
    commit.release();
    await stopping;
    expect(world.settled.map(({ verdict }) => verdict)).toEqual(['done']);
    expect((await late).created).toBe(true);
    expect(world.received.at(-1)!.step).not.toBe('ship');
    expect((await world.inner.find(id))!.state.steps['two']).toBeDefined();
  });

  it('[A13] gives back what it cannot finish in time', async () => {
    const world = await make({ plans: [plan], settings: { drainMs: 1_000, callWaitMs: 60_000 } }).open();
    world.script = () => undefined;
    const { id } = await world.engine.start(request);
    await until(() => world.received.length === 1);
    for (let i = 0; i < 1_000; i++) world.commitFaults.push(async () => ({ fate: 'failed', blame: 'database', error: new Error('gone') }));
    await world.reply(`${id}.one.a.1`, 'success', '', 1);
    const start = errorOf(world.engine.start(request));
    await turns();
    const stopping = world.engine.stop();
    await world.clock.advance(5_000);
    await stopping;
    expect(world.settled.map(({ verdict }) => verdict)).toEqual(['requeue']);
    expect(await start).toMatchObject({ code: 'SAGA_UNAVAILABLE' });
    expect(await errorOf(world.engine.start(request))).toMatchObject({ code: 'SAGA_UNAVAILABLE' });
  });

  it('[G8] shares the work with others on one database and broker', async () => {
    const first = await make({ plans: [plan] }).open();
    const second = await make({ plans: [plan], beside: first }).open();
    const started = await first.engine.startMany(Array.from({ length: 100 }, () => request));
    for (const one of started) expect((await second.engine.waitUntilFinal((one as { id: string }).id, 0)).state.end).toBeNull();
    await first.clock.advance(5_000);
    for (const one of started) expect((await second.engine.waitUntilFinal((one as { id: string }).id, 0)).state.end).toBe('completed');
    expect(Math.min(first.commits.length, second.commits.length)).toBeGreaterThan(1);
  });

  it('waits for the end of a saga that another engine finishes, and no longer than asked', async () => {
    const first = await make({ plans: [plan] }).open();
    first.script = () => undefined;
    const second = make({ plans: [plan], beside: first });
    const { id } = await first.engine.start(request);
    const [patient, hasty] = [second.engine.waitUntilFinal(id, 30_000), second.engine.waitUntilFinal(id, 1_500)];
    await first.clock.advance(1_500);
    expect((await hasty).state.end).toBeNull();
    first.script = () => ({});
    await first.reply(`${id}.one.a.1`, 'success', '', 1);
    await first.clock.advance(1_000);
    expect((await patient).state.end).toBe('completed');
    expect(await errorOf(first.engine.waitUntilFinal('nonsense', 1))).toMatchObject({ code: 'SAGA_NOT_FOUND' });
    expect(await errorOf(first.engine.waitUntilFinal('00000000-0000-7000-8000-ffffffffffff', 1))).toMatchObject({ code: 'SAGA_NOT_FOUND' });
  });

  it('carries out what operators decide, and tells them why not', async () => {
    const world = await make({ plans: [plan] }).open();
    world.script = ({ phase }) => (phase === 'c' ? {} : undefined);
    const { id } = await world.engine.start(request);
    const by = { by: 'ann', text: 'changed my mind' };
    expect(await errorOf(world.engine.operate(id, { kind: 'resume', ...by }))).toMatchObject({ code: 'SAGA_NOT_ALLOWED' });
    expect(await errorOf(world.engine.operate(id, { kind: 'retry', step: 'nowhere', ...by }))).toMatchObject({
      code: 'SAGA_STEP_NOT_FOUND',
    });
    expect(await errorOf(world.engine.operate('00000000-0000-7000-8000-ffffffffffff', { kind: 'cancel', ...by }))).toMatchObject({
      code: 'SAGA_NOT_FOUND',
    });
    const { saga, decided } = await world.engine.operate(id, { kind: 'cancel', ...by });
    expect(decided).toBe(true);
    expect(saga.state).toMatchObject({ direction: 'settling', reason: { kind: 'cancelled', by: 'ann' } });
    expect(saga).toEqual(await world.inner.find(id));
    await world.clock.advance(60_000);
    expect((await world.inner.find(id))!.state.end).toBe('compensated');
  });

  it('moves finished sagas, and survives a housekeeping that fails', async () => {
    const world = await make({ plans: [plan] }).open();
    world.inner.maintain = () => Promise.reject(new Error('no room'));
    const moved: number[] = [];
    const move = world.inner.moveFinished.bind(world.inner);
    world.inner.moveFinished = async (limit) => {
      const count = await move(limit);
      moved.push(count);
      return count;
    };
    await world.engine.startMany(Array.from({ length: 20 }, () => request));
    await world.clock.advance(2_000);
    expect(moved.reduce((sum, count) => sum + count, 0)).toBe(20);
    await world.clock.advance(3_600_000);
    expect(await world.engine.problems()).toEqual(['the maintenance of the database fails: no room']);
    expect(world.logs.count('the maintenance of the database fails')).toBe(1);
    world.inner.maintain = () => Promise.resolve();
    await world.clock.advance(5_000);
    expect(await world.engine.problems()).toEqual([]);
  }, 30_000);

  it('removes sagas whose retention is over until none is left, and tells how many', async () => {
    const told: number[] = [];
    const world = make({ plans: [plan], observer: { sagasForgotten: (count) => void told.push(count) } });
    const left = [3, 2, 0, 1];
    world.inner.forgetFinished = async () => left.shift() ?? 0;
    await world.open();
    await until(() => left.length === 1);
    expect(told).toEqual([3, 2]);
    await world.clock.advance(3_600_000);
    expect(told).toEqual([3, 2, 1]);
    expect(world.logs.count('sagas whose retention is over were removed')).toBe(2);
  }, 30_000);

  it('tells an observer what happens, whose faults reach nobody', async () => {
    const told: string[] = [];
    const world = await make({
      plans: [plan],
      observer: {
        sagaStarted: () => void told.push('started'),
        sagaEnded: (state) => void told.push(state.end!),
        batchCommitted: () => {
          throw new Error('a bug in telemetry');
        },
        published: (outcomes) => void told.push(`confirmed ${outcomes.get('confirmed')}`),
      },
    }).open();
    await world.engine.start(request);
    await until(() => told.includes('completed'));
    expect(told).toEqual(['started', 'confirmed 1', 'confirmed 1', 'completed']);
    expect(world.logs.count('an observer of the engine failed')).toBe(1);
  });
});
