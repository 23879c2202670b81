import { describe, expect, it } from '@jest/globals';
import { Container, inject } from 'inversify';
import { command, contract, SagaError, typed } from 'backstep';
import {
  Handles,
  HandlesMany,
  Participant,
  participant,
  type CommandContext,
  type Incoming,
  type OutsideContext,
  type ParticipantTarget,
} from 'backstep/participant';
import { declarationsOf, handlersOf } from '../../../src/saga/handlers.js';
import { makeIn } from '../../../src/saga/instances.js';
import { termsOf } from '../../../src/saga/contract.js';
import { Inventory, Mail, Payments } from '../../types/contracts.js';

const context: CommandContext<unknown> = {
  tx: 'the transaction',
  commandId: 'c-1',
  actionId: undefined,
  saga: { id: 's-1', key: undefined, name: 'n', version: 1, step: 'charge' },
  attempt: 1,
  traceparent: undefined,
  abortSignal: new AbortController().signal,
};
/** What JavaScript, or a cast, can write and the types do not allow. */
const untyped = (value: unknown) => value as never;

function faultsOf(...targets: unknown[]): readonly string[] {
  try {
    declarationsOf(targets as ParticipantTarget[]);
  } catch (error: unknown) {
    if (error instanceof SagaError && error.code === 'SAGA_DEFINITION_INVALID') return error.faults;
    throw error;
  }
  return [];
}

class CardGateway {
  readonly charged: string[] = [];
}

@Participant(Payments)
class PaymentService {
  static readonly prepared: unknown[] = [];
  static async prepare(tx: unknown): Promise<void> {
    this.prepared.push(tx);
  }
  constructor(@inject(CardGateway) private readonly gateway: CardGateway) {}
  @Handles(Payments.charge, { effects: 'outside', concurrency: 4, slow: true, horizon: '7d' })
  async charge(request: { orderId: string; amount: number }, { commandId }: OutsideContext<unknown>) {
    this.gateway.charged.push(request.orderId);
    return { paymentId: commandId };
  }
  @Handles(Payments.refund)
  async refund() {}
}

describe('a participant as a class', () => {
  const container = new Container();
  container.bind(CardGateway).toSelf().inSingletonScope();
  const declared = handlersOf(PaymentService, (type) => makeIn(container, type));

  it('is declared with its contract and how each handler wants to be run', () => {
    expect(declared).toMatchObject({ participant: 'payments', inbox: true, batch: 50, unhandled: [] });
    expect([...declared.commands.keys()]).toEqual(['charge', 'refund']);
    expect(declared.commands.get('charge')).toMatchObject({
      effects: 'outside',
      concurrency: 4,
      slow: true,
      horizonMs: 604_800_000,
      where: 'PaymentService.charge',
    });
    expect(declared.commands.get('charge')!.command).toBe(termsOf(Payments.charge));
    expect(declared.commands.get('refund')).toMatchObject({
      effects: 'transaction',
      concurrency: undefined,
      slow: false,
      horizonMs: undefined,
    });
  });

  it('handles with the instance that the container made', async () => {
    await expect(declared.commands.get('charge')!.handle({ orderId: 'o-1', amount: 1 }, context)).resolves.toEqual({ paymentId: 'c-1' });
    expect(container.get(CardGateway).charged).toEqual(['o-1']);
  });

  it('prepares on the class', async () => {
    await declared.prepare!('tx');
    expect(PaymentService.prepared).toEqual(['tx']);
  });

  it('may be a part, and parts make a whole', () => {
    @Participant(Payments, 'charge')
    class Charging {
      @Handles(Payments.charge)
      async charge() {
        return { paymentId: '1' };
      }
    }
    @Participant(Payments, 'refund')
    class Refunding {
      @Handles(Payments.refund)
      async refund() {}
    }
    expect(handlersOf(Charging).unhandled).toEqual(['refund']);
    const whole = declarationsOf([Charging, Refunding]);
    expect(whole).toHaveLength(1);
    expect(whole[0]).toMatchObject({ participant: 'payments', unhandled: [], prepare: undefined });
  });

  it('inherits handlers, and has a method declared again as the subclass has it', async () => {
    class Base {
      @Handles(Payments.charge, { slow: true })
      async charge() {
        return { paymentId: 'base' };
      }
      @Handles(Payments.refund)
      async refund() {}
    }
    @Participant(Payments)
    class Derived extends Base {
      @Handles(Payments.charge)
      override async charge() {
        return { paymentId: 'derived' };
      }
    }
    const { commands } = handlersOf(Derived);
    expect(commands.get('charge')).toMatchObject({ slow: false, where: 'Derived.charge' });
    await expect(commands.get('charge')!.handle({}, context)).resolves.toEqual({ paymentId: 'derived' });
  });
});

