import type { ReplyOf, RequestOf } from 'backstep';
import { Handles, Participant, participant, type CommandContext, type OutsideContext } from 'backstep/participant';
import { inject } from 'inversify';
import type { EntityManager } from 'typeorm';
import { CATALOGUE } from './catalogue.js';
import { Freight, Inventory, Mail, Payments, Shipping, type Booking, type Charge, type Parcel, type Reservation } from './contracts.js';
import { createLedger, reverse, write } from './ledger.js';
import { areaOf, CardGateway, Haulier } from './outside.js';

type Tx = CommandContext<EntityManager>;
type Outside = OutsideContext<EntityManager>;

/** The warehouse: articles on hand, and who took them. */
@Participant(Inventory)
export class Warehouse {
  static async prepare(tx: EntityManager): Promise<void> {
    await createLedger(tx, 'stock_ledger');
    await tx.query('create table if not exists stock (sku text primary key, opening integer not null, on_hand integer not null)');
    await tx.query(
      `insert into stock (sku, opening, on_hand)
       select sku, opening, opening from unnest($1::text[], $2::int[]) as product (sku, opening) on conflict do nothing`,
      [CATALOGUE.map(({ sku }) => sku), CATALOGUE.map(({ opening }) => opening)],
    );
  }

  @Handles(Inventory.reserve)
  async reserve({ orderId, lines }: Reservation, { tx, commandId }: Tx): Promise<ReplyOf<typeof Inventory.reserve>> {
    const skus = lines.map(({ sku }) => sku);
    const quantities = lines.map(({ quantity }) => quantity);
    // In the order of the articles, so that two orders never wait for each other.
    const onHand = await tx.query<{ sku: string; on_hand: number }[]>(
      'select sku, on_hand from stock where sku = any($1::text[]) order by sku for update',
      [skus],
    );
    const unitsOf = new Map(onHand.map(({ sku, on_hand }) => [sku, on_hand]));
    for (const { sku, quantity } of lines) {
      const units = unitsOf.get(sku);
      if (units === undefined) throw Inventory.reserve.rejection('unknown-sku', { message: `there is no article ${sku}` });
      if (units < quantity)
        throw Inventory.reserve.rejection('out-of-stock', { message: `${units} of ${sku} left`, details: { sku, units } });
    }
    await tx.query(
      `update stock set on_hand = on_hand - line.quantity
       from unnest($1::text[], $2::int[]) as line (sku, quantity) where stock.sku = line.sku`,
      [skus, quantities],
    );
    const rows = lines.map(({ sku, quantity }) => ({ item: sku, amount: -quantity }));
    await write(tx, 'stock_ledger', { orderId, commandId, entry: 'reserved', rows });
    return { units: quantities.reduce((sum, quantity) => sum + quantity, 0) };
  }

  @Handles(Inventory.release)
  async release(_request: RequestOf<typeof Inventory.release>, { tx, actionId, commandId }: Tx): Promise<void> {
    const back = await reverse(tx, 'stock_ledger', { actionId, commandId, entry: 'released' });
    await tx.query(
      `update stock set on_hand = on_hand + line.quantity
       from unnest($1::text[], $2::int[]) as line (sku, quantity) where stock.sku = line.sku`,
      [back.map(({ item }) => item), back.map(({ amount }) => amount)],
    );
  }
}

/** Charging a card happens outside the transaction: at least once, with the command id as the gateway's idempotency key. */
@Participant(Payments)
export class PaymentOffice {
  constructor(@inject(CardGateway) private readonly gateway: CardGateway) {}

  static async prepare(tx: EntityManager): Promise<void> {
    await createLedger(tx, 'payment_ledger');
  }

  @Handles(Payments.charge, { effects: 'outside' })
  async charge({ orderId, card, cents }: Charge, { commandId, attempt, store }: Outside): Promise<ReplyOf<typeof Payments.charge>> {
    const answer = await this.gateway.charge({ key: commandId, card, cents, attempt });
    if (answer === 'declined') throw Payments.charge.rejection('card-declined', { message: 'the bank said no' });
    if (answer === 'over-limit') throw Payments.charge.rejection('limit-exceeded', { message: 'more than the card allows' });
    const receipt = `R-${orderId}`;
    store((tx) => write(tx, 'payment_ledger', { orderId, commandId, entry: 'charged', rows: [{ item: receipt, amount: cents }] }));
    return { receipt };
  }

