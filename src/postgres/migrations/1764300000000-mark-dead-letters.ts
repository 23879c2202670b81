import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from '../schema.js';

/** What a dead letter has to keep so that it can be put back as it was, and what became of it. */
export class MarkDeadLetters1764300000000 implements MigrationInterface {
  readonly name = 'MarkDeadLetters1764300000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(marks(schemaOf(db.dataSource)));
  }

  async down(db: QueryRunner): Promise<void> {
    const schema = schemaOf(db.dataSource);
    const drops = [...COLUMNS.matchAll(/^ {2}add column (\w+)/gm)].map(([, name]) => `drop column ${name}`);
    await db.query(`
drop index ${schema}.dead_letter_waiting;
drop index ${schema}.dead_letter_marked;
alter table ${schema}.dead_letter ${drops.join(', ')}`);
  }
}

// Of a letter of before nobody knows its content type, which was JSON nearly always, nor where its answer was to go.
const COLUMNS = `
  add column content_type text not null default 'application/json',
  add column reply_to text,
  add column app_id text,
  add column sent_at double precision,
  add column is_altered boolean not null default false,
  add column status text not null default 'waiting',
  add column replays integer not null default 0,
  add column replayed_at timestamptz,
  add column replayed_by text,
  add column replay_reason text,
  add column discarded_at timestamptz,
  add column discarded_by text,
  add column discard_reason text,
  add column marked_at timestamptz`;

const marks = (schema: string): string => `
alter table ${schema}.dead_letter ${COLUMNS},
  add constraint dead_letter_status_known check (status in ('waiting', 'replayed', 'discarded')),
  add constraint dead_letter_waits_unmarked check ((marked_at is null) = (status = 'waiting')),
  add constraint dead_letter_replayed check (status <> 'replayed' or replayed_at is not null),
  add constraint dead_letter_discarded check ((status = 'discarded') = (discarded_at is not null));
create index dead_letter_waiting on ${schema}.dead_letter (at, id) where status = 'waiting';
create index dead_letter_marked on ${schema}.dead_letter (marked_at) where marked_at is not null`;
