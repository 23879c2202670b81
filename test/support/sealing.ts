import { createHash } from 'node:crypto';
import { z } from 'zod';
import { command, contract } from '../../src/saga/contract.js';
import { SagaDefinition } from '../../src/saga/definition.js';
import { Saga } from '../../src/saga/saga.js';
import { sensitive } from '../../src/saga/sensitive.js';
import { AesSealing } from '../../src/sealing/aes-sealing.js';
import { readPayloadKeys } from '../../src/sealing/keys.js';

/** A key as the configuration has it; its bytes follow from its id. */
export function payloadKey(id: string, state: 'active' | 'accepted' = 'active') {
  return { id, key: createHash('sha256').update(id).digest('base64'), state };
}
export function sealingWith(...keys: readonly ReturnType<typeof payloadKey>[]): AesSealing {
  return new AesSealing(readPayloadKeys(JSON.stringify({ keys })));
}

/** Nothing but a builder or a handler may ever see what holds one of these. */
export const CANARY = { card: 'canary-4111-1111', name: 'canary Ada', iban: 'canary-DE89' } as const;

const card = sensitive(z.string());
export const Bank = contract(
  'bank',
  {
    charge: command({
      request: z.object({ card, amount: z.number() }),
      reply: z.object({ paymentId: z.string(), from: sensitive(z.object({ iban: z.string() })) }),
      rejections: ['declined'],
    }),
    refund: command({ request: z.object({ card: card.optional(), iban: sensitive(z.string()).optional() }) }),
  },
  { batch: 10 },
);
export const Post = contract('post', {
  send: command({
    request: z.object({ lines: z.array(z.object({ to: sensitive(z.string()), what: z.string() })) }),
    rejections: ['moved'],
  }),
});

const Order = z.object({ orderId: z.string(), amount: z.number(), customer: sensitive(z.object({ name: z.string(), card: z.string() })) });

/** An order with a customer's name and card in it; the parcel is the point of no return. */
@Saga({ name: 'sealed-order', version: 1, input: Order, key: ({ orderId }) => orderId })
export class SealedOrder extends SagaDefinition<z.infer<typeof Order>> {
  charge = this.step(Bank.charge, {
    timeout: '20s',
    retry: { attempts: 4, backoff: { initial: '1s', factor: 1, max: '1s' } },
    when: ({ input }) => input.customer.card !== '',
    request: ({ input }) => ({ card: input.customer.card, amount: input.amount }),
    compensate: { command: Bank.refund, request: ({ own }) => ({ card: own.request.card, iban: own.reply?.from.iban }) },
  });
  send = this.pivot(Post.send, {
    uses: { paid: this.charge },
    request: ({ input, paid }) => ({ lines: [{ to: input.customer.name, what: paid?.paymentId ?? 'free' }] }),
  });
}

/** The same with keys of their own for the sagas of each customer. */
@Saga({
  name: 'personal-order',
  version: 1,
  input: Order,
  key: ({ orderId }) => orderId,
  subject: ({ orderId }) => `customer of ${orderId.slice(0, 1)}`,
})
export class PersonalOrder extends SealedOrder {}

export const ORDER = { orderId: 'o-1', amount: 5, customer: { name: CANARY.name, card: CANARY.card } } as const;
