// What the workloads' participants share: the ledger row of each effect, and handlers that do what a script says.
import { command, contract, typed, type ContractOptions } from 'backstep';
import { participant, type CommandContext, type OutsideContext } from 'backstep/participant';
import type { EntityManager } from 'typeorm';
import { CREATE_LEDGER } from '../ledger.js';
import type { Script } from './workload.js';

export type Tx = CommandContext<EntityManager>;
export type Outside = OutsideContext<EntityManager>;

/** Makes the ledger; participants that start at once wait for each other. */
export async function prepareLedger(tx: EntityManager): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('backstep lab ledger', 0))`);
  for (const statement of CREATE_LEDGER) await tx.query(statement);
}

/** The ledger row of an effect, in its transaction. */
export async function record(
  tx: EntityManager,
  { saga, commandId, actionId, attempt }: Pick<Tx, 'saga' | 'commandId' | 'actionId' | 'attempt'>,
  { account = '', amount = 0 }: { readonly account?: string; readonly amount?: number } = {},
): Promise<void> {
  await tx.query(
    `insert into ledger (saga_id, step, direction, command_id, action_id, attempt, account, amount) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [saga.id, saga.step, actionId === undefined ? 'action' : 'compensation', commandId, actionId ?? commandId, attempt, account, amount],
  );
}

/**
 * The same for a compensation outside the transaction: such a one is also run where the process died while its action's handler ran, when
 * nobody can say whether there was an effect. The ledger can, and what is not in it is not undone.
 */
export async function recordUndone(tx: EntityManager, context: Pick<Tx, 'saga' | 'commandId' | 'actionId' | 'attempt'>): Promise<void> {
  const [done] = await tx.query<{ done: boolean }[]>(`select exists (select from ledger where command_id = $1) as done`, [
    context.actionId,
  ]);
  if (done?.done) await record(tx, context);
}

/** What a scripted command is asked. */
export interface Work {
  script: Script;
}
export interface Done {
  /** Grows with every effect; later steps read it. */
  count: number;
}

/** A participant that does what it is told: `act` may say no, `finish` may not, `undo` undoes. */
export function workshop<const Name extends string>(name: Name, options: ContractOptions = {}) {
  return contract(
    name,
    {
      act: command({ request: typed<Work>(), reply: typed<Done>(), rejections: ['refused'] }),
      finish: command({ request: typed<Work>(), reply: typed<Done>() }),
      undo: command({ request: typed<Work>() }),
    },
    options,
  );
}
export type Workshop = ReturnType<typeof workshop<string>>;

/** The participant of a {@link workshop}; all its effects are in the transaction. */
export function hostWorkshop(workshopContract: Workshop) {
  return participant(
    workshopContract,
    {
      act: async ({ script }, context: Tx) => {
        if (script.delayMs) await pause(script.delayMs, context.abortSignal);
        // After the write on purpose: a refusal takes it away again.
        await record(context.tx, context);
        if (script.reject) throw workshopContract.act.rejection('refused', { message: 'scripted' });
        return failOrCount(script.errors, context);
      },
      finish: async ({ script }, context: Tx) => {
        if (script.delayMs) await pause(script.delayMs, context.abortSignal);
        await record(context.tx, context);
        return failOrCount(script.errors, context);
      },
      undo: async ({ script }, context: Tx) => {
        await record(context.tx, context);
        failOrCount(script.undoErrors, context);
      },
    },
    { prepare: prepareLedger },
  );
}

/** The same with effects outside the transaction: it waits first, and the ledger row is stored with the reply. */
export function hostOutsideWorkshop(workshopContract: Workshop) {
  const act = async ({ script }: Work, context: Outside): Promise<Done> => {
    if (script.delayMs) await pause(script.delayMs, context.abortSignal);
    if (script.reject) throw workshopContract.act.rejection('refused', { message: 'scripted' });
    context.store((tx) => record(tx, context));
    return failOrCount(script.errors, context);
  };
  return participant(
    workshopContract,
    {
      act: { handle: act, effects: 'outside', concurrency: 200 },
      finish: { handle: act, effects: 'outside', concurrency: 200 },
      undo: {
        handle: async ({ script }: Work, context: Outside) => {
          context.store((tx) => recordUndone(tx, context));
          failOrCount(script.undoErrors, context);
        },
        effects: 'outside',
        concurrency: 200,
      },
    },
    { prepare: prepareLedger },
  );
}

function failOrCount(errors: number | undefined, { attempt }: Pick<Tx, 'attempt'>): Done {
  if (errors !== undefined && attempt <= errors) throw new Error(`scripted error ${attempt} of ${errors}`);
  return { count: attempt };
}

/** Ends early when the command's time is up. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(new Error('given up: the time is up'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal.addEventListener('abort', abort, { once: true });
  });
}
