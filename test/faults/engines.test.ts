import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeCommands, type DecodedCommand } from '../../src/core/codec-commands.js';
import { encodeReply } from '../../src/core/codec-replies.js';
import type { SagaError } from '../../src/core/errors.js';
import { statusOf } from '../../src/core/state.js';
import type { Started } from '../../src/engine/service.js';
import { RabbitMqTransport } from '../../src/rabbitmq/rabbitmq-transport.js';
import { realClock, recordingLogger } from '../contract/transport-parts.js';
import { closeAtEnd } from '../support/closing.js';
import { Installation } from '../support/engine-servers.js';
import { eventually } from '../support/eventually.js';
import { planFrom } from '../support/plans.js';
import { amqpUrl } from '../support/servers.js';
import { tcpProxy } from '../support/tcp-proxy.js';
import { everySaga, expectEnds, Flow, measured, plan, script } from './parts.js';

describe('several engines on one database and broker', () => {
  let at: Installation;
  afterEach(() => at.close(), 30_000);

  /** A participant that answers when it is told to; a command that is not answered is acknowledged all the same. */
  async function silent(onCommand: (command: DecodedCommand, answer: () => void) => void): Promise<void> {
    const transport = new RabbitMqTransport({
      urls: [amqpUrl()],
      clock: realClock,
      random: { next: () => 0.5 },
      logger: recordingLogger(),
    });
    closeAtEnd(() => transport.close());
    const answer = (command: DecodedCommand) => {
      const reply = { commandId: command.id, outcome: 'success', body: '', attempt: command.attempt } as const;
      void transport.publish([encodeReply(reply, at.names, { appId: 'test', now: Date.now() })]);
    };
    await transport.consume(at.names.commands('p'), { prefetch: 500 }, (deliveries) => {
      for (const delivery of deliveries) {
        const command = decodeCommands(delivery.message, 'p').commands[0]!;
        onCommand(command, () => answer(command));
        delivery.settle('done');
      }
    });
  }

  it('[G1] [F5] the reply comes at the very instant of the timeout, to two engines: one of them counts, the other changes nothing', async () => {
    // Which comes first is a matter of the machine: a busy one gets more time.
    for (const timeoutMs of [600, 2_400, 9_600]) {
      at = await Installation.open();
      const counts = await replyAgainstTimeout(timeoutMs);
      measured('G1', `timeout ${timeoutMs} ms: first the reply, first the timeout, and answered twice`, JSON.stringify(counts));
      // Both happened, or this has shown nothing.
      if (Math.min(counts.replied, counts.timedOut) > 5) return;
      await at.close();
    }
    throw new Error('it was always the same that came first');
  }, 180_000);

  async function replyAgainstTimeout(timeoutMs: number): Promise<{ replied: number; timedOut: number; twice: number }> {
    const tight = planFrom({
      steps: [
        { name: 'reserve', timeoutMs, attempts: 30 },
        { name: 'ship', kind: 'pivot', timeoutMs: 60_000 },
      ],
    });
    const [first, second] = [await at.engine([tight]), await at.engine([tight])];
    // The first attempts are answered about when their time is up.
    let answered = 0;
    await silent(({ step, attempt }, answer) => {
      if (step !== 'reserve' || attempt > 1) answer();
      else setTimeout(answer, timeoutMs * (0.2 + (answered++ % 30) / 32));
    });
    const ids: string[] = [];
    for (let round = 0; round < 6; round++) {
      const requests = Array.from({ length: 15 }, () => ({ name: 'test-saga', input: null }));
      const started = await Promise.all([first, second].map(({ engine }) => engine.startMany(requests)));
      ids.push(...started.flat().map((one) => (one as Started).id));
    }
    await eventually(async () => (await first.store.versionsInFlight()).length === 0, { withinMs: 60_000, everyMs: 100 });
    const counts = { replied: 0, timedOut: 0, twice: 0 };
    for (const id of ids) {
      const history = (await first.store.history(id, 0, 1_000))!;
      expect(history.map(({ seq }) => seq)).toEqual(history.map((_, i) => i + 1));
      const effects = history.flatMap((entry) => entry.effects);
      expect(effects.filter((effect) => effect.do === 'succeeded' && effect.step === 'reserve')).toHaveLength(1);
      expect(effects.filter((effect) => effect.do === 'status' && effect.status === 'completed')).toHaveLength(1);
      const timers = history.filter(({ event }) => event === 'timed-out').map(({ step, attempt }) => `${step} ${attempt}`);
      expect(new Set(timers).size).toBe(timers.length);
      counts[timers.length > 0 ? 'timedOut' : 'replied']++;
      if (history.some(({ event }) => event === 'duplicate-reply' || event === 'late-reply' || event === 'outdated-reply')) counts.twice++;
    }
    return counts;
  }

  it('[G3] an engine stops between reading and committing, and comes back: its write changes nothing', async () => {
    at = await Installation.open();
    const [database, broker] = [await tcpProxy(at.databaseUrl), await tcpProxy(amqpUrl())];
    let stalls = 0;
    const stop = () => {
      stalls++;
      database.stall('both');
      broker.stall('both');
    };
    const steps = (request: () => unknown) =>
      planFrom({
        steps: [
          { name: 'reserve', timeoutMs: 2_000 },
          { name: 'charge', timeoutMs: 2_000, request },
          { name: 'ship', kind: 'pivot' },
        ],
      });
    // The request of `charge` is built inside the transaction of the reply to `reserve`, when its row is locked and read.
    const stopped = await at.engine(
      [
        steps(() => {
          if (stalls === 0) stop();
          return { by: 'the one that stops' };
        }),
      ],
      {
        databaseUrl: database.url,
        connect: { timeouts: { idleInTransaction: 1_000, connect: 2_000, answer: 3_000, statement: 2_000 } },
        transport: { urls: [broker.url], heartbeatS: 1 },
      },
    );
    const effects = await at.participant('p', () => ({}));
    const { id } = await stopped.engine.start({ name: 'test-saga', input: null });
    await eventually(() => stalls === 1);
    const other = await at.engine([steps(() => ({ by: 'the other one' }))], { connect: { timeouts: { lock: 500 } } });
    const from = performance.now();
    const saga = await other.engine.waitUntilFinal(id, 40_000);
    measured('G3', 'ms until the other engine had ended the saga, of which the lock was held for 1,000', performance.now() - from);
    expect(saga.state.end).toBe('completed');
    const before = await other.store.history(id, 0, 1_000);
    database.resume();
    broker.resume();
    // It works again, and what it had in hand has changed nothing.
    await eventually(async () => (await stopped.engine.problems()).length === 0, { withinMs: 40_000 });
    const { id: next } = await stopped.engine.start({ name: 'test-saga', input: null });
    expect((await stopped.engine.waitUntilFinal(next, 30_000)).state.end).toBe('completed');
    const after = await other.store.history(id, 0, 1_000);
    expect(after!.slice(0, before!.length)).toEqual(before);
    expect(after!.slice(before!.length).every(({ event, effects: done }) => event.endsWith('reply') && done.length === 0)).toBe(true);
    const charges = effects.filter(({ sagaId, step }) => sagaId === id && step === 'charge');
    expect(charges.every(({ request }) => JSON.stringify(request).includes('the other one'))).toBe(true);
  }, 120_000);

  it('[G5] fifty starts with one key at once, on two engines: one saga and fifty equal answers; another input is refused', async () => {
    at = await Installation.open();
    const [first, second] = [await at.engine([plan]), await at.engine([plan])];
    for (let round = 1; round <= 5; round++) {
      const request = { name: 'test-saga', key: String(round), input: { number: round } };
      const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? first : second).engine.start(request)));
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
      expect(answers.filter(({ created }) => created)).toHaveLength(1);
      const other = { ...request, input: { number: -1 } };
      for (const { engine } of [first, second]) await expect(engine.start(other)).rejects.toMatchObject({ code: 'SAGA_KEY_REUSED' });
    }
    expect(await everySaga(first.store)).toHaveLength(5);
  }, 60_000);

  it('[G6] a cancel races the last reply, on two engines: completed or compensated, and the answer says which', async () => {
    at = await Installation.open();
    const race = planFrom({ steps: [{ name: 'reserve' }, { name: 'ship', kind: 'pivot', timeoutMs: 20_000 }] });
    const [first, second] = [await at.engine([race]), await at.engine([race])];
    const last = new Map<string, () => void>();
    const racesAtPivot = (sagaId: string) => parseInt(sagaId.at(-1)!, 16) % 2 === 0;
    await silent(({ step, phase, sagaId }, answer) => {
      // Half of them race at the pivot, half at the step before it.
      const isRaced = step === (racesAtPivot(sagaId) ? 'ship' : 'reserve');
      if (isRaced && phase === 'a') last.set(sagaId, answer);
      else answer();
    });
    const counts: Record<string, number> = {};
    const started = await first.engine.startMany(Array.from({ length: 60 }, () => ({ name: 'test-saga', input: null })));
    const ids = started.map((one) => (one as Started).id);
    await eventually(() => last.size === 60, { withinMs: 30_000 });
    const answers = await Promise.all(
      ids.map(async (id, i) => {
        const cancel = () =>
          (i % 2 === 0 ? first : second).engine.operate(id, { kind: 'cancel', by: 'ann', text: 'too late?' }).then(
            ({ saga, decided }) => ({ decided, status: statusOf(saga.state), code: undefined }),
            (error: SagaError) => ({ decided: true, status: undefined, code: error.code }),
          );
        // Some replies have a head start, some cancels have.
        if (i % 3 === 0) last.get(id)!();
        await delay((i % 7) * 5);
        const answer = cancel();
        if (i % 3 !== 0) last.get(id)!();
        return answer;
      }),
    );
    await eventually(async () => (await first.store.versionsInFlight()).length === 0, { withinMs: 40_000, everyMs: 100 });
    for (const [i, id] of ids.entries()) {
      const { state } = (await first.store.find(id))!;
      const { code, decided } = answers[i]!;
      const told = code ?? (decided ? 'decided' : 'not decided yet');
      const pair = `${told}: ${state.end}`;
      counts[pair] = (counts[pair] ?? 0) + 1;
      // Refused only when it was too late; and nothing undone that had passed the pivot.
      if (code !== undefined) expect([code, state.end]).toEqual(['SAGA_NOT_ALLOWED', 'completed']);
      if (state.end === 'completed') expect(state.steps['reserve']!.undone).toBeUndefined();
      else expect(state.steps['ship']?.outcome).not.toBe('succeeded');
    }
    measured('G6', 'what the cancel was told, and how it ended', JSON.stringify(counts));
    expect(Object.keys(counts).length).toBeGreaterThan(1);
  }, 120_000);

  it('[G8] from one engine to three and back to one under load: no gap, and every saga ends', async () => {
    at = await Installation.open();
    const flow = new Flow(30);
    const open = () => at.engine([plan], { observer: flow.observer });
    const running = [await open()];
    await at.participant('p', script);
    let turn = 0;
    flow.run({ start: (request) => running[turn++ % running.length]!.engine.start(request) });
    await flow.untilNextEnd();
    running.push(await open(), await open());
    await delay(1_500);
    const stopping = [running.shift()!, running.shift()!];
    await Promise.all(stopping.map((one) => one.close()));
    await flow.untilNextEnd();
    await delay(500);
    await flow.stop();
    // A process that is stopping refuses what it has not begun; nobody is left without an answer.
    expect(flow.refused.every((code) => code === 'SAGA_UNAVAILABLE')).toBe(true);
    measured('G8', 'sagas, all of them at their ends', await expectEnds(running[0]!.store, flow.ids));
    await eventually(async () => (await at.waiting(['p'])) === 0, { withinMs: 30_000 });
  }, 120_000);
});
