import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from '../schema.js';

/** What people did, as a chain; and where it ends. */
export class CreateAudit1764400000000 implements MigrationInterface {
  readonly name = 'CreateAudit1764400000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(audit(schemaOf(db.dataSource)));
  }

  async down(db: QueryRunner): Promise<void> {
    const schema = schemaOf(db.dataSource);
    for (const table of ['audit_head', 'audit']) await db.query(`drop table ${schema}.${table}`);
    await db.query(`drop function ${schema}.refuse_change()`);
  }
}

// The content is text, as it was hashed: jsonb would give it back in other words. The trigger stops mistakes; the chain shows intent.
const audit = (schema: string): string => `
create table ${schema}.audit (
  seq bigint not null,
  previous text not null,
  hash text not null,
  content text not null,
  target text not null,
  constraint pk_audit primary key (seq),
  constraint audit_from_one check (seq >= 1)
);
create index audit_target on ${schema}.audit (target, seq);
create table ${schema}.audit_head (
  id boolean not null default true,
  seq bigint not null,
  hash text not null,
  constraint pk_audit_head primary key (id),
  constraint audit_head_is_one check (id)
);
insert into ${schema}.audit_head (seq, hash) values (0, repeat('0', 64));
create function ${schema}.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'rows of the audit are only added';
end
$$;
create trigger audit_is_append_only before update or delete or truncate on ${schema}.audit
  for each statement execute function ${schema}.refuse_change()`;
