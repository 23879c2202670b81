import { command, contract, typed } from 'backstep';
import { z } from 'zod';

/** One article of an order. */
export const Line = z.object({ sku: z.string().min(1), quantity: z.number().int().positive() });
export interface Line extends z.infer<typeof Line> {}
/** Where it goes. */
export const Address = z.object({ street: z.string().min(1), postcode: z.string().min(2), city: z.string().min(1) });
export interface Address extends z.infer<typeof Address> {}

export const Reservation = z.object({ orderId: z.string(), lines: z.array(Line).min(1) });
export interface Reservation extends z.infer<typeof Reservation> {}

/** The warehouse. */
export const Inventory = contract('inventory', {
  reserve: command({ request: Reservation, reply: z.object({ units: z.number().int() }), rejections: ['out-of-stock', 'unknown-sku'] }),
  release: command({ request: z.object({ orderId: z.string() }) }),
});

export const Charge = z.object({ orderId: z.string(), card: z.string(), cents: z.number().int().positive() });
export interface Charge extends z.infer<typeof Charge> {}

/** Cards, through a gateway that is not ours. */
export const Payments = contract('payments', {
  charge: command({ request: Charge, reply: z.object({ receipt: z.string() }), rejections: ['card-declined', 'limit-exceeded'] }),
  refund: command({ request: z.object({ orderId: z.string() }) }),
});

/** A contract may also be types alone: nothing of these is checked at run time. */
export interface Booking {
  orderId: string;
  postcode: string;
}
export interface Parcel {
  orderId: string;
  slot: string;
  to: { street: string; postcode: string; city: string };
}
/** The courier who brings the parcel to the door. */
export const Shipping = contract('shipping', {
  book: command({ request: typed<Booking>(), reply: typed<{ slot: string; feeCents: number }>(), rejections: ['area-not-served'] }),
  cancel: command({ request: typed<{ orderId: string }>() }),
  dispatch: command({ request: typed<Parcel>(), reply: typed<{ trackingCode: string }>(), rejections: ['address-refused'] }),
});

/** The haulier for what is too bulky for a courier: another company, and sometimes a slow one. */
export const Freight = contract('freight', {
  book: command({ request: typed<Booking>(), reply: typed<{ truck: string; feeCents: number }>() }),
  cancel: command({ request: typed<{ orderId: string }>() }),
});

/** Letters to the customer. */
export const Mail = contract('mail', {
  confirm: command({ request: typed<{ orderId: string; to: string; name: string; trackingCode: string }>() }),
});
