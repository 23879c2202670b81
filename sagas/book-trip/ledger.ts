import type { EntityManager } from 'typeorm';
import type { Offer } from './offers.js';

/** A row of a participant's ledger: what goes out is negative, what comes back positive. */
export interface LedgerRow {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly tripId: string;
  readonly entry: string;
  readonly item: string;
  readonly amount: number;
}

/** Makes a ledger where there is none. */
export async function createLedger(tx: EntityManager, ledger: string): Promise<void> {
  await tx.query(
    `create table if not exists ${ledger} (
       seq bigserial primary key, at timestamptz not null default clock_timestamp(),
       trip_id text not null, command_id text not null, entry text not null, item text not null, amount integer not null)`,
  );
}

/** Adds a row. */
export async function write(
  tx: EntityManager,
  ledger: string,
  row: { tripId: string; commandId: string; entry: string; item: string; amount: number },
): Promise<void> {
  await tx.query(`insert into ${ledger} (trip_id, command_id, entry, item, amount) values ($1, $2, $3, $4, $5)`, [
    row.tripId,
    row.commandId,
    row.entry,
    row.item,
    row.amount,
  ]);
}

/** Adds the opposite of what an action wrote, and gives the items. */
export async function reverse(
  tx: EntityManager,
  ledger: string,
  { actionId, commandId, entry }: { actionId: string | undefined; commandId: string; entry: string },
): Promise<readonly { item: string; amount: number }[]> {
  return tx.query<{ item: string; amount: number }[]>(
    `insert into ${ledger} (trip_id, command_id, entry, item, amount)
     select trip_id, $2, $3, item, -amount from ${ledger} where command_id = $1 returning item, amount`,
    [actionId ?? '', commandId, entry],
  );
}

/** Makes the table of what can be booked, where there is none. */
export async function createOffers(tx: EntityManager, table: string, offers: readonly Offer[]): Promise<void> {
  await tx.query(
    `create table if not exists ${table} (
       item text primary key, opening integer not null, places integer not null check (places >= 0), cents integer not null)`,
  );
  await tx.query(
    `insert into ${table} (item, opening, places, cents)
     select item, places, places, cents from unnest($1::text[], $2::int[], $3::int[]) as offer (item, places, cents) on conflict do nothing`,
    [offers.map(({ item }) => item), offers.map(({ places }) => places), offers.map(({ cents }) => cents)],
  );
}
