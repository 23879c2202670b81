import { SagaError } from '../core/errors.js';
import { LIMITS } from '../core/json.js';
import { WIRE_NAME } from '../core/plan.js';
import { checkStart, sealedInput, type StartHead } from '../engine/starter.js';
import { writeIncoming, type OwnTransaction } from '../postgres/write-incoming.js';
import type { AnySaga, InputOf, SagaClass } from '../saga/definition.js';
import { startHeadOf } from '../saga/plan-of.js';
import { readAnything } from '../saga/schema.js';
import { activeTrace } from '../telemetry/active-trace.js';
import { declaredOf, factsOf, type NamedSaga, type StartOptions } from './named-saga.js';
import type { AesSealing } from '../sealing/aes-sealing.js';
import { openSealing } from './sealing.js';
import { UuidV7Ids } from './system.js';

export interface WithinOptions {
  /** Of the daemons, as in `BACKSTEP_NAMESPACE`. Default `backstep`. */
  readonly namespace?: string;
  /**
   * Tell the daemons at the commit, by PostgreSQL's NOTIFY. Default true. Without it they find the start at their next look, within half a
   * second. PostgreSQL lets transactions that notify commit one after the other, and refuses to prepare one for a two-phase commit.
   */
  readonly notify?: boolean;
  /** Keys with which sensitive parts of an input are sealed, as JSON, or the path of a file with it. Default: BACKSTEP_PAYLOAD_KEYS. */
  readonly payloadKeys?: string;
}
export interface StartWithinOptions extends StartOptions {
  /** The caller's trace (W3C trace context); one that is malformed is left out. Default: that of the span that is active. */
  readonly traceparent?: string;
  /** The vendors' part of that trace; only with `traceparent`. */
  readonly tracestate?: string;
}
/** A saga that starts when its transaction has committed. */
export interface SagaReference {
  /** The saga's; unless its key turns out to be taken by a saga with the same input, which then stands for it. */
  readonly id: string;
  readonly name: string;
  /** The one given, or made by the class. A saga by name may be given one by its definition. */
  readonly key: string | null;
}
/** Starts sagas in a transaction of the caller's own, on Backstep's database. */
export interface Within {
  /**
   * Writes the start down: when the transaction commits the saga starts, soon and for sure; when it rolls back nothing starts. What is wrong is
   * said before anything is written, and the transaction can still be used then. Throws SAGA_INPUT_INVALID with every fault,
   * SAGA_TRANSACTION_INVALID, SAGA_SCHEMA_OUTDATED, and what the database throws.
   */
  start<S extends AnySaga>(saga: SagaClass<S> | NamedSaga<S>, input: InputOf<S>, options?: StartWithinOptions): Promise<SagaReference>;
}

const ids = new UuidV7Ids();

/** Starts sagas within `tx`, an open transaction: the `EntityManager` of a TypeORM transaction, or a `pg` client after its BEGIN. */
export function within(
  tx: OwnTransaction,
  { namespace = 'backstep', notify = true, payloadKeys = process.env['BACKSTEP_PAYLOAD_KEYS'] }: WithinOptions = {},
): Within {
  return {
    start: async (saga, input, options = {}) => {
      const { name, version = null } = factsOf(saga);
      const { tags = {} } = options;
      const head = headOf(saga);
      const { sent, key = null, trace } = checkStart(head, { ...traceFor(options), ...options, input }, LIMITS);
      const id = ids.sagaId();
      const sealing = head.sensitive && sealingFor(payloadKeys);
      const { text } = sealedInput({ ...head, ...(sealing && { sealing: sealing.vaultFor }) }, id, sent, LIMITS);
      const { traceparent, tracestate = null } = trace;
      await writeIncoming(tx, { id, name, version, key, tags, input: text, traceparent, tracestate }, { namespace, notify });
      return { id, name, key };
    },
  };
}

/** The state of one trace says nothing of another. */
const traceFor = ({ traceparent }: StartWithinOptions) => (traceparent === undefined ? activeTrace() : {});

/** Read once for each text: a start is no time to open files. */
function sealingFor(keys: string | undefined): AesSealing | undefined {
  if (keys === undefined) return undefined;
  if (!opened.has(keys)) opened.set(keys, openSealing(keys));
  return opened.get(keys);
}
const opened = new Map<string, AesSealing | undefined>();

/** All that can be checked here: of a saga by name that is little, and the daemon checks the rest. */
function headOf(saga: SagaClass | NamedSaga<unknown>): StartHead {
  if (typeof saga === 'function') return startHeadOf(declaredOf(saga), saga.name);
  const { name, version = 1 } = saga;
  if (!WIRE_NAME.test(name)) throw new SagaError('SAGA_UNKNOWN_DEFINITION', `no saga can be named ${JSON.stringify(name)}`);
  if (!Number.isInteger(version) || version < 1 || version > MOST_VERSION)
    throw new SagaError('SAGA_UNKNOWN_DEFINITION', `'${name}' cannot have a version ${version}; versions are whole numbers from 1`);
  return { name, readInput: readAnything, keyOf: undefined };
}

/** What a column of versions can hold. */
const MOST_VERSION = 2_147_483_647;
