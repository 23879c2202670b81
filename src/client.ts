export { sagaNamed } from './main/named-saga.js';
export type { NamedSaga, StartOptions } from './main/named-saga.js';
export { connect, SagaStillRunningError } from './main/saga-client.js';
export type {
  Client,
  ClientOptions,
  Compensated,
  Completed,
  FindFilter,
  FoundSaga,
  FoundSagas,
  Outcome,
  Reason,
  SagaByKey,
  SagaHandle,
  WaitOptions,
} from './main/saga-client.js';
export { within } from './main/within.js';
export type { SagaReference, StartWithinOptions, Within, WithinOptions } from './main/within.js';
export type { OwnTransaction } from './postgres/write-incoming.js';
export type { AnySaga, InputOf, RejectedStep, RepliesOf, SagaClass, StepName } from './saga/definition.js';
export type { Duration } from './core/duration.js';
export { ERROR_CODES, SagaError } from './core/errors.js';
export type { ErrorCode } from './core/errors.js';
export type { Status } from './core/state.js';
