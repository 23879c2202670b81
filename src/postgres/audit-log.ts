import { createHash } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { nextRow, type AuditFacts, type AuditHead, type AuditRow } from '../core/audit.js';
import { messageOf, SagaError } from '../core/errors.js';
import type { AuditLog, AuditPage, AuditQuery } from '../ports/audit-log.js';
import { poolOf } from './pool.js';
import { schemaOf } from './schema.js';
import { statement } from './statement.js';

interface HeadRow {
  readonly seq: string;
  readonly hash: string;
}
type Row = Omit<AuditRow, 'seq'> & { readonly seq: string };
/** The head is there also where no row is. */
type PageRow = { readonly head_seq: string; readonly head_hash: string } & (Row | { readonly seq: null });

/** The audit in PostgreSQL. Whoever appends locks the chain's head, so that any number of processes write one chain. Does not own the data source. */
export class PostgresAuditLog implements AuditLog {
  private readonly sql: ReturnType<typeof statementsFor>;

  constructor(private readonly dataSource: DataSource) {
    this.sql = statementsFor(schemaOf(dataSource));
  }

  append(facts: AuditFacts): Promise<AuditRow> {
    return this.reaching(async () => {
      const client = await poolOf(this.dataSource).connect();
      const ignore = (): void => {};
      client.on('error', ignore);
      let broken = true;
      try {
        await client.query('begin');
        const { rows } = await client.query<HeadRow & { readonly now: number }>(this.sql.lockHead());
        const row = nextRow(headOf(rows[0]), facts, rows[0]!.now, sha256);
        await client.query(this.sql.insert(row.seq, row.previous, row.hash, row.content, facts.target));
        await client.query(this.sql.moveHead(row.seq, row.hash));
        await client.query('commit');
        broken = false;
        return row;
      } finally {
        client.removeListener('error', ignore);
        // A connection in the middle of a transaction is not used again; PostgreSQL rolls back.
        client.release(broken);
      }
    });
  }

  read({ after, before, target, limit }: AuditQuery): Promise<AuditPage> {
    return this.reaching(async () => {
      const filter = [before ?? null, target ?? null, limit] as const;
      const found = after === undefined ? this.sql.newest(...filter) : this.sql.upwards(...filter, after);
      const { rows } = await poolOf(this.dataSource).query<PageRow>(found);
      const isRow = (row: PageRow): row is PageRow & Row => row.seq !== null;
      return { rows: rows.filter(isRow).map(rowOf), head: headOf(rows[0] && { seq: rows[0].head_seq, hash: rows[0].head_hash }) };
    });
  }

  private async reaching<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error: unknown) {
      if (error instanceof SagaError) throw error;
      throw new SagaError('SAGA_UNAVAILABLE', `the audit cannot be reached: ${messageOf(error)}`, [], { cause: error });
    }
  }
}

function headOf(row: HeadRow | undefined): AuditHead {
  if (!row) throw new SagaError('SAGA_UNAVAILABLE', 'the audit has no head: its table was tampered with');
  return { seq: Number(row.seq), hash: row.hash };
}

function rowOf({ seq, previous, hash, content }: Row): AuditRow {
  return { seq: Number(seq), previous, hash, content };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function statementsFor(schema: string) {
  // Head and rows in one statement, so that they are of one instant.
  const page = (condition: string, order: 'asc' | 'desc') => `
    select h.seq as head_seq, h.hash as head_hash, a.seq, a.previous, a.hash, a.content
    from ${schema}.audit_head h left join lateral (
      select * from ${schema}.audit where ($1::bigint is null or seq < $1) and ($2::text is null or target = $2) ${condition}
      order by seq ${order} limit $3) a on true
    order by a.seq ${order}`;
  return {
    lockHead: statement(
      `select seq, hash, floor(extract(epoch from clock_timestamp()) * 1000)::float8 as now from ${schema}.audit_head for update`,
    ),
    insert: statement(`insert into ${schema}.audit (seq, previous, hash, content, target) values ($1, $2, $3, $4, $5)`),
    moveHead: statement(`update ${schema}.audit_head set seq = $1, hash = $2`),
    newest: statement(page('', 'desc')),
    upwards: statement(page('and seq > $4::bigint', 'asc')),
  };
}
