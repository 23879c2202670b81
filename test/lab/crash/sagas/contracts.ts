import { command, contract, typed } from 'backstep';

/** What becomes of a crossing; see {@link Crossing}. */
export interface Asked {
  readonly crossing: string;
  readonly kind: Kind;
}
export const KINDS = ['fine', 'refused', 'clash', 'never', 'fenced', 'asleep'] as const;
export type Kind = (typeof KINDS)[number];

/** Where a berth is held, in the transaction. Takes several commands in one message. */
export const Quay = contract(
  'quay',
  {
    hold: command({ request: typed<Asked>() }),
    letGo: command({ request: typed<Asked>() }),
  },
  { batch: 20 },
);
/** Its effects are outside the transaction, both ways. */
export const Customs = contract('customs', {
  stamp: command({ request: typed<Asked>(), rejections: ['contraband'] }),
  tearUp: command({ request: typed<Asked>() }),
});
export const Captain = contract('captain', {
  sail: command({ request: typed<Asked>(), rejections: ['storm'] }),
  greet: command({ request: typed<Asked>() }),
});
