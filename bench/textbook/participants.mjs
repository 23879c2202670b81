// The textbook's three participants in one process: order, stock, card. `--mode=tx`: one transaction for each message, with an inbox
// insert and an effect row. `--mode=none`: no database at all.
import amqp from 'amqplib';
import pg from 'pg';
import { RABBITMQ_URL, TEXTBOOK_QUEUES } from '../lib/servers.mjs';

const option = (name) => process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const mode = option('mode') ?? 'tx';
const QUEUES = TEXTBOOK_QUEUES.slice(0, -1);
const REPLIES = TEXTBOOK_QUEUES.at(-1);

const connection = await amqp.connect(RABBITMQ_URL, { noDelay: true });
for (const [index, queue] of QUEUES.entries()) await serve(index, queue);
console.log('READY');
// Whoever started it is gone.
process.once('disconnect', () => process.exit(0));

async function serve(index, queue) {
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true });
  await channel.assertQueue(REPLIES, { durable: true });
  const reply = (message, answer, confirmed) => {
    const { s, k, d } = message.properties.headers;
    const body = Buffer.from(JSON.stringify(answer.result ?? { error: answer.error }));
    channel.sendToQueue(
      REPLIES,
      body,
      { persistent: true, messageId: `${message.properties.messageId}-r`, headers: { s, k, d, ok: answer.ok } },
      confirmed,
    );
  };
  const handle = (message, body) => {
    const { f, d } = message.properties.headers;
    return f && index === 2 && d === 'do' ? { ok: 0, error: 'card declined' } : { ok: 1, result: { ref: `${queue}-${body.orderId}` } };
  };
  if (mode === 'none') await withoutDatabase(channel, queue, handle, reply);
  else await oneTransactionEach(channel, queue, index, handle, reply);
}

async function withoutDatabase(channel, queue, handle, reply) {
  const prefetch = 500;
  let last;
  let count = 0;
  const acknowledge = () => {
    if (last) channel.ack(last, true);
    last = undefined;
    count = 0;
  };
  await channel.prefetch(prefetch);
  await channel.consume(queue, (message) => {
    reply(message, handle(message, JSON.parse(message.content.toString())));
    last = message;
    count++;
    if (count >= prefetch / 5) acknowledge();
    else if (count === 1) setImmediate(() => setImmediate(acknowledge));
  });
}

async function oneTransactionEach(channel, queue, index, handle, reply) {
  const pool = new pg.Pool({ connectionString: option('db'), max: 8 });
  await pool.query(`create table if not exists inbox_${index} (msg_id text primary key, reply jsonb, at timestamptz default now())`);
  await pool.query(`create table if not exists effect_${index} (saga text, kind text, payload jsonb, at timestamptz default now())`);
  await channel.prefetch(50);
  await channel.consume(queue, async (message) => {
    const client = await pool.connect();
    let answer;
    try {
      const body = JSON.parse(message.content.toString());
      await client.query('begin');
      answer = handle(message, body);
      const inserted = await client.query({
        name: 'inbox',
        text: `insert into inbox_${index} (msg_id, reply) values ($1, $2) on conflict do nothing`,
        values: [message.properties.messageId, JSON.stringify(answer)],
      });
      if (inserted.rowCount) {
        const { s, d } = message.properties.headers;
        await client.query({
          name: 'effect',
          text: `insert into effect_${index} (saga, kind, payload) values ($1, $2, $3)`,
          values: [s, d, message.content.toString()],
        });
      } else {
        const stored = await client.query(`select reply from inbox_${index} where msg_id = $1`, [message.properties.messageId]);
        answer = stored.rows[0].reply;
      }
      await client.query('commit');
    } catch (error) {
      console.error(error);
      await client.query('rollback');
      channel.nack(message);
      return;
    } finally {
      client.release();
    }
    reply(message, answer, () => channel.ack(message));
  });
}
