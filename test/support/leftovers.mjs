// Servers that others use too must not fill up with what tests made: every database, queue and exchange of a test carries the run's name,
// which begins with its time. A run removes its own at the end, and what runs that died have left behind a few hours ago.
import amqp from 'amqplib';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import pg from 'pg';

const OLD_AFTER_S = 6 * 60 * 60;
const RUN_IN_NAME = /_run([0-9a-z]{6})[0-9a-z]{5,}_/;

/** @typedef {import('./find-servers.mjs').FoundServer} FoundServer */

/** @param {FoundServer[]} servers */
export const removeOldLeftovers = (servers) => remove(servers, (name) => isOld(name));

/** @param {FoundServer[]} servers */
export const removeLeftoversOfThisRun = (servers) => remove(servers, (name) => name.includes(`_run${process.env['BACKSTEP_TEST_RUN']}_`));

/** @param {string} name @param {number} [nowS] */
export function isOld(name, nowS = Date.now() / 1_000) {
  const [, startedAt] = RUN_IN_NAME.exec(name) ?? [];
  return startedAt !== undefined && nowS - parseInt(startedAt, 36) > OLD_AFTER_S;
}

/** @param {FoundServer[]} servers @param {(name: string) => boolean} isOurs */
async function remove(servers, isOurs) {
  const [postgres, rabbit] = servers;
  await Promise.all([postgres?.isShared && dropDatabases(postgres.url, isOurs), rabbit?.isShared && deleteQueues(rabbit.url, isOurs)]);
}

/** @param {string} url @param {(name: string) => boolean} isOurs */
async function dropDatabases(url, isOurs) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query('select datname from pg_database');
    for (const { datname } of rows.filter((row) => isOurs(row.datname)))
      await client.query(`drop database if exists "${datname}" with (force)`);
  } finally {
    await client.end();
  }
}

/** AMQP cannot list queues; rabbitmqctl can where it may be used, and elsewhere they stay. @param {string} url @param {(name: string) => boolean} isOurs */
async function deleteQueues(url, isOurs) {
  const list = async (/** @type {string} */ what) => {
    const { stdout } = await promisify(execFile)('rabbitmqctl', [`list_${what}`, 'name', '--quiet', '--no-table-headers'], {
      timeout: 10_000,
    });
    return stdout.split('\n').filter(isOurs);
  };
  const found = await Promise.all([list('queues'), list('exchanges')]).catch(() => undefined);
  if (!found?.some((names) => names.length > 0)) return;
  const connection = await amqp.connect(url);
  const channel = await connection.createChannel();
  for (const queue of found[0]) await channel.deleteQueue(queue);
  for (const exchange of found[1]) await channel.deleteExchange(exchange);
  await connection.close();
}
