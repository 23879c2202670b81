import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Trip } from '../../sagas/book-trip/book-trip.saga.js';
import { prove, readEvidence, type Book } from '../../sagas/book-trip/proof.js';
import type { DemoStage } from '../../src/main/demo-stage.js';
import { dataOf, endsOf, openExample } from './stage.js';

jest.setTimeout(120_000);

const trips = dataOf<Trip>('book-trip/trips.ndjson');

describe('book-trip', () => {
  let stage: DemoStage;
  let ends: ReturnType<typeof endsOf>;
  let books: readonly Book[];
  beforeAll(async () => {
    // All at once they would pass the trip's six seconds on a slow machine by queueing alone.
    stage = await openExample('book-trip', { atATime: 20 });
    await stage.run('book-trip', trips, () => undefined);
    ends = endsOf(await stage.sagas());
    books = await readEvidence(stage.ask);
  });
  const entriesOf = (participant: string, { tripId }: Trip) =>
    books
      .find((book) => book.participant === participant)!
      .rows.filter((row) => row.tripId === tripId)
      .map(({ entry }) => entry);
  const isByHand = ({ to, nights }: Trip) => to === 'NAP' && nights > 10;

  it('books every trip as a whole or not at all', () => {
    expect(trips.length).toBeGreaterThanOrEqual(100);
    expect(
      prove(
        trips.map((trip) => ({ trip, status: ends.get(trip.tripId)?.status ?? 'unknown' })),
        books,
      ),
    ).toEqual([]);
    expect(new Set([...ends.values()].map(({ status }) => status))).toEqual(new Set(['completed', 'compensated']));
  });

  it('lets the deadline decide where a hotel answers by hand, and cancels its late booking', () => {
    const late = trips.filter((trip) => isByHand(trip) && !trip.car);
    expect(late).not.toEqual([]);
    for (const trip of late) {
      expect(ends.get(trip.tripId)?.why).toBe('deadline');
      expect(entriesOf('hotels', trip)).toEqual(['booked', 'cancelled']);
      expect(entriesOf('flights', trip)).toEqual(['booked', 'cancelled']);
    }
  });

  it('books a car and a policy only for those who want them', () => {
    const plain = trips.filter((trip) => !trip.car && !trip.insured && ends.get(trip.tripId)?.status === 'completed');
    expect(plain.length).toBeGreaterThan(5);
    for (const trip of plain) expect([...entriesOf('cars', trip), ...entriesOf('insurance', trip)]).toEqual([]);
  });

  it('cancels all bookings where the check finds the trip too expensive', () => {
    const dear = trips.filter(({ tripId }) => ends.get(tripId)?.why === 'affordable too-expensive');
    expect(dear).not.toEqual([]);
    for (const trip of dear) expect(entriesOf('billing', trip)).toEqual([]);
  });
});
