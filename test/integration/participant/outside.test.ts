import { beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pgInbox } from '../../../src/postgres/inbox-pg.js';
import { signal } from '../../contract/inbox.contract.js';
import { closeAtEnd } from '../../support/closing.js';
import { amqpUrl } from '../../support/servers.js';
import { Payments } from './payments.js';
import { overRabbitMq, Stage, Step } from './stage.js';

describe('effects outside the transaction', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open();
    await stage.host();
    await stage.host();
  });
  const capture = () => new Step('capture');
  /** Handlers of `capture` wait from now on: `isIn` says that one does, `isTold` that it is to stop, `go` lets them go on. */
  const holdCaptures = () => {
    const [isIn, enter] = signal();
    const [isTold, tell] = signal();
    const [mayGo, go] = signal();
    stage.script.capture = async (_request, { abortSignal }) => {
      abortSignal.addEventListener('abort', () => tell());
      enter();
      await mayGo;
    };
    return { isIn, isTold, go };
  };
  const effectsOf = async (step: Step) =>
    (await stage.effects()).filter((line) => line.includes(step.sagaId)).map((line) => line.split(' ')[0]);

  it('happen without a transaction, and what they register is stored with the reply', async () => {
    const step = capture();
    const { isIn, go } = holdCaptures();
    const captured = stage.ask(step.action);
    await isIn;
    expect(await stage.rows(step.action.id)).toEqual(['action started']);
    const { rows } = await stage.pool.query(
      `select 1 from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`,
    );
    expect(rows).toEqual([]);
    go();
    expect(await captured).toBe(JSON.stringify({ paymentId: step.action.id }));
    expect([await stage.rows(step.action.id), await effectsOf(step)]).toEqual([['action success'], ['capture']]);
    expect(await stage.ask(step.action)).toBe(JSON.stringify({ paymentId: step.action.id }));
    expect(await effectsOf(step)).toEqual(['capture']);
    delete stage.script.capture;
  });

  it('run side by side', async () => {
    const both = [capture(), capture()];
    const [areIn, bothIn] = signal();
    let inside = 0;
    stage.script.capture = async () => {
      if (++inside === 2) bothIn();
      await areIn;
    };
    await stage.send(...both.map((step) => step.action));
    await Promise.all(both.map((step) => stage.answer(step.action)));
    delete stage.script.capture;
  });

  it('that fail stay started, and are tried again with the same key', async () => {
    const step = capture();
    const keys: string[] = [];
    stage.script.capture = async (_, { commandId }) => {
      keys.push(commandId);
      if (keys.length === 1) throw new Error('no answer from the gateway');
    };
    expect(await stage.ask(step.action)).toBe('error handler-failed');
    expect(await stage.rows(step.action.id)).toEqual(['action started']);
    expect(await stage.ask(step.fence)).toBe('error outcome-unknown');
    expect(await stage.ask({ ...step.action, attempt: 2 })).toBe(JSON.stringify({ paymentId: step.action.id }));
    expect(keys).toEqual([step.action.id, step.action.id]);
    delete stage.script.capture;
  });

  it('[B13] that may have happened are undone, and then never happen again', async () => {
    const step = capture();
    const undone: (string | undefined)[] = [];
    stage.script.capture = async () => Promise.reject(new Error('no answer from the gateway'));
    stage.script.giveBack = async (_, { actionId }) => void undone.push(actionId);
    await stage.ask(step.action);
    delete stage.script.capture;
    expect(await stage.ask(step.undo())).toBe('null');
    expect(undone).toEqual([step.action.id]);
    expect(await stage.rows(step.action.id)).toEqual(['action tombstone', 'compensation success']);
    expect(await stage.ask(step.action)).toBe('rejected undone');
    expect(await effectsOf(step)).toEqual(['giveBack']);
    delete stage.script.giveBack;
  });

  it('[B16] an undoing that fails is tried again, although the action has become impossible', async () => {
    const step = capture();
    let tries = 0;
    stage.script.giveBack = async () => {
      if (++tries === 1) throw new Error('no answer from the gateway');
    };
    await stage.ask(step.action);
    expect(await stage.ask(step.undo('success'))).toBe('error handler-failed');
    expect(await stage.ask({ ...step.undo('success'), attempt: 2 })).toBe('null');
    expect([tries, await effectsOf(step)]).toEqual([2, ['capture', 'giveBack']]);
    delete stage.script.giveBack;
  });

  it('that were rejected are stored as that', async () => {
    const step = capture();
    stage.script.capture = async () => Promise.reject(Payments.capture.rejection('card-declined'));
    expect(await stage.ask(step.action)).toBe('rejected card-declined');
    delete stage.script.capture;
    expect(await stage.ask(step.action)).toBe('rejected card-declined');
    expect([await stage.rows(step.action.id), await effectsOf(step)]).toEqual([['action rejected'], []]);
  });

  it('whose writes fail are errors, and may have happened', async () => {
    const step = capture();
    stage.script.capture = async (_, { store }) => store(async (tx) => void (await tx.query('select 1 / 0')));
    expect(await stage.ask(step.action)).toBe('error handler-failed');
    expect([await stage.rows(step.action.id), await effectsOf(step)]).toEqual([['action started'], []]);
    delete stage.script.capture;
  });

  it('[B14] a compensation waits until the action, elsewhere, has ended', async () => {
    const step = capture();
    const elsewhere = pgInbox(stage.pool);
    const [isHeld, held] = signal();
    const [mayGo, go] = signal();
    const holding = elsewhere.exclusively(step.action.id, 1_000, async () => {
      held();
      await mayGo;
    });
    await isHeld;
    expect(await stage.ask(step.undo())).toBe('error locked');
    expect(await stage.rows(step.action.id)).toEqual([]);
    go();
    await holding;
    expect(await stage.ask({ ...step.undo(), attempt: 2 })).toBe('null');
  });

  it('whose lock went are answered by whoever has it now, and by nobody else', async () => {
    const step = capture();
    const { isIn, isTold, go } = holdCaptures();
    const first = stage.ask(step.action);
    await isIn;
    await stage.pool.query(
      `select pg_terminate_backend(pid) from pg_locks join pg_database d on d.oid = database
       where locktype = 'advisory' and d.datname = current_database()`,
    );
    const [isHeld, held] = signal();
    const [mayEnd, end] = signal();
    const elsewhere = pgInbox(stage.pool).exclusively(step.action.id, 10_000, async () => {
      held();
      await mayEnd;
    });
    await isHeld;
    // The connection's end may be heard of after the lock was given to somebody else.
    await isTold;
    go();
    const answered = await first;
    const found = [await stage.rows(step.action.id), await effectsOf(step)];
    end();
    await elsewhere;
    expect(answered).toBe('error locked');
    expect(found).toEqual([['action started'], []]);
    expect(await stage.ask({ ...step.action, attempt: 2 })).toBe(JSON.stringify({ paymentId: step.action.id }));
    expect([await stage.rows(step.action.id), await effectsOf(step)]).toEqual([['action success'], ['capture']]);
    delete stage.script.capture;
  });

  it('a compensation within a transaction takes the lock of an action that was started', async () => {
    const step = new Step('charge');
    const elsewhere = pgInbox(stage.pool);
    await elsewhere.transact(async (session) => {
      const row = { actionId: step.action.id, direction: 'action', commandId: step.action.id, requestHash: '' } as const;
      await session.claim([row]);
      await session.store([{ ...row, state: 'started', reply: null }]);
    });
    const [isHeld, held] = signal();
    const [mayGo, go] = signal();
    const holding = elsewhere.exclusively(step.action.id, 1_000, async () => {
      held();
      await mayGo;
    });
    await isHeld;
    expect(await stage.ask(step.undo())).toBe('error locked');
    go();
    await holding;
    expect(await stage.ask({ ...step.undo(), attempt: 2 })).toBe('null');
    expect([await stage.rows(step.action.id), await effectsOf(step)]).toEqual([['action tombstone', 'compensation success'], ['refund']]);
  });
});

