import { beforeAll, describe, expect, it } from '@jest/globals';
import { declare, declareMany, Payments } from './payments.js';
import { inProcess, Stage, Step } from './stage.js';

const throwsWhenRead = () => ({
  get paymentId(): string {
    throw new Error('nobody may see it');
  },
});
const circular = () => {
  const reply: Record<string, unknown> = {};
  reply['self'] = reply;
  return reply;
};
/** What a handler does, and the beginning of what is answered. */
const UNRULY: readonly (readonly [what: string, handle: () => Promise<unknown>, answer: string])[] = [
  ['throws a text', () => Promise.reject('no' as never), 'error handler-failed'], // oxlint-disable-line typescript/prefer-promise-reject-errors
  ['rejects with undefined', () => Promise.reject(undefined as never), 'error handler-failed'], // oxlint-disable-line typescript/prefer-promise-reject-errors
  ['throws an object without a prototype', () => Promise.reject(Object.create(null) as never), 'error handler-failed'], // oxlint-disable-line typescript/prefer-promise-reject-errors
  ['throws before it is asynchronous', () => { throw new Error('at once'); }, 'error handler-failed'], // prettier-ignore
  ['throws 10 MiB of NUL', () => Promise.reject(new Error('\u0000'.repeat(10_485_760))), 'error handler-failed'],
  ['rejects with details that throw', () => Promise.reject(Payments.charge.rejection('card-declined', { details: throwsWhenRead() })), 'rejected card-declined'],
  ['replies with what throws when it is read', () => Promise.resolve(throwsWhenRead()), 'error reply-invalid'],
  ['replies with itself', () => Promise.resolve(circular()), 'error reply-invalid'],
  ['replies with a bigint', () => Promise.resolve({ paymentId: 2n ** 64n }), 'error reply-invalid'],
  ['replies with NaN', () => Promise.resolve({ paymentId: NaN }), 'error reply-invalid'],
  ['replies with NUL', () => Promise.resolve({ paymentId: 'a\u0000b' }), 'error reply-invalid'],
  ['replies with more than fits', () => Promise.resolve({ paymentId: 'x'.repeat(300_000) }), 'error reply-invalid'],
]; // prettier-ignore

describe.each([
  ['a handler', declare],
  ['a handler of many commands', declareMany],
])('[B19 C9] %s that', (_kind, declaring) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(inProcess(), declaring);
    await stage.host();
  });

  it.each(UNRULY)('%s is answered for, and hurts none of its neighbours', async (_, handle, answer) => {
    const [before, unruly, after] = ['a', 'unruly', 'b'].map((orderId) => new Step('charge', { orderId, amount: 1 }));
    let isMended = false;
    stage.script.charge = async ({ orderId }) => (orderId === 'unruly' && !isMended ? handle() : undefined);
    await stage.send(before!.action, unruly!.action, after!.action);
    const answers = await Promise.all([before, unruly, after].map((step) => stage.answer(step!.action)));
    expect(answers).toEqual([JSON.stringify({ paymentId: before!.action.id }), answer, JSON.stringify({ paymentId: after!.action.id })]);
    isMended = true;
    const again = await stage.ask(unruly!.action);
    const isError = answer.startsWith('error');
    // An error leaves nothing behind and is tried again; a rejection is stored for good.
    expect(again).toBe(isError ? JSON.stringify({ paymentId: unruly!.action.id }) : answer);
    const effects = (await stage.effects()).filter((line) => line.includes(unruly!.sagaId));
    expect(effects).toHaveLength(isError ? 1 : 0);
  });
});

describe('[B19 C9] a handler with effects outside that', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open();
    await stage.host();
  });

  it.each(UNRULY)('%s is answered for', async (_, handle, answer) => {
    const step = new Step('capture');
    stage.script.capture = handle;
    expect(await stage.ask(step.action)).toBe(answer);
    stage.script.capture = async () => undefined;
    expect(await stage.ask(step.action)).toBe(answer.startsWith('error') ? JSON.stringify({ paymentId: step.action.id }) : answer);
  });
});
