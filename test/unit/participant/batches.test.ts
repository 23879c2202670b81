import { afterEach, describe, expect, it } from '@jest/globals';
import { turns } from '../../support/manual-clock.js';
import { commandOf } from './commands.js';
import { Payments, Stand } from './stand.js';

const charge = (step: string) => commandOf({ step });
const names = ['a', 'b', 'c', 'd', 'e', 'f'];

describe('several commands in one message', () => {
  let stand: Stand;
  afterEach(async () => {
    const stopped = stand.host.stop();
    await stand.clock.advance(20_000);
    await stopped;
  });
  const standing = async (...given: Parameters<Stand['start']>) => (stand = await new Stand().start(...given));
  const waiting = () => stand.broker.depth(stand.names.commands('payments'));
  const reasons = () => stand.deadLetters.map(({ headers }) => headers['dead-letter-reason']);

  it('are handled each, and answered in one message', async () => {
    await standing();
    await stand.sendTogether(names.map(charge));
    expect(stand.ran).toEqual(names.map((name) => `charge ${name}`));
    expect(stand.replies.map(({ commandId, outcome }) => `${commandId} ${outcome}`)).toEqual(
      names.map((name) => `${charge(name).id} success`),
    );
    expect(stand.together).toEqual([6]);
    expect(waiting()).toBe(0);
  });

  it('that come again are answered from the inbox', async () => {
    await standing();
    await stand.sendTogether(names.map(charge));
    await stand.sendTogether(names.map(charge));
    expect(stand.ran).toHaveLength(6);
    expect(stand.together).toEqual([6, 6]);
    expect(stand.replies.slice(6).map(({ body }) => body)).toEqual(stand.replies.slice(0, 6).map(({ body }) => body));
  });

  it('one at a time stay one message each', async () => {
    await standing();
    await stand.send(charge('a'), charge('b'));
    expect(stand.together).toEqual([1, 1]);
  });

  it('of which one says no and one fails have an answer each, and the others their effect', async () => {
    await standing();
    stand.charge = async ({ saga, commandId }) => {
      if (saga.step === 'b') throw Payments.charge.rejection('card-declined');
      if (saga.step === 'c') throw new Error('boom');
      return Promise.resolve({ paymentId: commandId });
    };
    await stand.sendTogether(['a', 'b', 'c', 'd'].map(charge));
    expect(stand.replies.map(({ outcome }) => outcome)).toEqual(['success', 'rejected', 'error', 'success']);
    expect(stand.ran).toEqual(['charge a', 'charge d']);
  });

  it('[C3 C5 B22] of which one cannot be understood or is not known are handled, and that one is put aside alone', async () => {
    await standing();
    const element = (type: string, id: string) => ({ properties: { message_id: id, correlation_id: id, type }, headers: {}, body: {} });
    await stand.sendTogether([charge('a'), charge('b')], 7, element('payments.charge', 'no id'), element('payments.steal', charge('x').id));
    expect(stand.ran).toEqual(['charge a', 'charge b']);
    expect(stand.together).toEqual([2]);
    expect(reasons()).toEqual([
      expect.stringContaining('"" is not'),
      expect.stringContaining('"no id" is not'),
      expect.stringContaining('missing'),
    ]);
    expect(waiting()).toBe(0);
  });

  it('[C3] that hold nothing that can be understood are put aside and come no more', async () => {
    await standing();
    const unknown = (step: string) => ({ ...charge(step), type: 'payments.steal' });
    await stand.sendTogether([unknown('a'), unknown('b')], 7);
    const unhandled = expect.stringContaining('nothing here handles payments.steal');
    expect(reasons()).toEqual([unhandled, unhandled, expect.stringContaining('"" is not')]);
    expect(waiting()).toBe(0);
    await stand.send(charge('c'));
    expect(stand.ran).toEqual(['charge c']);
  });

  it('are answered as they are done: a slow one holds up nobody, and the message is kept until it is done, too', async () => {
    await standing({ settings: { groupSize: 2, concurrency: 2 } });
    let finish: () => void = () => undefined;
    stand.charge = async ({ saga, commandId }) => {
      if (saga.step === 'c') await new Promise<void>((resolve) => (finish = resolve));
      return { paymentId: commandId };
    };
    await stand.sendTogether(['a', 'b', 'c', 'd'].map(charge));
    expect(stand.replies.map(({ ref }) => ref.step)).toEqual(['a', 'b']);
    // Whoever takes over before the rest is done has to do that rest, and answer all.
    stand.transport.cut();
    finish();
    await turns(40);
    stand.transport.restore();
    await stand.clock.advance(5_000);
    expect(stand.ran).toEqual(['a', 'b', 'c', 'd'].map((name) => `charge ${name}`));
    expect(new Set(stand.replies.map(({ ref }) => ref.step))).toEqual(new Set(['a', 'b', 'c', 'd']));
    expect(waiting()).toBe(0);
  });

  it('of the same action are handled one after the other', async () => {
    await standing();
    await stand.sendTogether([charge('a'), commandOf({ step: 'a', phase: 'c' }), charge('b')]);
    expect(stand.ran).toEqual(expect.arrayContaining(['charge a', 'refund a', 'charge b']));
    expect(stand.ran.indexOf('charge a')).toBeLessThan(stand.ran.indexOf('refund a'));
    expect(stand.replies.map(({ outcome }) => outcome)).toEqual(['success', 'success', 'success']);
  });
});
