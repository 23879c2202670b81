// Quick questions to servers that may not be there.
import amqp from 'amqplib';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

/** Whether a user who may create databases can log in. @param {string} url */
export async function postgresAnswers(url) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 2_000 });
  client.on('error', () => {}); // a server that stops while we ask has answered too
  try {
    await client.connect();
    const { rows } = await client.query('select rolcreatedb or rolsuper as suits from pg_roles where rolname = current_user');
    return rows[0]?.suits === true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** @param {string} url */
export async function amqpAnswers(url) {
  try {
    const connection = await amqp.connect(url, { timeout: 2_000 });
    connection.on('error', () => {});
    await connection.close();
    return true;
  } catch {
    return false;
  }
}

/** Whether a Docker daemon answers. The `docker` command says nothing about that, and testcontainers is slow to load. */
export async function dockerAnswers() {
  const { DOCKER_HOST: host = '', XDG_RUNTIME_DIR: runtime = '/nowhere' } = process.env;
  if (/^(tcp|https?):/.test(host)) {
    const { hostname, port } = new URL(host.replace(/^tcp/, 'http'));
    return ping({ host: hostname, port: port || 2375 });
  }
  const usual = ['/var/run/docker.sock', join(homedir(), '.docker/run/docker.sock'), join(runtime, 'docker.sock')];
  const sockets = host.startsWith('unix://') ? [host.slice('unix://'.length)] : usual;
  const answers = await Promise.all(sockets.filter((path) => existsSync(path)).map((socketPath) => ping({ socketPath })));
  return answers.includes(true);
}

/** @param {import('node:http').RequestOptions} address @returns {Promise<boolean>} */
function ping(address) {
  return new Promise((resolve) => {
    const asked = request({ ...address, path: '/_ping', timeout: 500 }, (response) => {
      response.resume();
      resolve(response.statusCode !== undefined && response.statusCode < 500);
    });
    asked.on('error', () => resolve(false));
    asked.on('timeout', () => asked.destroy());
    asked.end();
  });
}
