// Every wrong thing on its own line; each error was read before it was accepted. Cases of the client and of the test kit come with them.
import type { EntityManager } from 'typeorm';
import {
  Handles,
  HandlesMany,
  Participant,
  participant,
  type AnswersOf,
  type CommandContext,
  type Incoming,
  type ManyContext,
  type OutsideContext,
} from 'backstep/participant';
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

/* 13 a handler of many commands: one request instead of a list, and the other way round */
export class M1 {
  // @ts-expect-error
  @HandlesMany(Payments.charge)
  async charge(_request: Charge) {
    return [{ paymentId: '' }];
  }
  // @ts-expect-error
  @Handles(Payments.refund)
  async refund(_commands: readonly Incoming<{ orderId: string }>[]) {}
}
/* 14 wrong request, also a narrower one */
export class M2 {
  // @ts-expect-error
  @HandlesMany(Payments.charge)
  async charge(commands: readonly Incoming<{ orderId: string; amount: string }>[]) {
    return commands.map(() => ({ paymentId: '' }));
  }
  // @ts-expect-error
  @HandlesMany(Payments.refund)
  async refund(_commands: readonly Incoming<{ orderId: string; extra: string }>[]) {}
}
/* 15 a list that the handler could change */
export class M3 {
  // @ts-expect-error
  @HandlesMany(Payments.charge)
  async charge(commands: Incoming<Charge>[]) {
    return commands.map(() => ({ paymentId: '' }));
  }
}
/* 16 wrong answers */
export class M4 {
  // @ts-expect-error one reply instead of a list
  @HandlesMany(Payments.charge)
  async charge() {
    return { paymentId: '' };
  }
  // @ts-expect-error a reply where there is none
  @HandlesMany(Payments.refund)
  async refund(commands: readonly Incoming<unknown>[]) {
    return commands.map(() => 1);
  }
}
export class M5 {
  // @ts-expect-error a reply of another shape
  @HandlesMany(Payments.charge)
  async charge(commands: readonly Incoming<Charge>[]) {
    return commands.map(() => ({ paymentId: 1 }));
  }
  // @ts-expect-error a compensation cannot say no
  @HandlesMany(Payments.refund)
  async refund(commands: readonly Incoming<unknown>[]) {
    return commands.map(() => Payments.charge.rejection('card-declined'));
  }
}
export class M6 {
  // @ts-expect-error nothing at all, although there is a reply
  @HandlesMany(Payments.charge)
  async charge(_commands: readonly Incoming<Charge>[]): Promise<void> {}
}
export class M7 {
  // @ts-expect-error promises that nobody has awaited
  @HandlesMany(Payments.charge)
  async charge(commands: readonly Incoming<Charge>[]) {
    return commands.map(async () => ({ paymentId: '' }));
  }
}
/* 17 codes: one that the contract does not have, and one of another command */
export class M8 {
  @HandlesMany(Payments.charge)
  async charge(commands: readonly Incoming<Charge>[]): Promise<AnswersOf<typeof Payments.charge>> {
    // @ts-expect-error
    return commands.map(() => Payments.charge.rejection('card-stolen'));
  }
}
export class M9 {
  // @ts-expect-error
  @HandlesMany(Payments.charge)
  async charge(commands: readonly Incoming<Charge>[]) {
    return commands.map(() => Couriers.book.rejection('undeliverable'));
  }
}
/* 18 effects outside happen one at a time */
export class M10 {
  // @ts-expect-error
  @HandlesMany(Payments.refund, { effects: 'outside' })
  async refund(_commands: readonly Incoming<unknown>[]): Promise<void> {}
  // @ts-expect-error no such option: it is the decorator that says so
  @Handles(Payments.charge, { many: true })
  async charge() {
    return { paymentId: '' };
  }
}
/* 19 the context of one command */
export class M11 {
  // @ts-expect-error
  @HandlesMany(Payments.refund)
  async refund(_commands: readonly Incoming<unknown>[], _context: CommandContext<EntityManager>): Promise<void> {}
  // @ts-expect-error
  @HandlesMany(Payments.charge)
  async charge(commands: readonly Incoming<Charge>[], _context: OutsideContext<EntityManager>) {
    return commands.map(() => ({ paymentId: '' }));
  }
}
/* 20 other method name */
export class M12 {
  // @ts-expect-error
  @HandlesMany(Payments.refund)
  async giveBack(): Promise<void> {}
}
/* 21 the form without a class */
participant(Mail, {
  confirm: {
    many: true,
    handle: async (commands, context) => {
      // @ts-expect-error a list has no such field
      void commands.to;
      // @ts-expect-error it is in each of them
      void context.commandId;
      // @ts-expect-error unknown field of a request
      void commands[0]?.request.too;
    },
  },
});
// @ts-expect-error one request instead of a list
participant(Mail, { confirm: { many: true, handle: async (_request: { to: string; trackingCode: string }) => {} } });
// @ts-expect-error narrower request
participant(Mail, { confirm: { many: true, handle: async (_commands: readonly Incoming<{ to: string; extra: string }>[]) => {} } });
// @ts-expect-error a list although it does not say so
participant(Mail, { confirm: { handle: async (_commands: readonly Incoming<{ to: string; trackingCode: string }>[]) => {} } });
// @ts-expect-error effects outside happen one at a time
participant(Mail, { confirm: { many: true, effects: 'outside', handle: async () => {} } });
// @ts-expect-error the context of one command
participant(Mail, { confirm: { many: true, handle: async (_commands, _context: CommandContext<EntityManager>) => {} } });
// @ts-expect-error wrong reply
participant(Payments, { charge: { many: true, handle: async () => [{ paymentId: 1 }] }, refund: async () => {} });
// @ts-expect-error one reply
participant(Payments, { charge: { many: true, handle: async () => ({ paymentId: '' }) }, refund: async () => {} });
participant(Mail, {
  confirm: {
    many: true,
    handle: async (_commands, { tx }) => {
      // @ts-expect-error a transaction that nobody named cannot be used
      await tx.query('');
    },
  },
});
export const context = (given: ManyContext<EntityManager>): unknown =>
  // @ts-expect-error it is in each of the commands
  given.saga;
