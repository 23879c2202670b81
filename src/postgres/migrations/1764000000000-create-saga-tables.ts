import type { MigrationInterface, QueryRunner } from 'typeorm';
import { pass } from '../../core/crash-points.js';
import { schemaOf } from '../schema.js';

/**
 * The first tables. Sagas, finished sagas and history are partitioned by range of the saga id, which begins with its time; so a key can
 * be unique although the table is partitioned, and old partitions can be dropped whole.
 */
export class CreateSagaTables1764000000000 implements MigrationInterface {
  readonly name = 'CreateSagaTables1764000000000';

  async up(db: QueryRunner): Promise<void> {
    const schema = schemaOf(db.dataSource);
    for (const statement of [
      saga(schema),
      finishedSaga(schema),
      sagaHistory(schema),
      sagaKey(schema),
      definition(schema),
      deadLetter(schema),
    ])
      await db.query(statement);
    pass('migrate.tables-made');
  }

  async down(db: QueryRunner): Promise<void> {
    const schema = schemaOf(db.dataSource);
    for (const table of ['dead_letter', 'definition', 'saga_key', 'saga_history', 'finished_saga', 'saga'])
      await db.query(`drop table ${schema}.${table}`);
  }
}

/** Columns that a saga keeps when it is moved. */
const SAGA_COLUMNS = `
  id uuid not null,
  name text not null,
  version integer not null,
  key text,
  tags jsonb not null default '{}',
  status text not null,
  state text not null,
  row_version integer not null,
  stamp integer not null,
  wake_at timestamptz,
  parked json,
  started_at timestamptz not null,
  ended_at timestamptz`;

// An update that touches no indexed column and finds room on its page writes no index (HOT). So a step changes `state`, `status` and
// `row_version` only, and what an index needs is in partial ones.
const saga = (schema: string): string => `
create table ${schema}.saga (${SAGA_COLUMNS},
  constraint pk_saga primary key (id),
  constraint saga_status_known check (status in ('running', 'compensating', 'completed', 'compensated', 'suspended', 'stuck')),
  constraint saga_ended_iff_final check ((ended_at is not null) = (status in ('completed', 'compensated'))),
  constraint saga_open_is_watched check (wake_at is not null or status not in ('running', 'compensating')),
  constraint saga_final_sleeps check (ended_at is null or wake_at is null or parked is not null)
) partition by range (id);
create index saga_due on ${schema}.saga (wake_at) where wake_at is not null;
create index saga_final on ${schema}.saga (id) where ended_at is not null;
create index saga_troubled on ${schema}.saga (id) where status in ('suspended', 'stuck');
create index saga_tagged on ${schema}.saga using gin (tags) where tags <> '{}';
create table ${schema}.saga_default partition of ${schema}.saga default with (fillfactor = 60, toast_tuple_target = 4080)`;

const finishedSaga = (schema: string): string => `
create table ${schema}.finished_saga (${SAGA_COLUMNS},
  constraint pk_finished_saga primary key (id),
  constraint finished_saga_is_final check (ended_at is not null and status in ('completed', 'compensated')),
  constraint finished_saga_sleeps check (wake_at is null or parked is not null)
) partition by range (id);
create index finished_saga_due on ${schema}.finished_saga (wake_at) where wake_at is not null;
create index finished_saga_name on ${schema}.finished_saga (name, id);
create index finished_saga_compensated on ${schema}.finished_saga (id) where status = 'compensated';
create index finished_saga_tagged on ${schema}.finished_saga using gin (tags) where tags <> '{}';
create table ${schema}.finished_saga_default partition of ${schema}.finished_saga default`;

const sagaHistory = (schema: string): string => `
create table ${schema}.saga_history (
  saga_id uuid not null,
  seq integer not null,
  at timestamptz not null,
  event text not null,
  step text,
  data json not null,
  constraint pk_saga_history primary key (saga_id, seq),
  constraint saga_history_from_one check (seq >= 1)
) partition by range (saga_id);
create table ${schema}.saga_history_default partition of ${schema}.saga_history default`;

const sagaKey = (schema: string): string => `
create table ${schema}.saga_key (
  key text not null,
  name text not null,
  kind text not null,
  saga_id uuid not null,
  input_hash text not null,
  constraint pk_saga_key primary key (key, name, kind),
  constraint saga_key_kind_known check (kind in ('key', 'start'))
)`;

const definition = (schema: string): string => `
create table ${schema}.definition (
  name text not null,
  version integer not null,
  fingerprint text not null,
  shape json not null,
  constraint pk_definition primary key (name, version)
)`;

const deadLetter = (schema: string): string => `
create table ${schema}.dead_letter (
  id text not null,
  queue text not null,
  reason text not null,
  at timestamptz not null,
  message_id text not null,
  correlation_id text not null,
  type text not null,
  headers json not null,
  body text not null,
  encoding text not null,
  bytes integer not null,
  sha256 text not null,
  constraint pk_dead_letter primary key (id),
  constraint dead_letter_encoding_known check (encoding in ('text', 'base64'))
);
create index dead_letter_newest on ${schema}.dead_letter (at, id)`;
