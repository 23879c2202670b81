import { afterEach, describe, expect, it } from '@jest/globals';
import type { MemoryTransaction } from '../../../src/memory/in-memory-inbox.js';
import type { HostSettings } from '../../../src/participant/settings.js';
import { command, contract } from '../../../src/saga/contract.js';
import { handlersOf } from '../../../src/saga/handlers.js';
import { participant } from '../../../src/saga/participant.js';
import type { Incoming, ManyContext } from '../../../src/saga/participant-declaration.js';
import { typed } from '../../../src/saga/schema.js';
import { turns } from '../../support/manual-clock.js';
import { commandOf } from './commands.js';
import { Other, Payments, Stand } from './stand.js';

type Commands = readonly Incoming<{ amount: number }>[];
type Many = (commands: Commands, context: ManyContext<MemoryTransaction>) => Promise<unknown>;
const charge = (step = 'charge', amount = 1) => commandOf({ step, request: { amount }, body: JSON.stringify({ amount }) });
const refund = (step = 'charge') => commandOf({ step, phase: 'c' });
const paid: Many = async (commands) => Promise.resolve(commands.map(({ saga }) => ({ paymentId: saga.step })));
const DONE = (step: string) => JSON.stringify({ paymentId: step });

describe('a handler of many commands', () => {
  let stand: Stand;
  /** The steps of each call, in order. */
  let calls: string[][];
  let onCharge: Many;
  let onRefund: Many;
  afterEach(async () => {
    const stopped = stand.host.stop();
    await stand.clock.advance(20_000);
    await stopped;
  });
  const open = async (settings: Partial<HostSettings> = {}, slow = false) => {
    calls = [];
    onCharge = paid;
    onRefund = async () => Promise.resolve(undefined);
    const called = (kind: string, does: () => Many) => async (commands: Commands, context: ManyContext<MemoryTransaction>) => {
      calls.push(commands.map(({ saga }) => saga.step));
      for (const { saga } of commands) context.tx.onCommit(() => stand.ran.push(`${kind} ${saga.step}`));
      return (await does()(commands, context)) as never;
    };
    const declared = participant(Payments, {
      charge: { many: true, slow, handle: called('charge', () => onCharge) },
      refund: { many: true, handle: called('refund', () => onRefund) },
    });
    stand = await new Stand().start({ declarations: [handlersOf(declared)], settings });
  };
  const answerTo = (step: string) => {
    const reply = stand.replies.findLast(({ commandId }) => commandId === charge(step).id)!;
    return reply.outcome === 'success' ? JSON.stringify(reply.body) : `${reply.outcome} ${reply.code}`;
  };
  const failing =
    (bad: string, does: () => unknown): Many =>
    async (commands, context) => {
      if (commands.some(({ saga }) => saga.step === bad)) return does();
      return paid(commands, context);
    };

  it('is called once for what came together', async () => {
    await open();
    await stand.send(...['a', 'b', 'c', 'd', 'e'].map((step) => charge(step)));
    expect(calls).toEqual([['a', 'b', 'c', 'd', 'e']]);
    expect(stand.answers).toEqual(['a', 'b', 'c', 'd', 'e'].map(DONE));
    expect(stand.ran).toEqual(['a', 'b', 'c', 'd', 'e'].map((step) => `charge ${step}`));
  });

  it('gets at most as many as fit into a group', async () => {
    await open({ groupSize: 2 });
    await stand.send(...['a', 'b', 'c', 'd', 'e'].map((step) => charge(step)));
    expect(calls).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  it('that is slow is alone in its transaction, and still gets a list', async () => {
    await open({}, true);
    await stand.send(charge('a'), charge('b'));
    expect(calls).toEqual([['a'], ['b']]);
    expect(stand.answers).toEqual(['a', 'b'].map(DONE));
  });

  it('never sees a request that does not fit its contract, which is an error of that command alone', async () => {
    await open();
    const wrong = commandOf({ step: 'wrong', request: { amount: 'much' }, body: '{"amount":"much"}' });
    await stand.send(charge('a'), wrong, charge('b'), charge('c'));
    expect(calls).toEqual([['a', 'b', 'c']]);
    expect(['a', 'wrong', 'b', 'c'].map(answerTo)).toEqual([DONE('a'), 'error request-invalid', DONE('b'), DONE('c')]);
    await stand.send(wrong);
    expect(calls).toHaveLength(1);
  });

  it.each<[string, (commands: Commands) => unknown, string]>([
    ['throws', () => Promise.reject(new Error('no')), 'error handler-failed'],
    ['throws a rejection', () => Promise.reject(Payments.charge.rejection('card-declined')), 'error handler-failed'],
    ['answers too few', (commands) => commands.slice(1).map(() => ({ paymentId: 'p' })), 'error reply-invalid'],
    ['answers too many', (commands) => [...commands, 1].map(() => ({ paymentId: 'p' })), 'error reply-invalid'],
    ['answers with no list', () => ({ paymentId: 'p' }), 'error reply-invalid'],
    ['answers nothing', () => undefined, 'error reply-invalid'],
    ['leaves a hole', (commands) => Array.from({ length: commands.length }), 'error reply-invalid'],
    ['answers with a list that springs', (commands) => springing(commands.length), 'error reply-invalid'],
    ['breaks the contract', (commands) => commands.map(() => ({ paymentId: 7 })), 'error reply-invalid'],
    ['says no with the code of another', (commands) => commands.map(() => Other.stop.rejection('another-code')), 'error handler-failed'],
  ])('that %s has done nothing for that command, and everything for the others', async (_, does, answer) => {
    await open();
    onCharge = async (commands, context) => (commands.some(({ saga }) => saga.step === 'bad') ? does(commands) : paid(commands, context));
    await stand.send(...['a', 'b', 'bad', 'c', 'd'].map((step) => charge(step)));
    expect(['a', 'b', 'bad', 'c', 'd'].map(answerTo)).toEqual([DONE('a'), DONE('b'), answer, DONE('c'), DONE('d')]);
    expect(stand.ran.toSorted()).toEqual(['a', 'b', 'c', 'd'].map((step) => `charge ${step}`));
    onCharge = paid;
    await stand.send(charge('bad'));
    expect(answerTo('bad')).toBe(DONE('bad'));
  });

  it('that sorts what it was given answers nobody in the place of another', async () => {
    await open();
    onCharge = async (commands) => {
      const sorted = (commands as Incoming<{ amount: number }>[]).sort((one, other) => other.request.amount - one.request.amount);
      return Promise.resolve(sorted.map(({ saga }) => ({ paymentId: saga.step })));
    };
    await stand.send(charge('a', 1), charge('b', 2), charge('c', 3));
    expect(['a', 'b', 'c'].map(answerTo)).toEqual(['a', 'b', 'c'].map(DONE));
  });

  it('that returns promises is waited for before anything of it goes back', async () => {
    await open();
    let end: () => void = () => {};
    onCharge = failing('bad', () => [new Promise<void>((resolve) => (end = resolve))]);
    await stand.send(charge('bad'));
    expect(stand.answers).toEqual([]);
    end();
    await turns(40);
    expect(stand.answers).toEqual(['error reply-invalid']);
    expect(stand.replies[0]?.message).toContain('await');
    expect(stand.ran).toEqual([]);
  });

  it('says no to some: the others are done without them', async () => {
    await open();
    onCharge = async (commands) =>
      Promise.resolve(
        commands.map(({ saga, request }) =>
          request.amount > 10 ? Payments.charge.rejection('card-declined', { message: `${request.amount}` }) : { paymentId: saga.step },
        ),
      );
    await stand.send(charge('a'), charge('b', 11), charge('c'), charge('d', 12));
    expect(calls).toEqual([
      ['a', 'b', 'c', 'd'],
      ['a', 'b', 'c', 'd'],
      ['a', 'c'],
    ]);
    expect(['a', 'b', 'c', 'd'].map(answerTo)).toEqual([DONE('a'), 'rejected card-declined', DONE('c'), 'rejected card-declined']);
    expect(stand.replies.find(({ commandId }) => commandId === charge('d').id)?.message).toBe('12');
    expect(stand.ran).toEqual(['charge a', 'charge c']);
    await stand.send(charge('b', 11));
    expect(stand.answers.at(-1)).toBe('rejected card-declined');
    expect(calls).toHaveLength(3);
  });

  it('that changes its mind is asked about fewer, down to one', async () => {
    await open();
    // Says no to the last of several, whoever that is.
    onCharge = async (commands) =>
      Promise.resolve(
        commands.map(({ saga }, at) =>
          commands.length > 1 && at === commands.length - 1 ? Payments.charge.rejection('card-declined') : { paymentId: saga.step },
        ),
      );
    await stand.send(charge('a'), charge('b'), charge('c'));
    expect(calls).toEqual([['a', 'b', 'c'], ['a', 'b'], ['a', 'b'], ['a'], ['c']]);
    expect(['a', 'b', 'c'].map(answerTo)).toEqual([DONE('a'), 'rejected card-declined', DONE('c')]);
    expect(stand.ran).toEqual(['charge a', 'charge c']);
  });

  it('need not return anything where there is nothing to answer', async () => {
    await open();
    await stand.send(charge('a'), charge('b'), charge('c'));
    await stand.send(refund('a'), refund('b'));
    onRefund = async (commands) => Promise.resolve(commands.map(() => undefined));
    await stand.send(refund('c'));
    expect(stand.answers.slice(3)).toEqual(['null', 'null', 'null']);
    expect(stand.ran.slice(3)).toEqual(['refund a', 'refund b', 'refund c']);
  });

  it('cannot reject a compensation', async () => {
    await open();
    await stand.send(charge('a'), charge('b'));
    onRefund = async (commands) =>
      Promise.resolve(commands.map(({ saga }) => (saga.step === 'a' ? Payments.charge.rejection('card-declined') : undefined)));
    await stand.send(refund('a'), refund('b'));
    expect(stand.answers.slice(2).toSorted()).toEqual(['error handler-failed', 'null']);
    expect(stand.ran.slice(2)).toEqual(['refund b']);
  });

  it('[B20] whose group meets a conflict is given it again, and each effect happens once', async () => {
    await open();
    stand.inbox.failNext('conflict');
    const steps = ['a', 'b', 'c', 'd', 'e'];
    await stand.send(...steps.map((step) => charge(step)));
    expect(stand.ran).toEqual(steps.map((step) => `charge ${step}`));
    expect(calls.slice(1)).toEqual([steps]);
  });

  it.each(['conflict', 'unknown-committed', 'unknown-undone', 'refused'] as const)(
    '[B20] whose group fails (%s) is given its commands one by one, and each effect happens once',
    async (why) => {
      await open();
      stand.inbox.failNext(why);
      if (why === 'conflict') stand.inbox.failNext(why);
      const steps = ['a', 'b', 'c', 'd', 'e'];
      await stand.send(...steps.map((step) => charge(step)));
      expect(steps.map(answerTo)).toEqual(steps.map(DONE));
      expect(stand.ran).toEqual(steps.map((step) => `charge ${step}`));
      expect(calls.slice(why === 'conflict' ? 2 : 1)).toEqual(why === 'unknown-committed' ? [] : steps.map((step) => [step]));
    },
  );

  it('that takes long for its group is named, with what helps', async () => {
    await open();
    onCharge = async (commands, context) => {
      await stand.clock.advance(60);
      return paid(commands, context);
    };
    await stand.send(charge('a'), charge('b'));
    const warnings = stand.logger.lines.filter(({ level }) => level === 'warn');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ fields: { command: 'payments.charge', ms: 60 }, text: expect.stringContaining('groupSize') });
  });

  it('[A13] that fails because it was told to stop has failed nobody', async () => {
    await open({ drainMs: 1_000 });
    onCharge = async (_commands, { abortSignal }) => {
      await new Promise<void>((resolve) => abortSignal.addEventListener('abort', () => resolve()));
      throw new Error('told to stop');
    };
    await stand.send(charge('a'), charge('b'));
    const stopped = stand.host.stop();
    await stand.clock.advance(1_000);
    await stopped;
    expect(stand.answers).toEqual([]);
    expect(calls).toEqual([['a', 'b']]);
    expect(stand.broker.depth(stand.names.commands('payments'))).toBe(2);
  });
});

