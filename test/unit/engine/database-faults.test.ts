import { afterEach, describe, expect, it } from '@jest/globals';
import type { SagaError } from '../../../src/core/errors.js';
import { EngineWorld, until } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { planFrom } from '../../support/plans.js';
import { lettersIn } from '../../support/dead-letters.js';

const plan = planFrom({ steps: [{ name: 'one' }, { name: 'two' }] });
const request = { name: 'test-saga', input: null };
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'none', (error: SagaError) => error.code); // prettier-ignore

describe('an engine whose database misbehaves', () => {
  let world: EngineWorld;
  const open = async (settings = {}) => (world = await new EngineWorld({ plans: [plan], settings }).open());
  afterEach(async () => {
    const stopping = world.engine.stop();
    await world.clock.advance(60_000);
    await stopping;
  });
  const failing = (blame: 'row' | 'database') => async () => ({ fate: 'failed', blame, error: new Error('no space left') }) as const;
  const lost = async () => ({ fate: 'unknown', error: new Error('connection lost') }) as const;

  it('[E4] publishes and acknowledges nothing when the fate of a commit is unknown; redelivery decides', async () => {
    const { engine, received, settled, commitFaults, names } = await open();
    world.script = () => undefined;
    const { id } = await engine.start(request);
    await until(() => received.length === 1);
    // It did commit, but nobody was told.
    commitFaults.push(async (ids, decide) => {
      await world.inner.commit(ids, decide);
      return lost();
    });
    world.script = () => ({});
    await world.reply(`${id}.one.a.1`, 'success', '', 1);
    await until(() => settled.length === 2);
    expect(settled.map(({ verdict }) => verdict)).toEqual(['requeue', 'done']);
    // The redelivered reply changed nothing, and the command that it had caused was sent then.
    expect((await engine.waitUntilFinal(id, 0)).state.steps['two']).toBeDefined();
    await until(async () => (await world.inner.find(id))!.state.end === 'completed');
    expect(received.map(({ step }) => step)).toEqual(['one', 'two']);
    expect(world.broker.depth(names.replies)).toBe(0);
  });

  it('[A1 A2 E4] tells a caller that the fate is unknown, and a retry with the same key is safe', async () => {
    const { engine, commitFaults } = await open();
    commitFaults.push(async (ids, decide) => {
      await world.inner.commit(ids, decide);
      return lost();
    });
    const keyed = { ...request, key: 'k' };
    expect(await codeOf(engine.start(keyed))).toBe('SAGA_STORE_UNKNOWN');
    const again = await engine.start(keyed);
    expect(again.created).toBe(false);
  });

  it('[E3] keeps replies while the database is away, and backs off', async () => {
    const { engine, received, settled, commitFaults, clock, commits, logs } = await open();
    world.script = () => undefined;
    const { id } = await engine.start(request);
    await until(() => received.length === 1);
    world.script = () => ({});
    for (let i = 0; i < 5; i++) commitFaults.push(failing('database'));
    const before = commits.length;
    await world.reply(`${id}.one.a.1`, 'success', '', 1);
    await turns();
    expect(commits.length - before).toBe(1);
    expect(await engine.problems()).toEqual(['the database cannot be used: no space left']);
    await clock.advance(30_000);
    expect(commitFaults).toEqual([]);
    expect((await engine.waitUntilFinal(id, 0)).state.end).toBe('completed');
    expect(settled.every(({ verdict }) => verdict === 'done')).toBe(true);
    expect(logs.count('the database cannot be used')).toBe(1);
    expect(await engine.problems()).toEqual([]);
  });

  it('[E3] tells callers after a bounded wait that the database is away', async () => {
    const { engine, commitFaults, clock } = await open({ callWaitMs: 5_000 });
    for (let i = 0; i < 50; i++) commitFaults.push(failing('database'));
    const codes = [codeOf(engine.start(request)), codeOf(engine.start(request))];
    await turns();
    codes.push(codeOf(engine.start(request)));
    await clock.advance(10_000);
    expect(await Promise.all(codes)).toEqual(['SAGA_UNAVAILABLE', 'SAGA_UNAVAILABLE', 'SAGA_UNAVAILABLE']);
    commitFaults.length = 0;
    await clock.advance(2_000);
    expect(await codeOf(engine.start(request))).toBe('none');
  });

  it('does not keep callers waiting behind a transaction that hangs', async () => {
    const { engine, commitFaults, clock } = await open({ callWaitMs: 5_000, batchesInFlight: 1, drainMs: 1_000 });
    commitFaults.push(() => new Promise(() => {}));
    void engine.start(request);
    await turns();
    const code = codeOf(engine.start(request));
    await clock.advance(10_000);
    expect(await code).toBe('SAGA_UNAVAILABLE');
  });

  it('a second batch begins beside one under way when it is full, another one only after a while, and never a third', async () => {
    const { engine, commitFaults, commits, clock } = await open({ maxBatch: 4, maxLingerMs: 0, overtakeMs: 100, drainMs: 1_000 });
    const hang = () => commitFaults.push(() => new Promise(() => {}));
    const begin = async (count: number) => {
      for (let n = 0; n < count; n++) engine.start(request).catch(() => {});
      await turns();
      return commits.length - before;
    };
    const before = commits.length;
    hang();
    hang();
    expect(await begin(1)).toBe(1);
    expect(await begin(3)).toBe(1);
    expect(await begin(1)).toBe(2);
    expect(await begin(9)).toBe(2);
    await clock.advance(200);
    expect(commits.length - before).toBe(2);
  });

  it('a batch that is not full waits until the one under way has taken long', async () => {
    const { engine, commitFaults, commits, clock } = await open({ maxBatch: 4, maxLingerMs: 0, overtakeMs: 100, drainMs: 1_000 });
    commitFaults.push(() => new Promise(() => {}));
    const before = commits.length;
    for (let n = 0; n < 2; n++) {
      engine.start(request).catch(() => {});
      await turns();
    }
    await clock.advance(99);
    expect(commits.length - before).toBe(1);
    await clock.advance(1);
    await turns();
    expect(commits.length - before).toBe(2);
  });

  it('[E6] says that the database does not answer, and asks it one thing at a time', async () => {
    const { engine, clock, inner } = await open();
    let asked = 0;
    inner.check = () => {
      asked += 1;
      return new Promise(() => {});
    };
    const problems = [engine.problems(), engine.problems()];
    await clock.advance(2_000);
    expect(await Promise.all(problems)).toEqual([
      ['no answer from the database within 2000 ms'],
      ['no answer from the database within 2000 ms'],
    ]);
    expect(asked).toBe(1);
  });

  it('finds the one item that cannot be stored, and carries out the others', async () => {
    const { engine, received, commits, names } = await open();
    world.script = () => undefined;
    const started = await engine.startMany(Array.from({ length: 50 }, () => request));
    await until(() => received.length === 50);
    const ids = started.map((one) => (one as { id: string }).id);
    const poison = ids[17]!;
    const commit = world.inner.commit.bind(world.inner);
    world.inner.commit = async (wanted, decide) => (wanted.includes(poison) ? failing('row')() : commit(wanted, decide));
    world.script = () => ({});
    const before = commits.length;
    for (const id of ids) void world.reply(`${id}.one.a.1`, 'success', '', 1);
    await until(async () => (await world.inner.list({ status: ['completed'], limit: 100 })).sagas.length === 49);
    expect(commits.slice(before).filter((wanted) => wanted.includes(poison)).length).toBeLessThan(10);
    await until(async () => (await lettersIn(world.inner)).length === 1);
    const [letter] = await lettersIn(world.inner);
    expect(letter).toMatchObject({ correlationId: `${poison}.one.a.1`, queue: names.replies, reason: 'cannot be stored: no space left' });
    expect((await world.inner.find(poison))!.state.end).toBeNull();
    expect(world.broker.depth(names.replies)).toBe(0);
  });

  it('refuses a start that cannot be stored to its caller alone', async () => {
    const { engine } = await open();
    const commit = world.inner.commit.bind(world.inner);
    world.inner.commit = (wanted, decide) =>
      commit(wanted, (loaded) => {
        const writes = decide(loaded);
        if (writes.starts.some(({ state }) => state.key === 'bad')) throw new Error('invalid byte sequence');
        return writes;
      });
    const answers = await engine.startMany(['a', 'bad', 'b'].map((key) => ({ ...request, key })));
    expect(answers.map((answer) => (answer instanceof Error ? (answer as SagaError).code : answer.key))).toEqual([
      'a',
      'SAGA_INPUT_INVALID',
      'b',
    ]);
  });

  it('[G1] applies an item again when somebody else wrote its saga meanwhile', async () => {
    const { engine, received, commitFaults } = await open();
    world.script = () => undefined;
    const { id } = await engine.start(request);
    await until(() => received.length === 1);
    commitFaults.push(async (ids, decide) => {
      const done = await world.inner.commit(ids, (loaded) => ({ ...decide(loaded), updates: [], starts: [] }));
      return { ...done, stale: new Set([id]) } as typeof done;
    });
    world.script = () => ({});
    await world.reply(`${id}.one.a.1`, 'success', '', 1);
    await until(async () => (await world.inner.find(id))!.state.end === 'completed');
    expect(received.map(({ step }) => step)).toEqual(['one', 'two']);
  });

  it('never has one saga in two transactions, and goes on with the others meanwhile', async () => {
    const { engine, received, commits, commitFaults, clock } = await open();
    world.script = () => undefined;
    const [first, second] = [await engine.start(request), await engine.start(request)];
    await until(() => received.length === 2);
    let release = () => {};
    commitFaults.push(async (ids, decide) => {
      await new Promise<void>((resolve) => (release = resolve));
      return world.inner.commit(ids, decide);
    });
    const before = commits.length;
    await world.reply(`${first.id}.one.a.1`, 'success', '', 1);
    await until(() => commits.length === before + 1);
    await world.reply(`${first.id}.one.a.1`, 'success', '', 1);
    await world.reply(`${second.id}.one.a.1`, 'success', '', 1);
    await turns();
    // The others wait for a moment, since most transactions are over by then.
    await clock.advance(90);
    expect(commits).toHaveLength(before + 1);
    await clock.advance(20);
    await until(() => commits.length === before + 2);
    await turns();
    expect(commits.slice(before)).toEqual([[first.id], [second.id]]);
    release();
    await until(() => commits.length === before + 3);
    expect(commits.at(-1)).toEqual([first.id]);
  });

  it('postpones a saga whose timers cannot be handled, and handles the others', async () => {
    const { engine, clock, received } = await open();
    world.script = () => undefined;
    const started = await engine.startMany([request, request, request]);
    const poison = (started[0] as { id: string }).id;
    const commitDue = world.inner.commitDue.bind(world.inner);
    world.inner.commitDue = (limit, versions, decide) =>
      commitDue(limit, versions, (loaded) => {
        const writes = decide(loaded);
        if (writes.updates.some(({ state, history }) => state.id === poison && history.length > 0)) throw new Error('cannot be stored');
        return writes;
      });
    await until(() => received.length === 3);
    await clock.advance(6_000);
    const resent = received.slice(3).map(({ sagaId }) => sagaId);
    expect(resent).toHaveLength(2);
    expect(resent).not.toContain(poison);
    expect(world.logs.count('the timers of a saga cannot be handled')).toBe(1);
  });
});
