import { command, contract, isRejection, type Rejection } from '../../../src/saga/contract.js';
import { participant, type ParticipantTarget } from '../../../src/saga/participant.js';
import type { CommandContext, Incoming, ManyContext, OutsideContext } from '../../../src/saga/participant-declaration.js';
import { typed } from '../../../src/saga/schema.js';
import type { MemoryTransaction } from '../../../src/memory/in-memory-inbox.js';

/** What every command asks. */
export interface Asked {
  /** Number of the saga in its case. */
  readonly n: number;
  /** Steps whose replies its builder read. */
  readonly read: readonly string[];
}
export interface Answered {
  readonly from: string;
  readonly n: number;
}

const shapes = {
  /** In the transaction, with others. */
  act: command({ request: typed<Asked>(), reply: typed<Answered>(), rejections: ['no'] }),
  /** In a transaction of its own. */
  slow: command({ request: typed<Asked>(), reply: typed<Answered>(), rejections: ['no'] }),
  /** Outside the transaction. */
  call: command({ request: typed<Asked>(), reply: typed<Answered>(), rejections: ['no'] }),
  /** For steps after the pivot: it may not say no. */
  finish: command({ request: typed<Asked>(), reply: typed<Answered>() }),
  finishCall: command({ request: typed<Asked>(), reply: typed<Answered>() }),
  undo: command({ request: typed<Asked>() }),
  undoSlow: command({ request: typed<Asked>() }),
  undoCall: command({ request: typed<Asked>() }),
};

/** With the SDK and an inbox. */
export const Alpha = contract('alpha', shapes);
/** Takes several commands in one message. */
export const Beta = contract('beta', shapes, { batch: 5 });
/** With the SDK, and nothing recorded. */
export const Plain = contract('plain', shapes, { inbox: false, batch: 3 });
/** Without the SDK: acknowledges, and answers as its script says. */
export const Raw = contract('raw', shapes, { inbox: false });
export const CONTRACTS = { alpha: Alpha, beta: Beta, plain: Plain, raw: Raw } as const;
export type ParticipantName = keyof typeof CONTRACTS;
export type ActionName = 'act' | 'slow' | 'call';
export type FinishName = 'finish' | 'finishCall';
export type UndoName = 'undo' | 'undoSlow' | 'undoCall';

/** One run of a handler. */
export interface Run {
  readonly participant: ParticipantName;
  readonly direction: 'action' | 'compensation';
  readonly n: number;
  readonly sagaId: string;
  readonly step: string;
  readonly commandId: string;
  readonly actionId: string;
  readonly attempt: number;
  readonly isOutside: boolean;
  /** It had been told to stop, since its lock may have gone; what an effect outside does then can come after its undo (protocol.md 1). */
  readonly isOnItsOwn: boolean;
}

/** What handlers do, by script. Rejects, throws, or gives the reply; `effect` is called when it takes effect. */
export type Behaviour = (run: Run, effect: (act: () => void) => void) => Promise<'done' | 'rejected'>;

/** The handlers of a participant that uses the SDK. With `many`, those that are in the transaction take all commands at once. */
export function handlersOf(name: 'alpha' | 'beta' | 'plain', behave: Behaviour, many = false): ParticipantTarget {
  const of = CONTRACTS[name];
  const runOf = (asked: Asked, context: CommandContext<unknown> | OutsideContext<unknown>, isOutside: boolean): Run => ({
    participant: name,
    direction: context.actionId === undefined ? 'action' : 'compensation',
    n: asked.n,
    sagaId: context.saga.id,
    step: context.saga.step,
    commandId: context.commandId,
    actionId: context.actionId ?? context.commandId,
    attempt: context.attempt,
    isOutside,
    get isOnItsOwn() {
      return isOutside && context.abortSignal.aborted;
    },
  });
  const within = async (asked: Asked, context: CommandContext<MemoryTransaction>): Promise<'done' | 'rejected'> =>
    // Without an inbox there is no transaction, and what is done is done.
    behave(runOf(asked, context, context.tx === undefined), (act) => (context.tx ? context.tx.onCommit(act) : act()));
  const beyond = async (asked: Asked, context: OutsideContext<MemoryTransaction>): Promise<'done' | 'rejected'> =>
    behave(runOf(asked, context, true), (act) => act());
  const replyTo = (asked: Asked, { saga }: { readonly saga: { readonly step: string } }): Answered => ({ from: saga.step, n: asked.n });
  const doing = (command: { rejection(code: 'no'): Error }) => async (asked: Asked, context: CommandContext<MemoryTransaction>) => {
    if ((await within(asked, context)) === 'rejected') throw command.rejection('no');
    return replyTo(asked, context);
  };
  const finishing = async (asked: Asked, context: CommandContext<MemoryTransaction>) => {
    await within(asked, context);
    return replyTo(asked, context);
  };
  const undoing = async (asked: Asked, context: CommandContext<MemoryTransaction>): Promise<void> => {
    await within(asked, context);
  };
  const outside = {
    call: {
      effects: 'outside' as const,
      handle: async (asked: Asked, context: OutsideContext<MemoryTransaction>) => {
        if ((await beyond(asked, context)) === 'rejected') throw of.call.rejection('no');
        return replyTo(asked, context);
      },
    },
    finishCall: {
      effects: 'outside' as const,
      handle: async (asked: Asked, context: OutsideContext<MemoryTransaction>) => {
        await beyond(asked, context);
        return replyTo(asked, context);
      },
    },
    undoCall: {
      effects: 'outside' as const,
      handle: async (asked: Asked, context: OutsideContext<MemoryTransaction>) => {
        await beyond(asked, context);
      },
    },
  };
  if (!many)
    return participant(of, {
      act: doing(of.act),
      slow: { handle: doing(of.slow), slow: true },
      finish: finishing,
      undo: undoing,
      undoSlow: { slow: true, handle: undoing },
      ...outside,
    });
  return participant(of, {
    act: { many: true, handle: all(refusing(doing(of.act))) },
    slow: { many: true, slow: true, handle: all(refusing(doing(of.slow))) },
    finish: { many: true, handle: all(finishing) },
    undo: { many: true, handle: all(undoing) },
    undoSlow: { many: true, slow: true, handle: all(undoing) },
    ...outside,
  });
}

type One<R> = (asked: Asked, context: CommandContext<MemoryTransaction>) => Promise<R>;

/** One call for many commands: whatever is thrown for one of them fails the call. */
function all<R>(one: One<R>) {
  return async (commands: readonly Incoming<Asked>[], { tx, abortSignal }: ManyContext<MemoryTransaction>): Promise<readonly R[]> => {
    const answers: R[] = [];
    for (const { request, ...facts } of commands) answers.push(await one(request, { ...facts, tx, abortSignal }));
    return answers;
  };
}

/** What a handler of one command throws as a "no", a handler of many returns. */
function refusing<R>(one: One<R>): One<R | Rejection<'no'>> {
  return async (asked, context) => {
    try {
      return await one(asked, context);
    } catch (error: unknown) {
      if (isRejection(error)) return error as Rejection<'no'>;
      throw error;
    }
  };
}
