// Finished sagas by the million. A few real ones are run by the product; their rows are then copied by set-based SQL under new ids, so that
// tables, history and inboxes hold what the product itself writes, whatever its schema is like.
import { firstIdAt } from '../../dist/src/postgres/partitions.js';
import { checkpoint, freshDatabase, NAME, PARTICIPANT_NAMES, query } from './servers.mjs';
import { runSystem } from './child-run.mjs';

const WEEK_MS = 7 * 86_400_000;
const MONDAY_MS = 4 * 86_400_000;
/** How far back the sagas go: participants forget inbox rows after 31 days. */
const WEEKS = 4;
const CHUNK = 100_000;
const TABLES = [
  { name: 'saga', id: 'id' },
  { name: 'finished_saga', id: 'id' },
  { name: 'saga_history', id: 'saga_id' },
];

/** Makes the database with so many finished sagas; `run.mjs --database=…` may then use it as often as it likes. */
export async function seedFinished({ database, finished, participants, queue, say, limit }) {
  const url = await freshDatabase(database);
  await runSystem('backstep', 'throughput', { database, participants, queue, count: 20, warm: 1 }, limit);
  const sample = await sampleSaga(url);
  const until = Date.now() - 60_000;
  const from = until - WEEKS * WEEK_MS;
  await ownPartitions(url, from);
  for (let done = 0; done < finished; done += CHUNK) {
    const rows = Math.min(CHUNK, finished - done);
    await copyChunk(url, sample, { first: done, rows, from, step: (until - from) / finished, participants });
    if ((done / CHUNK) % 10 === 9)
      say(`  ${(done + rows).toLocaleString('en')} of ${finished.toLocaleString('en')} finished sagas are there`);
  }
  await query(url, 'vacuum analyze');
  await checkpoint();
  const { rows } = await query(url, 'select pg_database_size(current_database())::float8 / 1e6 as megabytes');
  return { megabytes: Math.round(rows[0].megabytes) };
}

/** One of the real ones, moved to the finished sagas in the meantime or now. */
async function sampleSaga(url) {
  const schema = NAME;
  const columns = await columnsOf(url, `${schema}.finished_saga`);
  await query(
    url,
    `with moved as (delete from ${schema}.saga where ended_at is not null returning ${columns.join(', ')})
     insert into ${schema}.finished_saga (${columns.join(', ')}) select * from moved`,
  );
  const { rows } = await query(url, `select id from ${schema}.finished_saga where status = 'completed' order by id limit 1`);
  if (rows.length === 0) throw new Error('no saga has finished: there is nothing to copy');
  return { id: rows[0].id, columns, history: await columnsOf(url, `${schema}.saga_history`) };
}
async function columnsOf(url, table) {
  const { rows } = await query(
    url,
    `select quote_ident(attname) as name from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`,
    [table],
  );
  return rows.map(({ name }) => name);
}

/** As the product had them when the weeks came; it makes only the present and the coming ones. */
async function ownPartitions(url, from) {
  const first = Math.floor((from - MONDAY_MS) / WEEK_MS) * WEEK_MS + MONDAY_MS;
  for (let week = first; week < Date.now(); week += WEEK_MS) {
    const label = new Date(week).toISOString().slice(0, 10).replaceAll('-', '_');
    for (const { name } of TABLES)
      await query(
        url,
        `do $$ begin
           if to_regclass('${NAME}.${name}_${label}') is null then
             create table ${NAME}.${name}_${label} partition of ${NAME}.${name}
               for values from ('${firstIdAt(week)}') to ('${firstIdAt(week + WEEK_MS)}');
           end if;
         end $$`,
      );
  }
}

/** Ids, instants and texts of one chunk are made once, in a temporary table; each product table then takes its columns from it. */
async function copyChunk(url, sample, { first, rows, from, step, participants }) {
  const schema = NAME;
  const instant = /^(started_at|ended_at|at)$/;
  const copied = (column, id) => (column === id ? 'made.id' : instant.test(column) ? `t.${column} + (made.at - sample.at)` : `t.${column}`);
  const select = (columns, id) => columns.map((column) => copied(column, id)).join(', ');
  const inboxes = participants === 'inbox' || participants === 'batch' ? PARTICIPANT_NAMES : [];
  const inboxColumns = inboxes.length > 0 ? await columnsOf(url, `bench_${inboxes[0]}.backstep_inbox`) : [];
  const inboxValue = (column) =>
    /^(action_id|command_id)$/.test(column)
      ? `replace(t.${column}, '${sample.id}', made.id::text)`
      : column === 'used_at'
        ? 'made.at'
        : `t.${column}`;
  await query(
    url,
    `set synchronous_commit = off;
     create temporary table made as
       select to_timestamp(ms / 1000.0) as at, (substr(time, 1, 8) || '-' || substr(time, 9, 4) || '-7' || substr(chance, 1, 3) || '-' ||
         substr('89ab', 1 + floor(random() * 4)::int, 1) || substr(chance, 4, 3) || '-' || substr(chance, 7, 12))::uuid as id
       from (select ms, lpad(to_hex(ms), 12, '0') as time, md5(random()::text || n) as chance
             from (select n, floor(${from} + n * ${step}::float8)::bigint as ms from generate_series(${first}, ${first + rows - 1}) n) instants) parts;
     create temporary table sample as select started_at as at from ${schema}.finished_saga where id = '${sample.id}';
     insert into ${schema}.finished_saga (${sample.columns.join(', ')})
       select ${select(sample.columns, 'id')} from made, sample, ${schema}.finished_saga t where t.id = '${sample.id}';
     insert into ${schema}.saga_history (${sample.history.join(', ')})
       select ${select(sample.history, 'saga_id')} from made, sample, ${schema}.saga_history t where t.saga_id = '${sample.id}';
     ${inboxes
       .map(
         (name) =>
           `insert into bench_${name}.backstep_inbox (${inboxColumns.join(', ')})
            select ${inboxColumns.map(inboxValue).join(', ')} from made, bench_${name}.backstep_inbox t where t.action_id > '${sample.id}.' and t.action_id < '${sample.id}/';`,
       )
       .join('\n')}`,
  );
}
