import type { Status } from '../core/state.js';
import type { Side } from '../core/where.js';
import type { DefinitionRef } from './definition-ref.js';

/** Which sagas are looked for; all that is given has to hold. Where a saga is only an open one can be asked. */
export interface SagaFilter {
  readonly status?: readonly Status[];
  readonly name?: string;
  readonly version?: number;
  readonly key?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** One of its current steps. */
  readonly step?: string;
  /** It has a command without an answer at one of them; none: no saga does. */
  readonly places?: readonly Place[];
  /** One of the codes of what went wrong with it; of a finished saga the one it turned back for. */
  readonly error?: string;
  /** Started before this instant. */
  readonly startedBefore?: number;
  /** Started after this instant. A finished one is found by its id, which says when somebody began to start it. */
  readonly startedAfter?: number;
  /** At most; 1 to 500. */
  readonly limit: number;
  /** From the page before. */
  readonly cursor?: string;
}
/** A side of a step of a definition: what a participant stands behind. */
export interface Place extends DefinitionRef {
  readonly step: string;
  readonly side: Side;
}
