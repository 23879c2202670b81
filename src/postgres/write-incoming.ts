import type { ClientBase } from 'pg';
import type { EntityManager } from 'typeorm';
import { SagaError } from '../core/errors.js';
import type { IncomingStart } from '../ports/incoming-starts.js';
import { sqlState } from './fate.js';
import { channelOf } from './incoming-starts.js';
import { quotedSchema } from './schema.js';

/** A transaction of somebody else's. */
export type OwnTransaction = EntityManager | ClientBase;

/** Writes a start down, in one statement of the transaction: with the commit it is there, and daemons are told. */
export async function writeIncoming(
  tx: OwnTransaction,
  start: Omit<IncomingStart, 'whole'>,
  { namespace, notify }: { readonly namespace: string; readonly notify: boolean },
): Promise<void> {
  const run = runnerOf(tx);
  const schema = quotedSchema(namespace);
  const { id, name, version, key, tags, input, traceparent, tracestate } = start;
  const values = [id, name, version, key, JSON.stringify(tags), input, traceparent, tracestate];
  const insert = `insert into ${schema}.incoming_start (id, name, version, key, tags, input, traceparent, tracestate)
    values ($1, $2, $3, $4, $5, $6, $7, $8)`;
  try {
    if (notify) await run(`with written as (${insert}) select pg_notify($9, '')`, [...values, channelOf(namespace)]);
    else await run(insert, values);
  } catch (error: unknown) {
    throw explained(error, schema);
  }
}

type Run = (sql: string, values: unknown[]) => Promise<unknown>;

/** What TypeORM's managers, runners and data sources, and `pg`'s clients and pools look like; the packages themselves may be other copies. */
interface Shape {
  readonly query?: unknown;
  readonly getRepository?: unknown;
  readonly createQueryRunner?: unknown;
  readonly manager?: unknown;
  readonly queryRunner?: { readonly isTransactionActive?: boolean };
  readonly dataSource?: { readonly options?: { readonly type?: string } };
  readonly totalCount?: unknown;
  readonly getTransactionStatus?: () => string | null;
}

/** Refuses what is no open transaction: the start would be there although the caller's work is not. */
function runnerOf(tx: OwnTransaction): Run {
  const shape = tx as Shape | null | undefined;
  const refusal = refusalOf(shape);
  if (refusal !== undefined) throw new SagaError('SAGA_TRANSACTION_INVALID', refusal);
  return (sql, values) => (tx as ClientBase).query(sql, values);
}

function refusalOf(tx: Shape | null | undefined): string | undefined {
  if (typeof tx?.query !== 'function') return `what was given has no 'query'; ${WANTED}`;
  if (typeof tx.createQueryRunner === 'function') return `a data source is no transaction; ${WANTED}`;
  if (typeof tx.totalCount === 'number') return `a pool runs each statement on whatever connection is free; ${WANTED}`;
  if (typeof tx.manager === 'object') return 'a query runner was given; give its manager';
  if (typeof tx.getRepository === 'function') return refusalOfManager(tx);
  // Other drivers have no such function; theirs is taken at its word.
  const status = tx.getTransactionStatus?.();
  if (status === 'I') return "the client is in no transaction; its 'BEGIN' has to be answered first";
  if (status === 'E') return 'a statement of the transaction has failed, so that it cannot commit';
  return undefined;
}

function refusalOfManager({ queryRunner, dataSource }: Shape): string | undefined {
  const type = dataSource?.options?.type ?? 'postgres';
  if (type !== 'postgres') return `the entity manager is one of a ${type} database; Backstep's is PostgreSQL`;
  if (!queryRunner?.isTransactionActive) return 'the entity manager is in no transaction; give the one that `transaction(…)` gives';
  return undefined;
}

const WANTED = 'give the EntityManager of an open TypeORM transaction, or a pg client after its BEGIN';

const NO_TABLE = /^(42P01|3F000)$/;
const NO_COLUMN = '42703';
const NO_RIGHT = '42501';

/** What only Backstep can explain; the rest is the caller's own database speaking. */
function explained(error: unknown, schema: string): unknown {
  const state = sqlState(error) ?? '';
  const table = `${schema}.incoming_start`;
  if (NO_TABLE.test(state)) {
    const message = `there is no ${table}: this is another database or namespace than the daemons', or it needs 'backstep migrate'`;
    return new SagaError('SAGA_SCHEMA_OUTDATED', message, [], { cause: error });
  }
  if (state === NO_COLUMN) {
    const message = `${table} is that of an older version: run 'backstep migrate' before services of this version`;
    return new SagaError('SAGA_SCHEMA_OUTDATED', message, [], { cause: error });
  }
  if (state === NO_RIGHT) {
    const message = `this user may not write starts; it needs: grant usage on schema ${schema}, and insert on ${table}`;
    return new SagaError('SAGA_TRANSACTION_INVALID', message, [], { cause: error });
  }
  return error;
}
