// What must compile, and a few that must not, around the sagas beside this file.
import { command, contract, SagaDefinition, typed, type InputOf, type RejectedStep, type RepliesOf, type StepName } from 'backstep';
import type { Booked, BookTrip } from './book-trip.saga.js';
import { Couriers, Mail, Payments } from './contracts.js';
import type { OrderIn, PlaceOrder } from './place-order.saga.js';

interface Tree {
  name: string;
  children: Tree[];
}
/** Recursive types are fine. */
export const Trees = contract('trees', {
  plant: command({ request: typed<Tree>(), reply: typed<Tree>() }),
  note: command({ request: typed<{ text?: string }>() }),
  ping: command({ request: typed<{}>() }),
});
/** A participant without an inbox, and one of its commands that gives every copy the first answer. */
export const Legacy = contract(
  'legacy',
  { ping: command({ request: typed<{}>() }), pay: command({ request: typed<{}>(), rejections: ['declined'], idempotent: true }) },
  { inbox: false },
);

export class Extra extends SagaDefinition<{ a: number; at: string }> {
  /** Plain functions as builders. */
  plant = this.step(Trees.plant, { request: toTree, compensate: 'none' });
  // @ts-expect-error an async builder, where the request type has only optional fields (weak type)
  weak = this.step(Trees.note, { request: async () => ({ text: '' }), compensate: 'none' });
  /** The one hole, a request without any field; it throws when it runs. */
  hole = this.step(Trees.ping, { request: async () => ({}), compensate: 'none' });
  /** Not caught by TypeScript. */
  excess = this.step(Trees.note, { request: () => ({ text: '', typo: 1 }), compensate: 'none' });
  after = this.step(Trees.plant, { uses: { plant: this.plant }, request: ({ plant }) => plant, compensate: 'none' });
  /** The compensation written first, its request before its command. */
  first = this.step(Payments.charge, {
    compensate: {
      request: ({ own }) => ({ orderId: own.request.orderId, paymentId: own.reply?.paymentId }),
      command: Payments.refund,
    },
    request: () => ({ orderId: '', amount: 1 }),
  });
  /** `uses` last. */
  last = this.step(Payments.charge, {
    request: ({ plant }) => ({ orderId: plant.name, amount: 1 }),
    compensate: 'none',
    uses: { plant: this.plant },
  });
  /** Input is frozen, which types do not say: this throws when it runs. */
  mutates = this.step(Payments.charge, {
    request: ({ input }) => {
      input.at = 'x';
      return { orderId: '', amount: 1 };
    },
    compensate: 'none',
  });
  go = this.pivot(Couriers.dispatch, { after: [this.plant, this.last], request: () => ({ orderId: '', slot: '' }) });
  tell = this.retriable(Mail.confirm, {
    after: [this.go],
    uses: { plant: this.plant },
    request: ({ plant }) => ({ to: plant.name, trackingCode: '' }),
  });
  /** Its reply stays out of the clients' types. */
  protected readonly quiet = this.step(Trees.plant, { request: toTree, compensate: 'none' });
}
function toTree({ input }: { input: { a: number } }): Tree {
  return { name: String(input.a), children: [] };
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
true satisfies Same<InputOf<PlaceOrder>, OrderIn>;
true satisfies Same<StepName<PlaceOrder>, 'reserve' | 'courier' | 'charge' | 'dispatch' | 'confirm'>;
true satisfies Same<RepliesOf<PlaceOrder>['reserve'], { reservationId: string; warehouse: string }>;
true satisfies Same<RepliesOf<PlaceOrder>['confirm'], void>;
true satisfies Same<RepliesOf<BookTrip>['car'], Booked | undefined>;
true satisfies 'quiet' extends StepName<Extra> ? false : true;

export function tell(reason: RejectedStep<PlaceOrder>): string {
  return reason.step === 'charge' ? (reason.code satisfies 'card-declined' | 'limit-exceeded') : reason.code;
}
export function stepsOf(trip: RepliesOf<BookTrip>): string | undefined {
  // @ts-expect-error the car is conditional
  void trip.car.bookingId;
  return trip.car?.bookingId;
}
