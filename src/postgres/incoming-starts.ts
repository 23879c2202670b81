import type { DataSource } from 'typeorm';
import { messageOf, SagaError } from '../core/errors.js';
import type { IncomingPage, IncomingStart, IncomingStarts, Stranger, WrittenStart } from '../ports/incoming-starts.js';
import type { DefinitionRef } from '../ports/saga-store.js';
import { listen } from './listen.js';
import { poolOf } from './pool.js';
import { namespaceOf, schemaOf } from './schema.js';
import { statement } from './statement.js';
import type { Query } from './transaction.js';

const NO_ID = '00000000-0000-0000-0000-000000000000';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly version: number | null;
  readonly key: string | null;
  readonly tags: unknown;
  readonly input: string;
  readonly bytes: number | null;
  readonly sha256: string | null;
  readonly traceparent: string | null;
  readonly tracestate: string | null;
}

/** A definition that one of the pairs `$1`, `$2` of name and version is, where no version is named by its name alone. */
const IS_LOADED = `exists (select from unnest($1::text[], $2::integer[]) as loaded(name, version)
  where loaded.name = s.name and (s.version is null or loaded.version = s.version))`;

/** Incoming starts in PostgreSQL: a table beside the sagas, and a notification for whoever waits for rows in it. */
export class PostgresIncomingStarts implements IncomingStarts {
  private readonly statements: ReturnType<typeof statementsFor>;

  constructor(private readonly dataSource: DataSource) {
    this.statements = statementsFor(schemaOf(dataSource));
  }

  async read({ after, limit, versions, inputLength }: IncomingPage): Promise<readonly IncomingStart[]> {
    const query = this.statements.read(...pairs(versions), after === '' ? NO_ID : after, limit, inputLength);
    return ((await this.query(query)).rows as Row[]).map(toStart);
  }

  async strangers(versions: readonly DefinitionRef[], waitedMs: number): Promise<readonly Stranger[]> {
    const { rows } = await this.query(this.statements.strangers(...pairs(versions), waitedMs / 1_000));
    return rows as Stranger[];
  }

  async remove(ids: readonly string[]): Promise<void> {
    await this.query(this.statements.remove(ids));
  }

  async restore({ id, name, version, key, tags, input, traceparent, tracestate }: WrittenStart): Promise<void> {
    const channel = channelOf(namespaceOf(this.dataSource));
    await this.query(this.statements.restore(id, name, version, key, JSON.stringify(tags), input, traceparent, tracestate, channel));
  }

  watch(arrived: () => void): () => Promise<void> {
    return listen(poolOf(this.dataSource), channelOf(namespaceOf(this.dataSource)), arrived);
  }

  private query: Query = async (query) => {
    try {
      return await poolOf(this.dataSource).query(query);
    } catch (error: unknown) {
      throw new SagaError('SAGA_UNAVAILABLE', `the database did not do it: ${messageOf(error)}`, [], { cause: error });
    }
  };
}

/** Who writes a start tells this channel. */
export const channelOf = (namespace: string): string => `${namespace}_incoming`;

/**
 * Locks the rows of starts, within the transaction that begins their sagas, and gives the ids of those that are there. A row that is locked is
 * somebody else's: that one starts it, or fails, and then it is read again.
 */
export function incomingLocker(schema: string): (ids: readonly string[], query: Query) => Promise<ReadonlySet<string>> {
  const lock = statement(`select id from ${schema}.incoming_start where id = any ($1::uuid[]) order by id for update skip locked`);
  return async (ids, query) => new Set(((await query(lock(ids))).rows as { id: string }[]).map(({ id }) => id));
}

function statementsFor(schema: string) {
  const from = `from ${schema}.incoming_start s`;
  return {
    read: statement(`
      select s.id, s.name, s.version, s.key, s.tags, left(s.input, $5) as input, s.traceparent, s.tracestate,
        case when length(s.input) > $5 then octet_length(s.input) end as bytes,
        case when length(s.input) > $5 then encode(sha256(convert_to(s.input, 'UTF8')), 'hex') end as sha256
      ${from} where s.id > $3::uuid and ${IS_LOADED} order by s.id limit $4`),
    strangers: statement(`
      select s.name, s.version, count(*)::integer as count ${from}
      where s.created_at < clock_timestamp() - make_interval(secs => $3) and not ${IS_LOADED}
      group by s.name, s.version order by s.name, s.version`),
    restore: statement(`
      with written as (
        insert into ${schema}.incoming_start (id, name, version, key, tags, input, traceparent, tracestate)
        select $1, $2, $3, $4, $5::json, $6, $7, $8
        where not exists (select from ${schema}.saga where id = $1) and not exists (select from ${schema}.finished_saga where id = $1)
        on conflict do nothing returning 1)
      select pg_notify($9, '') from written`),
    remove: statement(`delete ${from} where s.id = any ($1::uuid[])`),
  };
}

const pairs = (versions: readonly DefinitionRef[]) => [versions.map(({ name }) => name), versions.map(({ version }) => version)] as const;

function toStart({ bytes, sha256, ...row }: Row): IncomingStart {
  return { ...row, whole: bytes === null || sha256 === null ? undefined : { bytes, sha256 } };
}
