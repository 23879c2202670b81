import { describe, expect, it } from '@jest/globals';
import { DataSource, type EntityManager } from 'typeorm';
import type { HostParts } from '../../../src/participant/host.js';
import { typeormInbox } from '../../../src/postgres/inbox-typeorm.js';
import { handlersOf } from '../../../src/saga/handlers.js';
import { participant } from '../../../src/saga/participant.js';
import type { CommandContext } from '../../../src/saga/participant-declaration.js';
import { signal } from '../../contract/inbox.contract.js';
import { tcpProxy } from '../../support/tcp-proxy.js';
import { gathering, steps } from './gathering.js';
import { declare, declareMany, Payments, type Request } from './payments.js';
import { inProcess, Stage, Step } from './stage.js';

describe.each([
  ['a group', declare],
  ['a group of commands that one call handles', declareMany],
])('%s', (_name, declaring) => {
  const open = () => Stage.open(inProcess(), declaring);

  it('commits together, and the one that fails takes nothing else with it', async () => {
    const stage = await open();
    const groups: number[] = [];
    stage.script.charge = async ({ orderId }) => {
      if (orderId === 'o-7') throw new Error('a bug');
      if (orderId === 'o-9') throw Payments.charge.rejection('card-declined');
      return undefined;
    };
    await stage.host({ settings: { groupMs: 10_000 }, observer: { groupCommitted: ({ commands }) => groups.push(commands) } });
    const go = await gathering(stage);
    const all = steps(50);
    await stage.send(...all.map((step) => step.action));
    go();
    await stage.until(() => stage.replies.length === 51);
    expect(groups).toEqual([1, 50]);
    expect([await stage.answer(all[7]!.action), await stage.answer(all[9]!.action)]).toEqual([
      'error handler-failed',
      'rejected card-declined',
    ]);
    expect(await stage.effects()).toHaveLength(49);
    expect([await stage.rows(all[7]!.action.id), await stage.rows(all[9]!.action.id)]).toEqual([[], ['action rejected']]);
  });

  it('takes one command about an action, and the next one about it after that', async () => {
    const stage = await open();
    const groups: number[] = [];
    await stage.host({ settings: { groupMs: 10_000 }, observer: { groupCommitted: ({ commands }) => groups.push(commands) } });
    const go = await gathering(stage);
    const [one, two] = steps(2);
    await stage.send(one!.action, one!.action, two!.action, one!.undo());
    go();
    await stage.until(() => stage.replies.length === 5);
    expect(groups).toEqual([1, 2, 1, 1]);
    expect((await stage.effects()).filter((line) => line.includes(one!.sagaId))).toHaveLength(2);
  });

  it('that meets a deadlock is tried again, and each effect happens once', async () => {
    const stage = await open();
    await stage.pool.query('create table account (id int primary key, balance int); insert into account values (1, 0), (2, 0)');
    const [bothHold, oneHolds, twoHolds] = [signal(), signal(), signal()];
    void Promise.all([oneHolds[0], twoHolds[0]]).then(bothHold[1]);
    const failed: string[] = [];
    const holds = { 'one-two': oneHolds[1], 'two-one': twoHolds[1] };
    stage.script.charge = async ({ orderId }, { tx }) => {
      if (orderId !== 'one-two' && orderId !== 'two-one') return;
      const [first, second] = orderId === 'one-two' ? [1, 2] : [2, 1];
      await tx.query('update account set balance = balance + 1 where id = $1', [first]);
      holds[orderId]();
      await bothHold[0];
      await tx.query('update account set balance = balance + 1 where id = $1', [second]);
    };
    await stage.host({ settings: { concurrency: 2 }, observer: { groupFailed: ({ why }) => failed.push(why) } });
    const [one, two] = [new Step('charge', { orderId: 'one-two', amount: 1 }), new Step('charge', { orderId: 'two-one', amount: 1 })];
    const others = steps(10);
    await stage.send(one.action, ...others.slice(0, 5).map((step) => step.action));
    await oneHolds[0];
    await stage.send(two.action, ...others.slice(5).map((step) => step.action));
    await stage.until(() => stage.replies.length === 12);
    expect(new Set(stage.replies.map(({ outcome }) => outcome))).toEqual(new Set(['success']));
    expect((await stage.pool.query('select balance from account order by id')).rows).toEqual([{ balance: 2 }, { balance: 2 }]);
    expect(await stage.effects()).toHaveLength(12);
  });

  it('that met a deadlock takes turns with the others, so that it meets no second one', async () => {
    const stage = await open();
    await stage.pool.query('create table account (id int primary key, balance int); insert into account values (1, 0), (2, 0)');
    const [bothHold, oneHolds, twoHolds, mayGo] = [signal(), signal(), signal(), signal()];
    void Promise.all([oneHolds[0], twoHolds[0]]).then(bothHold[1]);
    const holds = { 'one-two': oneHolds[1], 'two-one': twoHolds[1] };
    const blocks = { 'blocker-1': signal(), 'blocker-2': signal() };
    const underWay = new Set<unknown>();
    let atOnce = 0;
    stage.script.charge = async ({ orderId }, { tx }) => {
      if (orderId === 'blocker-1' || orderId === 'blocker-2') {
        blocks[orderId][1]();
        return mayGo[0].then(() => undefined);
      }
      if (orderId === 'one-two' || orderId === 'two-one') {
        const [first, second] = orderId === 'one-two' ? [1, 2] : [2, 1];
        await tx.query('update account set balance = balance + 1 where id = $1', [first]);
        holds[orderId]();
        await bothHold[0];
        await tx.query('update account set balance = balance + 1 where id = $1', [second]);
        return;
      }
      underWay.add(tx);
      atOnce = Math.max(atOnce, underWay.size);
      await tx.query('select pg_sleep(0.002)');
      underWay.delete(tx);
    };
    const failed: string[] = [];
    await stage.host({
      settings: { concurrency: 2, groupSize: 6, groupMs: 10_000 },
      observer: { groupFailed: ({ why }) => failed.push(why) },
    });
    const charge = (orderId: string) => new Step('charge', { orderId, amount: 1 }).action;
    const many = async (): Promise<number> => {
      const wanted = stage.replies.length + 60;
      atOnce = 0;
      await stage.send(...steps(60).map((step) => step.action));
      await stage.until(() => stage.replies.length === wanted);
      return atOnce;
    };
    expect(await many()).toBe(2);
    // Both places are taken, so that what comes now starts as two full groups.
    for (const [orderId, [isIn]] of Object.entries(blocks)) {
      await stage.send(charge(orderId));
      await isIn;
    }
    const others = steps(10).map((step) => step.action);
    await stage.send(charge('one-two'), ...others.slice(0, 5), charge('two-one'), ...others.slice(5));
    mayGo[1]();
    await stage.until(() => stage.replies.length === 74);
    expect(failed).toEqual(['conflict']);
    expect(await many()).toBe(1);
    expect(new Set(stage.replies.map(({ outcome }) => outcome))).toEqual(new Set(['success']));
  });

  it('whose handler ends the transaction itself hurts nobody else', async () => {
    const stage = await open();
    stage.script.charge = async ({ orderId }, { tx }) => {
      if (orderId === 'o-3') await tx.query('select 1 / 0').catch(() => undefined);
    };
    await stage.host();
    const go = await gathering(stage);
    const all = steps(8);
    await stage.send(...all.map((step) => step.action));
    go();
    await stage.until(() => stage.replies.length === 9);
    expect(await stage.answer(all[3]!.action)).toBe('error not-committed');
    expect(await stage.effects()).toHaveLength(8);
  });

  it('names a handler that holds it up', async () => {
    const stage = await open();
    stage.script.charge = async (_, { tx }) => tx.query('select pg_sleep(0.02)');
    await stage.host({ settings: { slowHandlerMs: 10 } });
    const all = steps(3);
    await stage.send(...all.map((step) => step.action));
    await stage.until(() => stage.replies.length === 3);
    const warnings = stage.logger.lines.filter(({ level, fields }) => level === 'warn' && fields['command'] === 'payments.charge');
    expect(warnings).toHaveLength(1);
  });

  it('[B19] gives a handler up that never ends, and goes on', async () => {
    const stage = await open();
    stage.script.charge = async ({ orderId }) => (orderId === 'o-1' ? new Promise(() => {}) : undefined);
    await stage.host({ settings: { handlerTimeoutMs: 200 } });
    const all = steps(3);
    await stage.send(...all.map((step) => step.action));
    await stage.until(() => stage.replies.length === 3);
    expect(await stage.answer(all[1]!.action)).toBe('error handler-timeout');
    expect(await stage.effects()).toHaveLength(2);
  });
});

