import { afterEach, describe, expect, it } from '@jest/globals';
import type { EngineSettings } from '../../../src/engine/settings.js';
import type { Outgoing, PublishOutcome } from '../../../src/ports/transport.js';
import { EngineWorld, held, until } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { planFrom } from '../../support/plans.js';
import { lettersIn } from '../../support/dead-letters.js';

const plan = planFrom({ steps: [{ name: 'one' }, { name: 'two' }] });
const request = { name: 'test-saga', input: null };

describe('an engine that publishes', () => {
  let world: EngineWorld;
  const open = async (settings: Partial<EngineSettings> = {}, participants: readonly string[] = ['p']) =>
    (world = await new EngineWorld({ plans: [plan], settings }).open(participants));
  afterEach(async () => {
    const stopping = world.engine.stop();
    await world.clock.advance(60_000);
    await stopping;
  });
  const all = (batch: readonly Outgoing[], outcome: PublishOutcome) => Promise.resolve(batch.map(() => outcome));

  it('[D12] publishes again what has no known outcome, and then leaves it to the timer', async () => {
    const { engine, received, clock } = await open({ publishTries: 3 });
    let tries = 0;
    world.onPublish = (batch) => {
      tries += 1;
      return all(batch, { fate: 'unknown', reason: 'no confirm' });
    };
    const { id } = await engine.start(request);
    await clock.advance(4_000);
    expect(tries).toBe(3);
    world.onPublish = undefined;
    await clock.advance(2_000);
    expect(received.map(({ step }) => step)).toEqual(['one', 'two']);
    expect((await engine.waitUntilFinal(id, 0)).state.end).toBe('completed');
  });

  it('outlasts the election of a leader, in which the broker takes nothing, without waiting for the timer', async () => {
    const { engine, received, clock } = await open();
    world.onPublish = (batch) => all(batch, { fate: 'unknown', reason: 'the broker did not take it (nack)' });
    const { id } = await engine.start(request);
    await clock.advance(700);
    world.onPublish = undefined;
    await clock.advance(1_300);
    expect(received.map(({ step }) => step)).toEqual(['one', 'two']);
    expect((await engine.waitUntilFinal(id, 0)).state.end).toBe('completed');
  });

  it('[A4 A5 B21] settles a reply only when what it caused is confirmed, and every batch after the one before it', async () => {
    const { engine, received, settled } = await open();
    world.script = () => undefined;
    const [a, b] = [await engine.start(request), await engine.start(request)];
    await until(() => received.length === 2);
    const confirm = held<void>();
    world.onPublish = async (_batch, publish) => {
      world.onPublish = undefined;
      await confirm.promise;
      return publish();
    };
    await world.reply(`${a.id}.one.a.1`, 'success', '', 1);
    await until(async () => (await world.inner.find(a.id))!.state.steps['two'] !== undefined);
    await world.reply(`${b.id}.one.a.1`, 'success', '', 1);
    await until(() => received.length === 3);
    expect(settled).toEqual([]);
    confirm.release();
    await until(() => settled.length === 2);
    expect(settled.map(({ message }) => message.correlationId)).toEqual([`${a.id}.one.a.1`, `${b.id}.one.a.1`]);
  });

  it('[G2] publishes nothing, but settles, when it was paused for too long', async () => {
    const { engine, received, settled, commitFaults, clock, logs } = await open();
    world.script = () => undefined;
    const { id } = await engine.start(request);
    await until(() => received.length === 1);
    commitFaults.push(async (ids, decide) => {
      const done = await world.inner.commit(ids, decide);
      clock.leap(10_001);
      return done;
    });
    await world.reply(`${id}.one.a.1`, 'success', '', 1);
    await until(() => settled.length === 1);
    expect(settled[0]!.verdict).toBe('done');
    expect(received).toHaveLength(1);
    expect(logs.count('too long since the transaction began')).toBe(1);
    world.script = () => ({});
    await clock.advance(31_000);
    expect((await engine.waitUntilFinal(id, 0)).state.end).toBe('completed');
  });

  it('[D7] warns once a minute that a participant has no queue, and counts nothing', async () => {
    const { engine, clock, logs } = await open({}, []);
    world.onPublish = (batch) => all(batch, { fate: 'returned' });
    const { id } = await engine.start(request);
    await clock.advance(9_000);
    const state = (await world.inner.find(id))!.state;
    expect(state.steps['one']!.action).toMatchObject({ status: 'inFlight', attempt: 1, tries: 1 });
    expect(logs.count('no queue for participant p: is it running?')).toBe(1);
    await engine.start(request);
    await turns();
    expect(logs.count('no queue for participant p')).toBe(1);
  });

  it('[D1] starts sagas while the broker is away, waits with their timers, and sends what they had when it is back', async () => {
    const { engine, clock, broker, received } = await open();
    broker.disconnect();
    expect(await engine.problems()).toEqual([expect.stringContaining('the broker cannot be reached')]);
    const { id } = await engine.start(request);
    await clock.advance(120_000);
    expect((await world.inner.find(id))!.state.steps['one']!.action).toMatchObject({ attempt: 1 });
    broker.reconnect();
    await clock.advance(100);
    expect((await engine.waitUntilFinal(id, 0)).state.end).toBe('completed');
    expect(received.map(({ step }) => step)).toContain('two');
    expect(await engine.problems()).toEqual([]);
  });

  it('sends what it could not publish as soon as the broker is back, without waiting for the timer', async () => {
    const { engine, clock, broker, received } = await open();
    world.script = () => undefined;
    const { id } = await engine.start(request);
    await until(() => received.length === 1);
    world.onPublish = (batch) => {
      broker.disconnect();
      return all(batch, { fate: 'unknown', reason: 'connection lost' });
    };
    await world.reply(`${id}.one.a.1`, 'success', '', 1);
    await clock.advance(500);
    world.onPublish = undefined;
    broker.reconnect();
    await clock.advance(100);
    // Perhaps twice: the reply that had caused it was delivered again too.
    expect([...new Set(received.map(({ step }) => step))]).toEqual(['one', 'two']);
  });

  it('[D9] goes on starting sagas while the broker holds back more than may wait', async () => {
    const { engine, clock, broker } = await open({ maxUnconfirmed: 10 });
    broker.block();
    const started = await engine.startMany(Array.from({ length: 30 }, () => request));
    const more = await engine.startMany(Array.from({ length: 30 }, () => request));
    expect([...started, ...more].every((one) => !(one instanceof Error))).toBe(true);
    broker.unblock();
    await clock.advance(1_000);
    expect((await world.inner.list({ status: ['completed'], limit: 100 })).sagas).toHaveLength(60);
  });

  it('puts what cannot be understood into the dead letters, and settles it only when it is safe there', async () => {
    const { names, settled, clock } = await open();
    world.onPublish = (batch) => {
      world.onPublish = undefined;
      return all(batch, { fate: 'returned' });
    };
    await world.reply('nonsense');
    await until(() => settled.length >= 3);
    expect(settled.slice(0, 2).map(({ verdict, message }) => `${message.correlationId} ${verdict}`)).toEqual([
      'nonsense requeue',
      'nonsense done',
    ]);
    await clock.advance(100);
    const letters = await lettersIn(world.inner);
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({ queue: names.replies, correlationId: 'nonsense', encoding: 'text', body: '', bytes: 0 });
    expect(letters[0]!.reason).toContain('is not a command id');
    expect(world.broker.depth(names.deadLetters)).toBe(0);
  });

  it('makes one letter of a message that is put aside twice, since the process died before it was acknowledged', async () => {
    const { names, clock } = await open();
    for (const commandId of ['one', 'two']) {
      // It arrives, but nobody knows, so that the rubbish is delivered again.
      world.onPublish = async (batch, publish) => {
        world.onPublish = undefined;
        await publish();
        await clock.advance(50);
        return all(batch, { fate: 'returned' });
      };
      await world.reply(commandId);
      await clock.advance(1_000);
    }
    expect((await lettersIn(world.inner)).map((letter) => letter.correlationId).sort()).toEqual(['one', 'two']);
    expect(world.broker.depth(names.deadLetters)).toBe(0);
  });

  it('keeps dead letters in their queue while they cannot be stored', async () => {
    const { names, clock, engine } = await open();
    const add = world.inner.letters.add.bind(world.inner.letters);
    world.inner.letters.add = () => Promise.reject(new Error('read-only'));
    await world.reply('nonsense');
    await clock.advance(1_000);
    expect(await engine.problems()).toEqual(['dead letters cannot be stored: read-only']);
    world.inner.letters.add = add;
    await clock.advance(5_000);
    expect(await lettersIn(world.inner)).toHaveLength(1);
    expect(world.broker.depth(names.deadLetters)).toBe(0);
    expect(await engine.problems()).toEqual([]);
  });
});
