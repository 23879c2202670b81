import { inject } from 'inversify';
import { z } from 'zod';
import { Saga, SagaDefinition } from 'backstep';
import { Couriers, Inventory, Mail, Payments } from './contracts.js';

export const Order = z.object({
  orderId: z.string(),
  sku: z.string(),
  quantity: z.number().int(),
  total: z.number(),
  postcode: z.string(),
  email: z.string(),
  giftWrap: z.boolean().default(false),
});
export interface Order extends z.infer<typeof Order> {}
export interface OrderIn extends z.input<typeof Order> {}

export class Pricing {
  withFee(total: number, fee: number): number {
    return total + fee;
  }
}

@Saga({ name: 'place-order', version: 1, input: Order, key: (order) => order.orderId, deadline: '10m' })
export class PlaceOrder extends SagaDefinition<Order, OrderIn> {
  constructor(@inject(Pricing) private readonly pricing: Pricing) {
    super();
  }

  reserve = this.step(Inventory.reserve, {
    request: ({ input }) => ({ orderId: input.orderId, sku: input.sku, quantity: input.quantity }),
    compensate: {
      command: Inventory.release,
      request: ({ own }) => ({ orderId: own.request.orderId, reservationId: own.reply?.reservationId }),
    },
  });
  courier = this.step(Couriers.book, {
    after: [],
    timeout: '30s',
    request: ({ input }) => ({ orderId: input.orderId, postcode: input.postcode }),
    compensate: { command: Couriers.cancel, request: ({ input }) => ({ orderId: input.orderId }), retry: { attempts: 20 } },
  });
  charge = this.step(Payments.charge, {
    uses: { booked: this.courier },
    retry: { attempts: 5, backoff: { initial: '200ms', factor: 2, max: '30s' } },
    request: ({ input, booked }) => ({ orderId: input.orderId, amount: this.pricing.withFee(input.total, booked.fee) }),
    compensate: {
      command: Payments.refund,
      request: ({ input, own }) => ({ orderId: input.orderId, paymentId: own.reply?.paymentId }),
    },
  });
  dispatch = this.pivot(Couriers.dispatch, {
    uses: { booked: this.courier },
    request: ({ input, booked }) => ({ orderId: input.orderId, slot: booked.slot }),
  });
  confirm = this.retriable(Mail.confirm, {
    uses: { parcel: this.dispatch },
    request: ({ input, parcel }) => ({ to: input.email, trackingCode: parcel.trackingCode }),
  });
}
