import type { DecodedCommand } from '../core/codec-commands.js';
import { messageOf } from '../core/errors.js';
import { LIMITS, toJson, utf8Bytes } from '../core/json.js';
import { isRejection, isRejectionOf, type Rejection } from '../saga/contract.js';
import type { CommandFacts, HandlerDeclaration } from '../saga/participant-declaration.js';
import { failure, rejected, success, type Answer } from './answer.js';

/** A handler's answer, thrown so that its savepoint or transaction goes back. */
export class NotDone extends Error {
  constructor(
    readonly answer: Answer,
    cause?: unknown,
  ) {
    super('the command took no effect', { cause });
  }
}

/** For a handler without a transaction; the signal is made only for one that looks at it. Field by field: a copy of the facts costs twice as much. */
export function plainContextOf(command: DecodedCommand, source: { readonly signal: AbortSignal }): object {
  const { commandId, actionId, saga, attempt, traceparent } = factsOf(command);
  return {
    commandId,
    actionId,
    saga,
    attempt,
    traceparent,
    tx: undefined,
    get abortSignal() {
      return source.signal;
    },
  };
}
/** The same with whatever else the handler gets. */
export function contextOf(command: DecodedCommand, source: { readonly signal: AbortSignal }, extra: object): object {
  return withSignal({ ...factsOf(command), ...extra }, source);
}
export function withSignal<T extends object>(
  context: T,
  source: { readonly signal: AbortSignal },
): T & { readonly abortSignal: AbortSignal } {
  return Object.defineProperty(context, 'abortSignal', { enumerable: true, get: () => source.signal }) as never;
}

export function factsOf(command: DecodedCommand): CommandFacts {
  return {
    commandId: command.id,
    actionId: command.action?.id,
    saga: { id: command.sagaId, key: command.sagaKey, name: command.sagaName, version: command.sagaVersion, step: command.step },
    attempt: command.attempt,
    traceparent: command.traceparent,
  };
}

/**
 * Calls the handler with what it adds to the facts and gives the answer of a success, checked: it fits the contract and is JSON that
 * can be stored. Throws {@link NotDone} with the answer in every other case, so that nothing of it stays.
 */
export async function callHandler(handler: HandlerDeclaration, command: DecodedCommand, context: object): Promise<Answer> {
  const read = readRequest(handler, command);
  if (!read.ok) throw new NotDone(read.answer);
  let reply: unknown;
  try {
    reply = await handler.handle(read.request, context as never);
  } catch (thrown: unknown) {
    throw new NotDone(answerOf(handler, command, thrown), thrown);
  }
  const answer = checkReply(handler, command, reply);
  if (answer.outcome !== 'success') throw new NotDone(answer);
  return answer;
}

/** The request as the handler gets it, or what is answered in its stead. */
export function readRequest(
  handler: HandlerDeclaration,
  command: DecodedCommand,
): { readonly ok: true; readonly request: unknown } | { readonly ok: false; readonly answer: Answer } {
  const read = handler.command.readRequest(command.request);
  if (read.ok) return { ok: true, request: read.value };
  const message = `the request does not fit the contract: ${read.faults.join('; ')}`;
  return { ok: false, answer: failure('request-invalid', message, read.faults) };
}

/** A success with what is sensitive sealed, or an error when the reply breaks the contract or cannot be sent. */
export function checkReply(handler: HandlerDeclaration, command: DecodedCommand, reply: unknown): Answer {
  const read = handler.command.readReply(reply);
  if (!read.ok) return failure('reply-invalid', `${handler.where} returned what its contract does not allow: ${read.faults.join('; ')}`);
  const json = toJson(reply, 'the reply');
  if (!json.ok) return failure('reply-invalid', `${handler.where} returned what cannot be sent: ${json.faults.join('; ')}`);
  if (!handler.sealReply) return success(json.text);
  const text = JSON.stringify(handler.sealReply(json.value, command));
  const bytes = utf8Bytes(text);
  if (bytes <= LIMITS.payloadBytes) return success(text);
  return failure(
    'reply-invalid',
    `${handler.where} returned what cannot be sent: sealed it has ${bytes} bytes; the limit is ${LIMITS.payloadBytes}`,
  );
}

/** A rejection of the command's own codes is a "no"; whatever else is thrown is a failure, to be tried again. */
function answerOf(handler: HandlerDeclaration, command: DecodedCommand, thrown: unknown): Answer {
  if (!isRejection(thrown)) return failure('handler-failed', messageOf(thrown));
  return refusal(handler, command, thrown, 'threw');
}

/** What a rejection means as an answer to this command: only an action can be rejected, with a code of its own. */
export function refusal(handler: HandlerDeclaration, command: DecodedCommand, given: Rejection, how: 'threw' | 'returned'): Answer {
  if (command.phase === 'a' && isRejectionOf(handler.command, given)) return rejected(given.code, given.message, given.details);
  const why = command.phase === 'a' ? `which is no code of ${handler.command.type}` : 'but a compensation cannot be rejected';
  return failure('handler-failed', `${handler.where} ${how} the rejection '${given.code}', ${why}`);
}
