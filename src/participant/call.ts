import type { DecodedCommand } from '../core/codec-commands.js';
import { messageOf } from '../core/errors.js';
import { toJson } from '../core/json.js';
import { isRejection, isRejectionOf } from '../saga/contract.js';
import type { HandlerDeclaration, HandlerFacts } from '../saga/participant-declaration.js';
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

/** The facts and whatever else the handler gets; the signal is made only for a handler that looks at it. */
export function contextOf(command: DecodedCommand, source: { readonly signal: AbortSignal }, extra: object): object {
  const { abortSignal: _made, ...facts } = factsOf(command, NEVER);
  return Object.defineProperty({ ...facts, ...extra }, 'abortSignal', { enumerable: true, get: () => source.signal });
}
const NEVER = new AbortController().signal;

export function factsOf(command: DecodedCommand, abortSignal: AbortSignal): HandlerFacts {
  return {
    commandId: command.id,
    actionId: command.action?.id,
    saga: { id: command.sagaId, key: command.sagaKey, name: command.sagaName, version: command.sagaVersion, step: command.step },
    attempt: command.attempt,
    abortSignal,
    traceparent: command.traceparent,
  };
}

/**
 * Calls the handler with what it adds to the facts and gives the answer of a success, checked: it fits the contract and is JSON that
 * can be stored. Throws {@link NotDone} with the answer in every other case, so that nothing of it stays.
 */
export async function callHandler(handler: HandlerDeclaration, command: DecodedCommand, context: object): Promise<Answer> {
  const request = readRequest(handler, command);
  let reply: unknown;
  try {
    reply = await handler.handle(request, context as never);
  } catch (thrown: unknown) {
    throw new NotDone(answerOf(handler, command, thrown), thrown);
  }
  return checkReply(handler, reply);
}

function readRequest(handler: HandlerDeclaration, command: DecodedCommand): unknown {
  const read = handler.command.readRequest(command.request);
  if (!read.ok)
    throw new NotDone(failure('request-invalid', `the request does not fit the contract: ${read.faults.join('; ')}`, read.faults));
  return read.value;
}

function checkReply(handler: HandlerDeclaration, reply: unknown): Answer {
  const read = handler.command.readReply(reply);
  if (!read.ok)
    throw new NotDone(failure('reply-invalid', `${handler.where} returned what its contract does not allow: ${read.faults.join('; ')}`));
  const json = toJson(reply, 'the reply');
  if (!json.ok) throw new NotDone(failure('reply-invalid', `${handler.where} returned what cannot be sent: ${json.faults.join('; ')}`));
  return success(json.text);
}

/** A rejection of the command's own codes is a "no"; whatever else is thrown is a failure, to be tried again. */
function answerOf(handler: HandlerDeclaration, command: DecodedCommand, thrown: unknown): Answer {
  if (command.phase === 'a' && isRejectionOf(handler.command, thrown)) return rejected(thrown.code, thrown.message, thrown.details);
  if (!isRejection(thrown)) return failure('handler-failed', messageOf(thrown));
  const why = command.phase === 'a' ? `which is no code of ${handler.command.type}` : 'but a compensation cannot be rejected';
  return failure('handler-failed', `${handler.where} threw the rejection '${thrown.code}', ${why}`);
}
