import { command, contract, typed } from 'backstep';
import { z } from 'zod';

/** One posting on an account; money is in cents. */
export const Posting = z.object({ transferId: z.string(), account: z.string(), cents: z.number().int().positive() });
export interface Posting extends z.infer<typeof Posting> {}

/** Both banks speak alike, but each is a participant of its own, with its own database. */
export const NorthBank = contract('north-bank', {
  withdraw: command({
    request: Posting,
    reply: typed<{ balance: number }>(),
    rejections: ['no-such-account', 'account-closed', 'insufficient-funds'],
  }),
  putBack: command({ request: Posting }),
});

export const SouthBank = contract('south-bank', {
  deposit: command({ request: Posting, reply: typed<{ balance: number }>(), rejections: ['no-such-account', 'account-closed'] }),
});
