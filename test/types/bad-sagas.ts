// Every wrong thing by itself; each error was read before it was accepted. Cases about `each`, `local`, `sleep`, `signal`, `child` and
// `migration` come with those kinds of step, and those about the client and the test kit with these: see README.md.
import { z } from 'zod';
import { Saga, SagaDefinition, command, contract, typed } from 'backstep';
import { Couriers, Inventory, Mail, Payments } from './contracts.js';
import { Order, type OrderIn } from './place-order.saga.js';

const toCharge = () => ({ orderId: '', amount: 1 });
const toReserve = () => ({ orderId: '', sku: '', quantity: 1 });
const toDispatch = () => ({ orderId: '', slot: '' });
const toConfirm = () => ({ to: '', trackingCode: '' });

@Saga({ name: 'bad', version: 1, input: Order })
export class Bad extends SagaDefinition<Order, OrderIn> {
  reserve = this.step(Inventory.reserve, { request: toReserve, compensate: 'none' });
  /* 1 wrong request field type */
  b1 = this.step(Inventory.reserve, {
    // @ts-expect-error
    request: ({ input }) => ({ orderId: input.orderId, sku: input.quantity, quantity: 1 }),
    compensate: 'none',
  });
  /* 2 missing request field */
  b2 = this.step(Inventory.reserve, {
    // @ts-expect-error
    request: ({ input }) => ({ orderId: input.orderId, sku: input.sku }),
    compensate: 'none',
  });
  /* 3 no such input field */
  b3 = this.step(Inventory.reserve, {
    // @ts-expect-error
    request: ({ input }) => ({ orderId: input.orderId, sku: input.skuu, quantity: 1 }),
    compensate: 'none',
  });
  /* 4 later step */
  b4 = this.step(Payments.charge, {
    // @ts-expect-error
    uses: { later: this.later },
    request: toCharge,
    compensate: 'none',
  });
  b4b = this.step(Payments.charge, {
    // @ts-expect-error
    after: this.later,
    request: toCharge,
    compensate: 'none',
  });
  /* 5 own reply without undefined */
  b5 = this.step(Payments.charge, {
    request: toCharge,
    compensate: {
      command: Payments.refund,
      // @ts-expect-error
      request: ({ own }) => ({ orderId: '', paymentId: own.reply.paymentId }),
    },
  });
  /* 6 forgotten compensate */
  // @ts-expect-error
  b6 = this.step(Payments.charge, { request: toCharge });
  /* 7 wrong compensation request */
  b7 = this.step(Payments.charge, {
    request: toCharge,
    compensate: {
      command: Payments.refund,
      // @ts-expect-error
      request: () => ({ paymentId: 1 }),
    },
  });
  pivot1 = this.pivot(Couriers.dispatch, { after: this.reserve, request: toDispatch });
  /* 8 compensatable after the pivot */
  b8 = this.step(Payments.charge, {
    // @ts-expect-error
    after: this.pivot1,
    request: toCharge,
    compensate: 'none',
  });
  b8b = this.step(Payments.charge, {
    // @ts-expect-error
    uses: { pivot: this.pivot1 },
    request: toCharge,
    compensate: 'none',
  });
  b8c = this.step(Payments.charge, {
    // @ts-expect-error
    after: [this.reserve, this.pivot1],
    request: toCharge,
    compensate: 'none',
  });
  b8d = this.check('no', {
    // @ts-expect-error
    after: this.pivot1,
    passes: () => true,
  });
  /* 9 second pivot after a pivot */
  b9 = this.pivot(Couriers.dispatch, {
    // @ts-expect-error
    after: this.pivot1,
    request: toDispatch,
  });
  /* 10 retriable after a compensatable */
  b10 = this.retriable(Mail.confirm, {
    // @ts-expect-error
    after: this.reserve,
    request: toConfirm,
  });
  /* 11 retriable with rejections */
  b11 = this.retriable(
    // @ts-expect-error
    Couriers.dispatch,
    { after: this.pivot1, request: toDispatch },
  );
  /* 12 reserved word */
  b12 = this.step(Payments.charge, {
    // @ts-expect-error
    uses: { input: this.reserve },
    request: toCharge,
    compensate: 'none',
  });
  b12b = this.step(Payments.charge, {
    // @ts-expect-error kept for lists
    uses: { element: this.reserve },
    request: toCharge,
    compensate: 'none',
  });
  /* 13 reply that is not used */
  b13 = this.step(Payments.charge, {
    // @ts-expect-error
    request: ({ reserved }) => ({ orderId: reserved.reservationId, amount: 1 }),
    compensate: 'none',
  });
  /* 14 reply of a conditional step */
  wrap = this.step(Inventory.reserve, { when: ({ input }) => input.giftWrap, request: toReserve, compensate: 'none' });
  b14 = this.step(Payments.charge, {
    uses: { wrap: this.wrap },
    // @ts-expect-error
    request: ({ wrap }) => ({ orderId: wrap.reservationId, amount: 1 }),
    compensate: 'none',
  });
  /* 15 when not boolean */
  b15 = this.step(Inventory.reserve, {
    // @ts-expect-error
    when: ({ input }) => input.sku,
    request: toReserve,
    compensate: 'none',
  });
  /* 16 duration */
  b16 = this.step(Inventory.reserve, {
    // @ts-expect-error
    timeout: '10 minutes',
    request: toReserve,
    compensate: 'none',
  });
  /* 17 async request */
  b17 = this.step(Inventory.reserve, {
    // @ts-expect-error
    request: async () => ({ orderId: '', sku: '', quantity: 1 }),
    compensate: 'none',
  });
  /* 18 wrong field of a reply */
  b18 = this.step(Payments.charge, {
    uses: { reserved: this.reserve },
    // @ts-expect-error
    request: ({ reserved }) => ({ orderId: reserved.reservationID, amount: 1 }),
    compensate: 'none',
  });
  /* 20 own reference */
  // @ts-expect-error
  b20 = this.step(Payments.charge, {
    // @ts-expect-error
    uses: { me: this.b20 },
    request: toCharge,
    compensate: 'none',
  });
  /* 21 dependency read in an initialiser */
  constructor(private readonly fee: number) {
    super();
  }
  b21 = this.step(Payments.charge, {
    // @ts-expect-error
    retry: { attempts: this.fee },
    request: toCharge,
    compensate: 'none',
  });
  /* 22 element without a list */
  b22 = this.step(Payments.charge, {
    // @ts-expect-error
    request: ({ element }) => ({ orderId: element, amount: 1 }),
    compensate: 'none',
  });
  /* 27 compensation command with rejections */
  b27 = this.step(Payments.charge, {
    request: toCharge,
    // @ts-expect-error
    compensate: { command: Payments.charge, request: toCharge },
  });
  /* 28 conditional pivot */
  b28 = this.pivot(Couriers.dispatch, {
    // @ts-expect-error
    when: () => true,
    request: toDispatch,
  });
  /* 29 whole input passed: too little */
  b29 = this.step(Payments.charge, {
    // @ts-expect-error
    request: ({ input }) => input,
    compensate: 'none',
  });
  /* 30 the key is possibly undefined */
  b30 = this.step(Payments.charge, {
    // @ts-expect-error
    request: ({ saga }) => ({ orderId: saga.key, amount: 1 }),
    compensate: 'none',
  });
  /* 31 no such option (yet) */
  b31 = this.step(Inventory.reserve, {
    // @ts-expect-error
    each: () => [1, 2],
    request: toReserve,
    compensate: 'none',
  });
  /* 32 a check that does not answer yes or no */
  b32 = this.check('no', {
    // @ts-expect-error
    passes: ({ input }) => input.sku,
  });
  later = this.step(Payments.charge, { request: toCharge, compensate: 'none' });
}

