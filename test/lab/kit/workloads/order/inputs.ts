import type { Chance } from '../../chance.js';
import type { ExpectedEnd, Script, Start, Workload } from '../workload.js';

export interface Order {
  article: string;
  scripts: { [step: string]: Script };
}
const BEFORE_AND_PIVOT = ['stock', 'courier', 'charge'];
const AFTER = ['dispatch', 'letter'];

/** W2: stock and courier side by side, the charge is the pivot, then parcel and letter side by side, which must succeed. */
export const order: Workload = {
  name: 'order',
  sagas: ['lab-order'],
  participants: ['order-warehouse', 'order-courier', 'order-till'],
  inputs: (chance, count) => Array.from({ length: count }, (_, n) => ({ saga: 'lab-order', input: place(chance, n) })),
  expectedEnd,
  skipped: () => [],
};

function place(chance: Chance, n: number): Order {
  const scripts: Record<string, Script> = {};
  const refuses = chance.is(0.3) ? chance.pick(BEFORE_AND_PIVOT) : undefined;
  for (const step of BEFORE_AND_PIVOT)
    scripts[step] = {
      ...(step === refuses ? { reject: true } : chance.is(0.05) ? { errors: chance.between(1, 2) } : {}),
      ...(chance.is(0.05) ? { undoErrors: chance.between(1, 3) } : {}),
    };
  for (const step of AFTER) scripts[step] = chance.is(0.1) ? { errors: chance.between(1, 4) } : {};
  return { article: `article-${n}`, scripts };
}

function expectedEnd({ input }: Start): ExpectedEnd {
  return Object.values((input as Order).scripts).some(({ reject }) => reject) ? 'compensated' : 'completed';
}
