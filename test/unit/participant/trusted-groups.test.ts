import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MemoryTransaction } from '../../../src/memory/in-memory-inbox.js';
import type { HostParts } from '../../../src/participant/host.js';
import type { InboxKey, InboxState, InboxStore } from '../../../src/ports/inbox.js';
import { turns } from '../../support/manual-clock.js';
import { commandOf } from './commands.js';
import { Payments, Stand } from './stand.js';

const STEPS = ['a', 'b', 'c', 'd'];
const charge = (step: string) => commandOf({ step });
const refund = (step: string, execution = 1) => commandOf({ step, phase: 'c', execution });
const brief = ({ actionId, direction }: InboxKey) => `${direction} ${actionId.split('.')[1]}`;

/** The same, with something done before some of its functions are called. */
function told<T extends object>(of: T, before: Partial<Record<keyof T, (given: never) => void>>): T {
  return new Proxy(of, {
    get: (_, name) => {
      const value: unknown = Reflect.get(of, name);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]): unknown => {
        before[name as keyof T]?.(given[0] as never);
        return value.apply(of, given) as unknown;
      };
    },
  });
}

/** What is asked of the inbox, transaction by transaction. */
function watched(store: InboxStore<MemoryTransaction>, asked: string[][]): HostParts['store'] {
  const transact: InboxStore<MemoryTransaction>['transact'] = (work) =>
    store.transact((session) => {
      const mine: string[] = [];
      asked.push(mine);
      const tell = (name: string) => (keys: readonly InboxKey[]) => {
        if (keys.length > 0) mine.push(`${name} ${keys.map(brief).join(', ')}`);
      };
      const look = (ids: readonly string[]) => tell('look at')(ids.map((actionId) => ({ actionId, direction: 'action' })));
      const attempt = () => void mine.push('attempt');
      return work(told(session, { claim: tell('claim'), finalActions: look, record: tell('record'), store: tell('store'), attempt }));
    });
  const rest = told(store, {});
  return new Proxy(rest, {
    get: (_, name) => (name === 'transact' ? transact : (Reflect.get(rest, name) as unknown)),
  }) as HostParts['store'];
}

