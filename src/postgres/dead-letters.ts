import type pg from 'pg';
import type { DeadLetter } from '../ports/saga-store.js';

interface Row {
  readonly id: string;
  readonly queue: string;
  readonly reason: string;
  readonly at: number;
  readonly message_id: string;
  readonly correlation_id: string;
  readonly type: string;
  readonly headers: string;
  readonly body: string;
  readonly encoding: 'text' | 'base64';
  readonly bytes: number;
  readonly sha256: string;
}

/** Keeps the letters that are not there yet. */
export async function addDeadLetters(pool: pg.Pool, schema: string, letters: readonly DeadLetter[]): Promise<void> {
  await pool.query(
    `insert into ${schema}.dead_letter (id, queue, reason, at, message_id, correlation_id, type, headers, body, encoding, bytes, sha256)
     select id, queue, reason, to_timestamp(at / 1000), message_id, correlation_id, type, headers::json, body, encoding, bytes, sha256
     from unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::integer[], $12::text[])
       as n(id, queue, reason, at, message_id, correlation_id, type, headers, body, encoding, bytes, sha256)
     order by id on conflict do nothing`,
    [
      letters.map((letter) => storable(letter.id)),
      letters.map((letter) => storable(letter.queue)),
      letters.map((letter) => storable(letter.reason)),
      letters.map((letter) => letter.at),
      letters.map((letter) => storable(letter.messageId)),
      letters.map((letter) => storable(letter.correlationId)),
      letters.map((letter) => storable(letter.type)),
      letters.map((letter) => JSON.stringify(letter.headers)),
      letters.map((letter) => storable(letter.body)),
      letters.map((letter) => letter.encoding),
      letters.map((letter) => letter.bytes),
      letters.map((letter) => letter.sha256),
    ],
  );
}

/** The newest ones, newest first. */
export async function readDeadLetters(pool: pg.Pool, schema: string, limit: number): Promise<readonly DeadLetter[]> {
  const { rows } = await pool.query<Row>(
    `select id, queue, reason, date_part('epoch', at) * 1000 as at, message_id, correlation_id, type, headers::text as headers, body, encoding, bytes, sha256
     from ${schema}.dead_letter order by dead_letter.at desc, id desc limit $1`,
    [limit],
  );
  return rows.map(({ message_id: messageId, correlation_id: correlationId, at, headers, ...same }) => ({
    ...same,
    at: Math.round(at),
    messageId,
    correlationId,
    headers: JSON.parse(headers) as DeadLetter['headers'],
  }));
}

const NUL = String.fromCharCode(0);
/** What nobody understood may contain anything; it must not be refused for that. */
const storable = (text: string): string => text.replaceAll(NUL, '\ufffd');
