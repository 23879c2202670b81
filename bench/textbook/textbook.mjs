// The orchestrator that a good team writes by hand, with pg and amqplib: a transaction for each reply (inbox, SELECT … FOR UPDATE,
// UPDATE, outbox insert) and a relay that polls the outbox, publishes with confirms and deletes. What Backstep is measured against.
import amqp from 'amqplib';
import pg from 'pg';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { startNode, stopProcess } from '../lib/processes.mjs';
import { deleteQueues, dropDatabase, freshDatabase, NAME, query, RABBITMQ_URL, TEXTBOOK_QUEUES } from '../lib/servers.mjs';

const PARTICIPANTS = fileURLToPath(new URL('./participants.mjs', import.meta.url));
const QUEUES = TEXTBOOK_QUEUES.slice(0, -1);
const REPLIES = TEXTBOOK_QUEUES.at(-1);
const DATABASE = `${NAME}_textbook`;
export const settings = { window: 2_000, pool: 16, prefetch: 50, pollMs: 10, relayBatch: 200 };

const SCHEMA = `
  create table saga (id uuid primary key, type text not null, status text not null, step int not null, version int not null default 0,
    data jsonb not null, created_at timestamptz default now(), updated_at timestamptz default now());
  create index saga_status on saga (status, updated_at);
  create table outbox (id bigserial primary key, msg_id uuid not null, queue text not null, headers jsonb not null, body jsonb not null, created_at timestamptz default now());
  create table saga_inbox (msg_id text primary key, at timestamptz default now())`;

export async function up({ participants }) {
  const url = await freshDatabase(DATABASE);
  const pool = new pg.Pool({ connectionString: url, max: settings.pool });
  await pool.query(SCHEMA);
  const connection = await amqp.connect(RABBITMQ_URL, { noDelay: true });
  const publishing = await connection.createConfirmChannel();
  const consuming = await connection.createChannel();
  for (const queue of TEXTBOOK_QUEUES) {
    await consuming.deleteQueue(queue);
    await consuming.assertQueue(queue, { durable: true });
  }
  const child = await startNode(PARTICIPANTS, [`--mode=${participants === 'inbox' ? 'tx' : 'none'}`, `--db=${url}`]);
  const waiting = new Map();

  const toOutbox = (client, queue, headers, body) =>
    client.query({
      name: 'outbox',
      text: 'insert into outbox (msg_id, queue, headers, body) values ($1, $2, $3, $4)',
      values: [randomUUID(), queue, JSON.stringify(headers), JSON.stringify(body)],
    });

  async function start(payload, fails) {
    const id = randomUUID();
    const client = await pool.connect();
    try {
      await client.query('begin');
      await client.query({
        name: 'start',
        text: `insert into saga (id, type, status, step, data) values ($1, 'order', 'running', 0, $2)`,
        values: [id, JSON.stringify({ payload, fails, results: [] })],
      });
      await toOutbox(client, QUEUES[0], { s: id, k: 0, d: 'do', f: fails }, payload);
      await client.query('commit');
    } finally {
      client.release();
    }
    return new Promise((resolve) => waiting.set(id, resolve));
  }

  function transition(saga, reply, body) {
    const data = saga.data;
    let { status, step } = saga;
    let send;
    if (status === 'running' && reply.d === 'do' && reply.k === step) {
      if (reply.ok) {
        data.results.push(body);
        step++;
        if (step === QUEUES.length) status = 'completed';
        else send = [step, 'do'];
      } else {
        status = 'compensating';
        step--;
        data.error = body.error;
        send = [step, 'undo'];
      }
    } else if (status === 'compensating' && reply.d === 'undo' && reply.k === step) {
      step--;
      if (step < 0) status = 'compensated';
      else send = [step, 'undo'];
    }
    return { data, status, step, send };
  }

  async function onReply(message) {
    const reply = message.properties.headers;
    const body = JSON.parse(message.content.toString());
    const client = await pool.connect();
    let ended;
    try {
      await client.query('begin');
      const fresh = await client.query({
        name: 'inbox',
        text: 'insert into saga_inbox (msg_id) values ($1) on conflict do nothing',
        values: [message.properties.messageId],
      });
      if (fresh.rowCount) {
        const saga = (await client.query({ name: 'lock', text: 'select * from saga where id = $1 for update', values: [reply.s] })).rows[0];
        const { data, status, step, send } = transition(saga, reply, body);
        await client.query({
          name: 'update',
          text: 'update saga set status = $2, step = $3, data = $4, version = version + 1, updated_at = now() where id = $1',
          values: [reply.s, status, step, JSON.stringify(data)],
        });
        if (send) await toOutbox(client, QUEUES[send[0]], { s: reply.s, k: send[0], d: send[1], f: data.fails }, data.payload);
        else ended = status;
      }
      await client.query('commit');
    } catch (error) {
      await client.query('rollback');
      consuming.nack(message);
      throw error;
    } finally {
      client.release();
    }
    consuming.ack(message);
    if (ended) {
      waiting.get(reply.s)?.(ended);
      waiting.delete(reply.s);
    }
  }
  await consuming.prefetch(settings.prefetch);
  await consuming.consume(REPLIES, (message) => {
    onReply(message).catch((error) => console.error(error));
  });

  let isStopping = false;
  const relaying = relay(url, publishing, () => isStopping);
  return {
    settings,
    start,
    processes: { participants: child.pid },
    async verify() {
      const { rows } = await query(url, 'select status, count(*)::int as n from saga group by 1');
      return { counts: Object.fromEntries(rows.map((row) => [row.status, row.n])), figures: {} };
    },
    async stop() {
      isStopping = true;
      await relaying;
      await connection.close();
      await stopProcess(child);
      await pool.end();
    },
    async remove() {
      await deleteQueues(TEXTBOOK_QUEUES);
      await dropDatabase(DATABASE);
    },
  };
}

async function relay(url, channel, isStopping) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  while (!isStopping()) {
    await client.query('begin');
    const { rows } = await client.query({
      name: 'claim',
      text: 'select * from outbox order by id limit $1 for update skip locked',
      values: [settings.relayBatch],
    });
    if (rows.length > 0) {
      for (const row of rows)
        channel.sendToQueue(row.queue, Buffer.from(JSON.stringify(row.body)), {
          persistent: true,
          messageId: row.msg_id,
          headers: row.headers,
        });
      await channel.waitForConfirms();
      await client.query({ name: 'sent', text: 'delete from outbox where id = any($1)', values: [rows.map((row) => row.id)] });
    }
    await client.query('commit');
    if (rows.length < settings.relayBatch) await new Promise((resolve) => setTimeout(resolve, settings.pollMs));
  }
  await client.end();
}
