import { describe, expect, it } from '@jest/globals';
import { gathering, steps } from './gathering.js';
import { declareMany, Payments, type Request, type Script } from './payments.js';
import { inProcess, Stage, Step } from './stage.js';

const patient = { groupMs: 10_000 };

/** A stage whose handlers take many, and how many commands each call of them got. */
async function open(settings: object = patient): Promise<{ readonly stage: Stage; readonly calls: number[] }> {
  const stage = await Stage.open(inProcess(), declareMany);
  const calls: number[] = [];
  stage.script.called = (_, commands) => void calls.push(commands.length);
  await stage.host({ settings });
  return { stage, calls };
}

/** Sends the commands so that they make one group, and waits for their answers; the first group is the gate alone. */
async function inOneGroup(stage: Stage, all: readonly Step[], kind: (step: Step) => Step['action'] = (step) => step.action): Promise<void> {
  const before = stage.replies.length;
  const go = await gathering(stage);
  await stage.send(...all.map(kind));
  go();
  await stage.until(() => stage.replies.length === before + 1 + all.length);
}
const effectsOf = async (stage: Stage, step: Step) => (await stage.effects()).filter((line) => line.includes(step.sagaId));
const done = (step: Step) => JSON.stringify({ paymentId: step.action.id });

describe('a handler of many commands', () => {
  it('handles a whole group with one call, actions and compensations alike', async () => {
    const { stage, calls } = await open();
    const all = steps(50);
    await inOneGroup(stage, all);
    expect(calls).toEqual([1, 50]);
    expect(await Promise.all(all.map((step) => stage.answer(step.action)))).toEqual(all.map(done));
    expect(await stage.effects()).toHaveLength(51);
    calls.length = 0;
    await inOneGroup(stage, all, (step) => step.undo('success'));
    expect(calls).toEqual([1, 50]);
    expect((await stage.effects()).filter((line) => line.startsWith('refund'))).toHaveLength(50);
  });

  it('is told of each command what a handler of one is told', async () => {
    const { stage } = await open();
    const [one, two] = [new Step('charge', { orderId: 'a', amount: 1 }), new Step('charge', { orderId: 'b', amount: 2 })];
    let told: unknown;
    stage.script.called = (_, commands) => (told = commands);
    await inOneGroup(stage, [one, two]);
    const facts = (step: Step, request: Request) => ({
      request,
      commandId: step.action.id,
      actionId: undefined,
      saga: { id: step.sagaId, key: undefined, name: 'place-order', version: 1, step: 'charge' },
      attempt: 1,
      traceparent: step.action.traceparent,
    });
    expect(told).toEqual([facts(one, { orderId: 'a', amount: 1 }), facts(two, { orderId: 'b', amount: 2 })]);
  });

  it('is not called for what was handled already: a group that comes again gets its stored answers', async () => {
    const { stage, calls } = await open();
    stage.script.charge = async ({ orderId }) => {
      if (orderId === 'o-4') throw Payments.charge.rejection('card-declined');
      return undefined;
    };
    const all = steps(50);
    await inOneGroup(stage, all);
    const first = await Promise.all(all.map((step) => stage.answer(step.action)));
    const effects = await stage.effects();
    calls.length = 0;
    await inOneGroup(stage, all);
    expect(calls).toEqual([1]);
    expect(await Promise.all(all.map((step) => stage.answer(step.action, 2)))).toEqual(first);
    expect((await stage.effects()).length).toBe(effects.length + 1);
  });

  it('shares a group with commands that run one by one, and with fences', async () => {
    const { stage, calls } = await open();
    const [known, fresh, fenced, undone] = [new Step(), new Step(), new Step(), new Step()];
    await stage.ask(known.action);
    await stage.ask(undone.action);
    calls.length = 0;
    const go = await gathering(stage);
    await stage.send(fresh.action, fenced.fence, { ...known.action, attempt: 2 }, undone.undo(), new Step().action);
    go();
    await stage.until(() => stage.replies.length === 8);
    expect(calls).toEqual([1, 2, 1]);
    expect(await stage.answer(fenced.fence)).toBe('rejected undone');
    expect(await stage.answer(known.action, 2)).toBe(done(known));
    expect((await effectsOf(stage, undone)).map((line) => line.split(' ')[0])).toEqual(['charge', 'refund']);
  });

  it('may be called for what looks new, and nothing of that stays when one of them was handled already', async () => {
    const { stage, calls } = await open();
    const [known, ...fresh] = steps(4);
    await stage.ask(known!.action);
    const before = (await stage.effects()).length;
    calls.length = 0;
    await inOneGroup(stage, [known!, ...fresh]);
    expect(calls).toEqual([1, 4, 3]);
    expect(await stage.answer(known!.action, 2)).toBe(done(known!));
    for (const step of fresh) expect(await stage.answer(step.action)).toBe(done(step));
    expect(await stage.effects()).toHaveLength(before + 4);
  });
});

