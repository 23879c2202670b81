// Which PostgreSQL and RabbitMQ the tests use: what the environment names, Docker, this machine's usual ports, installed binaries.
import { userInfo } from 'node:os';
import { postgresBinaries, rabbitBinary, startPrivatePostgres, startPrivateRabbit } from './private-servers.mjs';
import { amqpAnswers, dockerAnswers, postgresAnswers } from './probes.mjs';

/**
 * @typedef {object} FoundServer
 * @property {string} url
 * @property {string} how where it comes from, for people
 * @property {boolean} [isShared] others use it too, so that what tests leave in it has to be removed
 * @property {() => Promise<void>} dispose
 */

/**
 * @typedef {object} Kind
 * @property {string} name
 * @property {string} variable
 * @property {(url: string) => Promise<boolean>} answers
 * @property {() => string[]} usual addresses on this machine
 * @property {() => string | undefined} binaries
 * @property {() => Promise<FoundServer>} fromDocker
 * @property {() => Promise<FoundServer>} fromBinaries
 */

/** @type {Kind} */
export const POSTGRES = {
  name: 'PostgreSQL',
  variable: 'BACKSTEP_TEST_POSTGRES_URL',
  answers: postgresAnswers,
  usual: () => ['postgres', 'postgres:postgres', 'root', userInfo().username].map((user) => `postgres://${user}@127.0.0.1:5432/postgres`),
  binaries: postgresBinaries,
  fromDocker: async () => (await import('./docker-servers.mjs')).startDockerPostgres(),
  fromBinaries: startPrivatePostgres,
};

/** @type {Kind} */
export const RABBITMQ = {
  name: 'RabbitMQ',
  variable: 'BACKSTEP_TEST_RABBITMQ_URL',
  answers: amqpAnswers,
  usual: () => ['amqp://guest:guest@127.0.0.1:5672'],
  binaries: rabbitBinary,
  fromDocker: async () => (await import('./docker-servers.mjs')).startDockerRabbit(),
  fromBinaries: startPrivateRabbit,
};

/** The first way that works, or an error that says what to do. @param {Kind} kind @returns {Promise<FoundServer>} */
export async function findServer(kind) {
  const named = process.env[kind.variable];
  if (named) {
    if (!(await kind.answers(named))) throw new Error(`${kind.variable} is set, but no usable ${kind.name} answers there`);
    return { url: named, how: `${kind.variable} at ${hostOf(named)}`, isShared: true, dispose: async () => {} };
  }
  /** @type {string[]} */
  const failures = [];
  if (await dockerAnswers()) {
    try {
      return await kind.fromDocker();
    } catch (error) {
      failures.push(`Docker: ${String(error)}`);
    }
  }
  const url = await localServer(kind);
  if (url) return { url, how: `running at ${hostOf(url)}`, isShared: true, dispose: async () => {} };
  if (kind.binaries()) {
    try {
      return await kind.fromBinaries();
    } catch (error) {
      failures.push(`binaries: ${String(error)}`);
    }
  }
  throw new Error([`No ${kind.name} for the tests. Run this once: npm run services`, ...failures].join('\n  '));
}

/** @param {Kind} kind */
export async function localServer(kind) {
  for (const url of kind.usual()) if (await kind.answers(url)) return url;
  return undefined;
}

/** @param {string} url */
function hostOf(url) {
  const { host, username } = new URL(url);
  return `${host} as ${username}`; // never the password
}
