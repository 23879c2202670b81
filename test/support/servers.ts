import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { closeAtEnd } from './closing.js';
import { POSTGRES, RABBITMQ, type Kind } from './find-servers.mjs';
import { startPrivatePostgres, startPrivateRabbit, type PrivateRabbit, type PrivateServer } from './private-servers.mjs';
import { dockerAnswers } from './probes.mjs';

export type { PrivateRabbit, PrivateServer };

/** An empty database of its own on the tests' PostgreSQL; dropped at the end of the test file, whoever is still connected. */
export async function freshDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = uniqueNamespace('backstep');
  const admin = handedOver(POSTGRES.variable);
  // template0 may be copied while others do the same, and takes an encoding that differs from the server's.
  await runOn(admin, `create database ${name} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`);
  const drop = async () => runOn(admin, `drop database if exists ${name} with (force)`);
  closeAtEnd(drop);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return { url: url.href, drop };
}

/** The tests' RabbitMQ. Others use it at the same time: take a `uniqueNamespace`. */
export function amqpUrl(): string {
  return handedOver(RABBITMQ.variable);
}

/** A name nobody else uses, fit for `BACKSTEP_NAMESPACE`, queues and schemas. The prefix has at most 17 lower-case letters, digits and underscores. */
export function uniqueNamespace(prefix = 'test'): string {
  return `${prefix}_run${process.env['BACKSTEP_TEST_RUN'] ?? '000000local'}_${randomBytes(4).toString('hex')}`;
}

/** A PostgreSQL that the test may stop, kill and pause; disposed of at the end of the test file. `settings` as in postgresql.conf. */
export async function privatePostgres(options: { settings?: Record<string, string> } = {}): Promise<PrivateServer> {
  const fromDocker = async () => (await import('./docker-servers.mjs')).startDockerPostgres(options);
  return privateServer(POSTGRES, () => startPrivatePostgres(options), fromDocker);
}

/** A RabbitMQ that the test may stop, kill and pause; disposed of at the end of the test file. */
export async function privateRabbit(): Promise<PrivateRabbit> {
  const fromDocker = async () => (await import('./docker-servers.mjs')).startDockerRabbit();
  return privateServer(RABBITMQ, startPrivateRabbit, fromDocker);
}

async function privateServer<T extends PrivateServer>(
  kind: Kind,
  fromBinaries: () => Promise<T>,
  fromDocker: () => Promise<T>,
): Promise<T> {
  const hasBinaries = kind.binaries() !== undefined;
  if (!hasBinaries && !(await dockerAnswers())) {
    throw new Error(
      `This test kills its own ${kind.name}, and there is neither an installed one nor Docker. Run this once: npm run services`,
    );
  }
  const server = await (hasBinaries ? fromBinaries() : fromDocker());
  closeAtEnd(() => server.dispose());
  return server;
}

function handedOver(variable: string): string {
  const url = process.env[variable];
  if (!url) throw new Error(`${variable} is not set: only tests outside test/unit get servers (see test/jest.config.js)`);
  return url;
}

async function runOn(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