describe('a group on TypeORM', () => {
  it('whose handler says "no" while what it has begun is still under way keeps nothing of that, and all of the rest', async () => {
    const stage = await Stage.open(inProcess());
    const source = await new DataSource({ type: 'postgres', url: stage.url }).initialize();
    const calls: string[] = [];
    const effect = (tx: EntityManager, kind: string, id: string) => tx.query('insert into effect values ($1, $2)', [kind, id]);
    const charge = async ({ orderId }: Request, { tx, commandId }: CommandContext<EntityManager>) => {
      calls.push(orderId);
      if (orderId !== 'o-2') return effect(tx, 'charge', commandId).then(() => ({ paymentId: commandId }));
      // Forgets to await it, and throws before it has reached the database.
      void effect(tx, 'first', commandId).then(() => effect(tx, 'second', commandId));
      throw Payments.charge.rejection('card-declined');
    };
    const prepare = (tx: EntityManager) => tx.query('create table effect (kind text not null, id text not null)');
    const declared = { charge, refund: async () => {}, capture: async () => ({ paymentId: '' }), giveBack: async () => {} };
    await stage.host({
      store: typeormInbox(source) as HostParts['store'],
      declarations: [handlersOf(participant(Payments, declared as never, { prepare } as never))],
      settings: { groupMs: 10_000, concurrency: 1 },
    });
    const all = steps(10);
    await stage.send(...all.map((step) => step.action));
    await stage.until(() => stage.replies.length === 10);
    // Trusted as far as that, then carefully.
    expect(calls).toHaveLength(3 + 10);
    expect(await stage.answer(all[2]!.action)).toBe('rejected card-declined');
    expect((await stage.effects()).map((line) => line.split(' ')[0])).toEqual(Array.from({ length: 9 }, () => 'charge'));
    await source.destroy();
  });
});