describe('a process that is killed in the middle of an effect outside', () => {
  it('[B2] leaves it started; the next one runs it again with the same key', async () => {
    const wiring = overRabbitMq();
    const stage = await Stage.open(wiring);
    await stage.pool.query('create table gateway (key text not null)');
    const file = fileURLToPath(new URL('outside-child.mjs', import.meta.url));
    const child = spawn(process.execPath, [file, stage.url, amqpUrl(), wiring.namespace], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, BACKSTEP_LOG_LEVEL: 'silent' },
    });
    closeAtEnd(async () => void child.kill('SIGKILL'));
    const step = new Step('capture');
    const lines = createInterface({ input: child.stdout });
    const called = once(lines, 'line');
    await stage.transport.declare({
      exchanges: [{ name: stage.names.commandExchange, kind: 'direct' }],
      queues: [{ name: stage.names.commands('payments'), deliveryLimit: 20 }],
      bindings: [{ exchange: stage.names.commandExchange, routingKey: 'payments', queue: stage.names.commands('payments') }],
    });
    await stage.send(step.action);
    expect(await called).toEqual(['called']);
    expect(await stage.rows(step.action.id)).toEqual(['action started']);
    child.kill('SIGKILL');
    await once(child, 'exit');
    stage.script.capture = async (_, { commandId }) => void (await stage.pool.query('insert into gateway values ($1)', [commandId]));
    await stage.host();
    expect(await stage.answer(step.action)).toBe(JSON.stringify({ paymentId: step.action.id }));
    const { rows } = await stage.pool.query<{ key: string }>('select key from gateway');
    expect(rows.map(({ key }) => key)).toEqual([step.action.id, step.action.id]);
    expect(await stage.ask(step.undo('success'))).toBe('null');
    expect((await stage.effects()).map((line) => line.split(' ')[0])).toEqual(['capture', 'giveBack']);
  }, 30_000);
});
