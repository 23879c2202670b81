import type { Chance } from '../../chance.js';
import type { ExpectedEnd, Start, Workload } from '../workload.js';

export interface Transfer {
  from: string;
  to: string;
  letterTo: string;
  cents: number;
}
/** An account as it is opened. */
export interface Opening {
  readonly account: string;
  readonly cents: number;
  readonly closed: boolean;
}

const RICH = 60;
const POOR = 6;
const numbered = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n + 1}`);

/** Rich ones never run dry, poor ones do, and from a closed one nothing is paid. */
export const WEST_ACCOUNTS: readonly Opening[] = [
  ...numbered('rich', RICH).map((account) => ({ account, cents: 1_000_000_000_000, closed: false })),
  ...numbered('poor', POOR).map((account) => ({ account, cents: 20_000, closed: false })),
  { account: 'closed', cents: 50_000, closed: true },
];
export const EAST_ACCOUNTS: readonly Opening[] = [
  ...numbered('till', RICH).map((account) => ({ account, cents: 0, closed: false })),
  { account: 'closed', cents: 0, closed: true },
];
/** What all accounts together hold, for ever. */
export const BANK_TOTAL = [...WEST_ACCOUNTS, ...EAST_ACCOUNTS].reduce((sum, { cents }) => sum + cents, 0);

/** W1: transfers from bank to bank; money is conserved in every consistent snapshot. */
export const bank: Workload = {
  name: 'bank',
  sagas: ['bank-transfer'],
  participants: ['bank-west', 'bank-east', 'bank-letters'],
  inputs: (chance, count) => Array.from({ length: count }, () => ({ saga: 'bank-transfer', input: transfer(chance) })),
  expectedEnd,
  skipped: () => [],
};

function transfer(chance: Chance): Transfer {
  const fate = chance.next();
  return {
    from: fate < 0.04 ? 'closed' : fate < 0.14 ? `poor-${chance.between(1, POOR)}` : `rich-${chance.between(1, RICH)}`,
    to: fate >= 0.14 && fate < 0.22 ? 'closed' : `till-${chance.between(1, RICH)}`,
    letterTo: fate >= 0.22 && fate < 0.3 ? 'nowhere' : `customer-${chance.between(1, 999)}`,
    cents: chance.between(1, 9_000),
  };
}

function expectedEnd({ input }: Start): ExpectedEnd {
  const { from, to, letterTo } = input as Transfer;
  if (from === 'closed' || to === 'closed' || letterTo === 'nowhere') return 'compensated';
  return from.startsWith('poor') ? 'either' : 'completed';
}
