import { SagaError } from '../core/errors.js';
import type { CommandHead } from '../core/wire.js';
import type { Claim, InboxClaim, InboxKey, InboxWrite } from '../ports/inbox.js';
import { EMPTY, failure, rejected, success, type Answer } from './answer.js';

/** What the rules look at besides the command: the rows as claimed or found, and the store's clock. */
export interface Found {
  readonly claims: CommandClaims;
  /** The action's row: of the command itself, or of the action that it is about. */
  readonly action: Claim;
  /** A compensation's own row. */
  readonly own: Claim | undefined;
  readonly now: number;
  /** Rows that were last used longer ago may have been pruned. */
  readonly horizonMs: number;
}
/** The rows that a command claims before anything else. */
export interface CommandClaims {
  readonly action: InboxClaim;
  readonly own: InboxClaim | undefined;
}
/** `run`: the handler is to be called. `answer`: it is not, and this is the answer. */
export type Verdict =
  | {
      readonly do: 'run';
      /** It may have run before: its effects outside the transaction, if any, may be there. */ readonly again: boolean;
    }
  | {
      readonly do: 'answer';
      readonly answer: Answer;
      /** Whether the answer settles the rows that were made for it. */ readonly keep: boolean;
    };
/** What becomes of the rows. */
export interface RowChanges {
  readonly store: readonly InboxWrite[];
  readonly release: readonly InboxKey[];
}

/** The action that a command is about: itself, if it is one. */
export function actionIdOf(command: CommandHead): string {
  return command.phase === 'a' ? command.id : requireAction(command).id;
}

/** A compensation and a fence claim their action's row: whoever comes first decides whether the action can ever run. */
export function claimsOf(command: CommandHead, requestHash: string): CommandClaims {
  const actionId = actionIdOf(command);
  switch (command.phase) {
    case 'a':
      return { action: { actionId, direction: 'action', commandId: actionId, requestHash }, own: undefined };
    case 'c':
      return {
        action: { actionId, direction: 'action', commandId: actionId, requestHash: '' },
        own: { actionId, direction: 'compensation', commandId: command.id, requestHash },
      };
    case 'f':
      return { action: { actionId, direction: 'action', commandId: actionId, requestHash: '' }, own: undefined };
    default:
      throw new SagaError('SAGA_INTERNAL', `unknown phase of ${command.id}`);
  }
}

/** Run, answer from the row, or refuse: the barrier of design.md §5, for one command whose rows are claimed. */
export function judge(command: CommandHead, found: Found): Verdict {
  if (command.phase === 'a') return judgeAction(command, found);
  return command.phase === 'c' ? judgeCompensation(command, found) : judgeFence(command, found);
}

/** What becomes of the rows after the handler, or in its stead, has given this answer. Nothing stays of an `error`. */
export function settle(found: Found, verdict: Verdict, answer: Answer): RowChanges {
  const { action, own } = found.claims;
  if (answer.outcome === 'error' || (verdict.do === 'answer' && !verdict.keep)) return { store: NONE, release: freshIn(found) };
  if (!own) {
    const state = verdict.do === 'answer' ? 'tombstone' : answer.outcome;
    return { store: [writeOf(action, state, state === 'tombstone' ? null : answer.body)], release: NONE };
  }
  const undone = writeOf(own, 'success', answer.body);
  return { store: isOpen(found.action) ? [writeOf(action, 'tombstone', null), undone] : [undone], release: NONE };
}
const NONE: readonly never[] = [];

/** The rows that were made for a command. */
export function freshIn({ claims, action, own }: Found): readonly InboxKey[] {
  const fresh: InboxKey[] = action.fresh ? [claims.action] : [];
  if (own?.fresh && claims.own) fresh.push(claims.own);
  return fresh;
}

/** Rows of a command whose effects are outside, as committed before its handler runs. */
export function begun(found: Found): readonly InboxWrite[] {
  const { action, own } = found.claims;
  if (!own) return found.action.fresh ? [writeOf(action, 'started', null)] : [];
  return [
    ...(isOpen(found.action) ? [writeOf(action, 'tombstone', null)] : []),
    ...(found.own?.fresh ? [writeOf(own, 'started', null)] : []),
  ];
}

/** The action's outside effect may still be under way: whoever undoes it needs the lock that its handler holds. */
export function mayBeUnderWay(found: Found): boolean {
  return !found.action.fresh && found.action.row.state === 'started';
}

