import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from '../schema.js';

/** What each daemon did, minute by minute: ninety rows for each at most. */
export class CreateActivity1764500000300 implements MigrationInterface {
  readonly name = 'CreateActivity1764500000300';

  async up(db: QueryRunner): Promise<void> {
    await db.query(activity(schemaOf(db.dataSource)));
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table ${schemaOf(db.dataSource)}.activity`);
  }
}

// Rows are written over every few seconds and touch no index then, so that there is room for it on their page.
const activity = (schema: string): string => `
create table ${schema}.activity (
  minute timestamptz not null,
  daemon uuid not null,
  started integer not null,
  completed integer not null,
  compensated integer not null,
  took json not null,
  constraint pk_activity primary key (minute, daemon)
) with (fillfactor = 50)`;
