import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from '../schema.js';

/** The vendors' part of the trace that a start within a client's transaction belongs to. */
export class Tracestate1764500000200 implements MigrationInterface {
  readonly name = 'Tracestate1764500000200';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table ${schemaOf(db.dataSource)}.incoming_start add column tracestate text`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table ${schemaOf(db.dataSource)}.incoming_start drop column tracestate`);
  }
}
