import type pg from 'pg';
import { SagaError, messageOf } from '../core/errors.js';
import type { HistoryEntry } from '../core/event.js';
import type { Status } from '../core/state.js';
import { FEED_REACH_MS, type FeedEntry, type FeedPage, type FeedQuery, type HistoryFeed } from '../ports/history-feed.js';
import { statement } from './statement.js';

interface Row {
  readonly xid: string;
  readonly saga_id: string;
  readonly seq: number;
  readonly at: number;
  readonly event: HistoryEntry['event'];
  readonly step: string | null;
  readonly data: string;
  readonly name: string | null;
  readonly version: number;
  readonly status: Status;
}
/** Everything of earlier transactions is certain. */
interface Horizon {
  readonly xid: string;
  readonly now: number;
}
/** After the entry `seq` of `sagaId` in the transaction `xid`; when it was told. */
interface Place {
  readonly at: number;
  readonly xid: bigint;
  readonly sagaId: string;
  readonly seq: number;
}
const BEFORE_ALL = { sagaId: '00000000-0000-0000-0000-000000000000', seq: 0 };

/**
 * The feed in PostgreSQL: history rows carry the transaction that wrote them, and only those of transactions below every one that is still open
 * are told. A transaction that stays open for long, anywhere on the server, holds the feed up, but nothing is left out.
 */
export class PostgresHistoryFeed implements HistoryFeed {
  private readonly statements: ReturnType<typeof statementsFor>;

  /** `pool` is asked at every call: a data source has none before it is initialized. */
  constructor(
    private readonly pool: () => pg.Pool,
    schema: string,
  ) {
    this.statements = statementsFor(schema);
  }

  async end(): Promise<string> {
    return placeAt(await this.horizon());
  }

  async read({ after, until, limit }: FeedQuery): Promise<FeedPage> {
    const from = placeIn(after);
    const to = until === undefined ? undefined : placeIn(until);
    const horizon = await this.horizon();
    if (from.at < horizon.now - FEED_REACH_MS || from.xid > BigInt(horizon.xid)) throw expired();
    const end = to ?? { at: horizon.now, xid: BigInt(horizon.xid), ...BEFORE_ALL };
    // Mostly nothing has been committed since.
    if (from.xid === end.xid && to === undefined) return { entries: [], end: written({ ...from, at: horizon.now }), isFull: false };
    const rows = await this.query<Row>(
      this.statements.read(String(from.xid), from.sagaId, from.seq, String(end.xid), end.sagaId, end.seq, limit),
    );
    const told = rows.flatMap((row) => toEntry(row, horizon.now));
    const last = rows.at(-1);
    const isFull = rows.length === limit;
    return { entries: told, end: isFull && last ? placeOf(last, horizon.now) : written(end), isFull };
  }

  private async horizon(): Promise<Horizon> {
    const [row] = await this.query<Horizon>(this.statements.horizon());
    return { xid: row!.xid, now: Math.floor(row!.now) };
  }

  private async query<R extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<R[]> {
    try {
      return (await this.pool().query<R>(query)).rows;
    } catch (error: unknown) {
      throw new SagaError('SAGA_UNAVAILABLE', `the database did not do it: ${messageOf(error)}`, [], { cause: error });
    }
  }
}

// Each partition is asked by its index on the transaction; a saga is in one of the two tables.
function statementsFor(schema: string) {
  const saga = (table: string): string => `select name, version, status from ${schema}.${table} where id = h.saga_id`;
  return {
    horizon: statement(`select pg_snapshot_xmin(pg_current_snapshot())::text as xid, date_part('epoch', clock_timestamp()) * 1000 as now`),
    read: statement(`
      select h.xid::text as xid, h.saga_id, h.seq, date_part('epoch', h.at) * 1000 as at, h.event, h.step, h.data::text as data,
        s.name, s.version, s.status
      from (
        select * from ${schema}.saga_history
        where xid between $1::bigint and $4::bigint
          and (xid, saga_id, seq) > ($1::bigint, $2::uuid, $3::integer) and (xid, saga_id, seq) <= ($4::bigint, $5::uuid, $6::integer)
        order by xid, saga_id, seq limit $7) h
      left join lateral (${saga('saga')} union all ${saga('finished_saga')} limit 1) s on true
      order by h.xid, h.saga_id, h.seq`),
  };
}

/** A saga that was removed meanwhile has nothing to tell any more. */
function toEntry(row: Row, now: number): FeedEntry[] {
  const { name, version, status, seq, at, event, step, data } = row;
  if (name === null) return [];
  const entry: HistoryEntry = {
    seq,
    at: Math.round(at),
    event,
    ...(step === null ? {} : { step }),
    ...(JSON.parse(data) as Pick<HistoryEntry, 'effects'>),
  };
  return [{ place: placeOf(row, now), sagaId: row.saga_id, name, version, status, entry }];
}

const placeAt = ({ xid, now }: Horizon): string => written({ at: now, xid: BigInt(xid), ...BEFORE_ALL });
const placeOf = ({ xid, saga_id: sagaId, seq }: Row, now: number): string => written({ at: now, xid: BigInt(xid), sagaId, seq });

const BYTES = 36;

function written({ at, xid, sagaId, seq }: Place): string {
  const bytes = Buffer.alloc(BYTES);
  bytes.writeBigUInt64BE(BigInt(at), 0);
  bytes.writeBigUInt64BE(xid, 8);
  bytes.write(sagaId.replaceAll('-', ''), 16, 'hex');
  bytes.writeUInt32BE(seq, 32);
  return bytes.toString('base64url');
}

function placeIn(text: string): Place {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== BYTES) throw new SagaError('SAGA_REQUEST_INVALID', 'the Last-Event-ID is not one that the feed gave');
  const id = bytes.toString('hex', 16, 32);
  const sagaId = [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join('-');
  const [at, xid, seq] = [Number(bytes.readBigUInt64BE(0)), bytes.readBigUInt64BE(8), bytes.readUInt32BE(32)];
  return { at, xid, sagaId, seq: Math.min(seq, 2 ** 31 - 1) };
}

function expired(): SagaError {
  return new SagaError(
    'SAGA_EVENTS_EXPIRED',
    'this Last-Event-ID is too old, or of another database; begin anew without it, and read the sagas that matter once more',
  );
}
