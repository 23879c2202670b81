// Every wrong thing on its own line; each error was read before it was accepted. Cases of the client and of the test kit come with them.
import type { EntityManager } from 'typeorm';
import { Handles, Participant, participant, type CommandContext, type OutsideContext } from 'backstep/participant';
import { Couriers, Mail, Payments, type Booking } from './contracts.js';

type Charge = { orderId: string; amount: number };

export class P1 {
  /* 1 wrong request type */
  // @ts-expect-error
  @Handles(Payments.charge)
  async charge(_request: { orderId: string; amount: string }) {
    return { paymentId: '' };
  }
  /* 2 wrong reply type */
  // @ts-expect-error
  @Handles(Payments.refund)
  async refund() {
    return 1;
  }
}
export class P2 {
  /* 3 narrower request (bivariance) */
  // @ts-expect-error
  @Handles(Payments.charge)
  async charge(_request: { orderId: string; amount: number; extra: string }) {
    return { paymentId: '' };
  }
  /* 4 other method name */
  // @ts-expect-error
  @Handles(Payments.refund)
  async giveBack() {}
}
export class P3 {
  /* 5 reply missing field */
  // @ts-expect-error
  @Handles(Payments.charge)
  async charge() {
    return {};
  }
}
/* 6 forgotten handler */
// @ts-expect-error
@Participant(Payments)
export class P4 {
  @Handles(Payments.charge)
  async charge() {
    /* 7 unknown code */
    // @ts-expect-error
    if (Math.random()) throw Payments.charge.rejection('card-stolen');
    return { paymentId: '' };
  }
}
/* 8 unknown part */
// @ts-expect-error
@Participant(Payments, 'charged')
export class P5 {}

/* 9 function form */
participant(Mail, {
  confirm: async (request) => {
    // @ts-expect-error
    void request.too;
  },
});
// @ts-expect-error forgotten handler
participant(Payments, { charge: async () => ({ paymentId: '' }) });
// @ts-expect-error wrong reply
participant(Payments, { charge: async () => ({ paymentId: 1 }), refund: async () => {} });
// @ts-expect-error unknown command
participant(Payments, { charge: async () => ({ paymentId: '' }), refund: async () => {}, more: async () => {} });
// @ts-expect-error narrower request
participant(Mail, { confirm: async (_request: { to: string; trackingCode: string; extra: string }) => {} });
// @ts-expect-error narrower request, with options
participant(Mail, { confirm: { slow: true, handle: async (_request: { to: string; trackingCode: string; extra: string }) => {} } });
// @ts-expect-error no such option
participant(Mail, { confirm: { effects: 'beside', handle: async () => {} } });

/* 10 the context of the other kind of effects */
export class P6 {
  // @ts-expect-error no transaction is open while effects outside happen
  @Handles(Payments.charge, { effects: 'outside' })
  async charge(_request: Charge, { tx }: CommandContext<EntityManager>) {
    await tx.query('');
    return { paymentId: '' };
  }
  // @ts-expect-error there is a transaction: write through it
  @Handles(Payments.refund)
  async refund(_request: unknown, { store }: OutsideContext<EntityManager>) {
    store(async () => {});
  }
}
participant(Mail, {
  confirm: {
    effects: 'outside',
    // @ts-expect-error
    handle: async (_request, { tx }) => void tx,
  },
});
participant(Mail, {
  // @ts-expect-error
  confirm: async (_request, { store }) => void store,
});
// @ts-expect-error annotated
participant(Mail, { confirm: { effects: 'outside', handle: async (_request, _context: CommandContext<EntityManager>) => {} } });
// @ts-expect-error annotated
participant(Mail, { confirm: async (_request, _context: OutsideContext<EntityManager>) => {} });

/* 11 a transaction that nobody named cannot be used */
participant(Mail, {
  confirm: async (_request, { tx }) => {
    // @ts-expect-error
    await tx.query('');
  },
});

/* 12 a command of another method's name */
export class P7 {
  // @ts-expect-error
  @Handles(Couriers.cancel)
  async book(_request: Booking): Promise<void> {}
}
