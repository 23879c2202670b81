import { afterEach, describe, expect, it } from '@jest/globals';
import { statusOf, type SagaState } from '../../../src/core/state.js';
import { EngineWorld, held, until, type Script } from '../../support/engine.js';
import { planFrom, type StepSpec } from '../../support/plans.js';
import { lettersIn } from '../../support/dead-letters.js';

const THREE: readonly StepSpec[] = [{ name: 'reserve' }, { name: 'charge', attempts: 2, timeoutMs: 1_000 }, { name: 'ship' }];
/** Answers everything but these, each as step and phase. */
const allBut =
  (...silent: readonly string[]): Script =>
  ({ step, phase }) =>
    silent.includes(`${step} ${phase}`) ? undefined : {};

describe('a participant that', () => {
  let world: EngineWorld;
  let id: string;
  afterEach(() => world.engine.stop());

  /** A saga with a participant that answers by the script. */
  async function saga(script: Script, steps = THREE): Promise<void> {
    world = await new EngineWorld({ plans: [planFrom({ steps })] }).open();
    world.script = script;
    ({ id } = await world.engine.start({ name: 'test-saga', input: null }));
  }
  const state = async (): Promise<SagaState> => (await world.inner.find(id))!.state;
  const status = async () => statusOf(await state());
  const events = async () => (await world.inner.history(id, 0, 1_000))!.map(({ event }) => event);
  const sent = (phase: string) =>
    world.received.filter((command) => command.phase === phase).map(({ step, attempt }) => `${step} ${attempt}`);
  const reply = (command: string, ...answer: readonly [outcome?: 'success' | 'rejected' | 'error', body?: string, attempt?: number]) =>
    world.reply(`${id}.${command}`, ...answer);
  const untilStatus = (wanted: string) => until(async () => (await status()) === wanted, `it is ${wanted}`);

  it('[B5] never answers: the step is tried again, given up, and undone with what was before it', async () => {
    await saga(allBut('charge a'));
    await world.clock.advance(2_500);
    await untilStatus('compensated');
    expect(sent('a')).toEqual(['reserve 1', 'charge 1', 'charge 2']);
    expect(sent('c')).toEqual(['charge 1', 'reserve 1']);
    expect((await state()).reason).toMatchObject({ kind: 'exhausted', step: 'charge' });
  });

  it('[B6 C11] answers a hundred times with the same: once is enough', async () => {
    await saga(allBut('charge a'));
    await until(() => sent('a').includes('charge 1'));
    await Promise.all(Array.from({ length: 100 }, () => reply('charge.a.1', 'success', '', 1)));
    await untilStatus('completed');
    await Promise.all(Array.from({ length: 100 }, () => reply('charge.a.1', 'success', '', 1)));
    await world.clock.advance(1_000);
    expect(sent('a')).toEqual(['reserve 1', 'charge 1', 'ship 1']);
    // The copies are told of once, however many they are.
    expect((await events()).length).toBeLessThan(8);
    expect((await state()).attention).toEqual([]);
  });

  it('[B7] answers differently the second time: the first answer counts, and a person is told', async () => {
    await saga(allBut('charge a', 'ship a'));
    await until(() => sent('a').includes('charge 1'));
    await reply('charge.a.1', 'success', '', 1);
    await until(() => sent('a').includes('ship 1'));
    await reply('charge.a.1', 'rejected', '{"code":"no"}', 1);
    await until(async () => (await state()).attention.length === 1);
    expect((await state()).attention[0]).toMatchObject({ kind: 'conflict', step: 'charge' });
    expect((await state()).steps['charge']!.outcome).toBe('succeeded');
    expect(await status()).toBe('running');
    await reply('ship.a.1', 'success', '', 1);
    await untilStatus('completed');
  });

  it('[B8] is late with its success while the saga is being undone: it is recorded, and undone like the rest', async () => {
    await saga(allBut('charge a', 'charge c'));
    await world.clock.advance(2_500);
    await until(() => sent('c').includes('charge 1'));
    await reply('charge.a.1', 'success', '{"paymentId":"p"}', 1);
    await until(async () => (await events()).some((event) => event.includes('late')));
    expect(sent('c')).toEqual(['charge 1']);
    await reply('charge.c.1', 'success', '', 1);
    await untilStatus('compensated');
    expect(sent('c')).toEqual(['charge 1', 'reserve 1']);
    expect((await state()).attention).toEqual([]);
  });

  it('[B9] is late with its success after everything was undone: a person is told on the finished saga', async () => {
    await saga(allBut('charge a'));
    await world.clock.advance(2_500);
    await untilStatus('compensated');
    await reply('charge.a.1', 'success', '{"paymentId":"p"}', 1);
    await until(async () => (await state()).attention.length === 1);
    expect((await state()).attention[0]).toMatchObject({ step: 'charge' });
    expect(await status()).toBe('compensated');
  });

  it('[B10] succeeds with the first attempt while the second is out: that is the success, and the next one is a copy', async () => {
    await saga(allBut('charge a'));
    await world.clock.advance(1_100);
    await until(() => sent('a').includes('charge 2'));
    await reply('charge.a.1', 'success', '{"by":"the first"}', 1);
    await untilStatus('completed');
    await reply('charge.a.1', 'success', '{"by":"the second"}', 2);
    await world.clock.advance(100);
    expect((await state()).steps['charge']!.reply).toEqual({ by: 'the first' });
    expect((await state()).attention).toEqual([]);
  });

  it('[B11] fails with the first attempt while the second is out: that changes nothing', async () => {
    await saga(allBut('charge a'));
    await world.clock.advance(1_100);
    await until(() => sent('a').includes('charge 2'));
    await reply('charge.a.1', 'error', '{"message":"too late"}', 1);
    await world.clock.advance(100);
    expect((await state()).steps['charge']!.action).toMatchObject({ status: 'inFlight', attempt: 2 });
    await reply('charge.a.1', 'success', '', 2);
    await untilStatus('completed');
  });

  it('[B16] fails to undo a few times: it is asked again, later each time, and nothing is passed over', async () => {
    let failures = 0;
    await saga(({ step, phase }) => {
      if (step === 'ship') return { outcome: 'rejected', body: '{"code":"no"}' };
      return step === 'charge' && phase === 'c' && failures++ < 4 ? { outcome: 'error', body: '{"message":"busy"}' } : {};
    });
    await world.clock.advance(30_000);
    await untilStatus('compensated');
    expect(sent('c')).toEqual(['charge 1', 'charge 2', 'charge 3', 'charge 4', 'charge 5', 'reserve 1']);
    const waits = (await world.inner.history(id, 0, 1_000))!
      .filter(({ event, phase }) => event === 'backoff-over' && phase === 'c')
      .map(({ at }) => at);
    const gaps = waits.slice(1).map((at, index) => at - waits[index]!);
    expect(gaps.every((gap, index) => index === 0 || gap > gaps[index - 1]!)).toBe(true);
  });

  it('[B17] never undoes: the step is stuck and says why, and what is before it stays until a person decides', async () => {
    const steps = THREE.map((step) => ({ ...step, undoAttempts: 3 }));
    await saga(({ step, phase }) => {
      if (step === 'ship') return { outcome: 'rejected', body: '{"code":"no"}' };
      return step === 'charge' && phase === 'c' ? { outcome: 'error', body: '{"message":"nobody opens"}' } : {};
    }, steps);
    await world.clock.advance(60_000);
    await untilStatus('stuck');
    expect(sent('c')).toEqual(['charge 1', 'charge 2', 'charge 3']);
    expect(await world.inner.list({ status: ['stuck'], limit: 10 })).toMatchObject({ sagas: [{ state: { id } }] });
    expect((await state()).steps['reserve']!.undone).toBeUndefined();
    await world.clock.advance(120_000);
    expect(sent('c')).toHaveLength(3);
    await world.engine.operate(id, { kind: 'settle', step: 'charge', outcome: 'success', by: 'ann', text: 'done by hand' });
    await untilStatus('compensated');
    expect(sent('c').at(-1)).toBe('reserve 1');
    expect((await state()).attention).toHaveLength(1);
  });

  it('[B21] answers before the command is confirmed: the answer counts', async () => {
    const confirm = held<void>();
    world = await new EngineWorld({ plans: [planFrom({ steps: THREE })] }).open();
    world.onPublish = async (_, publish) => {
      const outcomes = await publish();
      await confirm.promise;
      return outcomes;
    };
    ({ id } = await world.engine.start({ name: 'test-saga', input: null }));
    await until(async () => (await state()).steps['reserve']?.outcome === 'succeeded');
    expect(await events()).toContain('replied');
    confirm.release();
    await untilStatus('completed');
    expect(sent('a')).toEqual(['reserve 1', 'charge 1', 'ship 1']);
  });

  it('[B22 C11] answers what nobody asked: put aside with the reason, and the sagas go on', async () => {
    await saga(allBut('charge a'));
    await until(() => sent('a').includes('charge 1'));
    const stranger = '00000000-0000-7000-8000-ffffffffffff';
    await world.reply(`${stranger}.charge.a.1`);
    await reply('nothing.a.1');
    await reply('ship.a.1');
    await reply('charge.c.1');
    await reply('charge.a.7');
    await until(async () => (await lettersIn(world.inner)).length >= 2);
    await world.clock.advance(100);
    const reasons = (await lettersIn(world.inner)).map(({ correlationId, reason }) => `${correlationId.slice(37)}: ${reason}`);
    expect(reasons.toSorted()).toEqual(['charge.a.1: unknown saga', "nothing.a.1: unknown step 'nothing' of test-saga version 1"]);
    expect(await status()).toBe('running');
    await reply('charge.a.1', 'success', '', 1);
    await untilStatus('completed');
  });
});