describe('a participant as functions', () => {
  it('is declared like a class', async () => {
    const declared = handlersOf(
      participant(
        Payments,
        {
          charge: { effects: 'outside', concurrency: 2, handle: async (_request, { commandId }) => ({ paymentId: commandId }) },
          refund: () => {
            throw new Error('at once');
          },
        },
        { prepare: async () => {} },
      ),
    );
    expect(declared.commands.get('charge')).toMatchObject({ effects: 'outside', concurrency: 2, where: 'participant(payments).charge' });
    expect(declared.prepare).toBeDefined();
    await expect(declared.commands.get('refund')!.handle({}, context)).rejects.toThrow('at once');
  });
});

describe('a handler of many commands', () => {
  const incoming: Incoming<{ orderId: string; amount: number }>[] = [{ ...context, request: { orderId: 'o-1', amount: 1 } }];

  it('is declared as such, in both forms', async () => {
    @Participant(Payments)
    class Till {
      @HandlesMany(Payments.charge, { slow: true, horizon: '7d' })
      async charge(commands: readonly Incoming<{ orderId: string; amount: number }>[]) {
        return commands.map(({ commandId }) => ({ paymentId: commandId }));
      }
      @Handles(Payments.refund)
      async refund() {}
    }
    const { commands } = handlersOf(Till);
    expect(commands.get('charge')).toMatchObject({ many: true, effects: 'transaction', slow: true, horizonMs: 604_800_000 });
    expect(commands.get('refund')).toMatchObject({ many: false });
    await expect(commands.get('charge')!.handle(incoming, context)).resolves.toEqual([{ paymentId: 'c-1' }]);
    const declared = handlersOf(
      participant(Payments, {
        charge: { many: true, concurrency: 2, handle: async (given) => given.map(({ request }) => ({ paymentId: request.orderId })) },
        refund: { many: false, handle: async () => {} },
      }),
    );
    expect(declared.commands.get('charge')).toMatchObject({ many: true, concurrency: 2 });
    expect(declared.commands.get('refund')).toMatchObject({ many: false });
    await expect(declared.commands.get('charge')!.handle(incoming, context)).resolves.toEqual([{ paymentId: 'o-1' }]);
  });

  it('has its effects in the transaction', () => {
    class Till {
      @HandlesMany(Payments.charge, untyped({ effects: 'outside' }))
      async charge() {
        return [];
      }
      @Handles(Payments.refund, untyped({ many: true }))
      async refund() {}
    }
    Participant(Payments)(Till as never);
    const entries = {
      charge: { many: true, effects: 'outside', handle: async () => [] },
      refund: { many: 'all', handle: async () => {} },
    };
    expect(faultsOf(Till, participant(Payments, untyped(entries)))).toEqual([
      expect.stringContaining('Till.charge: it takes many commands at once, so its effects must be in the transaction'),
      `Till.refund: there is no option 'many'`,
      expect.stringContaining('participant(payments).charge: it takes many commands at once'),
      `participant(payments).refund: option 'many' must be true or false`,
    ]);
  });

  it('is the only one of its command, and of a command', () => {
    @Participant(Mail)
    class Circular {
      @Handles(Mail.confirm)
      async confirm() {}
      @((HandlesMany as unknown as (command: unknown) => MethodDecorator)(undefined))
      async nothing() {}
    }
    @Participant(Mail)
    class Both {
      @Handles(Mail.confirm)
      @((HandlesMany as unknown as (command: unknown) => MethodDecorator)(Mail.confirm))
      async confirm() {}
    }
    expect(faultsOf(Circular)).toEqual([expect.stringContaining('Circular.nothing: @HandlesMany(…) needs a command of a contract')]);
    expect(faultsOf(Both)).toEqual([`the command 'mail.confirm' has several handlers: Both.confirm, Both.confirm`]);
  });
});

