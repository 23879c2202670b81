import { beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { closeAtEnd } from '../support/closing.js';
import { eventually } from '../support/eventually.js';
import { hmacKey } from '../support/signing.js';
import { amqpUrl, freshDatabase, uniqueNamespace } from '../support/servers.js';
import { backstep, Command, daemon, type Variables } from './command.js';
import { plainEnvironment, Program } from './demo-command.js';

const PYTHON = '/usr/bin/python3';
const SAGAS = ['--sagas', 'dist/sagas/place-order'];
const run = promisify(execFile);

/** Needs Debian's python3-pika, which `npm run services` installs. */
/** A key for every participant of place-order. */
const SIGNING_KEYS = JSON.stringify({
  keys: ['inventory', 'payments', 'shipping', 'freight', 'mail'].map((participant) => hmacKey(participant)),
});

describe('a participant in Python without the SDK', () => {
  let database: string;
  let at: Variables;
  beforeAll(async () => {
    await run(PYTHON, ['-c', 'import pika']).catch(() => {
      throw new Error(`${PYTHON} has no pika. Run this once: npm run services`);
    });
    const folder = await mkdtemp(join(tmpdir(), 'backstep-python-'));
    closeAtEnd(() => rm(folder, { recursive: true }));
    database = join(folder, 'mail.sqlite');
    const { url } = await freshDatabase();
    const signed = { BACKSTEP_SIGNING_KEYS: SIGNING_KEYS };
    at = {
      ...signed,
      BACKSTEP_POSTGRES_URL: url,
      BACKSTEP_RABBITMQ_URL: amqpUrl(),
      BACKSTEP_NAMESPACE: uniqueNamespace('py').slice(0, 41),
    };
    expect((await backstep(['migrate'], at)).code).toBe(0);
  }, 30_000);

  it('is short', async () => {
    const lines = (await readFile('examples/python/mail_room.py', 'utf8')).trimEnd().split('\n');
    expect(lines.filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(35);
  });

  it('makes the signatures of docs/signing-vectors.json', async () => {
    const { stdout } = await run(PYTHON, ['examples/python/signing.py', 'docs/signing-vectors.json']);
    expect(stdout).toMatch(/^\d+ vectors are right\n$/);
  });

  it('completes orders whose messages are signed, and writes each letter once although copies come', async () => {
    const server = await daemon(at, SAGAS);
    const others = new Command(['participants', ...SAGAS, '--only', 'inventory,payments,shipping,freight'], at);
    await others.says(/participants are up/);
    const lines = (await readFile('sagas/place-order/orders.ndjson', 'utf8')).trimEnd().split('\n').slice(0, 40);
    const started = await backstep(['start', 'place-order', '--many', '-'], { BACKSTEP_URL: server.url }, lines.join('\n'));
    expect(started.stdout).toMatch(/^created\t40\n/);

    const mailRoom = () => new Program(PYTHON, ['examples/python/mail_room.py'], plainEnvironment({ ...at, MAIL_DATABASE: database }));
    const first = mailRoom();
    await eventually(async () => (await completed(server.url)).length >= 5, { withinMs: 60_000, everyMs: 50 });
    // Killed with commands in hand: they come again, to whoever is there then.
    first.kill('SIGKILL');
    await first.ended;
    const second = mailRoom();
    await eventually(async () => (await open(server.url)) === 0, { withinMs: 90_000, everyMs: 100 });

    const orders = (await completed(server.url)).map(({ key }) => key).sort();
    expect(orders.length).toBeGreaterThan(25);
    expect(await lettersIn(database)).toEqual(orders);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const refused = [...metrics.matchAll(/^backstep_signatures_refused_total\{.*\} (\d+)$/gm)].map(([, count]) => count);
    expect(new Set(refused)).toEqual(new Set(['0']));
    second.kill('SIGTERM');
    expect((await second.ended).code).toBe(0);
  }, 180_000);
});

async function completed(url: string): Promise<readonly { readonly key: string }[]> {
  return sagas(url, 'status=completed');
}
async function open(url: string): Promise<number> {
  return (await sagas(url, 'status=running&status=compensating&status=stuck')).length;
}
async function sagas(url: string, query: string): Promise<readonly { readonly key: string }[]> {
  const response = await fetch(`${url}/api/v1/sagas?limit=500&${query}`);
  return ((await response.json()) as { sagas: { key: string }[] }).sagas;
}

/** The orders that letters were written for; one that got two is there twice. */
async function lettersIn(database: string): Promise<readonly string[]> {
  const code =
    'import sqlite3, sys; [print(row[0]) for row in sqlite3.connect(sys.argv[1]).execute("select order_id from letter order by 1")]';
  const { stdout } = await run(PYTHON, ['-c', code, database]);
  return stdout.trimEnd().split('\n');
}
