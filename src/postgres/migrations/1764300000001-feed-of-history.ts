import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from '../schema.js';

/** Which transaction wrote a line of history, so that the feed can tell it when nothing before it can still come. */
export class FeedOfHistory1764300000001 implements MigrationInterface {
  readonly name = 'FeedOfHistory1764300000001';

  async up(db: QueryRunner): Promise<void> {
    const history = `${schemaOf(db.dataSource)}.saga_history`;
    // Lines of before get the transaction of this migration, without being rewritten. As a number, since few drivers know xid8.
    await db.query(`
alter table ${history} add column xid bigint not null default pg_current_xact_id()::text::bigint;
create index saga_history_xid on ${history} (xid)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table ${schemaOf(db.dataSource)}.saga_history drop column xid`);
  }
}
