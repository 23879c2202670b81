import { Saga, SagaDefinition } from 'backstep';
import { inject } from 'inversify';
import { z } from 'zod';
import { Address, Freight, Inventory, Line, Mail, Payments, Shipping } from './contracts.js';
import { Pricing } from './pricing.js';

/** What an order is placed with; money is in cents. */
export const Order = z.object({
  orderId: z.string().min(1).max(64),
  customer: z.object({ name: z.string().min(1), email: z.email() }),
  address: Address,
  lines: z.array(Line).min(1).max(20),
  /** Needs the haulier as well as the courier. */
  bulky: z.boolean().default(false),
  card: z.string(),
  totalCents: z.number().int().positive(),
});
export interface Order extends z.infer<typeof Order> {}
export interface OrderIn extends z.input<typeof Order> {}

/** In a rush orders wait in the participants' queues; that is no reason to undo them. */
const RUSH = '2m';

/** Stock, courier and haulier side by side; then the money; then the parcel leaves, which nobody can undo; then a letter. */
@Saga({ name: 'place-order', version: 1, input: Order, key: (order) => order.orderId, deadline: '10m' })
export class PlaceOrder extends SagaDefinition<Order, OrderIn> {
  constructor(@inject(Pricing) private readonly pricing: Pricing) {
    super();
  }

  reserve = this.step(Inventory.reserve, {
    timeout: RUSH,
    request: ({ input }) => ({ orderId: input.orderId, lines: input.lines }),
    compensate: { command: Inventory.release, request: ({ own }) => ({ orderId: own.request.orderId }) },
  });

  courier = this.step(Shipping.book, {
    after: [],
    timeout: RUSH,
    request: ({ input }) => ({ orderId: input.orderId, postcode: input.address.postcode }),
    compensate: { command: Shipping.cancel, request: ({ own }) => ({ orderId: own.request.orderId }) },
  });

  // Their system either answers at once or hangs; a hang is not worth waiting for, and not worth a second call.
  freight = this.step(Freight.book, {
    after: [],
    when: ({ input }) => input.bulky,
    timeout: '2s',
    retry: { attempts: 1 },
    request: ({ input }) => ({ orderId: input.orderId, postcode: input.address.postcode }),
    compensate: { command: Freight.cancel, request: ({ own }) => ({ orderId: own.request.orderId }) },
  });

  charge = this.step(Payments.charge, {
    uses: { courier: this.courier, freight: this.freight },
    timeout: RUSH,
    retry: { attempts: 5, backoff: { initial: '200ms', factor: 2, max: '30s' } },
    request: ({ input, courier, freight }) => ({
      orderId: input.orderId,
      card: input.card,
      cents: this.pricing.toPay(input.totalCents, courier.feeCents + (freight?.feeCents ?? 0)),
    }),
    compensate: { command: Payments.refund, request: ({ own }) => ({ orderId: own.request.orderId }) },
  });

  dispatch = this.pivot(Shipping.dispatch, {
    uses: { courier: this.courier },
    request: ({ input, courier }) => ({ orderId: input.orderId, slot: courier.slot, to: input.address }),
  });

  confirm = this.retriable(Mail.confirm, {
    uses: { parcel: this.dispatch },
    request: ({ input, parcel }) => ({
      orderId: input.orderId,
      to: input.customer.email,
      name: input.customer.name,
      trackingCode: parcel.trackingCode,
    }),
  });
}