describe.each([
  ['a database that goes away', declare],
  ['a database that goes away from many commands', declareMany],
])('%s', (_name, declaring) => {
  const open = () => Stage.open(inProcess(), declaring);

  it('[B20] holds commands up and loses none; each has one effect', async () => {
    const stage = await open();
    const proxy = await tcpProxy(stage.url);
    await stage.host({ url: proxy.url });
    const [first, ...later] = steps(30);
    await stage.ask(first!.action);
    proxy.refuse();
    await stage.send(...later.map((step) => step.action));
    await stage.until(() => stage.replies.length === 1 && isHeldUp(stage));
    proxy.accept();
    await stage.until(() => stage.replies.length === 30);
    expect(new Set(stage.replies.map(({ outcome }) => outcome))).toEqual(new Set(['success']));
    expect(await stage.effects()).toHaveLength(30);
  });

  it('[B20] in the middle of a handler: the command is tried again', async () => {
    const stage = await open();
    const proxy = await tcpProxy(stage.url);
    let tries = 0;
    stage.script.charge = async () => {
      if (++tries === 1) proxy.cut();
      return Promise.resolve(undefined);
    };
    await stage.host({ url: proxy.url });
    const step = new Step();
    expect(await stage.ask(step.action)).toBe(JSON.stringify({ paymentId: step.action.id }));
    expect(await stage.effects()).toHaveLength(1);
    expect(tries).toBe(2);
  });

  it('[B20] while the commit is under way: nobody knows, so it is asked again, and there is one effect', async () => {
    const stage = await open();
    const proxy = await tcpProxy(stage.url);
    let isHit = false;
    stage.script.charge = async (_, { tx }) => {
      const query = tx.query.bind(tx) as (...given: unknown[]) => Promise<unknown>;
      (tx as { query: unknown }).query = (...given: unknown[]) => {
        if (given[0] === 'commit' && !isHit) {
          isHit = true;
          proxy.stall('fromServer');
          void isCommitted(stage).then(() => {
            proxy.cut();
            proxy.resume();
          });
        }
        return query(...given);
      };
    };
    await stage.host({ url: proxy.url });
    const step = new Step();
    expect(await stage.ask(step.action)).toBe(JSON.stringify({ paymentId: step.action.id }));
    expect(isHit).toBe(true);
    expect(await stage.effects()).toHaveLength(1);
  });
});

describe.each([
  ['stopping', declare],
  ['stopping with many commands at once', declareMany],
])('%s', (_name, declaring) => {
  const open = () => Stage.open(inProcess(), declaring);

  it('[A13] finishes what is under way and gives the rest back', async () => {
    const stage = await open();
    const first = await stage.host({ settings: { groupSize: 1 } });
    const go = await gathering(stage);
    const all = steps(20);
    await stage.send(...all.map((step) => step.action));
    const stopped = first.stop();
    go();
    await stopped;
    expect(await stage.effects()).toHaveLength(1);
    await stage.host();
    await stage.until(() => stage.replies.length === 21);
    expect(await stage.effects()).toHaveLength(21);
  });

  it('does not wait for ever for a handler that does not end', async () => {
    const stage = await open();
    const [isIn, enter] = signal();
    stage.script.charge = async (_, { abortSignal }) => {
      enter();
      await new Promise<void>((resolve) => abortSignal.addEventListener('abort', () => resolve()));
      throw new Error('told to stop');
    };
    const first = await stage.host({ settings: { drainMs: 300 } });
    const step = new Step();
    await stage.send(step.action);
    await isIn;
    await first.stop();
    expect(stage.replies).toEqual([]);
    delete stage.script.charge;
    await stage.host();
    expect(await stage.answer(step.action)).toBe(JSON.stringify({ paymentId: step.action.id }));
    expect(await stage.effects()).toHaveLength(1);
  });
});

const isHeldUp = (stage: Stage) => stage.logger.lines.some(({ text }) => text.includes('cannot be reached'));

/** Seen past the proxy. */
async function isCommitted(stage: Stage): Promise<void> {
  for (;;) {
    const { rows } = await stage.pool.query<{ count: string }>('select count(*) from effect');
    if (rows[0]!.count === '1') return;
  }
}
