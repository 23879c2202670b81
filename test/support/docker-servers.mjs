// The same servers from Docker. Loaded only where a daemon answers: testcontainers is slow to load and removes what a dead process left.
import { RabbitMQContainer } from '@testcontainers/rabbitmq';
import { PostgreSqlContainer } from '@testcontainers/postgresql';
import { getContainerRuntimeClient } from 'testcontainers';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from './private-servers.mjs';
import { amqpAnswers, postgresAnswers } from './probes.mjs';

const POSTGRES_IMAGE = 'postgres:17';
const RABBITMQ_IMAGE = 'rabbitmq:4-management';

/** @param {{ settings?: Record<string, string> | undefined }} [options] @returns {Promise<import('./private-servers.mjs').PrivateServer>} */
export async function startDockerPostgres({ settings = {} } = {}) {
  const [port] = await freePorts(1);
  const flags = Object.entries({ max_connections: '200', ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const container = await new PostgreSqlContainer(POSTGRES_IMAGE)
    .withUsername('postgres')
    .withPassword('postgres')
    .withDatabase('postgres')
    .withExposedPorts({ container: 5432, host: Number(port) }) // a port of Docker's choice would change with every restart
    .withCommand(['postgres', ...flags])
    .start();
  const url = container.getConnectionUri();
  return controls(container, { url, how: `Docker, ${POSTGRES_IMAGE}`, answers: () => postgresAnswers(url) });
}

/** @returns {Promise<import('./private-servers.mjs').PrivateRabbit>} */
export async function startDockerRabbit() {
  const [port] = await freePorts(1);
  const container = await new RabbitMQContainer(RABBITMQ_IMAGE).withExposedPorts({ container: 5672, host: Number(port) }).start();
  const url = container.getAmqpUrl();
  const rabbit = await controls(container, { url, how: `Docker, ${RABBITMQ_IMAGE}`, answers: () => amqpAnswers(url) });
  const ctl = async (/** @type {string[]} */ ...args) => {
    const { output, exitCode } = await container.exec(['rabbitmqctl', ...args]);
    if (exitCode !== 0) throw new Error(`rabbitmqctl ${args.join(' ')} failed: ${output}`);
    return output;
  };
  return { ...rabbit, ctl };
}

/**
 * @param {import('testcontainers').StartedTestContainer} container
 * @param {{ url: string, how: string, answers: () => Promise<boolean> }} options
 */
async function controls(container, { url, how, answers }) {
  const client = await getContainerRuntimeClient();
  const handle = client.container.getById(container.getId());
  const isRunning = async () => (await handle.inspect()).State.Running;
  return {
    url,
    how,
    async start() {
      if (!(await isRunning())) await handle.start();
      const giveUpAt = performance.now() + 60_000;
      while (!(await answers())) {
        if (performance.now() > giveUpAt) throw new Error(`the server for ${url} does not serve after 60 s`);
        await delay(50);
      }
    },
    stop: async () => {
      await handle.stop();
    },
    kill: async () => {
      await handle.kill({ signal: 'SIGKILL' });
      await handle.wait();
    },
    pause: async () => {
      await handle.pause();
    },
    resume: async () => {
      await handle.unpause();
    },
    dispose: async () => {
      await container.stop();
    },
  };
}
