export { Handles, HandlesMany, Participant, participant } from './saga/participant.js';
export type {
  AnswersOf,
  HandlerEntry,
  HandlerFault,
  HandlerMap,
  HandlerOptions,
  Handlers,
  ManyFault,
  ParticipantDefinition,
  ParticipantTarget,
  TransactionFault,
  WantedTransaction,
} from './saga/participant.js';
export { Rejection } from './saga/contract.js';
export type { RejectionOptions } from './saga/contract.js';
export type { CommandContext, Effects, Incoming, ManyContext, OutsideContext } from './saga/participant-declaration.js';
export { hostParticipants } from './main/host-participants.js';
export type { HostOptions, ParticipantHost, RunningParticipants } from './main/host-participants.js';
export { noInbox } from './participant/no-inbox.js';
export type { Inbox } from './participant/no-inbox.js';
export type { ParticipantObserver } from './participant/runtime.js';
export type { HostSettings } from './participant/settings.js';
export { pgInbox } from './postgres/inbox-pg.js';
export type { InboxOptions } from './postgres/inbox-store.js';
export { typeormInbox } from './postgres/inbox-typeorm.js';
