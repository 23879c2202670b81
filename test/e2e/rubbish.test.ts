import { beforeAll, describe, expect, it } from '@jest/globals';
import amqp from 'amqplib';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { closeAtEnd } from '../support/closing.js';
import { eventually } from '../support/eventually.js';
import { nestedTables, RawPublisher, type RawMessage } from '../support/raw-publish.js';
import { amqpUrl, freshDatabase, uniqueNamespace } from '../support/servers.js';
import { backstep, Command, daemon, type Variables } from './command.js';

const SAGAS = ['--sagas', 'dist/sagas/place-order'];
const MIB = 1_048_576;
const SAGA = '01980000-0000-7000-8000-000000000000';
const COMMAND = `${SAGA}.charge.a.1`;

/** One piece of rubbish: properties that the client library writes, or bytes that it would not. */
type Rubbish = readonly [what: string, body: Buffer, properties?: amqp.Options.Publish] | readonly [what: string, raw: RawMessage];

let at: Variables;
let database: pg.Client;
let publisher: RawPublisher;
let server: Command & { readonly url: string };
let hosts: Command;
const queues = () => ['commands.payments', 'replies', 'starts', 'dead-letters'].map((name) => `${at['BACKSTEP_NAMESPACE']}.${name}`);

beforeAll(async () => {
  const { url } = await freshDatabase();
  at = { BACKSTEP_POSTGRES_URL: url, BACKSTEP_RABBITMQ_URL: amqpUrl(), BACKSTEP_NAMESPACE: uniqueNamespace('rubbish').slice(0, 41) };
  expect((await backstep(['migrate'], at)).code).toBe(0);
  database = new pg.Client({ connectionString: url });
  database.on('error', () => {});
  await database.connect();
  closeAtEnd(() => database.end());
  publisher = await RawPublisher.open(amqpUrl());
  closeAtEnd(() => publisher.close());
  server = await daemon(at, SAGAS);
  hosts = new Command(['participants', ...SAGAS], at);
  await hosts.says(/participants are up/);
}, 60_000);

describe('rubbish on every queue', () => {
  it('[B22 C3 C4 C6 C7 C8 C13] is put aside with a reason, once, while orders go on', async () => {
    const orders = backstep(['start', 'place-order', '--many', '-', '--wait=90s'], { BACKSTEP_URL: server.url }, ordersText(150));
    const sent: string[] = [];
    for (const queue of queues()) {
      for (const piece of rubbish(at['BACKSTEP_NAMESPACE']!)) {
        await send(queue, piece);
        sent.push(`${queue} ${piece[0]}`);
      }
    }
    await eventually(async () => (await letters()).length >= sent.length, { withinMs: 60_000, everyMs: 100 });
    await eventually(async () => (await Promise.all(queues().map((queue) => publisher.waiting(queue)))).every((count) => count === 0));
    const found = await letters();
    // Each of them, and none of them twice.
    expect(found).toHaveLength(sent.length);
    expect(found.filter(({ reason }) => reason === '')).toEqual([]);
    const reasons = new Set(found.map(({ reason }) => reason));
    for (const reason of REASONS) expect([...reasons].filter((one) => reason.test(one)).length).toBeGreaterThan(0);
    expect(await orders).toMatchObject({ stdout: expect.stringMatching(/^created\t150\nexisting\t0\nfailed\t0\ncompleted\t150\n$/) });
    expect(lostConnections()).toEqual([]);
  }, 150_000);

  it('[C8] keeps of what is too long the beginning, the length and the hash', async () => {
    const { rows } = await database.query<{ length: number; bytes: number; sha256: string; encoding: string }>(
      `select distinct length(body) as length, bytes, sha256, encoding from ${schema()}.dead_letter where bytes = $1 order by encoding`,
      [10 * MIB],
    );
    expect(rows).toEqual([
      { length: 349_528, bytes: 10 * MIB, sha256: expect.stringMatching(/^[0-9a-f]{64}$/), encoding: 'base64' },
      { length: 262_144, bytes: 10 * MIB, sha256: expect.stringMatching(/^[0-9a-f]{64}$/), encoding: 'text' },
    ]);
  });

  it('[C8] does not fill the memory: a hundred times 10 MiB', async () => {
    const body = Buffer.alloc(10 * MIB, 'x');
    const before = (await letters()).length;
    for (let count = 0; count < 100; count++) {
      // Bodies that differ, so that each is a letter of its own.
      body.writeUInt32BE(count, 0);
      await publisher.send(queues()[count % 2]!, body, { correlationId: COMMAND, messageId: COMMAND, type: 'payments.charge' });
    }
    await eventually(async () => (await letters()).length === before + 100, { withinMs: 60_000, everyMs: 100 });
    for (const process of [server, hosts]) expect(highestMemory(process)).toBeLessThan(400 * MIB);
  }, 120_000);

  it('leaves nobody without an answer: a start that cannot be made', async () => {
    const { queue } = await publisher.channel.assertQueue('', { exclusive: true });
    const answers: string[] = [];
    await publisher.channel.consume(queue, (message) => {
      if (!message) return;
      const { code, message: why } = JSON.parse(message.content.toString()) as { code: string; message: string };
      answers.push(`${message.properties.headers?.['saga-outcome']} ${code}: ${why}`);
    });
    const ask = (type: string, body: string) =>
      publisher.send(queues()[2]!, Buffer.from(body), { type, messageId: `ask-${type}-${body.length}`, replyTo: queue });
    await ask('nothing', '{}');
    await ask('place-order', '{');
    await ask('place-order', '{}');
    await eventually(() => answers.length === 3);
    expect(answers.toSorted()).toEqual([
      'rejected SAGA_INPUT_INVALID: place-order cannot be started with this:',
      expect.stringMatching(/^rejected SAGA_REQUEST_INVALID: the input is not JSON/),
      "rejected SAGA_UNKNOWN_DEFINITION: no saga named 'nothing' is loaded; loaded: place-order",
    ]);
  }, 30_000);

  it('ends no process: both stop in order', async () => {
    for (const process of [server, hosts]) {
      process.kill('SIGTERM');
      expect((await process.ended).code).toBe(0);
    }
  }, 30_000);
});