function judgeAction(command: CommandHead, { action, claims, now, horizonMs }: Found): Verdict {
  if (action.fresh) {
    if (now - command.firstSentAt > horizonMs) return refuse('beyond-horizon', BEYOND);
    return { do: 'run', again: false };
  }
  const { state, reply, requestHash } = action.row;
  if (state === 'tombstone') return replyWith(undone());
  if (requestHash !== claims.action.requestHash) return refuse('id-reused', REUSED);
  switch (state) {
    case 'success':
      return replyWith(success(reply ?? EMPTY));
    case 'rejected':
      return replyWith({ outcome: 'rejected', body: reply ?? EMPTY });
    case 'started':
      return { do: 'run', again: true };
    default:
      throw neverCommitted(command);
  }
}

function judgeCompensation(command: CommandHead, { action, own, claims, now, horizonMs }: Found): Verdict {
  const about = requireAction(command);
  if (own && !own.fresh) {
    const { state, reply, requestHash, commandId } = own.row;
    if (commandId === command.id && requestHash !== claims.own?.requestHash) return refuse('id-reused', REUSED);
    // Another execution that succeeded has undone the action just as well.
    if (state === 'success') return replyWith(success(reply ?? EMPTY));
    if (state === 'started') return { do: 'run', again: true };
    throw neverCommitted(command);
  }
  if (now - command.firstSentAt > horizonMs) return refuse('beyond-horizon', BEYOND);
  if (action.fresh) {
    // Known to have succeeded, so the row was pruned, or a person settled the action by hand.
    if (about.outcome === 'success') return { do: 'run', again: false };
    if (now - about.firstSentAt > horizonMs) return refuse('beyond-horizon', BEYOND_ACTION);
    return { do: 'answer', answer: success(), keep: true };
  }
  switch (action.row.state) {
    case 'rejected':
    case 'tombstone':
      return { do: 'answer', answer: success(), keep: true };
    case 'success':
    case 'started':
      return { do: 'run', again: false };
    default:
      throw neverCommitted(command);
  }
}

/** A fence's answer is the action's outcome; it makes the action impossible where it has not run. */
function judgeFence(command: CommandHead, { action, now, horizonMs }: Found): Verdict {
  if (action.fresh) {
    if (now - requireAction(command).firstSentAt > horizonMs) return refuse('beyond-horizon', BEYOND_ACTION);
    return { do: 'answer', answer: undone(), keep: true };
  }
  const { state, reply } = action.row;
  switch (state) {
    case 'success':
      return replyWith(success(reply ?? EMPTY));
    case 'rejected':
      return replyWith({ outcome: 'rejected', body: reply ?? EMPTY });
    case 'tombstone':
      return replyWith(undone());
    case 'started':
      return refuse('outcome-unknown', 'the action was started and has not ended; its effect outside may or may not have happened');
    default:
      throw neverCommitted(command);
  }
}

const BEYOND = 'first sent so long ago that it may have been handled and forgotten; nothing was run';
const BEYOND_ACTION = 'the action was first sent so long ago that it may have been handled and forgotten; nothing was run';
const REUSED = 'this command id was used for another request; nothing was run';

function undone(): Answer {
  return rejected('undone', 'the action was undone or made impossible before it ran');
}

function replyWith(answer: Answer): Verdict {
  return { do: 'answer', answer, keep: false };
}

function refuse(code: 'beyond-horizon' | 'id-reused' | 'outcome-unknown', message: string): Verdict {
  return { do: 'answer', answer: failure(code, message), keep: false };
}

/** A row on which the action could still run, or may have. */
function isOpen(claim: Claim): boolean {
  return claim.fresh || claim.row.state === 'started';
}

function writeOf({ actionId, direction }: InboxKey, state: InboxWrite['state'], reply: string | null): InboxWrite {
  return { actionId, direction, state, reply };
}

function requireAction(command: CommandHead): NonNullable<CommandHead['action']> {
  if (!command.action) throw new SagaError('SAGA_INTERNAL', `${command.id} does not say which action it is about`);
  return command.action;
}

function neverCommitted(command: CommandHead): SagaError {
  return new SagaError('SAGA_INTERNAL', `${command.id} met an inbox row in a state that is never committed`);
}
