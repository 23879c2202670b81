import type { EntityManager } from 'typeorm';
import type { Account } from './accounts.js';
import type { Posting } from './contracts.js';

/** A bank's tables. One bank never sees the other's. */
export interface Books {
  readonly accounts: string;
  readonly ledger: string;
}
export const NORTH: Books = { accounts: 'north_account', ledger: 'north_ledger' };
export const SOUTH: Books = { accounts: 'south_account', ledger: 'south_ledger' };

/** Makes a bank's tables and opens its accounts, where that has not been done. */
export async function openBank(tx: EntityManager, { accounts, ledger }: Books, customers: readonly Account[]): Promise<void> {
  await tx.query(
    `create table if not exists ${accounts} (
       account text primary key, owner text not null, opening bigint not null,
       balance bigint not null check (balance >= 0), closed boolean not null)`,
  );
  await tx.query(
    `create table if not exists ${ledger} (
       seq bigserial primary key, at timestamptz not null default clock_timestamp(),
       transfer_id text not null, command_id text not null, entry text not null, account text not null, cents bigint not null)`,
  );
  await tx.query(
    `insert into ${accounts} (account, owner, opening, balance, closed)
     select account, owner, cents, cents, closed from unnest($1::text[], $2::text[], $3::bigint[], $4::boolean[])
       as customer (account, owner, cents, closed) on conflict do nothing`,
    [
      customers.map(({ account }) => account),
      customers.map(({ owner }) => owner),
      customers.map(({ cents }) => cents),
      customers.map(({ isClosed }) => isClosed),
    ],
  );
}

/** An account with its row locked, or `undefined`. */
export async function lockAccount(
  tx: EntityManager,
  { accounts }: Books,
  account: string,
): Promise<{ balance: number; closed: boolean } | undefined> {
  const [row] = await tx.query<{ balance: string; closed: boolean }[]>(
    `select balance, closed from ${accounts} where account = $1 for update`,
    [account],
  );
  return row && { balance: Number(row.balance), closed: row.closed };
}

/** Moves money on one account (negative: out of it) and writes it down. */
export async function post(
  tx: EntityManager,
  { accounts, ledger }: Books,
  { transferId, account, cents }: Posting,
  { commandId, entry }: { commandId: string; entry: 'withdrawn' | 'put-back' | 'deposited' },
): Promise<void> {
  await tx.query(`update ${accounts} set balance = balance + $2 where account = $1`, [account, cents]);
  await tx.query(`insert into ${ledger} (transfer_id, command_id, entry, account, cents) values ($1, $2, $3, $4, $5)`, [
    transferId,
    commandId,
    entry,
    account,
    cents,
  ]);
}
