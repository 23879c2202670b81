import { Saga, SagaDefinition } from 'backstep';
import { z } from 'zod';
import { Billing, Cars, Flights, Hotels, Insurance } from './contracts.js';

/** What a traveller asks for; money is in cents. */
export const Trip = z.object({
  tripId: z.string().min(1).max(64),
  traveller: z.object({ name: z.string().min(1), email: z.email(), age: z.number().int().min(18) }),
  from: z.string(),
  to: z.string(),
  nights: z.number().int().min(1).max(30),
  car: z.boolean().default(false),
  insured: z.boolean().default(false),
  /** More than this, and there is no trip. */
  budgetCents: z.number().int().positive(),
});
export interface Trip extends z.infer<typeof Trip> {}
export interface TripIn extends z.input<typeof Trip> {}

/** Flight, hotel and car side by side. Somebody waits in front of a screen, so the whole trip has six seconds. */
@Saga({ name: 'book-trip', version: 1, input: Trip, key: (trip) => trip.tripId, deadline: '6s', compensationOrder: 'by-dependency' })
export class BookTrip extends SagaDefinition<Trip, TripIn> {
  flight = this.step(Flights.book, {
    request: ({ input }) => ({ tripId: input.tripId, item: `${input.from}-${input.to}` }),
    compensate: { command: Flights.cancel, request: ({ own }) => ({ tripId: own.request.tripId }) },
  });

  hotel = this.step(Hotels.book, {
    after: [],
    request: ({ input }) => ({ tripId: input.tripId, city: input.to, nights: input.nights }),
    compensate: { command: Hotels.cancel, request: ({ own }) => ({ tripId: own.request.tripId }) },
  });

  car = this.step(Cars.book, {
    after: [],
    when: ({ input }) => input.car,
    request: ({ input }) => ({ tripId: input.tripId, item: input.to }),
    compensate: { command: Cars.cancel, request: ({ own }) => ({ tripId: own.request.tripId }) },
  });

  affordable = this.check('too-expensive', {
    uses: { flight: this.flight, hotel: this.hotel, car: this.car },
    passes: ({ input, flight, hotel, car }) => flight.cents + hotel.cents + (car?.cents ?? 0) <= input.budgetCents,
  });

  insurance = this.step(Insurance.insure, {
    uses: { flight: this.flight, hotel: this.hotel },
    when: ({ input }) => input.insured,
    request: ({ input, flight, hotel }) => ({
      tripId: input.tripId,
      worthCents: flight.cents + hotel.cents,
      age: input.traveller.age,
    }),
    compensate: { command: Insurance.drop, request: ({ own }) => ({ tripId: own.request.tripId }) },
  });

  bill = this.pivot(Billing.bill, {
    uses: { flight: this.flight, hotel: this.hotel, car: this.car, insurance: this.insurance },
    request: ({ input, flight, hotel, car, insurance }) => ({
      tripId: input.tripId,
      traveller: input.traveller.name,
      cents: flight.cents + hotel.cents + (car?.cents ?? 0) + (insurance?.cents ?? 0),
    }),
  });

  send = this.retriable(Billing.send, {
    uses: { bill: this.bill },
    request: ({ input, bill }) => ({ tripId: input.tripId, invoice: bill.invoice, to: input.traveller.email }),
  });
}
