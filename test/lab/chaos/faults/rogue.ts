import amqp, { type ConfirmChannel, type Options } from 'amqplib';
import pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import type { Chance } from '../../kit/chance.js';
import type { Fault } from '../fault.js';
import type { Scene } from '../scene.js';
import { untilConsumed } from './broker.js';

/** Nobody's saga. */
const NOBODY = '01980000-0000-7000-8000-000000000000';
const PIECES = 12;
const COPIES_AT_MOST = 200;
/** Rubbish that has not arrived among the dead letters by then will come later, or has met a fault of its own. */
const ARRIVES_WITHIN_MS = 60_000;

/**
 * A hostile participant: it may speak AMQP, and abides by nothing. What it sends to queues and nobody can understand has to end among the
 * dead letters. What it answers must change nothing.
 */
export const ROGUE_FAULTS: readonly Fault[] = [
  {
    kind: 'rubbish',
    isEssential: true,
    shows: 'dead letters',
    rows: ['B22', 'C3', 'C4', 'C7', 'C13'],
    seconds: [2, 4],
    aim(scene, chance) {
      const ids = Array.from({ length: PIECES }, (_, n) => `rubbish-${chance.between(0, 2 ** 31)}-${n}`);
      let expected: readonly string[] = [];
      const pieces = ids.map((id) => pieceOf(scene, chance, id));
      return {
        // What is purged or wiped would be missed, and is nobody's fault.
        touches: ['queues'],
        detail: { pieces: pieces.length },
        begin: async () => {
          await untilConsumed(scene, [...new Set(pieces.map(({ queue }) => queue))]);
          const sent = new Set(ids);
          await rogue(scene, async (channel) => {
            // A broker confirms what no queue takes, too.
            channel.on('return', ({ properties }) => sent.delete(String(properties.messageId)));
            for (const { queue, body, properties } of pieces) channel.sendToQueue(queue, body, { ...properties, mandatory: true });
            await channel.waitForConfirms();
          });
          scene.injected(sent.size);
          expected = [...sent];
          return { sent: sent.size };
        },
        end: async () => ({ arrived: await arrived(scene, expected) }),
      };
    },
  },
  {
    // Answers that contradict the ones that were given, to commands of sagas that have ended.
    kind: 'contradict',
    rows: ['B6', 'B7', 'B9', 'B11', 'J6'],
    seconds: [4, 8],
    aim: (scene, chance) =>
      eavesdropping(
        scene,
        chance,
        (copy) => ({ ...copy, outcome: chance.pick(['success', 'rejected', 'error']), body: chance.pick(['{"forged":true}', '{', '']) }),
        'ended',
      ),
  },
  {
    // Genuine commands once more, later: the inbox knows them.
    kind: 'replay-commands',
    rows: ['C11', 'J6', 'B13'],
    seconds: [3, 8],
    aim: (scene, chance) => eavesdropping(scene, chance, undefined),
  },
];

interface Piece {
  readonly queue: string;
  readonly body: Buffer;
  readonly properties: Options.Publish;
}

function pieceOf({ namespace, participants, saga }: Scene, chance: Chance, messageId: string): Piece {
  const commands = `${namespace}.commands.${chance.pick(participants)}`;
  const replies = `${namespace}.replies`;
  const spoofed = { CC: [`${namespace}.starts`], 'x-death': 'often', 'saga-attempt': 'many', 'saga-outcome': 'perhaps' };
  const json = { contentType: 'application/json', messageId };
  const text = (body: string) => Buffer.from(body);
  const { CC: _, ...uncopied } = spoofed;
  return chance.pick<Piece>([
    { queue: replies, body: text('{'), properties: { ...json, correlationId: 'nobody' } },
    { queue: replies, body: text('{}'), properties: { ...json, correlationId: `${NOBODY}.s1.a.1` } },
    { queue: replies, body: text(''), properties: { messageId } },
    {
      queue: replies,
      body: text('{}'),
      properties: { ...json, correlationId: `${NOBODY}.s1.a.1`, headers: uncopied, replyTo: `${namespace}.starts` },
    },
    { queue: commands, body: text('{'), properties: { ...json, correlationId: messageId, type: 'nothing.known' } },
    { queue: commands, body: Buffer.from([0xff, 0xfe, 0x00]), properties: { ...json, correlationId: messageId } },
    {
      queue: commands,
      body: text('{"__proto__":{"polluted":true}}'),
      properties: { ...json, type: '__proto__', expiration: 600_000, priority: 9 },
    },
    // Not JSON, or a name that nobody has: a saga without a schema for its input takes any JSON.
    { queue: `${namespace}.starts`, body: text('{'), properties: { ...json, type: saga } },
    { queue: `${namespace}.starts`, body: text('{}'), properties: { ...json, type: 'no-such-saga' } },
  ]);
}

