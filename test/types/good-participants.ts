import { inject } from 'inversify';
import type { ClientBase } from 'pg';
import type { EntityManager } from 'typeorm';
import type { ReplyOf, RequestOf } from 'backstep';
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
  type TransactionFault,
  type WantedTransaction,
} from 'backstep/participant';
import { Couriers, Inventory, Mail, Payments, type Reservation } from './contracts.js';

export class CardGateway {
  async charge(_id: string, _amount: number): Promise<'ok' | 'declined'> {
    return 'ok';
  }
}

@Participant(Payments)
export class PaymentService {
  static async prepare(tx: EntityManager): Promise<void> {
    await tx.query('create table if not exists payment …');
  }
  constructor(@inject(CardGateway) private readonly gateway: CardGateway) {}

  @Handles(Payments.charge, { effects: 'outside', concurrency: 4 })
  async charge(request: RequestOf<typeof Payments.charge>, { commandId, store }: OutsideContext<EntityManager>) {
    if ((await this.gateway.charge(commandId, request.amount)) === 'declined')
      throw Payments.charge.rejection('card-declined', { message: 'the bank said no' });
    store(async (tx) => {
      await tx.query('insert into payment …');
    });
    return { paymentId: commandId };
  }
  @Handles(Payments.refund)
  async refund({ orderId }: RequestOf<typeof Payments.refund>, { tx, actionId }: CommandContext<EntityManager>) {
    await tx.query('…', [orderId, actionId]);
  }
}

@Participant(Inventory)
export class InventoryService {
  @Handles(Inventory.reserve)
  async reserve(request: Reservation): Promise<ReplyOf<typeof Inventory.reserve>> {
    return { reservationId: request.sku };
  }
  @Handles(Inventory.release)
  async release(_request: { orderId: string }): Promise<void> {}
}

/** A part of a contract. */
@Participant(Payments, 'charge')
export class Charging {
  @Handles(Payments.charge)
  async charge() {
    return { paymentId: '' };
  }
}

/** The same without a class: nothing is annotated. */
export const couriers = participant(Couriers, {
  book: async (request) => {
    if (request.postcode === '') throw Couriers.book.rejection('undeliverable');
    return { slot: 'noon', fee: 4 };
  },
  cancel: async () => {},
  dispatch: async ({ orderId }, { commandId }) => ({ trackingCode: orderId + commandId }),
});

/** With a transaction, and with effects outside of it. */
export const payments = participant(
  Payments,
  {
    charge: {
      effects: 'outside',
      concurrency: 4,
      handle: async ({ orderId }, context: OutsideContext<ClientBase>) => {
        context.store(async (tx) => {
          await tx.query('insert into payment …', [orderId]);
        });
        return { paymentId: context.commandId };
      },
    },
    refund: async ({ orderId }, { tx }: CommandContext<ClientBase>) => {
      await tx.query('…', [orderId]);
    },
  },
  {
    prepare: async (tx: ClientBase) => {
      await tx.query('create table if not exists payment …');
    },
  },
);
export const mail = participant(Mail, { confirm: { slow: true, handle: async ({ to }) => void to } });

/** Many commands with one statement. */
@Participant(Payments)
export class Till {
  @HandlesMany(Payments.charge, { slow: true, concurrency: 2, horizon: '7d' })
  async charge(
    commands: readonly Incoming<RequestOf<typeof Payments.charge>>[],
    { tx, abortSignal }: ManyContext<EntityManager>,
  ): Promise<AnswersOf<typeof Payments.charge>> {
    abortSignal.throwIfAborted();
    await tx.query('…', [commands.map(({ request }) => request.amount)]);
    return commands.map(({ commandId, saga, attempt, traceparent, actionId }) =>
      saga.step === 'never' && attempt > 1 && traceparent !== actionId
        ? Payments.charge.rejection('card-declined')
        : { paymentId: commandId },
    );
  }
  /** No reply and no code: nothing need be returned. */
  @HandlesMany(Payments.refund)
  async refund(_commands: readonly Incoming<{ orderId: string }>[]): Promise<void> {}
}
/** With what one of the codes gives, written out. */
export class Desk {
  @HandlesMany(Payments.charge)
  async charge(commands: readonly Incoming<unknown>[]): Promise<readonly ({ paymentId: string } | ReturnType<typeof declined>)[]> {
    return commands.map(declined);
  }
  @HandlesMany(Payments.refund, { effects: 'transaction' })
  async refund(commands: readonly Incoming<unknown>[]): Promise<undefined[]> {
    return commands.map(() => undefined);
  }
}
const declined = () => Payments.charge.rejection('card-declined');
export const manyCouriers = participant(Couriers, {
  book: {
    many: true,
    handle: async (commands) =>
      commands.map(({ request: { postcode } }) =>
        postcode === '' ? Couriers.book.rejection('undeliverable') : { slot: postcode.slice(0, 1), fee: 4 },
      ),
  },
  cancel: { many: true, slow: true, handle: async () => {} },
  dispatch: {
    many: false,
    handle: async ({ orderId }, { commandId }) => ({ trackingCode: orderId + commandId }),
  },
});
export const manyMail = participant(Mail, {
  confirm: {
    many: true,
    handle: async (commands, { tx }: ManyContext<ClientBase>) => {
      await tx.query('insert into letter …', [commands.map(({ request }) => request.to)]);
    },
  },
});

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
true satisfies Same<WantedTransaction<typeof PaymentService>, EntityManager>;
true satisfies Same<WantedTransaction<typeof InventoryService>, unknown>;
true satisfies Same<WantedTransaction<typeof payments>, ClientBase>;
true satisfies Same<WantedTransaction<typeof couriers>, unknown>;
true satisfies Same<WantedTransaction<typeof Till>, EntityManager>;
true satisfies Same<WantedTransaction<typeof manyMail>, ClientBase>;
true satisfies Same<WantedTransaction<typeof manyCouriers>, unknown>;
true satisfies Same<TransactionFault<typeof PaymentService, EntityManager>, unknown>;
true satisfies Same<TransactionFault<typeof couriers, EntityManager>, unknown>;
// @ts-expect-error the inbox gives another transaction
true satisfies Same<TransactionFault<typeof PaymentService, ClientBase>, unknown>;
// @ts-expect-error the inbox gives another transaction
true satisfies Same<TransactionFault<typeof payments, EntityManager>, unknown>;
// @ts-expect-error the inbox gives another transaction
true satisfies Same<TransactionFault<typeof Till, ClientBase>, unknown>;
// @ts-expect-error the inbox gives another transaction
true satisfies Same<TransactionFault<typeof manyMail, EntityManager>, unknown>;
