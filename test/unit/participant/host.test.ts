import { afterEach, describe, expect, it } from '@jest/globals';
import { Host } from '../../../src/participant/host.js';
import { command, contract } from '../../../src/saga/contract.js';
import { handlersOf } from '../../../src/saga/handlers.js';
import { participant } from '../../../src/saga/participant.js';
import type { CommandContext } from '../../../src/saga/participant-declaration.js';
import { typed } from '../../../src/saga/schema.js';
import { turns } from '../../support/manual-clock.js';
import { commandOf, DAY } from './commands.js';
import { Other, Payments, Stand } from './stand.js';

const charge = (step = 'charge') => commandOf({ step });
const refund = (step = 'charge') => commandOf({ step, phase: 'c' });

describe('a host', () => {
  let stand: Stand;
  afterEach(async () => {
    const stopped = stand.host.stop();
    await stand.clock.advance(20_000);
    await stopped;
  });
  const standing = async (...given: Parameters<Stand['start']>) => (stand = await new Stand().start(...given));

  it('answers and tells the handler whose command it is', async () => {
    await standing();
    let told: unknown;
    stand.charge = async ({ tx: _tx, abortSignal, ...facts }) => {
      told = { ...facts, isAborted: abortSignal.aborted };
      return Promise.resolve({ paymentId: 'p-1' });
    };
    await stand.send(commandOf({ attempt: 3, traceparent: '00-a-b-01' }));
    expect(stand.answers).toEqual(['{"paymentId":"p-1"}']);
    expect(stand.replies[0]).toMatchObject({ attempt: 3, commandId: charge().id });
    expect(told).toEqual({
      commandId: charge().id,
      actionId: undefined,
      saga: { id: charge().sagaId, key: 'o-1', name: 'place-order', version: 1, step: 'charge' },
      attempt: 3,
      traceparent: '00-a-b-01',
      isAborted: false,
    });
  });

  it('answers in the queue of the daemon that asks, alone or together, and in the shared one when that is gone', async () => {
    await standing();
    const own = stand.names.repliesOf(2);
    await stand.transport.declare({ exchanges: [], queues: [{ name: own }], bindings: [] });
    stand.replyTo = own;
    await stand.send(charge('a'));
    await stand.sendTogether([charge('b'), charge('c')]);
    expect([stand.broker.depth(own), stand.replies]).toEqual([2, []]);
    stand.replyTo = stand.names.repliesOf(3);
    await stand.send(charge('d'));
    await stand.clock.advance(1_000);
    await turns(40);
    expect(stand.replies.map(({ commandId }) => commandId)).toEqual([charge('d').id]);
    expect(stand.broker.depth(stand.names.commands('payments'))).toBe(0);
  });

  it('answers nowhere but where replies belong, whatever a command asks for', async () => {
    await standing();
    for (const [step, replyTo] of Object.entries({
      a: 'backstep.dead-letters',
      b: 'backstep.starts',
      c: 'somebody',
      d: 'backstep.commands.payments',
    })) {
      stand.replyTo = replyTo;
      await stand.send(charge(step));
    }
    expect(stand.replies).toHaveLength(4);
    expect(stand.deadLetters).toEqual([]);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['that throws', () => Promise.reject(new Error('boom')), 'error handler-failed'],
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- what it is about
    ['that throws nothing', () => Promise.reject(undefined), 'error handler-failed'],
    ['whose reply does not fit', () => Promise.resolve({ paymentId: 7 }), 'error reply-invalid'],
    ['whose reply is no JSON', () => Promise.resolve({ paymentId: 'p', at: new Date() }), 'error reply-invalid'],
    ['whose reply PostgreSQL cannot store', () => Promise.resolve({ paymentId: '\u0000' }), 'error reply-invalid'],
    ['that throws a rejection of another command', () => Promise.reject(Other.stop.rejection('another-code')), 'error handler-failed'],
  ])('a handler %s has done nothing', async (_, handler, answer) => {
    await standing();
    stand.charge = handler;
    await stand.send(charge());
    stand.charge = async () => Promise.resolve({ paymentId: 'p-2' });
    await stand.send(charge());
    expect(stand.answers).toEqual([answer, '{"paymentId":"p-2"}']);
    expect(stand.ran).toEqual(['charge charge']);
  });

  it('a compensation cannot be rejected', async () => {
    await standing();
    stand.refund = () => Promise.reject(Payments.charge.rejection('card-declined'));
    await stand.send(charge());
    await stand.send(refund());
    expect(stand.answers[1]).toBe('error handler-failed');
  });

  it('[C4] a request that does not fit its contract is an error, and nothing is lost', async () => {
    await standing();
    await stand.send(commandOf({ request: { amount: 'much' }, body: '{"amount":"much"}' }));
    expect(stand.answers).toEqual(['error request-invalid']);
    expect(stand.replies[0]?.message).toContain('amount');
  });

  it('what comes again while its first copy runs waits for it', async () => {
    await standing();
    let go: () => void = () => {};
    let calls = 0;
    stand.charge = async () => {
      calls++;
      await new Promise<void>((resolve) => (go = resolve));
      return { paymentId: 'p-1' };
    };
    await stand.send(charge(), charge(), refund());
    expect([calls, stand.answers]).toEqual([1, []]);
    go();
    await turns(40);
    expect([calls, stand.answers]).toEqual([1, ['{"paymentId":"p-1"}', '{"paymentId":"p-1"}', 'null']]);
    expect(stand.ran).toEqual(['charge charge', 'refund charge']);
  });

  it.each(['conflict', 'unknown-committed', 'unknown-undone', 'refused'] as const)(
    '[B20] a group that fails (%s) is taken apart, and each effect happens once',
    async (why) => {
      await standing();
      stand.inbox.failNext(why);
      const steps = ['a', 'b', 'c', 'd', 'e'];
      await stand.send(...steps.map(charge));
      expect(stand.answers).toHaveLength(5);
      expect(new Set(stand.replies.map(({ outcome }) => outcome))).toEqual(new Set(['success']));
      expect(stand.ran).toEqual(steps.map((step) => `charge ${step}`));
    },
  );

  it('a group that met a conflict is run again once those that had begun before have ended', async () => {
    await standing({ settings: { concurrency: 2 } });
    let go: () => void = () => {};
    const calls: string[] = [];
    stand.charge = async ({ saga: { step }, commandId }) => {
      calls.push(step);
      if (step === 'a') await new Promise<void>((resolve) => (go = resolve));
      return { paymentId: commandId };
    };
    await stand.send(charge('a'), charge('b'));
    stand.inbox.failNext('conflict');
    await stand.send(charge('c'), charge('d'));
    expect(calls).toEqual(['a', 'c', 'd']);
    go();
    await turns(40);
    expect(calls).toEqual(['a', 'c', 'd', 'b', 'c', 'd']);
    expect(stand.ran).toEqual(['a', 'b', 'c', 'd'].map((step) => `charge ${step}`));
  });

  it('[B14] a command that is locked out is an error of its own', async () => {
    await standing();
    stand.inbox.failNext('locked');
    await stand.send(charge());
    expect(stand.answers).toEqual(['error locked']);
  });

  it('[B20] an inbox that cannot be reached answers nothing; commands wait, longer each time', async () => {
    await standing();
    for (let i = 0; i < 3; i++) stand.inbox.failNext('unavailable');
    await stand.send(charge());
    await stand.clock.advance(299);
    expect(stand.answers).toEqual([]);
    await stand.clock.advance(500);
    expect(stand.answers).toHaveLength(1);
    expect(stand.logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('an inbox that was away for long is asked again within two seconds', async () => {
    await standing();
    let asked = 0;
    for (let i = 0; i < 12; i++) stand.inbox.failNext('unavailable');
    await stand.send(charge());
    // The first five waits double from 100 ms, the other seven are the longest.
    while (stand.answers.length === 0 && asked < 20) {
      asked += 1;
      await stand.clock.advance(2_000);
    }
    expect(stand.answers).toHaveLength(1);
    expect(asked).toBeLessThanOrEqual(9);
  });

  it('a handler that leaves nothing to be taken back gets no savepoints; after the first that does all do, until trust is earned again', async () => {
    await standing();
    const calls = new Map<string, number>();
    stand.charge = async ({ saga, tx }) => {
      calls.set(saga.step, (calls.get(saga.step) ?? 0) + 1);
      tx.onCommit(() => {});
      if (saga.step === 'bad' || saga.step === 'worse') throw new Error('no');
      return Promise.resolve({ paymentId: 'p' });
    };
    await stand.send(charge('a'), charge('b'), charge('bad'), charge('c'));
    expect(stand.answers.filter((answer) => answer.startsWith('error'))).toHaveLength(1);
    await stand.send(charge('d'), charge('e'), charge('worse'), charge('f'));
    expect(calls).toEqual(
      new Map([...['a', 'b', 'bad'].map((step) => [step, 2] as const), ...['c', 'd', 'e', 'worse', 'f'].map((step) => [step, 1] as const)]),
    );
    expect(stand.ran).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].map((step) => `charge ${step}`));
  });

  it('a handler that fails or says "no" before it has used the transaction costs the others nothing', async () => {
    await standing();
    const calls = new Map<string, number>();
    stand.charge = async ({ saga }) => {
      calls.set(saga.step, (calls.get(saga.step) ?? 0) + 1);
      if (saga.step === 'bad') throw new Error('no');
      if (saga.step === 'declined') throw Payments.charge.rejection('card-declined');
      return Promise.resolve({ paymentId: 'p' });
    };
    const steps = ['a', 'bad', 'b', 'declined', 'c'];
    await stand.send(...steps.map((step) => charge(step)));
    expect(calls).toEqual(new Map(steps.map((step) => [step, 1])));
    expect(stand.replies.map(({ outcome }) => outcome)).toEqual(['success', 'error', 'success', 'rejected', 'success']);
    expect(stand.ran).toEqual(['charge a', 'charge b', 'charge c']);
  });

  it('[B4] settles a command only when its answer is confirmed, and publishes again what is not', async () => {
    await standing();
    let unknown = 2;
    stand.broker.mishap = ({ routingKey }) =>
      routingKey === stand.names.replies && unknown-- > 0 ? { copies: 0, outcome: { fate: 'unknown', reason: 'cut' } } : undefined;
    await stand.send(charge());
    expect(stand.answers).toEqual([]);
    await stand.clock.advance(1_000);
    expect(stand.answers).toHaveLength(1);
    await stand.clock.advance(0);
    expect(stand.ran).toEqual(['charge charge']);
  });

  it('[C1] puts poison with the dead letters before the broker drops it', async () => {
    await standing();
    const message = (await import('../../../src/core/codec-commands.js')).encodeCommand(charge(), stand.names, {
      appId: 'test',
      now: 0,
    });
    const poison = { ...message, message: { ...message.message, headers: { ...message.message.headers, 'x-delivery-count': 18 } } };
    await stand.transport.publish([poison]);
    await turns(40);
    expect(stand.deadLetters.map(({ headers }) => headers['dead-letter-reason'])).toEqual(['it went back to its queue 18 times']);
    expect(stand.ran).toEqual([]);
  });

  it('forgets rows a day after the horizon', async () => {
    await standing({ settings: { horizonMs: DAY } });
    await stand.send(charge());
    await stand.clock.advance(2 * DAY - 1);
    const pruned = () => stand.logger.lines.filter(({ text }) => text.includes('pruned')).length;
    expect(pruned()).toBe(0);
    await stand.clock.advance(DAY);
    expect(pruned()).toBe(1);
  });

  it('gives back what it has not begun when it stops', async () => {
    await standing({ settings: { groupSize: 1 } });
    let go: () => void = () => {};
    stand.charge = async () => {
      await new Promise<void>((resolve) => (go = resolve));
      return { paymentId: 'p' };
    };
    await stand.send(charge('a'), charge('b'), charge('c'));
    const stopped = stand.host.stop();
    go();
    await turns(40);
    await stopped;
    expect(stand.answers).toHaveLength(1);
    expect(stand.broker.depth(stand.names.commands('payments'))).toBe(2);
  });
});

describe('participants without an inbox', () => {
  const Mail = contract('mail', { confirm: command({ request: typed<{ to: string }>(), rejections: ['no-such-box'] }) }, { inbox: false });

  it('run each copy, without a transaction, and cannot be fenced', async () => {
    const stand = new Stand();
    const seen: unknown[] = [];
    const mail = participant(Mail, {
      confirm: async ({ to }: { to: string }, { tx }: CommandContext) => {
        seen.push(tx);
        if (to === 'nobody') throw Mail.confirm.rejection('no-such-box');
        return Promise.resolve();
      },
    });
    await stand.start({ declarations: [handlersOf(mail)], store: undefined });
    const confirm = commandOf({ participant: 'mail', type: 'mail.confirm', request: { to: 'me' } });
    const nobody = commandOf({
      ...confirm,
      step: 'other',
      id: `${confirm.sagaId}.other.a.1`,
      request: { to: 'nobody' },
      body: '{"to":"nobody"}',
    });
    await stand.send(confirm);
    await stand.send(confirm, nobody, commandOf({ phase: 'f', participant: 'mail', execution: 2 }));
    expect(stand.answers.toSorted()).toEqual(['error no-inbox', 'null', 'null', 'rejected no-such-box']);
    expect(seen).toEqual([undefined, undefined, undefined]);
    await stand.host.stop();
  });

  it('are the only ones that need none', async () => {
    const stand = new Stand();
    const { clock, transport, logger } = stand;
    const host = new Host({ declarations: [handlersOf(stand.payments())], store: undefined, clock, transport, logger });
    await expect(host.start()).rejects.toMatchObject({ code: 'SAGA_CONFIG_INVALID' });
  });
});

describe('host settings', () => {
  it('are checked, all of them', () => {
    const stand = new Stand();
    const { clock, transport, logger } = stand;
    const settings = { groupSize: 0, drainMs: 1.5, namespace: 'a b' };
    expect(() => new Host({ declarations: [], store: undefined, clock, transport, logger, settings })).toThrow(
      expect.objectContaining({ code: 'SAGA_CONFIG_INVALID', faults: [expect.any(String), expect.any(String), expect.any(String)] }),
    );
  });
});

describe('a handler that throws or returns what nobody expects', () => {
  const trap = () => {
    throw new Error('sprung');
  };
  const thrown: readonly unknown[] = [
    undefined,
    Object.create(null),
    Object.assign(new Error('x'), { message: undefined }),
    Object.assign(new Error('x'), { message: Symbol('m') }),
    new Proxy(new Error('x'), { get: trap, has: trap, getPrototypeOf: trap }),
  ];
  it('is answered with an error, once, and holds up nobody', async () => {
    const stand = new Stand();
    await stand.start();
    for (const [at, value] of thrown.entries()) {
      stand.charge = async () => Promise.reject(value as Error);
      await stand.send(charge(`step${at}`));
    }
    stand.charge = async () => Promise.resolve(Object.defineProperty({ paymentId: 'p' }, 'more', { enumerable: true, get: trap }));
    await stand.send(charge('trapped'));
    stand.charge = async ({ commandId }) => Promise.resolve({ paymentId: commandId });
    await stand.send(charge('good'));
    expect(stand.answers.slice(0, -1)).toEqual([...thrown.map(() => 'error handler-failed'), 'error reply-invalid']);
    expect(stand.answers.at(-1)).toContain('paymentId');
    const stopped = stand.host.stop();
    await stand.clock.advance(20_000);
    await stopped;
  });
});
