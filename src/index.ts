export { command, contract } from './saga/contract.js';
export type { AnyCommand, CodeOf, Command, CommandShape, Contract, ContractOptions, ReplyOf, RequestOf } from './saga/contract.js';
export { SagaDefinition } from './saga/definition.js';
export type { AnySaga, InputOf, RejectedStep, RepliesOf, SagaClass, SagaOf, StepName } from './saga/definition.js';
export type { RetentionOptions, RetryOptions } from './saga/policy.js';
export { Saga } from './saga/saga.js';
export type { SagaOptions } from './saga/saga.js';
export { typed } from './saga/schema.js';
export { sensitive } from './saga/sensitive.js';
export type { AnySchema, JsonFault, JsonOf, ReadOf, Schema, SentOf } from './saga/schema.js';
export type {
  CheckOptions,
  CompensatableStep,
  Compensation,
  Given,
  Own,
  PivotOptions,
  PivotStep,
  RetriableOptions,
  RetriableStep,
  Step,
  StepOptions,
} from './saga/step.js';
export type { Duration } from './core/duration.js';
export { ERROR_CODES, SagaError } from './core/errors.js';
export type { ErrorCode } from './core/errors.js';
export type { SagaFacts } from './core/plan.js';
