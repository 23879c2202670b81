import type pg from 'pg';
import { SagaError, messageOf } from '../core/errors.js';
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetters,
  KeptLetter,
  LetterDecree,
  LetterMark,
  LetterStatus,
  LetterSummary,
} from '../ports/dead-letters.js';

interface Row {
  readonly id: string;
  readonly queue: string;
  readonly reason: string;
  readonly at: number;
  readonly message_id: string;
  readonly correlation_id: string;
  readonly type: string;
  readonly content_type: string;
  readonly reply_to: string | null;
  readonly app_id: string | null;
  readonly sent_at: number | null;
  readonly headers: string;
  readonly is_altered: boolean;
  readonly encoding: 'text' | 'base64';
  readonly bytes: number;
  readonly sha256: string;
  readonly status: LetterStatus;
  readonly replays: number;
  readonly replayed_at: number | null;
  readonly replayed_by: string | null;
  readonly replay_reason: string | null;
  readonly discarded_at: number | null;
  readonly discarded_by: string | null;
  readonly discard_reason: string | null;
}
type WholeRow = Row & { readonly body: string };

const msOf = (column: string): string => `date_part('epoch', ${column}) * 1000 as ${column}`;
const SUMMARY = `id, queue, reason, ${msOf('at')}, message_id, correlation_id, type, content_type, reply_to, app_id, sent_at,
  headers::text as headers, is_altered, encoding, bytes, sha256, status, replays,
  ${msOf('replayed_at')}, replayed_by, replay_reason, ${msOf('discarded_at')}, discarded_by, discard_reason`;
const WHOLE = `${SUMMARY}, body`;

/** Dead letters in PostgreSQL: a table of their own, of which a page never reads the bodies. */
export class PostgresDeadLetters implements DeadLetters {
  /** `pool` is asked at every call: a data source has none before it is initialized. */
  constructor(
    private readonly pool: () => pg.Pool,
    private readonly schema: string,
  ) {}

  async add(letters: readonly DeadLetter[]): Promise<void> {
    // The same letter twice in one statement would be an error.
    const latest = [...new Map(letters.map((letter) => [letter.id, letter])).values()];
    const [table, columns] = [`${this.schema}.dead_letter`, 'id, queue, reason, at, message_id, correlation_id, type, headers, body'];
    const more = 'encoding, bytes, sha256, content_type, reply_to, app_id, sent_at, is_altered';
    await this.query(
      `insert into ${table} as known (${columns}, ${more})
       select id, queue, reason, to_timestamp(at / 1000), message_id, correlation_id, type, headers::json, body, ${more}
       from unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
         $11::integer[], $12::text[], $13::text[], $14::text[], $15::text[], $16::float8[], $17::boolean[])
         as n(${columns}, ${more})
       order by id
       on conflict (id) do update set at = excluded.at, reason = excluded.reason, status = 'waiting', marked_at = null,
         discarded_at = null, discarded_by = null, discard_reason = null
       where known.at <> excluded.at`,
      valuesOf(latest),
    );
  }

  async page(filter: DeadLetterFilter): Promise<DeadLetterPage> {
    const limit = Math.min(500, Math.max(1, Math.floor(filter.limit)));
    const { where, values } = conditions(filter);
    const rows = await this.query<Row>(
      `select ${SUMMARY} from ${this.schema}.dead_letter ${where} order by dead_letter.at desc, id desc limit ${limit + 1}`,
      values,
    );
    const page = rows.slice(0, limit).map(toSummary);
    const last = page.at(-1);
    return { letters: page, ...(rows.length > limit && last ? { cursor: cursorAt(last) } : {}) };
  }

  async find(id: string): Promise<KeptLetter | undefined> {
    return this.one(`select ${WHOLE} from ${this.schema}.dead_letter where id = $1`, [storable(id)]);
  }

  async replayed(id: string, at: number, { by, reason }: LetterDecree): Promise<KeptLetter | undefined> {
    const isSame = 'at = to_timestamp($2::float8 / 1000)';
    return this.one(
      `update ${this.schema}.dead_letter set replays = replays + 1, replayed_at = clock_timestamp(), replayed_by = $3, replay_reason = $4,
         status = case when ${isSame} then 'replayed' else status end,
         marked_at = case when ${isSame} then clock_timestamp() else marked_at end,
         discarded_at = case when ${isSame} then null else discarded_at end,
         discarded_by = case when ${isSame} then null else discarded_by end,
         discard_reason = case when ${isSame} then null else discard_reason end
       where id = $1 returning ${WHOLE}`,
      [storable(id), at, storable(by), storable(reason)],
    );
  }

