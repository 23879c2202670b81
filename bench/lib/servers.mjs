// The PostgreSQL and RabbitMQ that a run uses, and the processes behind them.
import pg from 'pg';
import amqp from 'amqplib';
import { listenerOn, parentOf } from './processes.mjs';

export const POSTGRES_URL = process.env.BACKSTEP_BENCH_POSTGRES_URL ?? 'postgres://root@127.0.0.1:5432/postgres';
export const RABBITMQ_URL = process.env.BACKSTEP_BENCH_RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672';

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
  // Write-back of earlier runs would be billed to this one.
  await query(POSTGRES_URL, 'checkpoint');
  return databaseUrl(name);
}
export const dropDatabase = (name) => query(POSTGRES_URL, `drop database if exists ${name} with (force)`);

/** Their process ids, where they run on this machine; CPU of servers elsewhere is not counted. */
export async function serverProcesses() {
  const { rows } = await query(POSTGRES_URL, 'select pg_backend_pid() as pid, inet_server_port() as port');
  const postmaster = listenerOn(rows[0].port ?? 5432) ?? parentOf(rows[0].pid);
  const broker = listenerOn(Number(new URL(RABBITMQ_URL).port || 5672));
  return { postmaster, broker };
}

/** Deletes queues and exchanges by name; those that are not there are no fault. */
export async function deleteQueues(queues, exchanges = []) {
  const connection = await amqp.connect(RABBITMQ_URL);
  const channel = await connection.createChannel();
  for (const queue of queues) await channel.deleteQueue(queue);
  for (const exchange of exchanges) await channel.deleteExchange(exchange);
  await connection.close();
}
