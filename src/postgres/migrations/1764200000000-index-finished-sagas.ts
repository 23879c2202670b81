import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from '../schema.js';

/**
 * Lets finished sagas be found by version, and by the code that they turned back for. A row is put into these once, when it is moved; the
 * table of open sagas has no further index, so that its updates stay as cheap as they are.
 */
export class IndexFinishedSagas1764200000000 implements MigrationInterface {
  readonly name = 'IndexFinishedSagas1764200000000';

  async up(db: QueryRunner): Promise<void> {
    const schema = schemaOf(db.dataSource);
    await db.query(`create index finished_saga_version on ${schema}.finished_saga (name, version, id)`);
    await db.query(`create index finished_saga_reason on ${schema}.finished_saga ((${REASON_CODE}), id) where status = 'compensated'`);
  }

  async down(db: QueryRunner): Promise<void> {
    const schema = schemaOf(db.dataSource);
    for (const index of ['finished_saga_reason', 'finished_saga_version']) await db.query(`drop index ${schema}.${index}`);
  }
}

// Of the rejection, or of the last error of the step that used up its attempts. See conditions.ts, which has to write it in the same way.
const JSON_OF_STATE = String.raw`(case when strpos(state, '\u') = 0 then state
  else regexp_replace(state, '(\\\\)|\\u(?:0000|[dD][89a-fA-F]..)', '\1', 'g') end)::json`;
const REASON_STEP = `${JSON_OF_STATE} #>> '{reason,step}'`;
const REASON_CODE = `coalesce(${JSON_OF_STATE} #>> '{reason,code}', ${JSON_OF_STATE} #>> array['steps', ${REASON_STEP}, 'action', 'lastError', 'code'])`;