describe('a trusted group', () => {
  let stands: Stand[];
  let stand: Stand;
  let asked: string[][];
  beforeEach(async () => {
    stands = [];
    asked = [];
    stand = await started();
  });
  afterEach(async () => {
    for (const each of stands) {
      const stopped = each.host.stop();
      await each.clock.advance(20_000);
      await stopped;
    }
  });
  /** Another process with the same inbox, if there is one already. */
  const started = async () => {
    const made = new Stand();
    stands.push(made);
    return made.start({ store: watched(stands[0]!.inbox, asked) });
  };
  const rowsOf = async (step: string) => {
    const rows: (InboxState | undefined)[] = [];
    await stand.inbox.transact(async (session) => {
      const actionId = charge(step).id;
      const keys = (['action', 'compensation'] as const).map((direction) => ({ actionId, direction, commandId: '?', requestHash: '' }));
      for (const claim of await session.claim(keys)) rows.push(claim.fresh ? undefined : claim.row.state);
      throw new Error('only looking');
    });
    return rows;
  };
  const settled = (step: string, state: 'started' | 'rejected' | 'tombstone') =>
    stand.inbox.transact((session) =>
      session.record([
        {
          actionId: charge(step).id,
          direction: 'action',
          commandId: charge(step).id,
          requestHash: '',
          state,
          reply: state === 'rejected' ? '{}' : null,
        },
      ]),
    );
  const ran = () => stands.flatMap((each) => each.ran).toSorted();

  it('of actions looks at nothing, and writes each row once', async () => {
    await stand.send(...STEPS.map(charge));
    expect(asked).toEqual([['record action a, action b, action c, action d']]);
  });

  it('of compensations of settled actions looks at these, undoes each once, and writes each row once', async () => {
    await stand.send(...STEPS.map(charge));
    asked.length = 0;
    await stand.send(...STEPS.map((step) => refund(step)));
    expect(asked).toEqual([
      ['look at action a, action b, action c, action d', 'record compensation a, compensation b, compensation c, compensation d'],
    ]);
    expect(ran()).toEqual([...STEPS.map((step) => `charge ${step}`), ...STEPS.map((step) => `refund ${step}`)]);
    expect(stand.answers.slice(4)).toEqual(['null', 'null', 'null', 'null']);
    expect(await rowsOf('a')).toEqual(['success', 'success']);
    asked.length = 0;
    await stand.send(...STEPS.map((step) => refund(step)));
    expect(ran()).toHaveLength(8);
    expect(stand.answers.slice(8)).toEqual(['null', 'null', 'null', 'null']);
    // What was written down is the compensation's own id and request.
    await stand.send({ ...refund('a'), request: { amount: 2 }, body: '{"amount":2}' });
    expect(stand.answers.at(-1)).toBe('error id-reused');
  });

  it('has nothing to undo where the action was rejected or made impossible', async () => {
    await settled('a', 'rejected');
    await settled('b', 'tombstone');
    await stand.send(charge('c'), charge('d'));
    asked.length = 0;
    await stand.send(...STEPS.map((step) => refund(step)));
    expect(asked).toHaveLength(1);
    expect(asked.flat().join()).not.toContain('claim');
    expect(ran()).toEqual(['charge c', 'charge d', 'refund c', 'refund d']);
    expect(stand.answers.slice(2)).toEqual(['null', 'null', 'null', 'null']);
    expect([await rowsOf('a'), await rowsOf('b')]).toEqual([
      ['rejected', 'success'],
      ['tombstone', 'success'],
    ]);
  });

  it('claims the rows of a compensation whose action is not there, and makes that impossible', async () => {
    await stand.send(charge('a'), charge('b'), charge('d'));
    asked.length = 0;
    await stand.send(...STEPS.map((step) => refund(step)));
    expect(asked).toEqual([
      [
        'look at action a, action b, action c, action d',
        'claim action c, compensation c',
        'store action c, compensation c',
        'record compensation a, compensation b, compensation d',
      ],
    ]);
    expect(ran()).toEqual(['charge a', 'charge b', 'charge d', 'refund a', 'refund b', 'refund d']);
    await stand.send(charge('c'));
    expect(stand.answers.at(-1)).toBe('rejected undone');
    expect(await rowsOf('c')).toEqual(['tombstone', 'success']);
  });

  it('leaves a compensation to the lock of its action, whose effect outside may be under way', async () => {
    await stand.send(charge('a'), charge('b'), charge('d'));
    await settled('c', 'started');
    asked.length = 0;
    let isLocked: (() => void) | undefined;
    const holding = stand.inbox.exclusively(charge('c').id, 0, () => new Promise<void>((resolve) => (isLocked = resolve)));
    await stand.send(...STEPS.map((step) => refund(step)));
    expect(ran().filter((line) => line.startsWith('refund'))).toEqual(['refund a', 'refund b', 'refund d']);
    expect(await rowsOf('c')).toEqual(['started', undefined]);
    isLocked!();
    await holding;
    await turns(40);
    expect(ran().filter((line) => line.startsWith('refund'))).toEqual(['refund a', 'refund b', 'refund c', 'refund d']);
    expect(await rowsOf('c')).toEqual(['tombstone', 'success']);
    expect(stand.answers.slice(3)).toEqual(['null', 'null', 'null', 'null']);
  });

  it('claims the rows of what was delivered or sent before', async () => {
    await stand.send(...STEPS.map(charge));
    asked.length = 0;
    await stand.send(...STEPS.map((step) => ({ ...refund(step), attempt: step === 'b' ? 2 : 1 })));
    expect(asked[0]!.slice(0, 2)).toEqual(['look at action a, action c, action d', 'claim action b, compensation b']);
    expect(ran().filter((line) => line.startsWith('refund'))).toHaveLength(4);
  });

  it.each([
    ['copies', 1],
    ['another execution', 2],
  ])('[B13] meets %s of its compensations in another process: each is undone once, and everybody answered', async (_, execution) => {
    const other = await started();
    await stand.send(...STEPS.map(charge));
    asked.length = 0;
    const undoing = new Set<Stand>();
    let go: () => void = () => {};
    const both = new Promise<void>((resolve) => (go = resolve));
    for (const each of stands)
      each.refund = async () => {
        if (undoing.add(each).size === 2) go();
        await both;
      };
    const first = stand.send(...STEPS.map((step) => refund(step)));
    await other.send(...STEPS.toReversed().map((step) => refund(step, execution)));
    await first;
    await turns(80);
    // Both were sure that they were new, and found out when they wrote their rows.
    expect(undoing.size).toBe(2);
    expect(asked.filter(([began]) => began?.startsWith('look at'))).toHaveLength(2);
    expect(ran()).toEqual([...STEPS.map((step) => `charge ${step}`), ...STEPS.map((step) => `refund ${step}`)]);
    expect([stand.answers.slice(4), other.answers]).toEqual([
      ['null', 'null', 'null', 'null'],
      ['null', 'null', 'null', 'null'],
    ]);
    expect(await rowsOf('d')).toEqual(['success', 'success']);
  });

  it.each(['unknown-committed', 'unknown-undone', 'refused', 'conflict'] as const)(
    '[B20] of compensations whose commit fails (%s) undoes each once',
    async (why) => {
      await stand.send(...STEPS.map(charge));
      stand.inbox.failNext(why);
      await stand.send(...STEPS.map((step) => refund(step)));
      expect(ran()).toEqual([...STEPS.map((step) => `charge ${step}`), ...STEPS.map((step) => `refund ${step}`)]);
      expect(stand.answers.slice(4)).toEqual(['null', 'null', 'null', 'null']);
    },
  );

  it.each<[string, () => unknown, string]>([
    ['says "no"', () => Payments.charge.rejection('card-declined'), 'rejected card-declined'],
    ['fails', () => new Error('no'), 'error handler-failed'],
  ])('of which one %s after it has used the transaction leaves nothing of that, and all of the rest', async (_, why, answer) => {
    stand.charge = async ({ saga, tx, commandId }) => {
      if (saga.step !== 'b') return Promise.resolve({ paymentId: commandId });
      tx.onCommit(() => stand.ran.push('left by b'));
      throw why();
    };
    await stand.send(...STEPS.map(charge));
    expect(ran()).toEqual(['charge a', 'charge c', 'charge d']);
    expect(stand.answers.map((each) => (each.startsWith('{') ? 'done' : each))).toEqual(['done', answer, 'done', 'done']);
    // Without savepoints, then with one for each.
    expect(asked.map((each) => each.filter((line) => line === 'attempt').length)).toEqual([0, 4]);
    expect(await rowsOf('b')).toEqual([answer.startsWith('rejected') ? 'rejected' : undefined, undefined]);
  });

  it('of which one says "no" before it has used the transaction keeps the "no" with the rest', async () => {
    stand.charge = async ({ saga, commandId }) => {
      if (saga.step === 'b') throw Payments.charge.rejection('card-declined');
      return Promise.resolve({ paymentId: commandId });
    };
    await stand.send(...STEPS.map(charge));
    expect(asked).toEqual([['record action a, action b, action c, action d']]);
    expect(await rowsOf('b')).toEqual(['rejected', undefined]);
    await stand.send(charge('b'));
    expect(stand.answers.at(-1)).toBe('rejected card-declined');
  });

  it('of compensations of which one fails before it has used the transaction leaves that undone, to be tried again', async () => {
    await stand.send(...STEPS.map(charge));
    asked.length = 0;
    stand.refund = async ({ saga }) => {
      if (saga.step === 'b') throw new Error('no');
      return Promise.resolve();
    };
    await stand.send(...STEPS.map((step) => refund(step)));
    expect(asked).toHaveLength(1);
    expect(await rowsOf('b')).toEqual(['success', undefined]);
    expect(stand.answers.slice(4)).toEqual(['null', 'error handler-failed', 'null', 'null']);
    stand.refund = async () => Promise.resolve();
    await stand.send({ ...refund('b'), attempt: 2 });
    expect(ran().filter((line) => line.startsWith('refund'))).toEqual(STEPS.map((step) => `refund ${step}`));
  });
});
