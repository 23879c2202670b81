import type pg from 'pg';
import { command, contract, isRejection } from '../../../src/saga/contract.js';
import { handlersOf } from '../../../src/saga/handlers.js';
import { participant, type AnswersOf } from '../../../src/saga/participant.js';
import type { CommandContext, Incoming, ManyContext, OutsideContext } from '../../../src/saga/participant-declaration.js';
import { typed } from '../../../src/saga/schema.js';

export const Payments = contract('payments', {
  charge: command({ request: typed<Request>(), reply: typed<{ paymentId: string }>(), rejections: ['card-declined'] }),
  refund: command({ request: typed<Request>() }),
  /** Effects outside. */
  capture: command({ request: typed<Request>(), reply: typed<{ paymentId: string }>(), rejections: ['card-declined'] }),
  giveBack: command({ request: typed<Request>() }),
});
export interface Request {
  readonly orderId: string;
  readonly amount: number;
}
type Tx = pg.PoolClient;
/** What handlers do besides leaving their effect; a test replaces them. */
export interface Script {
  charge?: (request: Request, context: CommandContext<Tx>) => Promise<unknown>;
  refund?: (request: Request, context: CommandContext<Tx>) => Promise<unknown>;
  capture?: (request: Request, context: OutsideContext<Tx>) => Promise<unknown>;
  giveBack?: (request: Request, context: OutsideContext<Tx>) => Promise<unknown>;
  /** Told of each call of a handler of many, before anything of it is done. */
  called?: (name: 'charge' | 'refund', commands: readonly Incoming<Request>[]) => void;
}

const effect = (tx: Tx, kind: string, id: string | undefined) => effects(tx, kind, [id]);
const effects = async (tx: Tx, kind: string, ids: readonly (string | undefined)[]) =>
  void (await tx.query('insert into effect select $1, id from unnest($2::text[]) as id', [kind, ids]));

/** Every handler leaves a line in `effect`: `charge <command id>`, `refund <action id>` and so on. */
export function declare(script: Script) {
  return handlersOf(
    participant(
      Payments,
      {
        charge: async (request: Request, context: CommandContext<Tx>) => {
          await effect(context.tx, 'charge', context.commandId);
          return ((await script.charge?.(request, context)) ?? { paymentId: context.commandId }) as { paymentId: string };
        },
        refund: async (request: Request, context: CommandContext<Tx>) => {
          await effect(context.tx, 'refund', context.actionId);
          await script.refund?.(request, context);
        },
        ...outside(script),
      },
      { prepare },
    ),
  );
}
export type Declaring = typeof declare;

/** The same with handlers of many commands. The lines of a call are one statement, also those of commands that it then rejects. */
export function declareMany(script: Script) {
  type Commands = readonly Incoming<Request>[];
  return handlersOf(
    participant(
      Payments,
      {
        charge: {
          many: true,
          handle: async (commands: Commands, { tx, abortSignal }: ManyContext<Tx>): Promise<AnswersOf<typeof Payments.charge>> => {
            script.called?.('charge', commands);
            const ids = commands.map(({ commandId }) => commandId);
            await effects(tx, 'charge', ids);
            const answers: unknown[] = [];
            for (const { request, ...facts } of commands)
              answers.push(
                (await rejectionOr(() => script.charge?.(request, { ...facts, tx, abortSignal }))) ?? { paymentId: facts.commandId },
              );
            return answers as never;
          },
        },
        refund: {
          many: true,
          handle: async (commands: Commands, { tx, abortSignal }: ManyContext<Tx>) => {
            script.called?.('refund', commands);
            const ids = commands.map(({ actionId }) => actionId);
            await effects(tx, 'refund', ids);
            for (const { request, ...facts } of commands) await script.refund?.(request, { ...facts, tx, abortSignal });
          },
        },
        ...outside(script),
      },
      { prepare },
    ),
  );
}

const prepare = async (tx: Tx) => void (await tx.query('create table if not exists effect (kind text not null, id text not null)'));

const outside = (script: Script) => ({
  capture: {
    effects: 'outside' as const,
    handle: async (request: Request, context: OutsideContext<Tx>) => {
      context.store((tx) => effect(tx, 'capture', context.commandId));
      return ((await script.capture?.(request, context)) ?? { paymentId: context.commandId }) as { paymentId: string };
    },
  },
  giveBack: {
    effects: 'outside' as const,
    handle: async (request: Request, context: OutsideContext<Tx>) => {
      context.store((tx) => effect(tx, 'giveBack', context.actionId));
      await script.giveBack?.(request, context);
    },
  },
});

/** What a handler of one command throws as a "no", a handler of many returns. */
async function rejectionOr(act: () => Promise<unknown> | undefined): Promise<unknown> {
  try {
    return await act();
  } catch (error: unknown) {
    if (isRejection(error)) return error;
    throw error;
  }
}
