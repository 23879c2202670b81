export { connect, sagaNamed, SagaStillRunningError } from './main/saga-client.js';
export type {
  Client,
  ClientOptions,
  Compensated,
  Completed,
  NamedSaga,
  Outcome,
  Reason,
  SagaByKey,
  SagaHandle,
  StartOptions,
  WaitOptions,
} from './main/saga-client.js';
export type { AnySaga, InputOf, RejectedStep, RepliesOf, SagaClass, StepName } from './saga/definition.js';
export type { Duration } from './core/duration.js';
export { ERROR_CODES, SagaError } from './core/errors.js';
export type { ErrorCode } from './core/errors.js';
export type { Status } from './core/state.js';