describe('a handler of many commands that has not used the transaction', () => {
  const NO = () => Payments.charge.rejection('card-declined');
  const BROKEN = { paymentId: 7 };
  const STEPS = ['a', 'b', 'c', 'd'];
  let stand: Stand;
  afterEach(async () => {
    const stopped = stand.host.stop();
    await stand.clock.advance(20_000);
    await stopped;
  });
  /** The steps of each call, with answers by step and how many there are in the call. */
  const calling = async (answerOf: (step: string, size: number) => unknown) => {
    const calls: string[] = [];
    const handle = async (commands: Commands) => {
      calls.push(commands.map(({ saga }) => saga.step).join(''));
      return Promise.resolve(commands.map(({ saga }) => answerOf(saga.step, commands.length))) as never;
    };
    const declared = participant(Payments, { charge: { many: true, handle }, refund: { many: true, handle } });
    stand = await new Stand().start({ declarations: [handlersOf(declared)] });
    await stand.send(...STEPS.map((step) => charge(step)));
    return { calls, answers: stand.answers.map((answer) => (answer.startsWith('{') ? 'done' : answer)) };
  };

  it.each<[string, Record<string, unknown>, readonly string[]]>([
    ['says no to all', { a: NO(), b: NO(), c: NO(), d: NO() }, STEPS.map(() => 'rejected card-declined')],
    ['says no to some', { b: NO(), d: NO() }, ['done', 'rejected card-declined', 'done', 'rejected card-declined']],
    ['breaks the contract for some', { c: BROKEN }, ['done', 'done', 'error reply-invalid', 'done']],
  ])('and %s is called once', async (_, given, expected) => {
    const { calls, answers } = await calling((step) => given[step] ?? { paymentId: step });
    expect(calls).toEqual(['abcd']);
    expect(answers).toEqual(expected);
    await stand.send(...STEPS.map((step) => ({ ...charge(step), attempt: 2 })));
    // Only what failed is not written down.
    expect(calls.slice(1)).toEqual(STEPS.filter((step) => given[step] === BROKEN));
  });

  it('and says no beside what failed is asked again: its "no" may rest on that', async () => {
    // One seat: the first of a call gets it, and whoever has it with others breaks the contract.
    const { calls, answers } = await calling((step, size) => {
      if (step === 'a') return size === 1 ? { paymentId: step } : BROKEN;
      return step === 'b' && size > 1 ? NO() : { paymentId: step };
    });
    expect(calls).toEqual(['abcd', 'ab', 'a', 'b', 'cd']);
    expect(answers).toEqual(['done', 'done', 'done', 'done']);
  });

  it('and throws is called with fewer, down to the one that fails', async () => {
    const { calls, answers } = await calling((step) => {
      if (step === 'b') throw new Error('no');
      return { paymentId: step };
    });
    expect(calls).toEqual(['abcd', 'ab', 'a', 'b', 'cd']);
    expect(answers).toEqual(['done', 'error handler-failed', 'done', 'done']);
  });
});

