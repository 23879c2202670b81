import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from '../schema.js';

/** Where clients write down starts within transactions of their own. */
export class CreateIncomingStart1764100000000 implements MigrationInterface {
  readonly name = 'CreateIncomingStart1764100000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(incomingStart(schemaOf(db.dataSource)));
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table ${schemaOf(db.dataSource)}.incoming_start`);
  }
}

// A queue: rows are never updated, so pages are filled, and nearly all of them are dead before long, so it is vacuumed by their number and not by
// their share, without pauses: it is small. Its statistics say nothing, whenever they are taken.
const incomingStart = (schema: string): string => `
create table ${schema}.incoming_start (
  id uuid not null,
  name text not null,
  version integer,
  key text,
  tags json not null default '{}',
  input text not null,
  traceparent text,
  created_at timestamptz not null default clock_timestamp(),
  constraint pk_incoming_start primary key (id)
) with (fillfactor = 100, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_insert_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = 10000, autovacuum_vacuum_cost_delay = 0)`;
