import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from '../schema.js';

/**
 * How long the sagas of each definition are kept, for whichever daemon removes them: it may not have loaded that definition. And a way from sagas to
 * their keys, for when they leave: keys come in about the order of their sagas, so that an index of ranges does, which costs a start nothing.
 */
export class Retention1764500000100 implements MigrationInterface {
  readonly name = 'Retention1764500000100';

  async up(db: QueryRunner): Promise<void> {
    const schema = schemaOf(db.dataSource);
    await db.query(`
alter table ${schema}.definition
  add column keep_completed_ms bigint,
  add column keep_compensated_ms bigint,
  add constraint definition_keeps check (keep_completed_ms > 0 and keep_compensated_ms > 0);
create index saga_key_saga on ${schema}.saga_key using brin (saga_id) with (pages_per_range = 32)`);
  }

  async down(db: QueryRunner): Promise<void> {
    const schema = schemaOf(db.dataSource);
    await db.query(`
drop index ${schema}.saga_key_saga;
alter table ${schema}.definition drop column keep_completed_ms, drop column keep_compensated_ms`);
  }
}
