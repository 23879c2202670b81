// The PostgreSQL and RabbitMQ that a run uses, the processes behind them, and what the bench makes there.
import pg from 'pg';
import amqp from 'amqplib';
import { REPLY_QUEUES } from '../../dist/src/core/wire.js';
import { listenerOn, parentOf } from './processes.mjs';

export const POSTGRES_URL = process.env.BACKSTEP_BENCH_POSTGRES_URL ?? 'postgres://root@127.0.0.1:5432/postgres';
export const RABBITMQ_URL = process.env.BACKSTEP_BENCH_RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672';
/** Databases and queues of the bench begin with this; two benches on the same servers need two names. */
export const NAME = process.env.BACKSTEP_BENCH_NAME ?? 'backstep_bench';
if (!/^[a-z][a-z0-9_]{2,24}$/.test(NAME)) {
  console.error(`BACKSTEP_BENCH_NAME is 3 to 25 lower-case letters, digits and _, and begins with a letter: not '${NAME}'`);
  process.exit(2);
}

export const PARTICIPANT_NAMES = ['order', 'stock', 'card'];
export const TEXTBOOK_QUEUES = [...PARTICIPANT_NAMES, 'replies'].map((name) => `${NAME}.textbook.${name}`);
const QUEUES = [
  ...PARTICIPANT_NAMES.map((name) => `${NAME}.commands.${name}`),
  `${NAME}.replies`,
  ...Array.from({ length: REPLY_QUEUES }, (_, index) => `${NAME}.replies.${index + 1}`),
  `${NAME}.starts`,
  `${NAME}.dead-letters`,
  ...TEXTBOOK_QUEUES,
];

export function databaseUrl(name) {
  const url = new URL(POSTGRES_URL);
  url.pathname = `/${name}`;
  return url.href;
}
/** One statement on a connection of its own. */
export async function query(url, sql, values) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(sql, values);
  } finally {
    await client.end();
  }
}
export async function freshDatabase(name) {
  await dropDatabase(name);
  await query(POSTGRES_URL, `create database ${name}`);
  await checkpoint();
  return databaseUrl(name);
}
/** Write-back of earlier runs would be billed to the next. */
export const checkpoint = () => query(POSTGRES_URL, 'checkpoint');
export const dropDatabase = (name) => query(POSTGRES_URL, `drop database if exists ${name} with (force)`);

/** Their process ids, where they run on this machine; CPU of servers elsewhere is not counted. */
export async function serverProcesses() {
  const { rows } = await query(POSTGRES_URL, 'select pg_backend_pid() as pid, inet_server_port() as port');
  const postmaster = listenerOn(rows[0].port ?? 5432) ?? parentOf(rows[0].pid);
  const broker = listenerOn(Number(new URL(RABBITMQ_URL).port || 5672));
  return { ...(postmaster && { postmaster }), ...(broker && { broker }) };
}

/** Deletes queues and exchanges by name; those that are not there are no fault. */
export async function deleteQueues(queues, exchanges = []) {
  const connection = await amqp.connect(RABBITMQ_URL);
  try {
    const channel = await connection.createChannel();
    for (const queue of queues) await channel.deleteQueue(queue);
    for (const exchange of exchanges) await channel.deleteExchange(exchange);
  } finally {
    await connection.close();
  }
}
export const deleteBenchQueues = () => deleteQueues(QUEUES, [`${NAME}.commands`]);

/** Whatever a bench of this name has left behind, also one that was killed. */
export async function removeLeftovers() {
  const { rows } = await query(POSTGRES_URL, `select datname from pg_database where starts_with(datname, $1)`, [`${NAME}_`]);
  for (const { datname } of rows) await dropDatabase(datname);
  await deleteBenchQueues();
}

/** Held by the bench as long as it runs: a second one of its name would drop the first one's databases. */
export async function claimServers() {
  const client = new pg.Client({ connectionString: POSTGRES_URL });
  await client.connect();
  client.on('error', () => {});
  const { rows } = await client.query(`select pg_try_advisory_lock(hashtextextended($1, 0)) as held`, [NAME]);
  if (rows[0].held) return () => client.end();
  await client.end();
  throw new Error(`another bench named ${NAME} is running on this PostgreSQL; wait for it, or set BACKSTEP_BENCH_NAME`);
}

/** How often rows of the saga tables were updated, and how often without touching an index; counted since the tables are there. */
export async function updatesOf(url) {
  const { rows } = await query(
    url,
    `select coalesce(sum(n_tup_upd), 0)::float8 as updates, coalesce(sum(n_tup_hot_upd), 0)::float8 as hot
     from pg_stat_user_tables where schemaname = $1 and (relname = 'saga' or relname like 'saga\\_default' or relname ~ '^saga_\\d')`,
    [NAME],
  );
  return rows[0];
}
