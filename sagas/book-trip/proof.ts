import type { Trip } from './book-trip.saga.js';
import type { LedgerRow } from './ledger.js';

/** A trip and what the orchestrator says of its saga. */
export interface TripEnd {
  readonly trip: Trip;
  readonly status: string;
}
/** What one participant's own database says. */
export interface Book {
  readonly participant: string;
  readonly rows: readonly LedgerRow[];
  /** Where places can run out. */
  readonly offers: readonly { readonly item: string; readonly opening: number; readonly places: number }[];
}
/** Something that must not be; `-` where it is about no single trip. */
export interface Violation {
  readonly tripId: string;
  readonly text: string;
}
type Ask = (participant: string, sql: string) => Promise<readonly Record<string, unknown>[]>;

const TABLES: readonly { participant: string; ledger: string; offers?: string }[] = [
  { participant: 'flights', ledger: 'flight_ledger', offers: 'flight' },
  { participant: 'hotels', ledger: 'hotel_ledger' },
  { participant: 'cars', ledger: 'car_ledger', offers: 'car' },
  { participant: 'insurance', ledger: 'policy_ledger' },
  { participant: 'billing', ledger: 'invoice_ledger' },
];

/** Reads all books. Only meaningful when nothing is under way. */
export async function readEvidence(ask: Ask): Promise<readonly Book[]> {
  const books: Book[] = [];
  for (const { participant, ledger, offers } of TABLES) {
    const rows = await ask(
      participant,
      `select (extract(epoch from at) * 1000)::float8 as at, trip_id, entry, item, amount from ${ledger} order by seq`,
    );
    const places = offers ? await ask(participant, `select item, opening, places from ${offers} order by item`) : [];
    books.push({
      participant,
      rows: rows.map((row) => ({
        at: Number(row['at']),
        tripId: String(row['trip_id']),
        entry: String(row['entry']),
        item: String(row['item']),
        amount: Number(row['amount']),
      })),
      offers: places.map((row) => ({ item: String(row['item']), opening: Number(row['opening']), places: Number(row['places']) })),
    });
  }
  return books;
}

/** Compares the books with what the orchestrator says. An empty list: every trip is booked as a whole or not at all. */
export function prove(ends: readonly TripEnd[], books: readonly Book[]): readonly Violation[] {
  const trips = ends.flatMap(({ trip, status }) =>
    (status === 'completed'
      ? checkCompleted(trip, books)
      : status === 'compensated'
        ? checkCompensated(trip, books)
        : [`its saga is ${status}`]
    ).map((text) => ({ tripId: trip.tripId, text })),
  );
  return [...trips, ...books.flatMap(checkPlaces)];
}

function checkCompleted(trip: Trip, books: readonly Book[]): readonly string[] {
  const wanted: Record<string, readonly string[]> = {
    flights: ['booked'],
    hotels: ['booked'],
    cars: trip.car ? ['booked'] : [],
    insurance: trip.insured ? ['insured'] : [],
    billing: ['billed', 'sent'],
  };
  return books.flatMap(({ participant, rows }) => {
    const found = entriesOf(trip, rows);
    const expected = (wanted[participant] ?? []).join(', ');
    return found === expected ? [] : [`completed, but ${participant} says: ${found || 'nothing'} instead of ${expected || 'nothing'}`];
  });
}

function checkCompensated(trip: Trip, books: readonly Book[]): readonly string[] {
  const undone = ['', 'booked, cancelled', 'insured, dropped'];
  return books.flatMap(({ participant, rows }) => {
    const found = entriesOf(trip, rows);
    const left = rows.filter(({ tripId }) => tripId === trip.tripId).reduce((sum, { amount }) => sum + amount, 0);
    return undone.includes(found) && left === 0 ? [] : [`compensated, but ${participant} says: ${found}`];
  });
}

function checkPlaces({ participant, rows, offers }: Book): readonly Violation[] {
  return offers.flatMap(({ item, opening, places }) => {
    const expected = rows.filter((row) => row.item === item).reduce((sum, { amount }) => sum + amount, opening);
    return places === expected && places >= 0
      ? []
      : [{ tripId: '-', text: `${participant}: ${places} places of ${item}, but the ledger adds up to ${expected}` }];
  });
}

function entriesOf({ tripId }: Trip, rows: readonly LedgerRow[]): string {
  return rows
    .filter((row) => row.tripId === tripId)
    .map(({ entry }) => entry)
    .join(', ');
}
