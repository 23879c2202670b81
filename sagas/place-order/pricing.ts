import { injectable } from 'inversify';

/** From this order value on, delivery is on the house. */
const FREE_DELIVERY_FROM_CENTS = 15_000;

/** What the customer pays. Injected, so that a test or another shop can bind another one. */
@injectable()
export class Pricing {
  /** Goods and delivery, in cents. */
  toPay(goodsCents: number, deliveryCents: number): number {
    return goodsCents >= FREE_DELIVERY_FROM_CENTS ? goodsCents : goodsCents + deliveryCents;
  }
}
