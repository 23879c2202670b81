import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { command, contract, SagaError, typed, type Schema } from 'backstep';
import { contractTermsOf, isRejectionOf, Rejection, termsOf } from '../../../src/saga/contract.js';
import { Inventory, Payments } from '../../types/contracts.js';

/** What JavaScript, or a cast, can write and the types do not allow. */
const declare = contract as unknown as (name: unknown, commands: unknown, options?: unknown) => unknown;
function faultsOf(declaring: () => unknown): readonly string[] {
  try {
    declaring();
  } catch (error: unknown) {
    if (error instanceof SagaError && error.code === 'SAGA_DEFINITION_INVALID') return error.faults;
    throw error;
  }
  return [];
}
const ping = command({ request: typed<{}>() });

describe('a contract', () => {
  it('names its commands as the wire does', () => {
    expect(Payments.charge.name).toBe('payments.charge');
    expect(termsOf(Payments.charge)).toMatchObject({
      participant: 'payments',
      command: 'charge',
      type: 'payments.charge',
      inbox: true,
      batch: 50,
      rejections: ['card-declined', 'limit-exceeded'],
    });
    expect([...contractTermsOf(Payments)!.commands.keys()]).toEqual(['charge', 'refund']);
  });

  it('keeps that a participant has no inbox', () => {
    expect(termsOf(contract('legacy', { ping }, { inbox: false }).ping)).toMatchObject({ inbox: false, batch: undefined });
  });

  it.each([
    [undefined, false],
    [false, false],
    [true, true],
  ])('keeps whether a command is idempotent: %s', (idempotent, kept) => {
    const shape = { request: typed<{}>(), rejections: ['no'] as const, ...(idempotent === undefined ? {} : { idempotent }) };
    for (const options of [{}, { inbox: false }]) {
      expect(termsOf(contract('p', { ask: command(shape), ping }, options).ask)).toMatchObject({ idempotent: kept, ...options });
      expect(termsOf(contract('p', { ask: command(shape), ping }, options).ping)).toMatchObject({ idempotent: false });
    }
  });

  it('makes rejections that carry code, message and details', () => {
    const rejection = Payments.charge.rejection('card-declined', { message: 'the bank said no', details: { bank: 'north' } });
    expect(rejection).toBeInstanceOf(Rejection);
    expect(rejection).toMatchObject({
      code: 'card-declined',
      message: 'the bank said no',
      details: { bank: 'north' },
      command: 'payments.charge',
    });
    expect(Payments.charge.rejection('card-declined').message).toBe('card-declined');
  });

  it('tells its own rejections from those of another command and from errors', () => {
    const terms = termsOf(Payments.charge)!;
    expect(isRejectionOf(terms, Payments.charge.rejection('card-declined'))).toBe(true);
    expect(isRejectionOf(terms, Inventory.reserve.rejection('out-of-stock'))).toBe(false);
    expect(isRejectionOf(terms, Object.assign(new Error(), { code: 'card-declined' }))).toBe(false);
    expect(isRejectionOf(terms, undefined)).toBe(false);
  });

  it('cannot be changed', () => {
    expect(() => Object.assign(Payments, { charge: undefined })).toThrow(TypeError);
    expect(() => Object.assign(Payments.charge, { name: 'x' })).toThrow(TypeError);
  });

  it('accepts a command called like a property of every object', () => {
    expect(contract('odd', { constructor: ping, toString: ping }).toString.name).toBe('odd.toString');
  });

  it.each([
    ['a participant name that the wire cannot carry', () => declare('pay.ments', { ping }), `'pay.ments' must be letters`],
    ['the name of the namespace', () => declare('backstep', { ping }), `'backstep' is taken`],
    ['no commands', () => declare('p', {}), 'it has no commands'],
    ['a command name with a dash', () => declare('p', { 'a-b': ping }), `command 'a-b': its name must be letters and digits`],
    ['something that is not a command', () => declare('p', { ping: {} }), `command 'ping': describe it with command(`],
    ['a missing request', () => declare('p', { ping: command({} as never) }), `command 'ping': 'request' must be a schema`],
    [
      'a reply that is no schema',
      () => declare('p', { ping: command({ request: typed<{}>(), reply: {} as never }) }),
      `command 'ping': 'reply' must be a schema`,
    ],
    [
      'a reserved code',
      () => contract('p', { ping: command({ request: typed<{}>(), rejections: ['undone'] }) }),
      `command 'ping': the rejection 'undone' is reserved`,
    ],
    [
      'a code twice',
      () => contract('p', { ping: command({ request: typed<{}>(), rejections: ['no', 'no'] }) }),
      `command 'ping': the rejection 'no' is declared twice`,
    ],
    [
      'a code that is not a word',
      () => contract('p', { ping: command({ request: typed<{}>(), rejections: ['not now'] }) }),
      `command 'ping': the rejection 'not now' must be letters`,
    ],
    [
      'a command that is idempotent in some other way',
      () => declare('p', { ping: command({ request: typed<{}>(), idempotent: 'yes' as never }) }),
      `command 'ping': 'idempotent' must be true or false`,
    ],
    ['a batch of nothing', () => declare('p', { ping }, { batch: 0 }), `option 'batch' must be a whole number from 1`],
    ['an inbox that is neither there nor not', () => declare('p', { ping }, { inbox: 'no' }), `option 'inbox' must be true or false`],
    ['an unknown option', () => declare('p', { ping }, { inBox: true }), `there is no option 'inBox'`],
  ])('refuses %s', (_what, declaring, fault) => {
    expect(faultsOf(declaring)).toEqual([expect.stringContaining(fault)]);
  });

  it('lists all of its faults at once', () => {
    expect(faultsOf(() => declare('1', { 'a-b': {}, ping: command({} as never) }))).toHaveLength(4);
  });
});

