import { z } from 'zod';
import { command, contract, typed } from 'backstep';

export const Reservation = z.object({ orderId: z.string(), sku: z.string(), quantity: z.number().int().positive() });
export interface Reservation extends z.infer<typeof Reservation> {}
export const Reserved = z.object({ reservationId: z.string(), warehouse: z.string().default('main') });
export interface Reserved extends z.infer<typeof Reserved> {}

export const Inventory = contract('inventory', {
  reserve: command({ request: Reservation, reply: Reserved, rejections: ['out-of-stock', 'unknown-sku'] }),
  release: command({ request: z.object({ orderId: z.string(), reservationId: z.string().optional() }) }),
});

/** Types alone: nothing is checked at run time. */
export interface Booking {
  orderId: string;
  postcode: string;
}
export interface Booked {
  slot: string;
  fee: number;
}
export const Couriers = contract('couriers', {
  book: command({ request: typed<Booking>(), reply: typed<Booked>(), rejections: ['undeliverable'] }),
  cancel: command({ request: typed<{ orderId: string }>() }),
  dispatch: command({
    request: typed<{ orderId: string; slot: string }>(),
    reply: typed<{ trackingCode: string }>(),
    rejections: ['carrier-refused'],
  }),
});

export const Payments = contract(
  'payments',
  {
    charge: command({
      request: z.object({ orderId: z.string(), amount: z.number() }),
      reply: z.object({ paymentId: z.string() }),
      rejections: ['card-declined', 'limit-exceeded'],
    }),
    refund: command({ request: z.object({ orderId: z.string(), paymentId: z.string().optional() }) }),
  },
  { batch: 50 },
);

export const Mail = contract('mail', {
  confirm: command({ request: typed<{ to: string; trackingCode: string }>() }),
});
