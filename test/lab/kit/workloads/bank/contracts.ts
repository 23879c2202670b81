import { command, contract, typed } from 'backstep';

/** Money on one account, in cents. */
export interface Money {
  account: string;
  cents: number;
}

/** Where money comes from. Takes several commands in one message, as every second participant here, so that both ways are tried. */
export const West = contract(
  'bank-west',
  {
    reserve: command({ request: typed<Money>(), rejections: ['insufficient-funds', 'account-closed'] }),
    release: command({ request: typed<Money>() }),
    debit: command({ request: typed<Money>() }),
    giveBack: command({ request: typed<Money>() }),
  },
  { batch: 20 },
);

/** Where it goes. */
export const East = contract('bank-east', {
  credit: command({ request: typed<Money>(), rejections: ['account-closed'] }),
  takeBack: command({ request: typed<Money>() }),
});

/** Tells the customer; not to everybody. */
export const Letters = contract('bank-letters', {
  notify: command({ request: typed<{ account: string }>(), rejections: ['no-address'] }),
  apologize: command({ request: typed<{ account: string }>() }),
});
