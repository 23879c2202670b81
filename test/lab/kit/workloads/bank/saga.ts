import { Saga, SagaDefinition } from 'backstep';
import { East, Letters, West } from './contracts.js';
import type { Transfer } from './inputs.js';

// Outages of some seconds must not change how a transfer ends.
const PATIENT = { timeout: '20s', retry: { attempts: 12, backoff: { initial: '100ms', factor: 2, max: '2s' } } } as const;
const UNDO = { timeout: '20s', retry: { attempts: 200, backoff: { initial: '100ms', factor: 2, max: '2s' } } } as const;

/** Reserve, debit, credit, notify. There is no pivot: any of them may turn the whole transfer back. */
@Saga({ name: 'bank-transfer', version: 1 })
export class BankTransfer extends SagaDefinition<Transfer> {
  reserve = this.step(West.reserve, {
    ...PATIENT,
    request: ({ input }) => ({ account: input.from, cents: input.cents }),
    compensate: { ...UNDO, command: West.release, request: ({ own }) => own.request },
  });
  debit = this.step(West.debit, {
    ...PATIENT,
    request: ({ input }) => ({ account: input.from, cents: input.cents }),
    compensate: { ...UNDO, command: West.giveBack, request: ({ own }) => own.request },
  });
  credit = this.step(East.credit, {
    ...PATIENT,
    request: ({ input }) => ({ account: input.to, cents: input.cents }),
    compensate: { ...UNDO, command: East.takeBack, request: ({ own }) => own.request },
  });
  notify = this.step(Letters.notify, {
    ...PATIENT,
    request: ({ input }) => ({ account: input.letterTo }),
    compensate: { ...UNDO, command: Letters.apologize, request: ({ own }) => own.request },
  });
}
