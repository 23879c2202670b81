import { NORTH, SOUTH } from './ledger.js';
import type { Transfer } from './transfer-money.saga.js';

/** A transfer and what the orchestrator says of its saga. */
export interface TransferEnd {
  readonly transfer: Transfer;
  readonly status: string;
}
/** A row of a bank's ledger. */
export interface PostingRow {
  readonly transferId: string;
  readonly entry: string;
  readonly account: string;
  readonly cents: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}
/** What the banks' own databases say. */
export interface Evidence {
  readonly accounts: readonly { readonly account: string; readonly opening: number; readonly balance: number }[];
  readonly north: readonly PostingRow[];
  readonly south: readonly PostingRow[];
}
/** Something that must not be; `-` where it is about no single transfer. */
export interface Violation {
  readonly transferId: string;
  readonly text: string;
}
type Ask = (participant: string, sql: string) => Promise<readonly Record<string, unknown>[]>;

/** Reads both banks' books. Only meaningful when nothing is under way. */
export async function readEvidence(ask: Ask): Promise<Evidence> {
  const accountsOf = async (bank: string, table: string) =>
    (await ask(bank, `select account, opening, balance from ${table} order by account`)).map((row) => ({
      account: String(row['account']),
      opening: Number(row['opening']),
      balance: Number(row['balance']),
    }));
  return {
    accounts: [...(await accountsOf('north-bank', NORTH.accounts)), ...(await accountsOf('south-bank', SOUTH.accounts))],
    north: await readPostings(ask, 'north-bank', NORTH.ledger),
    south: await readPostings(ask, 'south-bank', SOUTH.ledger),
  };
}

/** Compares both banks' books with what the orchestrator says. An empty list: no money was lost or made. */
export function prove(ends: readonly TransferEnd[], { accounts, north, south }: Evidence): readonly Violation[] {
  const rows = [...north, ...south];
  const violations = ends.flatMap((end) =>
    checkTransfer(
      end,
      rows.filter(({ transferId }) => transferId === end.transfer.transferId),
    ).map((text) => ({ transferId: end.transfer.transferId, text })),
  );
  return [...violations, ...checkBalances(accounts, rows)];
}

function checkTransfer({ transfer, status }: TransferEnd, rows: readonly PostingRow[]): readonly string[] {
  const found = [...rows]
    .sort((a, b) => a.at - b.at)
    .map(({ entry, account, cents }) => `${entry} ${account} ${cents}`)
    .join(', ');
  const withdrawn = `withdrawn ${transfer.from} ${-transfer.cents}`;
  const allowed: Record<string, readonly string[]> = {
    completed: [`${withdrawn}, deposited ${transfer.to} ${transfer.cents}`],
    compensated: ['', `${withdrawn}, put-back ${transfer.from} ${transfer.cents}`],
  };
  const texts = allowed[status];
  if (!texts) return [`its saga is ${status}`];
  return texts.includes(found) ? [] : [`${status}, but the books say: ${found || 'nothing'}`];
}

function checkBalances(accounts: Evidence['accounts'], rows: readonly PostingRow[]): readonly Violation[] {
  const wrong = accounts.flatMap(({ account, opening, balance }) => {
    const expected = opening + sum(rows.filter((row) => row.account === account).map(({ cents }) => cents));
    return balance === expected && balance >= 0 ? [] : [`${account} has ${balance}, but its postings add up to ${expected}`];
  });
  const before = sum(accounts.map(({ opening }) => opening));
  const after = sum(accounts.map(({ balance }) => balance));
  const texts = before === after ? wrong : [...wrong, `there were ${before} cents, now there are ${after}`];
  return texts.map((text) => ({ transferId: '-', text }));
}

async function readPostings(ask: Ask, bank: string, table: string): Promise<readonly PostingRow[]> {
  const rows = await ask(
    bank,
    `select transfer_id, entry, account, cents, (extract(epoch from at) * 1000)::float8 as at from ${table} order by seq`,
  );
  return rows.map((row) => ({
    transferId: String(row['transfer_id']),
    entry: String(row['entry']),
    account: String(row['account']),
    cents: Number(row['cents']),
    at: Number(row['at']),
  }));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
