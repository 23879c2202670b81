import { afterEach, describe, expect, it } from '@jest/globals';
import type { Plan } from '../../../src/core/plan.js';
import type { EngineSettings } from '../../../src/engine/settings.js';
import type { Committed } from '../../../src/ports/saga-store.js';
import { EngineWorld, held, nextSagaId, until } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { planFrom } from '../../support/plans.js';
import { writtenOf } from '../../contract/incoming-starts.contract.js';
import { lettersIn } from '../../support/dead-letters.js';

const plain = planFrom({ steps: [{ name: 'one' }] });
const keyed: Plan = {
  ...plain,
  version: 2,
  readInput: (value) =>
    typeof (value as { order?: unknown } | null)?.order === 'string' ? { ok: true, value } : { ok: false, faults: ['order is missing'] },
  keyOf: (input) => (input as { order: string }).order,
};
const rowOf = (over: Parameters<typeof writtenOf>[0] = {}) => writtenOf({ id: nextSagaId(), name: 'test-saga', ...over });

describe('an incoming start', () => {
  const worlds: EngineWorld[] = [];
  const make = (options: Partial<ConstructorParameters<typeof EngineWorld>[0]> = {}) => {
    const world = new EngineWorld({ plans: [plain], ...options });
    worlds.push(world);
    return world;
  };
  const open = (plans: readonly Plan[] = [plain], settings: Partial<EngineSettings> = {}) => make({ plans, settings }).open();
  afterEach(async () => {
    await Promise.all(worlds.splice(0).map(({ engine }) => engine.stop()));
  });
  const waiting = async (world: EngineWorld) =>
    (
      await world.inner.incoming.read({
        after: '',
        limit: 5_000,
        versions: [plain, keyed, { name: 'elsewhere', version: 1 }],
        inputLength: 9,
      })
    ).length;
  /** Rows arrive, and what follows from it without any time passing but the turn of a timer. */
  const arrive = async (world: EngineWorld, ...rows: ReturnType<typeof rowOf>[]) => {
    world.inner.incoming.add(...rows);
    await world.clock.advance(0);
    await turns(30);
  };

  it('starts under the id of its row, at once, and goes to its end', async () => {
    const world = await open();
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const row = rowOf({ key: 'k', tags: { shop: 'nord' }, input: '{"a":1}', traceparent: trace, tracestate: 'vendor=a' });
    await arrive(world, row);
    const saga = await world.engine.waitUntilFinal(row.id, 0);
    expect(saga.state).toMatchObject({
      end: 'completed',
      key: 'k',
      tags: { shop: 'nord' },
      input: { a: 1 },
      traceparent: trace,
      tracestate: 'vendor=a',
    });
    expect(await waiting(world)).toBe(0);
  });

  it('is found by the regular look when nobody told of it', async () => {
    const world = make();
    world.inner.incoming.watch = () => () => Promise.resolve();
    await world.open();
    await world.clock.advance(0);
    const row = rowOf();
    await arrive(world, row);
    expect(await world.inner.find(row.id)).toBeUndefined();
    await world.clock.advance(500);
    expect(await world.inner.find(row.id)).toBeDefined();
  });

  it('is one of many in few batches, in order of the ids', async () => {
    const world = await open([plain], { maxBatch: 100 });
    const rows = Array.from({ length: 350 }, () => rowOf());
    const before = world.commits.length;
    world.script = () => undefined;
    await arrive(world, ...rows.toReversed());
    await until(async () => (await waiting(world)) === 0);
    expect(world.commits.length - before).toBe(4);
    expect(world.received.map(({ sagaId }) => sagaId)).toEqual(rows.map(({ id }) => id));
  });

  it('waits for a daemon that has its definition, which is said once a minute', async () => {
    const world = await open();
    const [unknown, newer, ours] = [rowOf({ name: 'elsewhere' }), rowOf({ version: 2, input: '{"order":"new"}' }), rowOf()];
    await arrive(world, unknown, newer, ours);
    expect(await world.inner.find(ours.id)).toBeDefined();
    for (let i = 0; i < 118; i++) await world.clock.advance(500);
    const told = world.logs.lines.filter(({ message }) => message.includes('wait for a daemon'));
    expect(told.map(({ level, fields }) => ({ level, ...fields }))).toEqual([
      { level: 'warn', name: 'elsewhere', version: null, count: 1 },
      { level: 'warn', name: 'test-saga', version: 2, count: 1 },
    ]);
    const other = await make({ plans: [plain, keyed, { ...plain, name: 'elsewhere' }], beside: world }).open();
    await other.clock.advance(500);
    expect(await waiting(world)).toBe(0);
    expect(await world.inner.find(unknown.id)).toBeDefined();
    expect(await world.inner.find(newer.id)).toMatchObject({ state: { version: 2, key: 'new' } });
  });

  it('with the key of a saga with the same input is that saga', async () => {
    const world = await open();
    const first = await world.engine.start({ name: 'test-saga', key: 'k', input: { a: 1, b: 2 } });
    const row = rowOf({ key: 'k', input: '{"b":2,"a":1}' });
    await arrive(world, row);
    expect(await waiting(world)).toBe(0);
    expect(await world.inner.find(row.id)).toBeUndefined();
    expect((await world.inner.findByKey('test-saga', 'k'))!.state.id).toBe(first.id);
    expect(await lettersIn(world.inner)).toEqual([]);
  });

  it('stands beside its equals in one batch: one starts, and the others are that one', async () => {
    const world = await open([keyed]);
    const rows = [1, 2, 3].map(() => rowOf({ input: '{"order":"o-1"}' }));
    await arrive(world, ...rows, rowOf({ input: '{"order":"o-1","more":1}' }));
    expect(await waiting(world)).toBe(0);
    expect((await world.inner.findByKey('test-saga', 'o-1'))!.state.id).toBe(rows[0]!.id);
    expect((await world.inner.list({ limit: 10 })).sagas).toHaveLength(1);
    expect(await lettersIn(world.inner)).toHaveLength(1);
  });

  it.each([
    ['an input that the schema refuses', { input: '{"ordr":1}' }, 'order is missing'],
    ['a text that is no JSON', { input: '{' }, 'input is not JSON'],
    ['an input beyond the limit', { input: JSON.stringify({ order: 'x'.repeat(300_000) }) }, 'the limit is 262144'],
    ['a key that is none', { key: '', input: '{"order":"x"}' }, 'key has to be a text'],
    ['tags that are none', { tags: { a: 1 }, input: '{"order":"x"}' }, 'tag a has to be a text'],
    ['tags of another kind', { tags: ['a'], input: '{"order":"x"}' }, 'tags has to be an object'],
    ['an id of another kind', { id: '11111111-1111-4111-8111-111111111111', input: '{"order":"x"}' }, 'UUID version 7'],
    ['a used key', { key: 'used', input: '{"order":"y"}' }, 'was started with another input'],
  ])('with %s is put aside, and the others start', async (_what, over, reason) => {
    const world = await open([keyed]);
    await world.engine.start({ name: 'test-saga', key: 'used', input: { order: 'x' } });
    const [bad, good] = [rowOf(over), rowOf({ input: '{"order":"good"}' })];
    await arrive(world, bad, good);
    expect(await world.inner.find(good.id)).toBeDefined();
    expect(await waiting(world)).toBe(0);
    const [letter, ...more] = await lettersIn(world.inner);
    expect(more).toEqual([]);
    expect(letter).toMatchObject({ queue: 'backstep.incoming_start', messageId: bad.id, type: 'test-saga', encoding: 'text' });
    expect(letter!.reason).toContain(reason);
    expect(letter!.body.length).toBeLessThanOrEqual(262_144);
    const [line] = world.logs.lines.filter(({ message }) => message.includes('an incoming start was refused'));
    expect(line).toMatchObject({ level: 'error', fields: { sagaId: bad.id, name: 'test-saga', key: bad.key } });
  });

  it('that was put aside before its daemon died is one letter', async () => {
    const world = await open();
    const row = rowOf({ input: '{' });
    const { incoming } = world.inner;
    Object.assign(incoming, { remove: () => Promise.reject(new Error('the connection is gone')) });
    await arrive(world, row);
    expect(await world.engine.problems()).toEqual([expect.stringContaining('the connection is gone')]);
    // What the class has shows again.
    Reflect.deleteProperty(incoming, 'remove');
    await world.clock.advance(60);
    expect(await waiting(world)).toBe(0);
    expect(await lettersIn(world.inner)).toHaveLength(1);
    expect(await world.engine.problems()).toEqual([]);
  });

  it('that two daemons have read starts once', async () => {
    const world = await open();
    const other = await make({ beside: world }).open();
    const rows = Array.from({ length: 20 }, (_, n) => rowOf({ key: n % 2 ? `k-${n}` : null }));
    await arrive(world, ...rows);
    const committing = [world, other].map(({ commits }) => commits.length);
    expect(Math.min(...committing)).toBeGreaterThan(0);
    expect(await waiting(world)).toBe(0);
    const started = [...world.received, ...other.received].map(({ sagaId }) => sagaId);
    expect(started.toSorted()).toEqual(rows.map(({ id }) => id));
  });

  it('starts once when nobody knows whether its commit succeeded', async () => {
    const world = await open();
    const [did, didNot] = [rowOf(), rowOf()];
    const lost = { fate: 'unknown', error: new Error('the connection went') } as const;
    world.commitFaults.push(async (ids, decide) => {
      await world.inner.commit(ids, decide);
      return lost as Committed<never>;
    });
    await arrive(world, did);
    expect(await waiting(world)).toBe(0);
    world.commitFaults.push(async () => lost as Committed<never>);
    await world.clock.advance(1_000);
    await arrive(world, didNot);
    expect(await waiting(world)).toBe(1);
    await world.clock.advance(1_000);
    expect(await waiting(world)).toBe(0);
    for (const { id } of [did, didNot])
      expect((await world.inner.history(id, 0, 100))!.filter(({ event }) => event === 'started')).toHaveLength(1);
    expect(await lettersIn(world.inner)).toEqual([]);
  });

  it('waits for a database that is away, for as long as that takes', async () => {
    const world = await open();
    let isAway = true;
    const away = () => (isAway ? Promise.resolve({ fate: 'failed', blame: 'database', error: new Error('away') } as const) : undefined);
    for (let i = 0; i < 500; i++) world.commitFaults.push(away as never);
    const row = rowOf();
    await arrive(world, row);
    // Longer than any caller is kept waiting.
    for (let i = 0; i < 40; i++) await world.clock.advance(500);
    expect(await waiting(world)).toBe(1);
    isAway = false;
    await world.clock.advance(2_000);
    expect(await world.inner.find(row.id)).toBeDefined();
  });

  it('is left to the next daemon by one that stops', async () => {
    const world = await open([plain], { drainMs: 100 });
    const commit = held<undefined>();
    world.commitFaults.push((async () => {
      await commit.promise;
      return { fate: 'failed', blame: 'database', error: new Error('away') };
    }) as never);
    const row = rowOf();
    await arrive(world, row);
    const stopping = world.engine.stop();
    for (let i = 0; i < 10; i++) await world.clock.advance(100);
    commit.release(undefined);
    await stopping;
    expect(await waiting(world)).toBe(1);
    await world.clock.advance(5_000);
    expect(await world.inner.find(row.id)).toBeUndefined();
    const next = await make({ beside: world }).open();
    await next.clock.advance(0);
    expect(await world.inner.find(row.id)).toBeDefined();
  });

  it('over which the engine itself fails is left alone for a minute, and keeps no other one waiting', async () => {
    let isBroken = true;
    const broken = {
      ...plain,
      name: 'broken',
      get deadlineMs(): undefined {
        if (isBroken) throw new Error('a bug');
        return undefined;
      },
    };
    const world = await open([plain, broken]);
    const [bad, good] = [rowOf({ name: 'broken' }), rowOf()];
    await arrive(world, bad, good);
    expect(await world.inner.find(good.id)).toBeDefined();
    isBroken = false;
    for (let i = 0; i < 100; i++) await world.clock.advance(500);
    expect(await world.inner.find(bad.id)).toBeUndefined();
    expect(world.logs.count('it is tried again in a minute')).toBe(1);
    for (let i = 0; i < 22; i++) await world.clock.advance(500);
    expect(await world.inner.find(bad.id)).toBeDefined();
    expect(await lettersIn(world.inner)).toEqual([]);
  });
});
