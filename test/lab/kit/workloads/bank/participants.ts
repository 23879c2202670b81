import { participant } from 'backstep/participant';
import type { EntityManager } from 'typeorm';
import { prepareLedger, record, type Tx } from '../effects.js';
import { East, Letters, West, type Money } from './contracts.js';
import { EAST_ACCOUNTS, WEST_ACCOUNTS, type Opening } from './inputs.js';

/**
 * Every handler moves money between `balance`, `held` and `transit` of one account, so that each transaction leaves their sum as it was.
 * `transit` is what a bank owes the other one: positive where money has left, negative where it came in. There is no constraint against
 * amounts below zero on purpose: the checker has to be able to see them.
 */
async function openAccounts(tx: EntityManager, accounts: readonly Opening[]): Promise<void> {
  await prepareLedger(tx);
  await tx.query(
    `create table if not exists account (account text primary key, balance bigint not null, held bigint not null default 0,
       transit bigint not null default 0, closed boolean not null) with (fillfactor = 50)`,
  );
  await tx.query(
    `insert into account (account, balance, closed) select * from unnest($1::text[], $2::bigint[], $3::boolean[]) on conflict do nothing`,
    [accounts.map(({ account }) => account), accounts.map(({ cents }) => cents), accounts.map(({ closed }) => closed)],
  );
}

type Pot = 'balance' | 'held' | 'transit';
async function move(context: Tx, { account, cents }: Money, from: Pot, to: Pot): Promise<void> {
  await context.tx.query(`update account set ${from} = ${from} - $2, ${to} = ${to} + $2 where account = $1`, [account, cents]);
  await record(context.tx, context, { account, amount: to === 'balance' ? cents : from === 'balance' ? -cents : 0 });
}

async function lock({ tx }: Tx, account: string): Promise<{ balance: number; closed: boolean }> {
  const [row] = await tx.query<{ balance: string; closed: boolean }[]>(
    `select balance, closed from account where account = $1 for update`,
    [account],
  );
  if (!row) throw new Error(`there is no account ${account}`);
  return { balance: Number(row.balance), closed: row.closed };
}

export const west = participant(
  West,
  {
    reserve: async (money, context: Tx) => {
      const { balance, closed } = await lock(context, money.account);
      if (closed) throw West.reserve.rejection('account-closed');
      if (balance < money.cents) throw West.reserve.rejection('insufficient-funds', { details: { balance } });
      await move(context, money, 'balance', 'held');
    },
    release: async (money, context: Tx) => move(context, money, 'held', 'balance'),
    debit: async (money, context: Tx) => move(context, money, 'held', 'transit'),
    giveBack: async (money, context: Tx) => move(context, money, 'transit', 'held'),
  },
  { prepare: (tx: EntityManager) => openAccounts(tx, WEST_ACCOUNTS) },
);

export const east = participant(
  East,
  {
    credit: async (money, context: Tx) => {
      if ((await lock(context, money.account)).closed) throw East.credit.rejection('account-closed');
      await move(context, money, 'transit', 'balance');
    },
    takeBack: async (money, context: Tx) => move(context, money, 'balance', 'transit'),
  },
  { prepare: (tx: EntityManager) => openAccounts(tx, EAST_ACCOUNTS) },
);

export const letters = participant(
  Letters,
  {
    notify: async ({ account }, context: Tx) => {
      if (account === 'nowhere') throw Letters.notify.rejection('no-address');
      await record(context.tx, context);
    },
    apologize: async (_request, context: Tx) => record(context.tx, context),
  },
  { prepare: prepareLedger },
);
