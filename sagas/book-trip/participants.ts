import type { ReplyOf, RequestOf } from 'backstep';
import { Handles, Participant, participant, type CommandContext, type OutsideContext } from 'backstep/participant';
import { inject } from 'inversify';
import type { EntityManager } from 'typeorm';
import { Billing, Cars, Flights, Hotels, Insurance, type Booked, type Wish } from './contracts.js';
import { createLedger, createOffers, reverse, write } from './ledger.js';
import { CARS, FLIGHTS } from './offers.js';
import { HotelChain } from './outside.js';

type Tx = CommandContext<EntityManager>;
type Outside = OutsideContext<EntityManager>;

/** What airline and car hire have in common: places that run out. */
interface Shop {
  readonly offers: string;
  readonly ledger: string;
}
const AIRLINE: Shop = { offers: 'flight', ledger: 'flight_ledger' };
const CAR_HIRE: Shop = { offers: 'car', ledger: 'car_ledger' };

/** Takes a place; gives why not where there is none. */
async function take(shop: Shop, { tripId, item }: Wish, { tx, commandId }: Tx): Promise<Booked | 'unknown' | 'sold-out'> {
  const [offer] = await tx.query<{ places: number; cents: number }[]>(
    `select places, cents from ${shop.offers} where item = $1 for update`,
    [item],
  );
  if (!offer) return 'unknown';
  if (offer.places === 0) return 'sold-out';
  await tx.query(`update ${shop.offers} set places = places - 1 where item = $1`, [item]);
  await write(tx, shop.ledger, { tripId, commandId, entry: 'booked', item, amount: -1 });
  return { reference: `${item}/${tripId}`, cents: offer.cents };
}

async function giveBack(shop: Shop, { tx, actionId, commandId }: Tx): Promise<void> {
  for (const { item, amount } of await reverse(tx, shop.ledger, { actionId, commandId, entry: 'cancelled' }))
    await tx.query(`update ${shop.offers} set places = places + $2 where item = $1`, [item, amount]);
}

export const airline = participant(
  Flights,
  {
    book: async (wish, context: Tx) => {
      const booked = await take(AIRLINE, wish, context);
      if (typeof booked === 'string') throw Flights.book.rejection(booked, { message: `${wish.item} is ${booked}` });
      return booked;
    },
    cancel: async (_request, context: Tx) => giveBack(AIRLINE, context),
  },
  {
    prepare: async (tx: EntityManager) => {
      await createLedger(tx, AIRLINE.ledger);
      await createOffers(tx, AIRLINE.offers, FLIGHTS);
    },
  },
);

export const carHire = participant(
  Cars,
  {
    book: async (wish, context: Tx) => {
      const booked = await take(CAR_HIRE, wish, context);
      if (typeof booked === 'string') throw Cars.book.rejection(booked, { message: `a car in ${wish.item} is ${booked}` });
      return booked;
    },
    cancel: async (_request, context: Tx) => giveBack(CAR_HIRE, context),
  },
  {
    prepare: async (tx: EntityManager) => {
      await createLedger(tx, CAR_HIRE.ledger);
      await createOffers(tx, CAR_HIRE.offers, CARS);
    },
  },
);

/** Books at the chain. No transaction is open while it makes up its mind. */
@Participant(Hotels)
export class HotelDesk {
  constructor(@inject(HotelChain) private readonly chain: HotelChain) {}

  static async prepare(tx: EntityManager): Promise<void> {
    await createLedger(tx, 'hotel_ledger');
  }

  @Handles(Hotels.book, { effects: 'outside' })
  async book({ tripId, city, nights }: RequestOf<typeof Hotels.book>, { commandId, store }: Outside): Promise<Booked> {
    const answer = await this.chain.book(commandId, city, nights);
    if (answer === 'sold-out') throw Hotels.book.rejection('sold-out', { message: `no room in ${city} for ${nights} nights` });
    store((tx) => write(tx, 'hotel_ledger', { tripId, commandId, entry: 'booked', item: city, amount: -nights }));
    return { reference: `${city}/${tripId}`, cents: answer.cents };
  }

  @Handles(Hotels.cancel, { effects: 'outside' })
  async cancel(_request: RequestOf<typeof Hotels.cancel>, { actionId, commandId, store }: Outside): Promise<void> {
    await this.chain.cancel(actionId ?? '');
    store(async (tx) => {
      await reverse(tx, 'hotel_ledger', { actionId, commandId, entry: 'cancelled' });
    });
  }
}

const OLDEST = 84;

@Participant(Insurance)
export class Insurer {
  static async prepare(tx: EntityManager): Promise<void> {
    await createLedger(tx, 'policy_ledger');
  }

  @Handles(Insurance.insure)
  async insure(
    { tripId, worthCents, age }: RequestOf<typeof Insurance.insure>,
    { tx, commandId }: Tx,
  ): Promise<ReplyOf<typeof Insurance.insure>> {
    if (age > OLDEST) throw Insurance.insure.rejection('too-old', { message: `nobody older than ${OLDEST}` });
    const cents = Math.round(worthCents * 0.04);
    await write(tx, 'policy_ledger', { tripId, commandId, entry: 'insured', item: `P-${tripId}`, amount: cents });
    return { policy: `P-${tripId}`, cents };
  }

  @Handles(Insurance.drop)
  async drop(_request: RequestOf<typeof Insurance.drop>, { tx, actionId, commandId }: Tx): Promise<void> {
    await reverse(tx, 'policy_ledger', { actionId, commandId, entry: 'dropped' });
  }
}

/** Nobody here is owed more than this. */
const CREDIT_CENTS = 180_000;

@Participant(Billing)
export class Accounts {
  static async prepare(tx: EntityManager): Promise<void> {
    await createLedger(tx, 'invoice_ledger');
  }

  @Handles(Billing.bill)
  async bill({ tripId, cents }: RequestOf<typeof Billing.bill>, { tx, commandId }: Tx): Promise<ReplyOf<typeof Billing.bill>> {
    if (cents > CREDIT_CENTS) throw Billing.bill.rejection('no-credit', { message: 'more than the credit of a private person' });
    await write(tx, 'invoice_ledger', { tripId, commandId, entry: 'billed', item: `I-${tripId}`, amount: cents });
    return { invoice: `I-${tripId}` };
  }

  @Handles(Billing.send)
  async send({ tripId, invoice }: RequestOf<typeof Billing.send>, { tx, commandId, attempt }: Tx): Promise<void> {
    if (tripId.endsWith('7') && attempt === 1) throw new Error('the printer is out of paper');
    await write(tx, 'invoice_ledger', { tripId, commandId, entry: 'sent', item: invoice, amount: 0 });
  }
}