describe('declaring participants refuses', () => {
  it('what declares none', () => {
    class Nobody {}
    expect(faultsOf(Nobody, {})).toEqual([
      'Nobody: it has no @Participant(contract)',
      'a participant: it is neither a class under @Participant(…) nor made by participant(…)',
    ]);
  });

  it('a missing contract', () => {
    class Circular {}
    Participant(untyped(undefined))(Circular as never);
    expect(faultsOf(Circular, participant(untyped(undefined), {} as never))).toEqual([
      expect.stringContaining('Circular: @Participant(…) needs a contract'),
      expect.stringContaining('participant(…): its first argument must be a contract'),
    ]);
  });

  it('a forgotten handler', () => {
    class Forgetful {
      @Handles(Payments.charge)
      async charge() {
        return { paymentId: '' };
      }
    }
    Participant(Payments)(Forgetful as never);
    expect(faultsOf(Forgetful, participant(Mail, {} as never))).toEqual([
      `Forgetful: the command 'payments.refund' has no handler; add a method 'refund' with @Handles(…)`,
      `participant(mail): the command 'mail.confirm' has no handler; add 'confirm'`,
    ]);
  });

  it('a method of the right name without its mark, also where it is not asked for', () => {
    @Participant(Payments, 'charge')
    class Unmarked {
      async charge() {}
      async refund() {}
    }
    expect(faultsOf(Unmarked)).toEqual([
      expect.stringContaining('Unmarked.charge: it is named like a command but is not marked; put @Handles(…) on it'),
      expect.stringContaining('Unmarked.refund: it is named like a command but is not marked'),
    ]);
  });

  it('two handlers for a command', () => {
    const again = participant(Payments, { charge: async () => ({ paymentId: '' }), refund: async () => {} });
    @Participant(Payments, 'charge')
    class Charging {
      @Handles(Payments.charge)
      async charge() {
        return { paymentId: '' };
      }
    }
    expect(faultsOf(Charging, again)).toEqual([
      `the command 'payments.charge' has several handlers: Charging.charge, participant(payments).charge`,
    ]);
  });

  it('a command of another contract', () => {
    @Participant(Mail)
    class Confused {
      @Handles(Mail.confirm)
      async confirm() {}
      @Handles(Inventory.release)
      async release() {}
      @((Handles as unknown as (command: unknown) => MethodDecorator)(undefined))
      async nothing() {}
    }
    expect(faultsOf(Confused, participant(Mail, untyped({ confirm: async () => {}, more: async () => {} })))).toEqual([
      `Confused.release: it handles 'inventory.release', which is not a command of this participant's contract`,
      expect.stringContaining('Confused.nothing: @Handles(…) needs a command of a contract'),
      `participant(mail).more: 'mail' has no command 'more'`,
    ]);
  });

  it('a part that is not in the contract', () => {
    class Partial {}
    Participant(Mail, untyped('send'))(Partial as never);
    expect(faultsOf(Partial)).toEqual([`Partial: 'mail' has no command 'send'`]);
  });

  it('wrong options', () => {
    const options = { effects: 'beside', concurrency: 0, slow: 1, horizon: 'long', attempts: 3 };
    expect(faultsOf(participant(Mail, untyped({ confirm: { ...options, handle: 'x' } })))).toEqual([
      'participant(mail).confirm: it must be a function, or { handle, … }',
      `participant(mail).confirm: there is no option 'attempts'`,
      `participant(mail).confirm: option 'effects' must be 'transaction' or 'outside'`,
      `participant(mail).confirm: option 'concurrency' must be a whole number from 1`,
      `participant(mail).confirm: option 'slow' must be true or false`,
      `participant(mail).confirm: option 'horizon' must be a duration such as '30d'`,
    ]);
  });

  it('a class whose dependencies are not bound', () => {
    expect(faultsOf(PaymentService)).toEqual([expect.stringContaining('PaymentService: nothing is bound to CardGateway')]);
  });

  it('two contracts for one participant', () => {
    const Other = contract('mail', { confirm: command({ request: typed<{}>() }), bounce: command({ request: typed<{}>() }) });
    expect(
      faultsOf(participant(Mail, { confirm: async () => {} }), participant(Other, { confirm: async () => {}, bounce: async () => {} })),
    ).toContain(`participant(mail), participant(mail): they declare the participant 'mail' with different contracts`);
  });
});
