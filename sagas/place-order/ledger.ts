import type { EntityManager } from 'typeorm';

/**
 * Every participant keeps a ledger in its own database: rows are added in the transaction of the effect and never changed. What goes
 * out is negative, what comes in positive, so what was undone adds up to nothing. There is no constraint against doubles on purpose:
 * the proof has to be able to see them.
 */
export interface LedgerRow {
  readonly seq: number;
  /** Milliseconds since 1970, by the database's clock. */
  readonly at: number;
  readonly orderId: string;
  /** The command that wrote it. */
  readonly commandId: string;
  readonly entry: string;
  /** What it is about: an article, a slot, a receipt. */
  readonly item: string;
  readonly amount: number;
}

/** What a handler writes; time and number are the database's. */
export interface Entry {
  readonly item: string;
  readonly amount: number;
}

/** Makes the ledger's table where there is none. */
export async function createLedger(tx: EntityManager, table: string): Promise<void> {
  await tx.query(
    `create table if not exists ${table} (
       seq bigserial primary key,
       at timestamptz not null default clock_timestamp(),
       order_id text not null,
       command_id text not null,
       entry text not null,
       item text not null,
       amount integer not null)`,
  );
  await tx.query(`create index if not exists ${table}_command_id on ${table} (command_id)`);
}

/** Adds rows of one command. */
export async function write(
  tx: EntityManager,
  table: string,
  { orderId, commandId, entry, rows }: { orderId: string; commandId: string; entry: string; rows: readonly Entry[] },
): Promise<void> {
  await tx.query(
    `insert into ${table} (order_id, command_id, entry, item, amount)
     select $1, $2, $3, row.item, row.amount from unnest($4::text[], $5::int[]) as row (item, amount)`,
    [orderId, commandId, entry, rows.map(({ item }) => item), rows.map(({ amount }) => amount)],
  );
}

/** Adds the opposite of what an action wrote, and gives it. An action that wrote nothing leaves nothing to reverse. */
export async function reverse(
  tx: EntityManager,
  table: string,
  { actionId, commandId, entry }: { actionId: string | undefined; commandId: string; entry: string },
): Promise<readonly Entry[]> {
  return tx.query<Entry[]>(
    `insert into ${table} (order_id, command_id, entry, item, amount)
     select order_id, $2, $3, item, -amount from ${table} where command_id = $1 order by seq
     returning item, amount`,
    [actionId ?? '', commandId, entry],
  );
}

/** Asks a participant's own database. */
export type Ask = (participant: string, sql: string) => Promise<readonly Record<string, unknown>[]>;

/** Reads a whole ledger, in the order in which it was written. */
export async function readLedger(ask: Ask, participant: string, table: string): Promise<readonly LedgerRow[]> {
  const rows = await ask(
    participant,
    `select seq::int, (extract(epoch from at) * 1000)::float8 as at, order_id, command_id, entry, item, amount from ${table} order by seq`,
  );
  return rows.map((row) => ({
    seq: Number(row['seq']),
    at: Number(row['at']),
    orderId: String(row['order_id']),
    commandId: String(row['command_id']),
    entry: String(row['entry']),
    item: String(row['item']),
    amount: Number(row['amount']),
  }));
}
