import type { RetryOptions } from './policy.js';
import type { Command } from './contract.js';
import type { Duration } from '../core/duration.js';
import type { SagaFacts } from '../core/plan.js';

/* oxlint-disable typescript/no-explicit-any -- `any` in the position of a type argument: "a step of whatever reply" */

declare const types: unique symbol;
declare const beforeThePivot: unique symbol;
declare const afterThePivot: unique symbol;

/** A step of a definition, held by a field. `Reply` is what later steps read, `Code` what it may be rejected with. */
export interface Step<Reply, Code extends string> {
  readonly [types]: { readonly reply: Reply; readonly code: Code };
}
export interface BeforePivot {
  readonly [beforeThePivot]: true;
}
export interface AfterPivot {
  readonly [afterThePivot]: true;
}
export interface CompensatableStep<Reply, Code extends string = never> extends Step<Reply, Code>, BeforePivot {}
export interface PivotStep<Reply, Code extends string = never> extends Step<Reply, Code>, AfterPivot {}
export interface RetriableStep<Reply> extends Step<Reply, never>, AfterPivot {}
export type AnyStep = Step<any, any>;

/** Names that the functions of a step find in their argument anyway (`element` and `index` are kept for lists). */
export type ReservedName = 'input' | 'saga' | 'own' | 'element' | 'index';
/** The same at run time. */
export const RESERVED_NAMES: readonly string[] = ['input', 'saga', 'own', 'element', 'index'] satisfies readonly ReservedName[];
/** Steps under the names by which the functions read their replies. */
export type Uses<Phase> = { readonly [name: string]: AnyStep & Phase } & { readonly [name in ReservedName]?: never };
export type Replies<U> = { readonly [K in keyof U]: U[K] extends Step<infer R, any> ? R : never };

export interface Scope<Input> {
  readonly input: Input;
  readonly saga: SagaFacts;
}
/** What the functions of a step may read: the input, the saga's facts, and the replies it `uses`. */
export type Given<Input, U> = Scope<Input> & Replies<U>;
/** The action that a compensation undoes: what was asked is always known, what was answered is not (it may have timed out). */
export interface Own<Request, Reply> {
  readonly request: Request;
  readonly reply: Reply | undefined;
  readonly commandId: string;
}
/** The reply of a step as later steps read it: undefined where a `when` may have skipped the step. */
export type Result<R, W> = R | ([W] extends [never] ? never : undefined);

interface Placing<Input, U, Phase, W extends boolean> {
  /** Order alone. Default: everything declared above. `[]`: at once, when the saga starts. */
  readonly after?: Phase | readonly Phase[];
  /** The steps whose replies this one reads; it waits for them, whatever `after` says. */
  readonly uses?: U;
  /** Skipped when false: its reply is then undefined. */
  readonly when?: (given: Given<Input, U>) => W;
}
interface Patience {
  /** How long one attempt may take. Default 30 s. */
  readonly timeout?: Duration;
  readonly retry?: RetryOptions;
}
export interface Compensation<Given, Undo> extends Patience {
  /** It cannot say no: a command without rejections. */
  readonly command: Command<string, Undo, any, never, any, any>;
  readonly request: (given: Given) => NoInfer<Undo>;
}
export interface StepOptions<Input, Q, R, U, W extends boolean, Undo> extends Placing<Input, U, AnyStep & BeforePivot, W>, Patience {
  readonly request: (given: Given<Input, U>) => NoInfer<Q>;
  /** What undoes it, or `'none'`: it only reads, or nothing needs to be undone. */
  readonly compensate: Compensation<Given<Input, U> & { readonly own: Own<NoInfer<Q>, NoInfer<R>> }, Undo> | 'none';
}
export interface PivotOptions<Input, Q, U> extends Patience {
  readonly after?: (AnyStep & BeforePivot) | readonly (AnyStep & BeforePivot)[];
  readonly uses?: U;
  readonly request: (given: Given<Input, U>) => NoInfer<Q>;
}
export interface RetriableOptions<Input, Q, U, W extends boolean> extends Placing<Input, U, AnyStep & AfterPivot, W>, Patience {
  readonly request: (given: Given<Input, U>) => NoInfer<Q>;
}
export interface CheckOptions<Input, U, W extends boolean> extends Placing<Input, U, AnyStep & BeforePivot, W> {
  readonly passes: (given: Given<Input, U>) => boolean;
}