describe('the readers of a command', () => {
  const terms = (shape: Parameters<typeof command>[0]) =>
    termsOf((contract('p', { ask: command(shape as never) }) as { ask: unknown }).ask)!;

  it('check what was sent and give what the receiver reads', () => {
    const { readReply } = termsOf(Inventory.reserve)!;
    expect(readReply({ reservationId: 'r-1', more: 1 })).toEqual({ ok: true, value: { reservationId: 'r-1', warehouse: 'main' } });
  });

  it('say where a value is wrong', () => {
    const { readRequest } = terms({ request: z.object({ lines: z.array(z.object({ sku: z.string() })) }) });
    expect(readRequest({ lines: [{ sku: 1 }] })).toEqual({ ok: false, faults: [expect.stringMatching(/^lines\.0\.sku: /)] });
    expect(readRequest(1)).toEqual({ ok: false, faults: [expect.stringMatching(/^[^:]*: /)] });
  });

  it('check nothing of a contract of types alone', () => {
    expect(terms({ request: typed<{ a: number }>() }).readRequest('anything')).toEqual({ ok: true, value: 'anything' });
  });

  it('read nothing where no reply is declared', () => {
    expect(terms({ request: typed<{}>() }).readReply({ some: 'thing' })).toEqual({ ok: true, value: undefined });
  });

  const schema = (validate: (value: unknown) => unknown): Schema => ({ '~standard': { version: 1, vendor: 'test', validate } });
  it('refuse an asynchronous schema by name, and leave no rejection behind', () => {
    const { readRequest } = terms({ request: schema(() => Promise.reject(new Error('unseen'))) });
    expect(readRequest({})).toEqual({
      ok: false,
      faults: [`the schema of p.ask's request is asynchronous; asynchronous schemas are not supported`],
    });
  });

  it('take a schema that throws for a refusal', () => {
    const { readRequest } = terms({
      request: schema(() => {
        throw new Error('boom');
      }),
    });
    expect(readRequest({})).toEqual({ ok: false, faults: [`the schema of p.ask's request throws: boom`] });
  });

  it('understand both forms of a path', () => {
    const issues = [{ message: 'no', path: [{ key: 'a' }, 0, Symbol.for('s')] }, { message: 'never' }];
    const { readRequest } = terms({ request: schema(() => ({ issues })) });
    expect(readRequest({})).toEqual({ ok: false, faults: ['a.0.Symbol(s): no', 'never'] });
  });
});

describe('a contract made by code', () => {
  it('has its faults listed, whatever was written', () => {
    expect(faultsOf(() => declare('p', { ping: command({ request: typed<{}>(), rejections: { no: 1 } as never }) }))).toEqual([
      "command 'ping': 'rejections' must be a list of codes",
    ]);
    expect(faultsOf(() => declare(Symbol('p'), { ping: null }, null))).toEqual([
      expect.stringContaining("the participant's name 'Symbol(p)' must be"),
      'the third argument is null; it must be an object',
      "command 'ping': describe it with command({ request, … })",
    ]);
    expect(faultsOf(() => declare('x'.repeat(300_000), { ping }))[0]!.length).toBeLessThan(300);
  });
});
