// Clients that start sagas: over HTTP with connections kept alive, as NDJSON, and as messages.
import http from 'node:http';
import { randomUUID } from 'node:crypto';
import amqp from 'amqplib';
import { BATCH_CONTENT } from '../../dist/src/core/wire.js';
import { payload } from './load.mjs';
import { NAME, RABBITMQ_URL } from './servers.mjs';

const LINES = 500;
const PATIENCE_MS = 60_000;

/** `clients` at a time share the work of starting `count`, each over a connection of its own; `urls` are taken in turn. */
export async function startOverHttp({ urls, count, clients, bytes }) {
  await shared(clients, count, 1, async (agent, number) => {
    const body = JSON.stringify({ name: 'bench', input: payload(number, bytes) });
    await post(agent, `${urls[number % urls.length]}/api/v1/sagas`, 'application/json', body, 201);
  });
}
export async function startAsNdjson({ urls, count, clients, bytes }) {
  // Each daemon gets its share, of a few as well.
  const step = Math.max(1, Math.min(LINES, Math.ceil(count / urls.length)));
  await shared(clients, count, step, async (agent, first, amount) => {
    const lines = Array.from({ length: amount }, (_, n) => JSON.stringify({ name: 'bench', input: payload(first + n, bytes) }));
    const url = urls[Math.floor(first / step) % urls.length];
    const text = await post(agent, `${url}/api/v1/sagas/many`, 'application/x-ndjson', `${lines.join('\n')}\n`, 200);
    const refused = text.split('\n').find((line) => line !== '' && JSON.parse(line).started === undefined);
    if (refused !== undefined) throw new Error(`a start was refused: ${refused}`);
  });
}
/** `confirmed` by the broker; the daemons take them from there. */
export async function startOverTheWire({ count, bytes }) {
  const connection = await amqp.connect(RABBITMQ_URL, { noDelay: true });
  try {
    const channel = await connection.createConfirmChannel();
    for (let number = 0; number < count; number++) {
      const goesOn = channel.sendToQueue(`${NAME}.starts`, Buffer.from(JSON.stringify(payload(number, bytes))), {
        persistent: true,
        contentType: 'application/json',
        messageId: randomUUID(),
        type: 'bench',
      });
      if (!goesOn) await new Promise((resolve) => channel.once('drain', resolve));
    }
    await channel.waitForConfirms();
  } finally {
    await connection.close();
  }
}

async function shared(clients, count, step, work) {
  let next = 0;
  const client = async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    try {
      while (next < count) {
        const first = next;
        next += step;
        await work(agent, first, Math.min(step, count - first));
      }
    } finally {
      agent.destroy();
    }
  };
  await Promise.all(Array.from({ length: Math.min(clients, Math.ceil(count / step)) }, client));
}
function post(agent, url, type, body, wanted) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body) };
    const request = http.request(url, { agent, method: 'POST', headers, timeout: PATIENCE_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === wanted ? resolve(text) : reject(new Error(`${url} answered ${response.statusCode}: ${text.slice(0, 500)}`)),
      );
    });
    request.on('timeout', () => request.destroy(new Error(`${url} has not answered within ${PATIENCE_MS / 1_000} s`)));
    request.on('error', reject);
    request.end(body);
  });
}

/**
 * Takes the commands of a participant that is not there, and counts those that it has not seen: `until(n)` resolves when n sagas have sent
 * their first command.
 */
export async function countCommands(participant) {
  const connection = await amqp.connect(RABBITMQ_URL, { noDelay: true });
  const channel = await connection.createChannel();
  const seen = new Set();
  let wake = () => {};
  await channel.consume(
    `${NAME}.commands.${participant}`,
    (message) => {
      if (!message) return;
      for (const id of idsIn(message)) seen.add(id);
      wake();
    },
    { noAck: true },
  );
  return {
    async until(count, limitMs) {
      const late = setTimeout(() => wake(), limitMs);
      const giveUpAt = performance.now() + limitMs;
      while (seen.size < count && performance.now() < giveUpAt) await new Promise((resolve) => (wake = resolve));
      clearTimeout(late);
      if (seen.size < count) throw new Error(`only ${seen.size} of ${count} first commands were sent within ${limitMs / 1_000} s`);
    },
    close: () => connection.close(),
  };
}
/** The sagas that commands in a message are of; a batch is an array of messages. */
function idsIn({ properties, content }) {
  if (properties.contentType !== BATCH_CONTENT) return [properties.headers['saga-id']];
  return JSON.parse(content.toString()).map(({ headers }) => headers['saga-id']);
}
