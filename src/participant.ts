export { Handles, Participant, participant } from './saga/participant.js';
export type {
  HandlerEntry,
  HandlerFault,
  HandlerMap,
  HandlerOptions,
  Handlers,
  ParticipantDefinition,
  ParticipantTarget,
  TransactionFault,
  WantedTransaction,
} from './saga/participant.js';
export { Rejection } from './saga/contract.js';
export type { RejectionOptions } from './saga/contract.js';
export type { CommandContext, Effects, OutsideContext } from './saga/participant-declaration.js';
