import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from '../schema.js';

/** Keys of single sagas, by whose data they seal. */
export class CreatePayloadKey1764500000000 implements MigrationInterface {
  readonly name = 'CreatePayloadKey1764500000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(payloadKey(schemaOf(db.dataSource)));
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table ${schemaOf(db.dataSource)}.payload_key`);
  }
}

const payloadKey = (schema: string): string => `
create table ${schema}.payload_key (
  saga_id uuid not null,
  subject text not null,
  key text not null,
  constraint pk_payload_key primary key (saga_id)
);
create index payload_key_subject on ${schema}.payload_key (subject)`;
