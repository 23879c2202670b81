import { describe, expect, it } from '@jest/globals';
import type { Trip } from '../../sagas/book-trip/book-trip.saga.js';
import { prove as proveTrips, type Book } from '../../sagas/book-trip/proof.js';
import { prove as proveTransfers, type Evidence } from '../../sagas/transfer-money/proof.js';

describe('the proof of transfer-money', () => {
  const transfer = { transferId: 't-1', from: 'N-1', to: 'S-1', cents: 100 };
  const posting = (entry: string, account: string, cents: number, at: number) => ({ transferId: 't-1', entry, account, cents, at });
  const evidence: Evidence = {
    accounts: [
      { account: 'N-1', opening: 500, balance: 400 },
      { account: 'S-1', opening: 0, balance: 100 },
    ],
    north: [posting('withdrawn', 'N-1', -100, 1)],
    south: [posting('deposited', 'S-1', 100, 2)],
  };
  const textsOf = (status: string, change: Partial<Evidence> = {}) =>
    proveTransfers([{ transfer, status }], { ...evidence, ...change }).map(({ text }) => text);

  it('finds nothing wrong where the money arrived, or came back', () => {
    expect(textsOf('completed')).toEqual([]);
    const north = [...evidence.north, posting('put-back', 'N-1', 100, 3)];
    const accounts = evidence.accounts.map((account) => ({ ...account, balance: account.opening }));
    expect(textsOf('compensated', { north, south: [], accounts })).toEqual([]);
    expect(textsOf('compensated', { north: [], south: [], accounts })).toEqual([]);
  });

  it('finds money that was lost, doubled, or kept by an undone transfer', () => {
    expect(textsOf('completed', { south: [] })).toHaveLength(2);
    expect(textsOf('completed', { south: [...evidence.south, ...evidence.south] })).toHaveLength(2);
    expect(textsOf('compensated')).toHaveLength(1);
  });

  it('finds balances that do not add up', () => {
    const [north, south] = evidence.accounts;
    expect(textsOf('completed', { accounts: [north!, { ...south!, balance: 101 }] }).join()).toContain(
      'there were 500 cents, now there are 501',
    );
  });

  it('does not take a transfer that has not ended for one', () => {
    expect(textsOf('stuck')).toEqual(['its saga is stuck']);
  });
});

describe('the proof of book-trip', () => {
  const trip: Trip = {
    tripId: 'b-1',
    traveller: { name: 'Maeve Ryan', email: 'maeve@post.example', age: 30 },
    from: 'DUB',
    to: 'LIS',
    nights: 3,
    car: false,
    insured: true,
    budgetCents: 100_000,
  };
  const book = (participant: string, ...entries: [string, number][]): Book => ({
    participant,
    rows: entries.map(([entry, amount], at) => ({ at, tripId: 'b-1', entry, item: participant, amount })),
    offers: [],
  });
  const booked = [
    book('flights', ['booked', -1]),
    book('hotels', ['booked', -3]),
    book('cars'),
    book('insurance', ['insured', 500]),
    book('billing', ['billed', 9_000], ['sent', 0]),
  ];
  const undone = [
    book('flights', ['booked', -1], ['cancelled', 1]),
    book('hotels', ['booked', -3], ['cancelled', 3]),
    book('cars'),
    book('insurance'),
    book('billing'),
  ];
  const textsOf = (status: string, books: readonly Book[]) => proveTrips([{ trip, status }], books).map(({ text }) => text);

  it('finds nothing wrong with a trip that is whole, or not there', () => {
    expect(textsOf('completed', booked)).toEqual([]);
    expect(textsOf('compensated', undone)).toEqual([]);
  });

  it('finds what is missing, doubled or not wanted', () => {
    expect(textsOf('completed', undone)).not.toEqual([]);
    expect(textsOf('completed', [book('flights'), ...booked.slice(1)])).toHaveLength(1);
    expect(textsOf('completed', [book('flights', ['booked', -1], ['booked', -1]), ...booked.slice(1)])).toHaveLength(1);
    expect(textsOf('completed', [...booked.slice(0, 2), book('cars', ['booked', -1]), ...booked.slice(3)])).toHaveLength(1);
  });

  it('finds what was not undone, or not in full', () => {
    expect(textsOf('compensated', booked)).toHaveLength(4);
    expect(textsOf('compensated', [book('flights', ['booked', -2], ['cancelled', 1]), ...undone.slice(1)])).toHaveLength(1);
  });

  it('finds places that do not add up', () => {
    const flights = { ...booked[0]!, offers: [{ item: 'flights', opening: 5, places: 3 }] };
    expect(textsOf('completed', [flights, ...booked.slice(1)])).toEqual(['flights: 3 places of flights, but the ledger adds up to 4']);
  });
});