const REASONS = [
  /is not JSON/,
  /is not UTF-8/,
  /NUL character/,
  /10485760 bytes; the limit is 262144/,
  /is not a command id/,
  /unknown saga/,
  /nothing here handles payments\.nothing/,
  /the command is for mail, not for payments/,
  /the batch is empty/,
  /the batch is not a JSON array/,
  /"" is not a command id/,
  /is not an outcome/,
  /no saga named 'no-such-saga' is loaded/,
  /cannot be started with this/,
  /it could start twice/,
  /'place-order' has no version 99999999999 here/,
  /the header saga-\S+ is missing or unusable/,
  /no reason given/,
];

/** None of these is ever understood, on whichever queue. */
function rubbish(namespace: string): readonly Rubbish[] {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const command = (properties: amqp.Options.Publish = {}, headers: Record<string, unknown> = {}): amqp.Options.Publish => ({
    messageId: COMMAND,
    correlationId: COMMAND,
    type: 'payments.charge',
    contentType: 'application/json',
    replyTo: `${namespace}.replies`,
    ...properties,
    headers: {
      'saga-id': SAGA,
      'saga-name': 'place-order',
      'saga-version': 1,
      'saga-step': 'charge',
      'saga-phase': 'action',
      'saga-attempt': 1,
      'saga-execution': 1,
      'saga-first-sent': 1,
      ...headers,
    },
  });
  const unreadable = Buffer.alloc(255, 0xff);
  return [
    ['nothing at all', Buffer.alloc(0)],
    ['not JSON', Buffer.from('{nope'), command()],
    ['NUL in JSON', json({ orderId: '\u0000' }), command()],
    ['NUL bytes', Buffer.alloc(3), command()],
    ['not UTF-8', Buffer.from([0xff, 0xfe, 0x22]), command()],
    ['deep JSON', Buffer.from('['.repeat(100_000)), command()],
    ['10 MiB of text', Buffer.alloc(10 * MIB, 'a'), command()],
    ['10 MiB of bytes', Buffer.alloc(10 * MIB, 0xff), command()],
    ['20 MiB, more than is ever sent', Buffer.alloc(20 * MIB, 'b'), command()],
    ['an id that is none', json({ n: 1 }), command({ messageId: 'x', correlationId: 'x' })],
    ['NUL for an id', json({ n: 2 }), command({ messageId: '\u0000', correlationId: '\u0000' })],
    ['an execution beyond all', json({ n: 3 }), command({ messageId: `${SAGA}.a.a.${'9'.repeat(30)}`, correlationId: 'y' })],
    ['an outcome that is none', json({ n: 4 }), { correlationId: COMMAND, headers: { 'saga-outcome': { a: { b: 1 } } } }],
    ['an unknown saga', json({ n: 5 }), { type: 'no-such-saga', messageId: 's-1' }],
    ['an input that does not fit', json({ n: 6 }), { type: 'place-order', messageId: 's-2' }],
    ['a start without an identity', json({ n: 7 }), { type: 'place-order' }],
    [
      'a start that wants its answer among the replies',
      json({ n: 8 }),
      { type: 'place-order', messageId: 's-3', replyTo: `${namespace}.replies` },
    ],
    ['a start that wants its answer nowhere', json({ n: 9 }), { type: 'place-order', messageId: 's-4', replyTo: `${namespace}.none` }],
    ['a version beyond all', json({ n: 10 }), { type: 'place-order', messageId: 's-5', headers: { 'saga-version': 99_999_999_999 } }],
    ['an unknown command', json({ n: 11 }), command({ type: 'payments.nothing' })],
    ['a command for somebody else', json({ n: 12 }), command({ type: 'mail.confirm' })],
    ['a compensation of nothing', json({ n: 13 }), command({ messageId: `${SAGA}.charge.c.1` }, { 'saga-phase': 'compensation' })],
    ['an empty batch', json([]), command({ contentType: 'application/vnd.backstep.batch+json' })],
    ['a batch that is none', json({}), command({ contentType: 'application/vnd.backstep.batch+json' })],
    ['a batch of what is no command', json([7]), command({ contentType: 'application/vnd.backstep.batch+json' })],
    ['copies for other queues', Buffer.from('{copies'), command({}, { 'x-a': 1 })],
    ['headers of wrong types', json({ n: 14 }), command({}, { 'saga-attempt': { x: 1 }, 'saga-version': [1, [2]], 'saga-outcome': true })],
    [
      'numbers beyond all',
      json({ n: 15 }),
      command(
        {},
        { 'saga-attempt': { '!': 'long', value: '9223372036854775807' }, 'saga-version': { '!': 'long', value: '-9223372036854775808' } },
      ),
    ],
    [
      'a dead letter that lies',
      json({ n: 16 }),
      { headers: { 'dead-letter-at': 9e15, 'dead-letter-bytes': 9e15, 'x-death': [{ count: 3 }] } },
    ],
    ['4,000 headers', json({ n: 17 }), command({ type: '?' }, Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`h${i}`, i])))],
    [
      'headers 18,000 levels deep',
      { headers: nestedTables(18_000), correlationId: COMMAND, messageId: COMMAND, type: 'place-order', body: json({ n: 18 }) },
    ],
    ['ids that are no text', { correlationId: unreadable, messageId: unreadable, type: unreadable, body: json({ n: 19 }) }],
  ];
}