describe('a handler of many commands without an inbox', () => {
  const Mail = contract('mail', { confirm: command({ request: typed<{ to: string }>(), rejections: ['no-such-box'] }) }, { inbox: false });
  const confirm = (step: string) =>
    commandOf({ participant: 'mail', type: 'mail.confirm', step, request: { to: step }, body: JSON.stringify({ to: step }) });

  it('gets what came together, each copy again; a call that fails is made with fewer', async () => {
    const stand = new Stand();
    const calls: string[][] = [];
    const mail = participant(Mail, {
      confirm: {
        many: true,
        handle: async (commands, { tx, abortSignal }) => {
          calls.push(commands.map(({ request }) => request.to));
          expect([tx, abortSignal.aborted]).toEqual([undefined, false]);
          if (commands.some(({ request }) => request.to === 'bad')) throw new Error('bounced');
          return Promise.resolve(commands.map(({ request }) => (request.to === 'no' ? Mail.confirm.rejection('no-such-box') : undefined)));
        },
      },
    });
    await stand.start({ declarations: [handlersOf(mail)], store: undefined, settings: { groupSize: 3 } });
    await stand.send(...['a', 'no', 'b', 'c', 'bad'].map(confirm), commandOf({ phase: 'f', participant: 'mail', execution: 2 }));
    await stand.send(confirm('a'));
    expect(calls).toEqual([['a', 'no', 'b'], ['c', 'bad'], ['c'], ['bad'], ['a']]);
    expect(stand.answers.toSorted()).toEqual(
      ['null', 'null', 'null', 'null', 'rejected no-such-box', 'error handler-failed', 'error no-inbox'].toSorted(),
    );
    await stand.host.stop();
  });

  it('takes one place for a call, however many commands it has, and gives it back', async () => {
    const stand = new Stand();
    const calls: number[] = [];
    let go: () => void = () => {};
    const mail = participant(Mail, {
      confirm: {
        many: true,
        concurrency: 1,
        handle: async (commands) => {
          calls.push(commands.length);
          await new Promise<void>((resolve) => (go = resolve));
          return commands.map(() => undefined);
        },
      },
    });
    await stand.start({ declarations: [handlersOf(mail)], store: undefined });
    await stand.send(confirm('a'), confirm('b'), confirm('b'));
    await stand.send(confirm('c'), confirm('d'));
    expect(calls).toEqual([2]);
    go();
    await turns(40);
    expect(calls).toEqual([2, 3]);
    go();
    await turns(40);
    expect(stand.answers).toHaveLength(5);
    await stand.host.stop();
  });
});

/** A list whose elements throw when they are looked at. */
function springing(length: number): unknown[] {
  const list = Array.from({ length });
  return Object.defineProperty(list, 0, {
    get: () => {
      throw new Error('sprung');
    },
  });
}