describe('one command in fifty that fails', () => {
  it.each<[string, NonNullable<Script['charge']>, string]>([
    ['throws', () => Promise.reject(new Error('a bug')), 'error handler-failed'],
    ['has a reply that cannot be stored', () => Promise.resolve({ paymentId: 2n ** 64n }), 'error reply-invalid'],
    ['fails in the database', (_request, { tx }) => tx.query('select 1 / 0'), 'error handler-failed'],
  ])('%s: the others are done once, and it is found with few calls', async (_, fail, answer) => {
    const { stage, calls } = await open();
    stage.script.charge = async (request, context) => (request.orderId === 'o-33' ? fail(request, context) : undefined);
    const all = steps(50);
    await inOneGroup(stage, all);
    expect(await Promise.all(all.map((step) => stage.answer(step.action)))).toEqual(
      all.map((step, at) => (at === 33 ? answer : done(step))),
    );
    const effects = await stage.effects();
    expect(effects).toHaveLength(50);
    expect(new Set(effects).size).toBe(50);
    expect(await stage.rows(all[33]!.action.id)).toEqual([]);
    // The gate, the group without and with a savepoint, then twice as many as it can be halved.
    expect(calls.slice(0, 3)).toEqual([1, 50, 50]);
    expect(calls.length).toBeLessThanOrEqual(3 + 2 * Math.ceil(Math.log2(50)));
    delete stage.script.charge;
    expect(await stage.ask(all[33]!.action)).toBe(done(all[33]!));
  });

  it('and a transaction whose time is over: what is left runs in the next one', async () => {
    const groups: number[] = [];
    const stage = await Stage.open(inProcess(), declareMany);
    stage.script.charge = async ({ orderId }, { tx }) => {
      await tx.query('select pg_sleep(0.005)');
      if (orderId === 'o-2') throw new Error('a bug');
    };
    await stage.host({ settings: { groupMs: 1 }, observer: { groupCommitted: ({ commands }) => groups.push(commands) } });
    const all = steps(8);
    await inOneGroup(stage, all);
    expect(await Promise.all(all.map((step) => stage.answer(step.action)))).toEqual(
      all.map((step, at) => (at === 2 ? 'error handler-failed' : done(step))),
    );
    expect(groups.length).toBeGreaterThan(2);
    expect(await stage.effects()).toHaveLength(8);
  });
});

describe('a rejection among many', () => {
  it('leaves no effect, although the one statement has written it', async () => {
    const { stage, calls } = await open();
    const no = ['o-3', 'o-40'];
    stage.script.charge = async ({ orderId }) => {
      if (no.includes(orderId)) throw Payments.charge.rejection('card-declined', { message: 'no' });
      return undefined;
    };
    const all = steps(50);
    await inOneGroup(stage, all);
    // Without savepoints; with one; without those that are rejected.
    expect(calls).toEqual([1, 50, 50, 48]);
    expect(await Promise.all(all.map((step) => stage.answer(step.action)))).toEqual(
      all.map((step) => (no.includes(step.request.orderId) ? 'rejected card-declined' : done(step))),
    );
    expect([await effectsOf(stage, all[3]!), await effectsOf(stage, all[40]!)]).toEqual([[], []]);
    expect(await stage.rows(all[3]!.action.id)).toEqual(['action rejected']);
    expect(await stage.effects()).toHaveLength(49);
    // Nothing to undo.
    expect(await stage.ask(all[3]!.undo())).toBe('null');
    expect(await effectsOf(stage, all[3]!)).toEqual([]);
  });

  it('of all of them needs no second call', async () => {
    const { stage, calls } = await open();
    stage.script.charge = async () => Promise.reject(Payments.charge.rejection('card-declined'));
    const all = steps(3);
    await stage.ask(all[0]!.action);
    calls.length = 0;
    await inOneGroup(stage, all.slice(1));
    expect(calls).toEqual([1, 2]);
    expect((await stage.effects()).filter((line) => all.some((step) => line.includes(step.sagaId)))).toEqual([]);
  });

  it('counts only if what it rested on came to be', async () => {
    const { stage } = await open();
    await stage.pool.query('create table seat (id int primary key)');
    // Both want one seat. The first gets it, so the second is refused; but then the first cannot be done.
    const [first, second] = [new Step('charge', { orderId: 'first', amount: 7 }), new Step('charge', { orderId: 'second', amount: 7 })];
    let size = 0;
    stage.script.called = (_, commands) => (size = commands.length);
    stage.script.charge = async ({ orderId, amount }, { tx }) => {
      if (orderId === 'first' && size === 1) throw new Error('only in company');
      const { rowCount } = await tx.query('insert into seat values ($1) on conflict do nothing', [amount]);
      if (rowCount === 0) throw Payments.charge.rejection('card-declined');
    };
    await inOneGroup(stage, [first, second]);
    expect([await stage.answer(first.action), await stage.answer(second.action)]).toEqual(['error handler-failed', done(second)]);
    expect(await effectsOf(stage, first)).toEqual([]);
  });
});
