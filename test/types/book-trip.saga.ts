import { z } from 'zod';
import { command, contract, Saga, SagaDefinition, typed } from 'backstep';

export const Trip = z.object({
  traveller: z.string(),
  from: z.string(),
  to: z.string(),
  nights: z.number(),
  car: z.boolean(),
  insured: z.boolean(),
});
export interface Trip extends z.infer<typeof Trip> {}
export interface Booked {
  bookingId: string;
  price: number;
}

const bookable = <const N extends string>(name: N) =>
  contract(name, {
    book: command({
      request: typed<{ traveller: string; what: string }>(),
      reply: typed<Booked>(),
      rejections: ['sold-out'],
    }),
    cancel: command({ request: typed<{ traveller: string; bookingId?: string | undefined }>() }),
  });
export const Flights = bookable('flights');
export const Hotels = bookable('hotels');
export const Cars = bookable('cars');
export const Insurance = contract('insurance', {
  quote: command({ request: typed<{ price: number }>(), reply: typed<{ premium: number }>() }),
  buy: command({ request: typed<{ premium: number }>(), reply: typed<{ policy: string }>(), rejections: ['refused'] }),
  drop: command({ request: typed<{ premium: number; policy?: string | undefined }>() }),
});
export const Billing = contract('billing', {
  bill: command({
    request: typed<{ traveller: string; total: number; policy?: string | undefined }>(),
    reply: typed<{ invoice: string }>(),
    rejections: ['no-credit'],
  }),
  send: command({ request: typed<{ invoice: string }>() }),
});

@Saga({ name: 'book-trip', version: 1, input: Trip, deadline: '15m' })
export class BookTrip extends SagaDefinition<Trip> {
  flight = this.step(Flights.book, {
    request: ({ input }) => ({ traveller: input.traveller, what: `${input.from}-${input.to}` }),
    compensate: {
      command: Flights.cancel,
      request: ({ input, own }) => ({ traveller: input.traveller, bookingId: own.reply?.bookingId }),
    },
  });
  hotel = this.step(Hotels.book, {
    after: [],
    request: ({ input }) => ({ traveller: input.traveller, what: input.to }),
    compensate: {
      command: Hotels.cancel,
      request: ({ input, own }) => ({ traveller: input.traveller, bookingId: own.reply?.bookingId }),
    },
  });
  car = this.step(Cars.book, {
    after: [],
    when: ({ input }) => input.car,
    request: ({ input }) => ({ traveller: input.traveller, what: input.to }),
    compensate: {
      command: Cars.cancel,
      request: ({ input, own }) => ({ traveller: input.traveller, bookingId: own.reply?.bookingId }),
    },
  });
  quote = this.step(Insurance.quote, {
    uses: { flight: this.flight, hotel: this.hotel },
    when: ({ input, flight }) => input.insured && flight.price > 0,
    request: ({ flight, hotel }) => ({ price: flight.price + hotel.price }),
    compensate: 'none',
  });
  insure = this.step(Insurance.buy, {
    uses: { quote: this.quote },
    when: ({ quote }) => quote !== undefined,
    request: ({ quote }) => ({ premium: quote?.premium ?? 0 }),
    compensate: {
      command: Insurance.drop,
      request: ({ own }) => ({ premium: own.request.premium, policy: own.reply?.policy }),
    },
  });
  affordable = this.check('too-expensive', {
    uses: { flight: this.flight, hotel: this.hotel, car: this.car },
    passes: ({ flight, hotel, car }) => flight.price + hotel.price + (car?.price ?? 0) < 5_000,
  });
  bill = this.pivot(Billing.bill, {
    uses: { flight: this.flight, hotel: this.hotel, car: this.car, insurance: this.insure },
    request: ({ input, flight, hotel, car, insurance }) => ({
      traveller: input.traveller,
      total: flight.price + hotel.price + (car?.price ?? 0),
      policy: insurance?.policy,
    }),
  });
  send = this.retriable(Billing.send, { uses: { bill: this.bill }, request: ({ bill }) => ({ invoice: bill.invoice }) });
}