  async discard(id: string, { by, reason }: LetterDecree): Promise<{ readonly letter: KeptLetter; readonly done: boolean } | undefined> {
    const discarded = await this.one(
      `update ${this.schema}.dead_letter set status = 'discarded', marked_at = clock_timestamp(), discarded_at = clock_timestamp(),
         discarded_by = $2, discard_reason = $3
       where id = $1 and status = 'waiting' returning ${WHOLE}`,
      [storable(id), storable(by), storable(reason)],
    );
    if (discarded) return { letter: discarded, done: true };
    const letter = await this.find(id);
    return letter && { letter, done: false };
  }

  async forget(keepMs: number, limit: number): Promise<number> {
    const { schema } = this;
    const rows = await this.query(
      `delete from ${schema}.dead_letter where id = any (array(
         select id from ${schema}.dead_letter where marked_at < clock_timestamp() - make_interval(secs => $1::float8 / 1000)
         order by marked_at limit $2)) returning 1`,
      [keepMs, limit],
    );
    return rows.length;
  }

  private async one(sql: string, values: readonly unknown[]): Promise<KeptLetter | undefined> {
    const [row] = await this.query<WholeRow>(sql, values);
    return row && { ...toSummary(row), body: row.body };
  }

  private async query<R extends pg.QueryResultRow>(sql: string, values: readonly unknown[]): Promise<R[]> {
    try {
      return (await this.pool().query<R>(sql, [...values])).rows;
    } catch (error: unknown) {
      throw new SagaError('SAGA_UNAVAILABLE', `the database did not do it: ${messageOf(error)}`, [], { cause: error });
    }
  }
}

function valuesOf(letters: readonly DeadLetter[]): unknown[] {
  const texts = (of: (letter: DeadLetter) => string | null) => letters.map(of).map((text) => (text === null ? null : storable(text)));
  return [
    texts(({ id }) => id),
    texts(({ queue }) => queue),
    texts(({ reason }) => reason),
    letters.map(({ at }) => at),
    texts(({ messageId }) => messageId),
    texts(({ correlationId }) => correlationId),
    texts(({ type }) => type),
    letters.map(({ headers }) => JSON.stringify(headers)),
    texts(({ body }) => body),
    letters.map(({ encoding }) => encoding),
    letters.map(({ bytes }) => bytes),
    texts(({ sha256 }) => sha256),
    texts(({ contentType }) => contentType),
    texts(({ replyTo }) => replyTo),
    texts(({ appId }) => appId),
    letters.map(({ timestamp }) => timestamp),
    letters.map(({ isAltered }) => isAltered),
  ];
}

function conditions({ status, queue, reason, cursor }: DeadLetterFilter): { readonly where: string; readonly values: unknown[] } {
  const values: unknown[] = [];
  const value = (given: unknown): string => `$${values.push(given)}`;
  const all: string[] = [];
  // Said as the partial index says it.
  if (status?.length === 1 && status[0] === 'waiting') all.push(`status = 'waiting'`);
  else if (status) all.push(`status = any (${value(status)}::text[])`);
  if (queue !== undefined) all.push(`queue = ${value(storable(queue))}`);
  if (reason !== undefined) all.push(`position(${value(storable(reason))}::text in reason) > 0`);
  if (cursor !== undefined) {
    const { at, id } = placeIn(cursor);
    all.push(`(at, id) < (to_timestamp(${value(at)}::float8 / 1000), ${value(id)}::text)`);
  }
  return { where: all.length > 0 ? `where ${all.join(' and ')}` : '', values };
}

const cursorAt = ({ at, id }: Pick<DeadLetter, 'at' | 'id'>): string => Buffer.from(`${at}:${id}`).toString('base64url');

function placeIn(cursor: string): Pick<DeadLetter, 'at' | 'id'> {
  const [, at, id] = /^(\d{1,16}):(.+)$/s.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (at === undefined || id === undefined) throw new SagaError('SAGA_REQUEST_INVALID', 'the cursor is not one that a page gave');
  return { at: Number(at), id: storable(id) };
}

function toSummary(row: Row): LetterSummary {
  return {
    id: row.id,
    queue: row.queue,
    reason: row.reason,
    at: Math.round(row.at),
    messageId: row.message_id,
    correlationId: row.correlation_id,
    type: row.type,
    contentType: row.content_type,
    replyTo: row.reply_to,
    appId: row.app_id,
    timestamp: row.sent_at,
    headers: JSON.parse(row.headers) as DeadLetter['headers'],
    isAltered: row.is_altered,
    encoding: row.encoding,
    bytes: row.bytes,
    sha256: row.sha256,
    status: row.status,
    replays: row.replays,
    replay: markOf(row.replayed_at, row.replayed_by, row.replay_reason),
    discard: markOf(row.discarded_at, row.discarded_by, row.discard_reason),
  };
}

function markOf(at: number | null, by: string | null, reason: string | null): LetterMark | null {
  return at === null ? null : { at: Math.round(at), by: by ?? '', reason: reason ?? '' };
}

const NUL = String.fromCharCode(0);
/** What nobody understood may contain anything; it must not be refused for that. */
const storable = (text: string): string => text.replaceAll(NUL, '\ufffd');
