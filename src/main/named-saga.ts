import { SagaError } from '../core/errors.js';
import type { AnySaga, SagaClass } from '../saga/definition.js';
import { sagaOptionsOf, type SagaOptions } from '../saga/saga.js';

/** A saga by name, for services that should not load its class; see {@link sagaNamed}. */
export interface NamedSaga<S> {
  readonly name: string;
  /** The newest loaded one when absent. */
  readonly version: number | undefined;
  /** Type-level only. */
  readonly '~saga'?: S;
}
/** `sagaNamed<PlaceOrder>('place-order')` with a type-only import of the class. */
export function sagaNamed<S extends AnySaga>(name: string, options: { readonly version?: number } = {}): NamedSaga<S> {
  return { name, version: options.version };
}

export interface StartOptions {
  /** The business key; by default what the definition makes of the input. The same key again gives the same saga. */
  readonly key?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** Name and version of what is to be started. */
export function factsOf(saga: SagaClass | NamedSaga<unknown>): { readonly name: string; readonly version: number | undefined } {
  return typeof saga === 'function' ? declaredOf(saga) : saga;
}

/** What a class says of itself. Throws SAGA_DEFINITION_INVALID where it says nothing. */
export function declaredOf(saga: SagaClass): SagaOptions {
  const options = sagaOptionsOf(saga);
  if (!options) throw new SagaError('SAGA_DEFINITION_INVALID', `${saga.name} has no @Saga(…)`);
  return options;
}
