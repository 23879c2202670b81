import type { Command } from './contract.js';
import type {
  AnyStep,
  BeforePivot,
  CheckOptions,
  CompensatableStep,
  PivotOptions,
  PivotStep,
  Result,
  RetriableOptions,
  RetriableStep,
  Step,
  StepOptions,
  Uses,
} from './step.js';
import { frozenCopy } from './written.js';

/* oxlint-disable typescript/no-explicit-any -- `any` in the position of a type argument: "a command or saga of whatever types" */
/* oxlint-disable typescript/no-empty-object-type -- `{}` is "uses nothing": the type with no names in it */

/** A step as it was written; what the checks at load read. */
export interface WrittenStep {
  readonly kind: 'step' | 'pivot' | 'retriable' | 'check';
  readonly command: unknown;
  readonly code: unknown;
  readonly options: Readonly<Record<string, unknown>>;
}
/** By definition instance, in the order of making: also those that no field came to hold. */
const made = new WeakMap<object, WrittenStep[]>();

/** The steps that an instance made, in order. */
export function stepsMadeBy(definition: object): readonly WrittenStep[] {
  return made.get(definition) ?? [];
}
/** Whether a value is a step, of whatever definition. */
export function isStep(value: unknown): value is WrittenStep {
  return value instanceof StepObject;
}

/** Extended by every saga class. The fields are the steps, in reading order. */
export abstract class SagaDefinition<Input, In = Input> implements SagaOf<Input, In> {
  /** Type-level only. */
  declare readonly '~input': { readonly sent: In; readonly read: Input };

  /** A step that can be undone. */
  protected step<Q, R, C extends string, U extends Uses<BeforePivot> = {}, W extends boolean = never, Undo = never>(
    command: Command<string, Q, any, C, any, R>,
    options: StepOptions<Input, Q, R, U, W, Undo>,
  ): CompensatableStep<Result<R, W>, C> {
    return make(this, 'step', options, { command });
  }
  /** The point of no return. */
  protected pivot<Q, R, C extends string, U extends Uses<BeforePivot> = {}>(
    command: Command<string, Q, any, C, any, R>,
    options: PivotOptions<Input, Q, U>,
  ): PivotStep<R, C> {
    return make(this, 'pivot', options, { command });
  }
  /** Comes after the pivot and must succeed in the end: its command may have no rejections. */
  protected retriable<Q, R, U extends Uses<unknown> = {}, W extends boolean = never>(
    command: Command<string, Q, any, never, any, R>,
    options: RetriableOptions<Input, Q, U, W>,
  ): RetriableStep<Result<R, W>> {
    return make(this, 'retriable', options, { command });
  }
  /** Compensates with `code` when it does not pass. */
  protected check<const C extends string, U extends Uses<BeforePivot> = {}, W extends boolean = never>(
    code: C,
    options: CheckOptions<Input, U, W>,
  ): CompensatableStep<void, C> {
    return make(this, 'check', options, { code });
  }
}

/** What makes a class a saga to the compiler: light, so that comparing costs nothing. */
export interface SagaOf<Input, In> {
  /** Type-level only. */
  readonly '~input': { readonly sent: In; readonly read: Input };
}
export type AnySaga = SagaOf<any, any>;
export type SagaClass<S extends AnySaga = AnySaga> = new (...dependencies: any[]) => S;
/** What a saga is started with. */
export type InputOf<S> = S extends { readonly '~input': { readonly sent: infer I } | undefined } ? I : never;
/** The names of a saga's steps: of its public fields that hold one. */
export type StepName<S> = { [K in keyof S]-?: S[K] extends AnyStep ? K & string : never }[keyof S];
/** What each step was answered, by its name. */
export type RepliesOf<S> = { readonly [K in StepName<S>]: S[K] extends Step<infer R, any> ? R : never };
/** Each step with each code that it may be rejected with. */
export type RejectedStep<S> = {
  [K in StepName<S>]: S[K] extends Step<any, infer C>
    ? C extends string
      ? { readonly kind: 'rejected'; readonly step: K; readonly code: C; readonly message?: string; readonly details?: unknown }
      : never
    : never;
}[StepName<S>];

/** A class of its own, so that nothing else in a field is taken for a step. */
class StepObject implements WrittenStep {
  constructor(
    readonly kind: WrittenStep['kind'],
    readonly command: unknown,
    readonly code: unknown,
    readonly options: Readonly<Record<string, unknown>>,
  ) {
    Object.freeze(this);
  }
}

/** The types of a step live at the type level only; whatever the fields hold is checked when the definition is loaded. */
function make(definition: object, kind: WrittenStep['kind'], options: object, about: { command?: unknown; code?: unknown }): never {
  const step = new StepObject(kind, about.command, about.code, frozenCopy(options as WrittenStep['options']));
  const steps = made.get(definition);
  if (steps) steps.push(step);
  else made.set(definition, [step]);
  return step as never;
}
