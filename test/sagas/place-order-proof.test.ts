import { describe, expect, it } from '@jest/globals';
import type { LedgerRow } from '../../sagas/place-order/ledger.js';
import type { Order } from '../../sagas/place-order/place-order.saga.js';
import { prove, type Evidence } from '../../sagas/place-order/proof.js';

/** A proof that cannot fail proves nothing: each of these is a ledger that lies. */
const order: Order = {
  orderId: 'o-1',
  customer: { name: 'Ada Reid', email: 'ada@post.example' },
  address: { street: '1 Mill Lane', postcode: 'LS6 2AB', city: 'Leeds' },
  lines: [{ sku: 'TEA', quantity: 2 }],
  bulky: true,
  card: 'visa-4242',
  totalCents: 40_000,
};

let at = 0;
const row = (entry: string, item: string, amount: number): LedgerRow => {
  at += 1;
  return { seq: at, at, orderId: 'o-1', commandId: `${entry}-${at}`, entry, item, amount };
};
const completed = (): Evidence => ({
  stock: [{ sku: 'TEA', opening: 10, onHand: 8 }],
  inventory: [row('reserved', 'TEA', -2)],
  freight: [row('booked', 'LS-7.5t', -1)],
  shipping: [row('booked', 'LS-round', -1), { ...row('dispatched', 'T-o-1', -1), at: at + 2 }],
  payments: [row('charged', 'R-o-1', 40_000)],
  mail: [{ ...row('mailed', 'T-o-1', -1), at: at + 3 }],
});
const compensated = (): Evidence => ({
  ...completed(),
  stock: [{ sku: 'TEA', opening: 10, onHand: 10 }],
  inventory: [row('reserved', 'TEA', -2), { ...row('released', 'TEA', 2), at: at + 10 }],
  freight: [row('booked', 'LS-7.5t', -1), { ...row('cancelled', 'LS-7.5t', 1), at: at + 10 }],
  shipping: [row('booked', 'LS-round', -1), { ...row('cancelled', 'LS-round', 1), at: at + 10 }],
  payments: [row('charged', 'R-o-1', 40_000), row('refunded', 'R-o-1', -40_000)],
  mail: [],
});
const textsOf = (status: string, evidence: Evidence) => prove([{ order, status }], evidence).map(({ text }) => text);
const without = (rows: readonly LedgerRow[], entry: string) => rows.filter((one) => one.entry !== entry);

describe('the proof of place-order', () => {
  it('finds nothing wrong with orders that are all or nothing', () => {
    expect(textsOf('completed', completed())).toEqual([]);
    expect(textsOf('compensated', compensated())).toEqual([]);
    const untouched = { ...compensated(), inventory: [], freight: [], shipping: [], payments: [] };
    expect(textsOf('compensated', untouched)).toEqual([]);
  });

  it.each(['inventory', 'payments', 'shipping', 'freight', 'mail'] as const)('misses an effect that %s should have had', (participant) => {
    expect(textsOf('completed', { ...completed(), [participant]: [] })).not.toEqual([]);
  });

  it.each([
    ['inventory', 'released'],
    ['payments', 'refunded'],
    ['shipping', 'cancelled'],
    ['freight', 'cancelled'],
  ] as const)('finds what %s did not undo', (participant, entry) => {
    const evidence = compensated();
    expect(textsOf('compensated', { ...evidence, [participant]: without(evidence[participant], entry) })).not.toEqual([]);
  });

  it.each(['inventory', 'payments', 'shipping', 'freight', 'mail'] as const)('finds what %s did twice', (participant) => {
    const evidence = completed();
    const [first] = evidence[participant];
    expect(textsOf('completed', { ...evidence, [participant]: [...evidence[participant], first!] }).join()).toContain('twice');
  });

  it('finds a parcel or a letter of an order that was undone', () => {
    const evidence = compensated();
    expect(textsOf('compensated', { ...evidence, shipping: [...evidence.shipping, row('dispatched', 'T-o-1', -1)] })).not.toEqual([]);
    expect(textsOf('compensated', { ...evidence, mail: [row('mailed', 'T-o-1', -1)] })).not.toEqual([]);
  });

  it('finds a wrong amount, a wrong article and a wrong order of steps', () => {
    const evidence = completed();
    expect(textsOf('completed', { ...evidence, payments: [row('charged', 'R-o-1', 39_999)] }).join()).toContain('39999 cents');
    expect(textsOf('completed', { ...evidence, inventory: [row('reserved', 'MUG', -2)] })).not.toEqual([]);
    const late = evidence.mail.map((one) => ({ ...one, at: 0 }));
    expect(textsOf('completed', { ...evidence, mail: late })).toEqual(['mailed before dispatched']);
  });

  it('finds money that went back after the stock', () => {
    const evidence = compensated();
    const payments = evidence.payments.map((one) => (one.entry === 'refunded' ? { ...one, at: one.at + 1_000 } : one));
    expect(textsOf('compensated', { ...evidence, payments })).toEqual([
      'released before refunded',
      'cancelled before refunded',
      'cancelled before refunded',
    ]);
  });

  it('finds stock that does not add up, and orders that nobody placed', () => {
    const evidence = completed();
    expect(textsOf('completed', { ...evidence, stock: [{ sku: 'TEA', opening: 10, onHand: 9 }] })).toEqual([
      'TEA: 9 on hand, but the ledger adds up to 8',
    ]);
    expect(prove([], evidence)).toEqual([{ orderId: 'o-1', text: 'is in a ledger, but nobody ordered it' }]);
  });

  it('does not take a saga that has not ended for an order', () => {
    expect(textsOf('stuck', completed())).toEqual(['its saga is stuck']);
    expect(textsOf('unknown', completed())).toEqual(['its saga is unknown']);
  });
});
