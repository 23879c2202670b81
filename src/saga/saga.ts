import 'reflect-metadata';
import { injectable } from 'inversify';
import type { Duration } from '../core/duration.js';
import type { AnySaga, SagaOf } from './definition.js';
import type { RetentionOptions } from './policy.js';
import type { AnySchema, ReadOf, SentOf } from './schema.js';
import { frozenCopy } from './written.js';

/* oxlint-disable typescript/no-explicit-any -- a constructor of whatever parameters */

/** What a saga class says of itself. */
export interface SagaOptions<S extends AnySchema | undefined = AnySchema | undefined> {
  /** The name on the wire; the class may be renamed. */
  readonly name: string;
  /** A whole number from 1. Sagas stay on the version they started with. */
  readonly version: number;
  /** Checks what a saga is started with, at the edge. Without it nothing is checked. */
  readonly input?: S;
  /** The business key of a saga, where it follows from the input. */
  readonly key?: (input: S extends AnySchema ? ReadOf<S> : never) => string;
  /**
   * Whose data a saga holds, as the business knows them: a customer number. What is sensitive is then sealed with a key of the saga's own, and
   * `backstep shred` makes all of a subject unreadable. Without it the keys of the installation serve.
   */
  readonly subject?: (input: S extends AnySchema ? ReadOf<S> : never) => string;
  /** From the start; when it is over before the pivot has succeeded, the saga turns back. Default: none. */
  readonly deadline?: Duration;
  /** How it is undone: one by one in the reverse order of completion (default), or each as soon as what depends on it is undone. */
  readonly compensationOrder?: 'reverse' | 'by-dependency';
  /**
   * How long a saga is kept after it has ended, with its history and its key; about a week longer at most. Default: for ever. Least: 7 days, as long
   * as the feed of events can be gone on from. It may be changed under the same version; the daemon that was started last decides.
   */
  readonly retention?: RetentionOptions;
}
type Fits<S> = S extends AnySchema ? SagaOf<ReadOf<S>, SentOf<S>> : AnySaga;

/** Declares a class that extends `SagaDefinition` as a saga. Implies InversifyJS's `injectable()`. */
export function Saga<S extends AnySchema | undefined = undefined>(
  options: SagaOptions<S>,
): <T extends new (...dependencies: any[]) => Fits<S>>(target: T) => void {
  return (target) => {
    injectable()(target);
    Reflect.defineMetadata(SAGA, frozenCopy(options), target);
  };
}

/** What {@link Saga} said of a class (of itself, not of one it extends); `undefined` for any other value. */
export function sagaOptionsOf(type: unknown): SagaOptions | undefined {
  return typeof type === 'function' ? (Reflect.getOwnMetadata(SAGA, type) as SagaOptions | undefined) : undefined;
}
/** `Symbol.for`, so that another copy of this package in the process is understood too. */
const SAGA = Symbol.for('backstep.saga');