async function arrived(scene: Scene, ids: readonly string[]): Promise<number> {
  const ask = `select count(distinct message_id) as n from "${scene.namespace}".dead_letter where message_id = any($1)`;
  let found = 0;
  for (const giveUpAt = performance.now() + ARRIVES_WITHIN_MS; found < ids.length && performance.now() < giveUpAt;) {
    await delay(300);
    const client = new pg.Client({ connectionString: scene.database.url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      const { rows } = await client.query<{ n: string }>(ask, [ids]);
      found = Number(rows[0]!.n);
    } catch {
      continue; // The database has its own troubles.
    } finally {
      await client.end().catch(() => {});
    }
  }
  return found;
}

interface Copy {
  readonly commandId: string;
  readonly replyTo: string;
  readonly body: string;
}
type Forgery = Copy & { readonly outcome: string };

/**
 * Hears the commands to one participant by a queue of its own at the exchange, and sends something about them in the end: answers that it
 * forges, or without `forge` the commands themselves.
 */
function eavesdropping(scene: Scene, chance: Chance, forge: ((copy: Copy) => Forgery) | undefined, which: 'all' | 'ended' = 'all') {
  const participant = chance.pick(scene.participants);
  const copies: { readonly copy: Copy; readonly content: Buffer; readonly properties: Options.Publish }[] = [];
  let connection: amqp.ChannelModel | undefined;
  return {
    touches: ['queues'],
    detail: { participant },
    begin: async () => {
      connection = await amqp.connect(scene.broker.url);
      connection.on('error', () => {});
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      const { queue } = await channel.assertQueue('', { exclusive: true });
      await channel.bindQueue(queue, `${scene.namespace}.commands`, participant);
      await channel.consume(
        queue,
        (message) => {
          if (!message || copies.length >= COPIES_AT_MOST) return;
          const copy = textsOf(message.properties);
          const { messageId, replyTo, type, contentType } = copy;
          copies.push({
            copy: { commandId: messageId, replyTo, body: message.content.toString() },
            content: message.content,
            properties: { messageId, correlationId: messageId, replyTo, type, contentType, headers: message.properties.headers ?? {} },
          });
        },
        { noAck: true },
      );
    },
    end: async () => {
      await connection?.close().catch(() => {});
      const chosen = which === 'all' ? copies : await ofEnded(scene, copies);
      await rogue(scene, async (channel) => {
        for (const { copy, content, properties } of chosen) {
          if (forge) {
            const { commandId, replyTo, body, outcome } = forge(copy);
            const properties = { correlationId: commandId, contentType: 'application/json', headers: { 'saga-outcome': outcome } };
            channel.sendToQueue(replyTo, Buffer.from(body), properties);
          } else channel.publish(`${scene.namespace}.commands`, participant, content, { ...properties, expiration: 60_000 });
        }
        await channel.waitForConfirms();
      });
      return { sent: chosen.length };
    },
  };
}

function textsOf(properties: amqp.MessageProperties): Record<'messageId' | 'replyTo' | 'type' | 'contentType', string> {
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  return {
    messageId: text(properties.messageId),
    replyTo: text(properties.replyTo),
    type: text(properties.type),
    contentType: text(properties.contentType),
  };
}

/** Those whose saga has ended: nothing that is said of them may change anything any more. */
async function ofEnded<C extends { readonly copy: Copy }>(scene: Scene, copies: readonly C[]): Promise<readonly C[]> {
  const sagaOf = ({ copy }: C) => copy.commandId.split('.')[0]!;
  const client = new pg.Client({ connectionString: scene.database.url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ id: string }>(
      `select id::text as id from "${scene.namespace}".saga where ended_at is not null and id = any($1::uuid[])
       union all select id::text from "${scene.namespace}".finished_saga where id = any($1::uuid[])`,
      [copies.map(sagaOf)],
    );
    const ended = new Set(rows.map(({ id }) => id));
    return copies.filter((one) => ended.has(sagaOf(one)));
  } finally {
    await client.end().catch(() => {});
  }
}

async function rogue(scene: Scene, work: (channel: ConfirmChannel) => Promise<void>): Promise<void> {
  const connection = await amqp.connect(scene.broker.url);
  connection.on('error', () => {});
  try {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    await work(channel);
  } finally {
    await connection.close().catch(() => {});
  }
}
