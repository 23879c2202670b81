import type { DecodedCommand } from '../core/codec-commands.js';
import { messageOf } from '../core/errors.js';
import { isRejection } from '../saga/contract.js';
import type { HandlerDeclaration, Incoming, ManyContext } from '../saga/participant-declaration.js';
import { isThenable } from '../saga/schema.js';
import { failure, type Answer } from './answer.js';
import { checkReply, factsOf, NotDone, readRequest, refusal } from './call.js';
import type { Task } from './task.js';

/** A command whose handler takes many, with its request as the handler gets it. */
export interface Asked<T> {
  readonly of: T;
  readonly command: DecodedCommand;
  readonly request: unknown;
}

/** Reads the requests. One that does not fit its contract is never handed over and fails nothing else: it is given to `refuse`. */
export function askedOf<T extends { readonly task: Task }>(
  handler: HandlerDeclaration,
  all: readonly T[],
  refuse: (of: T, answer: Answer) => void,
): readonly Asked<T>[] {
  const asked: Asked<T>[] = [];
  for (const of of all) {
    const { command } = of.task;
    const read = readRequest(handler, command);
    if (read.ok) asked.push({ of, command, request: read.request });
    else refuse(of, read.answer);
  }
  return asked;
}

/**
 * Calls a handler of many commands and gives an answer to each, checked one by one: a reply that breaks its contract is an error of that
 * command. Throws {@link NotDone} when the call as a whole failed, and nobody knows for which of them.
 */
export async function callMany(
  handler: HandlerDeclaration,
  asked: readonly Asked<unknown>[],
  context: ManyContext<unknown>,
): Promise<readonly Answer[]> {
  let returned: unknown;
  try {
    returned = await handler.handle(incomingOf(asked), context);
  } catch (thrown: unknown) {
    throw new NotDone(thrownBy(handler, thrown), thrown);
  }
  const given = await readAnswers(handler, asked.length, returned);
  return asked.map(({ command }, at) => {
    const each = given[at];
    return isRejection(each) ? refusal(handler, command, each, 'returned') : checkReply(handler, command, each);
  });
}

/** In two, for calls of their own: so the one that fails is found in few of them. */
export function halves<T>(items: readonly T[]): readonly [readonly T[], readonly T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}

/** Frozen: answers are matched by place, so that a handler that sorted the list would answer the wrong ones. */
function incomingOf(asked: readonly Asked<unknown>[]): readonly Incoming<unknown>[] {
  return Object.freeze(asked.map(({ command, request }) => incoming(command, request)));
}

/** The request and what {@link factsOf} gives, field by field: a copy of that costs several times as much. */
function incoming(command: DecodedCommand, request: unknown): Incoming<unknown> {
  const { commandId, actionId, saga, attempt, traceparent } = factsOf(command);
  return { request, commandId, actionId, saga, attempt, traceparent };
}

function thrownBy({ where }: HandlerDeclaration, thrown: unknown): Answer {
  if (!isRejection(thrown)) return failure('handler-failed', messageOf(thrown));
  return failure(
    'handler-failed',
    `${where} threw the rejection '${thrown.code}'; a handler of many commands returns it in the place of that command's reply`,
  );
}

/** As many as there are commands, or {@link NotDone}. Looked at once: what is checked is what is sent. */
async function readAnswers(handler: HandlerDeclaration, count: number, returned: unknown): Promise<readonly unknown[]> {
  const { where, command } = handler;
  if (returned === undefined && command.rejections.length === 0) return Array.from({ length: count });
  let given: readonly unknown[];
  let promises: readonly unknown[];
  try {
    if (!Array.isArray(returned)) throw new Error('it is no list');
    if (returned.length !== count) throw new Error(`there are ${returned.length} of them`);
    given = Array.from({ length: count }, (_, at): unknown => returned[at]);
    promises = given.filter(isThenable);
  } catch (error: unknown) {
    throw new NotDone(failure('reply-invalid', `${where} must return one answer for each of ${count} commands: ${messageOf(error)}`));
  }
  if (promises.length === 0) return given;
  // Whatever they still do in the transaction has to be over before it goes back.
  await Promise.allSettled(promises);
  throw new NotDone(failure('reply-invalid', `${where} returned promises among its answers; it has to await them`));
}
