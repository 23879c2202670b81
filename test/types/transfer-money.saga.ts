import { command, contract, Saga, SagaDefinition, typed } from 'backstep';

export interface Transfer {
  from: { bank: string; account: string };
  to: { bank: string; account: string };
  cents: number;
}
export interface Entry {
  account: string;
  cents: number;
}
const bank = <const N extends string>(name: N) =>
  contract(name, {
    withdraw: command({
      request: typed<Entry>(),
      reply: typed<{ entry: string }>(),
      rejections: ['insufficient-funds', 'no-such-account'],
    }),
    putBack: command({ request: typed<{ account: string; cents: number }>() }),
    deposit: command({
      request: typed<Entry>(),
      reply: typed<{ entry: string }>(),
      rejections: ['no-such-account', 'account-closed'],
    }),
  });
export const NorthBank = bank('north-bank');
export const SouthBank = bank('south-bank');

@Saga({ name: 'transfer-money', version: 1, deadline: '1h' })
export class TransferMoney extends SagaDefinition<Transfer> {
  withdraw = this.step(NorthBank.withdraw, {
    request: ({ input }) => ({ account: input.from.account, cents: input.cents }),
    compensate: { command: NorthBank.putBack, request: ({ own }) => own.request },
  });
  deposit = this.pivot(SouthBank.deposit, { request: ({ input }) => ({ account: input.to.account, cents: input.cents }) });
}