/* 23 input mismatch */
// @ts-expect-error
@Saga({ name: 'bad2', version: 1, input: z.object({ a: z.string() }) })
export class Bad2 extends SagaDefinition<{ a: number }> {}
/* 24 key from an unknown field */
@Saga({
  name: 'bad3',
  version: 1,
  input: z.object({ a: z.string() }),
  // @ts-expect-error
  key: (input) => input.b,
})
export class Bad3 extends SagaDefinition<{ a: string }> {}
/* 25 not a saga */
// @ts-expect-error
@Saga({ name: 'bad4', version: 1 })
export class Bad4 {}
/* 26 not JSON */
export const Wrong = contract('w', {
  // @ts-expect-error
  date: command({ request: z.object({ at: z.date() }) }),
  // @ts-expect-error
  map: command({ request: typed<{ m: Map<string, string> }>() }),
  // @ts-expect-error
  bigint: command({ request: typed<{}>(), reply: typed<{ n: bigint }>() }),
});
/* 33 another command's code */
// @ts-expect-error
Payments.charge.rejection('out-of-stock');
// @ts-expect-error a command that cannot say no
Payments.refund.rejection('card-declined');
/* 34 an option that is no yes or no, and one that there is not */
export const Unsure = contract('u', {
  // @ts-expect-error
  maybe: command({ request: typed<{}>(), idempotent: 'yes' }),
  // @ts-expect-error
  misspelt: command({ request: typed<{}>(), idempotant: true }),
});