  @Handles(Payments.refund, { effects: 'outside' })
  async refund(_request: RequestOf<typeof Payments.refund>, { actionId, commandId, store }: Outside): Promise<void> {
    await this.gateway.refund(actionId ?? '');
    store(async (tx) => {
      await reverse(tx, 'payment_ledger', { actionId, commandId, entry: 'refunded' });
    });
  }
}

/** Where the courier does not go. */
const AREAS_NOT_SERVED = ['HS', 'IM', 'ZE'];

/** The courier: slots in his rounds, and parcels that have left. */
@Participant(Shipping)
export class CourierDesk {
  static async prepare(tx: EntityManager): Promise<void> {
    await createLedger(tx, 'courier_ledger');
  }

  @Handles(Shipping.book)
  async book({ orderId, postcode }: Booking, { tx, commandId }: Tx): Promise<ReplyOf<typeof Shipping.book>> {
    const area = areaOf(postcode);
    if (AREAS_NOT_SERVED.includes(area))
      throw Shipping.book.rejection('area-not-served', { message: `the courier does not go to ${area}` });
    const slot = `${area}-round`;
    await write(tx, 'courier_ledger', { orderId, commandId, entry: 'booked', rows: [{ item: slot, amount: -1 }] });
    return { slot, feeCents: 590 };
  }

  @Handles(Shipping.cancel)
  async cancel(_request: RequestOf<typeof Shipping.cancel>, { tx, actionId, commandId }: Tx): Promise<void> {
    await reverse(tx, 'courier_ledger', { actionId, commandId, entry: 'cancelled' });
  }

  @Handles(Shipping.dispatch)
  async dispatch({ orderId, to }: Parcel, { tx, commandId }: Tx): Promise<ReplyOf<typeof Shipping.dispatch>> {
    if (/^PO Box/i.test(to.street)) throw Shipping.dispatch.rejection('address-refused', { message: 'nobody can sign at a PO box' });
    const trackingCode = `T-${orderId}`;
    await write(tx, 'courier_ledger', { orderId, commandId, entry: 'dispatched', rows: [{ item: trackingCode, amount: -1 }] });
    return { trackingCode };
  }
}

/** Asks the haulier. No transaction is open while he thinks about it. */
@Participant(Freight)
export class FreightDesk {
  constructor(@inject(Haulier) private readonly haulier: Haulier) {}

  static async prepare(tx: EntityManager): Promise<void> {
    await createLedger(tx, 'freight_ledger');
  }

  @Handles(Freight.book, { effects: 'outside', concurrency: 40 })
  async book({ orderId, postcode }: Booking, { commandId, store }: Outside): Promise<ReplyOf<typeof Freight.book>> {
    const booked = await this.haulier.book(commandId, postcode);
    store((tx) => write(tx, 'freight_ledger', { orderId, commandId, entry: 'booked', rows: [{ item: booked.truck, amount: -1 }] }));
    return booked;
  }

  @Handles(Freight.cancel, { effects: 'outside' })
  async cancel(_request: RequestOf<typeof Freight.cancel>, { actionId, commandId, store }: Outside): Promise<void> {
    await this.haulier.cancel(actionId ?? '');
    store(async (tx) => {
      await reverse(tx, 'freight_ledger', { actionId, commandId, entry: 'cancelled' });
    });
  }
}

/** The same without a class. The letter is written in the transaction; a mailer of its own would send it. */
export const mailRoom = participant(
  Mail,
  {
    confirm: async ({ orderId, to, trackingCode }, { tx, commandId, attempt }: Tx) => {
      if (to.endsWith('@greylisted.example') && attempt === 1) throw new Error('the mail server says: try again later');
      await write(tx, 'mail_ledger', { orderId, commandId, entry: 'mailed', rows: [{ item: trackingCode, amount: -1 }] });
    },
  },
  { prepare: (tx: EntityManager) => createLedger(tx, 'mail_ledger') },
);
