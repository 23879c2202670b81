import { beforeAll, describe, expect, it } from '@jest/globals';
import { encodeCommand } from '../../../src/core/codec-commands.js';
import { Chance } from '../../lab/kit/chance.js';
import { signal } from '../../contract/inbox.contract.js';
import { declare, declareMany, Payments } from './payments.js';
import { inProcess, overRabbitMq, Stage, Step } from './stage.js';

const DAY = 86_400_000;
const inOrder = (one: string, other: string) => one.localeCompare(other);

describe.each([
  ['in the process', inProcess, declare],
  ['in the process, many commands with one call', inProcess, declareMany],
  ['over RabbitMQ', overRabbitMq, declare],
  ['over RabbitMQ, many commands with one call', overRabbitMq, declareMany],
])('two hosts on one queue, %s', (_, wiring, declaring) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(wiring(), declaring);
    await stage.host();
    await stage.host();
  }, 30_000);

  const effectsOf = async (step: Step) =>
    (await stage.effects()).filter((line) => line.includes(step.sagaId)).map((line) => line.split(' ')[0]);

  it('[B3] a command that comes again gets its stored reply', async () => {
    const step = new Step();
    const reply = JSON.stringify({ paymentId: step.action.id });
    expect(await stage.ask(step.action)).toBe(reply);
    expect(await stage.ask({ ...step.action, attempt: 2 })).toBe(reply);
    expect(stage.replies.at(-1)).toMatchObject({ attempt: 2 });
    expect(await effectsOf(step)).toEqual(['charge']);
  });

  it('[C11] copies that come together have one effect', async () => {
    const step = new Step();
    await stage.send(...Array.from({ length: 20 }, () => step.action));
    expect(await stage.answer(step.action, 20)).toBe(JSON.stringify({ paymentId: step.action.id }));
    expect(await effectsOf(step)).toEqual(['charge']);
  });

  it('[C13] the answer goes to the reply queue of the namespace, whatever the command asks for', async () => {
    const step = new Step();
    const out = encodeCommand(step.action, stage.names, { appId: 'test', now: Date.now() });
    const headers = { ...out.message.headers, 'reply-to': stage.names.starts, 'x-death': 'often' };
    await stage.transport.publish([{ ...out, message: { ...out.message, replyTo: stage.names.deadLetters, headers } }]);
    expect(await stage.answer(step.action)).toBe(JSON.stringify({ paymentId: step.action.id }));
    expect(stage.deadLetters).toEqual([]);
  });

  it('a success is undone once', async () => {
    const step = new Step();
    await stage.ask(step.action);
    expect(await stage.ask(step.undo('success'))).toBe('null');
    expect(await stage.ask(step.undo('success'))).toBe('null');
    expect(await effectsOf(step)).toEqual(['charge', 'refund']);
  });

  it('[B12 B13] a compensation that overtakes its action makes it impossible', async () => {
    const step = new Step();
    expect(await stage.ask(step.undo())).toBe('null');
    expect(await stage.ask(step.action)).toBe('rejected undone');
    expect(await effectsOf(step)).toEqual([]);
    expect(await stage.rows(step.action.id)).toEqual(['action tombstone', 'compensation success']);
  });

  it('[B14] a compensation waits for an action whose transaction is open, and undoes it', async () => {
    const step = new Step('charge', { orderId: 'held', amount: 1 });
    const [isIn, enter] = signal();
    const [mayGo, go] = signal();
    stage.script.charge = async (request) => {
      if (request.orderId !== 'held') return undefined;
      enter();
      await mayGo;
      return undefined;
    };
    const charged = stage.ask(step.action);
    await isIn;
    const undone = stage.ask(step.undo());
    go();
    expect([await charged, await undone]).toEqual([JSON.stringify({ paymentId: step.action.id }), 'null']);
    expect(await effectsOf(step)).toEqual(['charge', 'refund']);
    delete stage.script.charge;
  });

  it('[B15 C11] a hundred actions and their compensations in any order, with copies: nothing is left half done', async () => {
    const chance = new Chance(15);
    const steps = Array.from({ length: 100 }, () => new Step());
    // Each host has some, and copies go to either.
    const commands = chance.shuffled(steps.flatMap((step) => [step.action, step.undo(), step.action, step.undo()]));
    for (let from = 0; from < commands.length; from += 40) await stage.send(...commands.slice(from, from + 40));
    for (const step of steps) await Promise.all([stage.answer(step.action, 2), stage.answer(step.undo(), 2)]);
    const effects = await Promise.all(steps.map(async (step) => (await effectsOf(step)).join(' ')));
    expect(new Set(effects)).toEqual(new Set(['', 'charge refund']));
  });

  it('a stored rejection is answered again and leaves nothing to undo', async () => {
    const step = new Step();
    let asked = 0;
    stage.script.charge = async () => {
      asked++;
      throw Payments.charge.rejection('card-declined', { message: 'no' });
    };
    expect(await stage.ask(step.action)).toBe('rejected card-declined');
    expect(await stage.ask(step.action)).toBe('rejected card-declined');
    expect(asked).toBe(1);
    expect(await stage.ask(step.undo())).toBe('null');
    expect(await effectsOf(step)).toEqual([]);
    delete stage.script.charge;
  });

  it('an error leaves no row, and the next try runs', async () => {
    const step = new Step();
    stage.script.charge = async () => Promise.reject(new Error('the bank is closed'));
    expect(await stage.ask(step.action)).toBe('error handler-failed');
    expect(stage.replies.at(-1)?.message).toBe('the bank is closed');
    expect(await stage.rows(step.action.id)).toEqual([]);
    delete stage.script.charge;
    expect(await stage.ask({ ...step.action, attempt: 2 })).toBe(JSON.stringify({ paymentId: step.action.id }));
    expect(await effectsOf(step)).toEqual(['charge']);
  });

  it('a fence answers what became of the action, or makes it impossible', async () => {
    const [never, done, refused] = [new Step(), new Step(), new Step('charge', { orderId: 'refused', amount: 1 })];
    stage.script.charge = async (request) => {
      if (request.orderId === 'refused') throw Payments.charge.rejection('card-declined');
      return undefined;
    };
    await stage.ask(done!.action);
    await stage.ask(refused!.action);
    expect(await stage.ask(never!.fence)).toBe('rejected undone');
    expect(await stage.ask(done!.fence)).toBe(JSON.stringify({ paymentId: done!.action.id }));
    expect(await stage.ask(refused!.fence)).toBe('rejected card-declined');
    expect(await stage.ask(never!.action)).toBe('rejected undone');
    delete stage.script.charge;
  });

  it('[C12] another request under a known id is refused', async () => {
    const step = new Step();
    await stage.ask(step.action);
    expect(await stage.ask({ ...step.action, body: JSON.stringify({ orderId: 'o-1', amount: 11 }) })).toBe('error id-reused');
    expect(await stage.ask({ ...step.action, body: JSON.stringify({ amount: 10, orderId: 'o-1' }) })).toBe(
      JSON.stringify({ paymentId: step.action.id }),
    );
  });

  it('what may have been forgotten is not done', async () => {
    const old = new Step('charge', undefined, Date.now() - 31 * DAY);
    expect(await stage.ask(old.action)).toBe('error beyond-horizon');
    expect(await stage.ask(old.undo())).toBe('error beyond-horizon');
    expect(await stage.ask(old.fence)).toBe('error beyond-horizon');
    expect(await stage.rows(old.action.id)).toEqual([]);
  });

  it('[B24] what is known to have succeeded is undone though its row was forgotten', async () => {
    const step = new Step();
    await stage.ask(step.action);
    await stage.age(step.action.id);
    expect(await stage.ask(step.undo('success'))).toBe('null');
    expect(await effectsOf(step)).toEqual(['charge', 'refund']);
    expect(await stage.ask(step.action)).toBe('rejected undone');
  });

  it('[C3 C4] what cannot be understood is put with the dead letters', async () => {
    const step = new Step();
    await stage.send({ ...step.action, type: 'payments.launder' }, { ...new Step().action, body: '{' });
    await stage.until(() => stage.deadLetters.length === 2);
    expect(stage.deadLetters.map(({ headers }) => String(headers['dead-letter-reason'])).toSorted(inOrder)).toEqual([
      'nothing here handles payments.launder',
      expect.stringContaining('not JSON'),
    ]);
  });
});
