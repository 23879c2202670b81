import type { DecodedCommand } from '../core/codec-commands.js';
import type { Json } from '../core/json.js';
import { NO_KEYS, openMarked, replyPlace, requestPlace, sealMarked } from '../core/sealing.js';
import type { PayloadSealing } from '../ports/sealing.js';
import type { HandlerDeclaration, ParticipantDeclaration } from '../saga/participant-declaration.js';

/** A declaration whose handlers' replies are sealed where the contract says that they are sensitive, as far as there are keys. */
export function sealedDeclaration(declaration: ParticipantDeclaration, sealing: PayloadSealing | undefined): ParticipantDeclaration {
  if (!sealing) return declaration;
  const commands = [...declaration.commands].map(([name, handler]) => [name, sealedHandler(handler, sealing)] as const);
  return { ...declaration, commands: new Map(commands) };
}
function sealedHandler(handler: HandlerDeclaration, sealing: PayloadSealing): HandlerDeclaration {
  const marks = handler.command.sensitive?.reply ?? [];
  if (marks.length === 0) return handler;
  return {
    ...handler,
    sealReply: (reply, { sagaId, step, phase, payloadKey }) =>
      sealMarked(sealing.vaultFor(sagaId, payloadKey), reply, marks, replyPlace(step, phase)),
  };
}

/** The request with what is sealed in it opened. Throws NotOpened. */
export function openedRequest(
  { request, sagaId, step, phase, payloadKey }: DecodedCommand,
  handler: HandlerDeclaration | undefined,
  sealing: PayloadSealing | undefined,
): Json {
  const marks = handler?.command.sensitive?.request;
  return marks ? openMarked(sealing?.vaultFor(sagaId, payloadKey) ?? NO_KEYS, request, marks, requestPlace(step, phase)) : request;
}
