import { Saga, SagaDefinition } from 'backstep';
import { z } from 'zod';
import { NorthBank, SouthBank } from './contracts.js';

/** From an account at the north bank to one at the south bank. */
export const Transfer = z.object({
  transferId: z.string().min(1).max(64),
  from: z.string().min(1),
  to: z.string().min(1),
  cents: z.number().int().positive(),
});
export interface Transfer extends z.infer<typeof Transfer> {}

/** The deposit is the pivot: once the money has arrived, nobody takes it back. */
@Saga({ name: 'transfer-money', version: 1, input: Transfer, key: (transfer) => transfer.transferId, deadline: '1h' })
export class TransferMoney extends SagaDefinition<Transfer> {
  withdraw = this.step(NorthBank.withdraw, {
    request: ({ input }) => ({ transferId: input.transferId, account: input.from, cents: input.cents }),
    compensate: { command: NorthBank.putBack, request: ({ own }) => own.request },
  });

  deposit = this.pivot(SouthBank.deposit, {
    retry: { attempts: 5, backoff: { initial: '100ms', factor: 2, max: '10s' } },
    request: ({ input }) => ({ transferId: input.transferId, account: input.to, cents: input.cents }),
  });
}