async function send(queue: string, piece: Rubbish): Promise<void> {
  const [, content, properties] = piece;
  if (Buffer.isBuffer(content)) await publisher.send(queue, content, properties);
  else await RawPublisher.sendRaw(amqpUrl(), queue, content);
}

function schema(): string {
  return at['BACKSTEP_NAMESPACE']!;
}
async function letters(): Promise<readonly { readonly reason: string }[]> {
  return (await database.query<{ reason: string }>(`select reason from ${schema()}.dead_letter`)).rows;
}
/** A connection that was lost for the sake of a message would come again with it. */
function lostConnections(): readonly string[] {
  return [server, hosts].flatMap(({ stdout }) =>
    stdout.split('\n').filter((line) => /No connection to RabbitMQ|channel was closed/.test(line)),
  );
}
/** Bytes, since the process began. */
function highestMemory({ pid }: Command): number {
  return 1_024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

function ordersText(count: number): string {
  return Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      orderId: `r-${index}`,
      customer: { name: 'Ada', email: 'ada@inbox.example' },
      address: { street: '1 High Street', postcode: 'EH1 1AA', city: 'Edinburgh' },
      lines: [{ sku: 'TEA-SENCHA-100', quantity: 1 }],
      bulky: false,
      card: 'visa-4242',
      totalCents: 1_190,
    }),
  ).join('\n');
}
