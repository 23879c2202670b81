import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from '../schema.js';

const TABLES = ['saga', 'finished_saga'];

/**
 * A column for what of a saga's state never changes, so that its steps need not write it again. Rows of before are left as they are until they
 * are written. Daemons of before cannot read what is written from then on, and learn by this that the schema is newer.
 */
export class HeadsOnce1764500000500 implements MigrationInterface {
  readonly name = 'HeadsOnce1764500000500';

  async up(db: QueryRunner): Promise<void> {
    for (const table of TABLES) await db.query(`alter table ${schemaOf(db.dataSource)}.${table} add column head text`);
  }

  /** Only while nothing was written by this version: what the steps of a saga leave out would be lost. */
  async down(db: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      const name = `${schemaOf(db.dataSource)}.${table}`;
      const [{ written }] = (await db.query(`select exists (select from ${name} where head is not null) as written`)) as [
        { written: boolean },
      ];
      if (written) throw new Error(`${name} holds sagas that the version before cannot read; they have to end and leave first`);
      await db.query(`alter table ${name} drop column head`);
    }
  }
}
