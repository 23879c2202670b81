import { command, contract, typed } from 'backstep';

/** A flight there, a car there. */
export interface Wish {
  tripId: string;
  item: string;
}
/** Money is in cents. */
export interface Booked {
  reference: string;
  cents: number;
}
const bookable = <const Name extends string>(name: Name) =>
  contract(name, {
    book: command({ request: typed<Wish>(), reply: typed<Booked>(), rejections: ['unknown', 'sold-out'] }),
    cancel: command({ request: typed<{ tripId: string }>() }),
  });

export const Flights = bookable('flights');
export const Cars = bookable('cars');

/** A chain with a system of its own, where some hotels answer a booking by hand. */
export const Hotels = contract('hotels', {
  book: command({ request: typed<{ tripId: string; city: string; nights: number }>(), reply: typed<Booked>(), rejections: ['sold-out'] }),
  cancel: command({ request: typed<{ tripId: string }>() }),
});

export const Insurance = contract('insurance', {
  insure: command({
    request: typed<{ tripId: string; worthCents: number; age: number }>(),
    reply: typed<{ policy: string; cents: number }>(),
    rejections: ['too-old'],
  }),
  drop: command({ request: typed<{ tripId: string }>() }),
});

export const Billing = contract('billing', {
  bill: command({
    request: typed<{ tripId: string; traveller: string; cents: number }>(),
    reply: typed<{ invoice: string }>(),
    rejections: ['no-credit'],
  }),
  send: command({ request: typed<{ tripId: string; invoice: string; to: string }>() }),
});
