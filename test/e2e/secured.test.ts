import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import amqp, { type Channel } from 'amqplib';
import pg from 'pg';
import { Authority } from '../support/certificates.js';
import { closeAtEnd } from '../support/closing.js';
import { eventually } from '../support/eventually.js';
import {
  freePorts,
  postgresBinaries,
  rabbitBinary,
  startPrivatePostgres,
  startPrivateRabbit,
  unprivilegedAccount,
} from '../support/private-servers.mjs';
import type { PrivateRabbit } from '../support/servers.js';
import { backstep, Command, daemon, type Variables } from './command.js';

jest.setTimeout(180_000);

const SAGAS = ['--sagas', 'dist/sagas/transfer-money'];
const PASSWORD = 'canary-password-4711';
const hasServers = postgresBinaries() !== undefined && rabbitBinary() !== undefined;

let good: Authority;
let evil: Authority;
let files: { readonly tokens: string; readonly token: string };
let tokens: Readonly<Record<'admin' | 'read', string>>;
let rabbit: PrivateRabbit;
let amqpsPort: number;
let database: (parameters: string) => string;

/** Servers that take TLS only, with certificates on both sides, and users that may only what `permissions` says. */
async function openServers(): Promise<void> {
  [good, evil] = [new Authority(), new Authority()];
  const server = good.issue('server');
  const account = unprivilegedAccount();
  if (account) chownSync(server.key, account.uid, account.gid);
  const hba = join(good.directory, 'pg_hba.conf');
  writeFileSync(hba, 'hostssl secured all 127.0.0.1/32 cert\nhost postgres all 127.0.0.1/32 trust\n');
  const settings = { ssl: 'on', ssl_cert_file: server.cert, ssl_key_file: server.key, ssl_ca_file: good.ca, hba_file: hba };
  [amqpsPort] = (await freePorts(1)) as [number];
  const broker = good.issue('broker');
  const config = [
    `listeners.ssl.1 = 127.0.0.1:${amqpsPort}`,
    `ssl_options.cacertfile = ${good.ca}`,
    `ssl_options.certfile = ${broker.cert}`,
    `ssl_options.keyfile = ${broker.key}`,
    'ssl_options.verify = verify_peer',
    'ssl_options.fail_if_no_peer_cert = true',
    '',
  ].join('\n');
  const [postgres, queues] = await Promise.all([startPrivatePostgres({ settings }), startPrivateRabbit({ config })]);
  for (const one of [postgres, queues]) closeAtEnd(() => one.dispose());
  rabbit = queues;
  const admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
  await admin.query('create database secured');
  await admin.end();
  const { port } = new URL(postgres.url);
  database = (parameters) => `postgres://postgres@127.0.0.1:${port}/secured?${parameters}`;
}

const CLIENT = () => good.issue('postgres');
const pgTls = (ca = good.ca, { cert, key } = CLIENT()) => `sslmode=verify-full&sslrootcert=${ca}&sslcert=${cert}&sslkey=${key}`;
const amqps = (user: string, ca = good.ca, { cert, key } = CLIENT()) =>
  `amqps://backstep-${user}:${PASSWORD}@127.0.0.1:${amqpsPort}?cacertfile=${ca}&certfile=${cert}&keyfile=${key}`;
const variables = (user: string): Variables => ({ BACKSTEP_POSTGRES_URL: database(pgTls()), BACKSTEP_RABBITMQ_URL: amqps(user) });

async function grant(): Promise<void> {
  const { stdout } = await backstep(['permissions', ...SAGAS]);
  const lines = stdout.split('\n').filter((line) => line.startsWith('rabbitmqctl '));
  expect(lines).toHaveLength(6);
  for (const line of lines) {
    const words = [...line.replace('rabbitmqctl ', '').matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
    await rabbit.ctl(...words, ...(words[0] === 'add_user' ? [PASSWORD] : []));
  }
  await rabbit.ctl('delete_user', 'guest');
}

async function makeTokens(): Promise<void> {
  files = { tokens: join(good.directory, 'tokens'), token: join(good.directory, 'token') };
  const make = async (name: string, role: string) => {
    const made = await backstep(['token', 'new', '--name', name, '--role', role, '--add-to', files.tokens, '--once', '--expires', '1d']);
    return made.stdout.split('\t')[0]!;
  };
  tokens = { admin: await make('ada', 'admin'), read: await make('rita', 'read') };
  expect(await make('ada', 'admin')).toBe('');
  writeFileSync(files.token, `${tokens.admin}\n`);
}

(hasServers ? describe : describe.skip)('an installation with tokens, certificates and permissions', () => {
  let server: Command & { readonly url: string };
  let hosts: readonly Command[];
  beforeAll(async () => {
    await openServers();
    await Promise.all([grant(), makeTokens()]);
    expect(await backstep(['migrate'], variables('orchestrator'))).toMatchObject({ code: 0 });
    server = await daemon(variables('orchestrator'), [...SAGAS, '--tokens-file', files.tokens]);
    const isReady = async () => (await fetch(`${server.url}/readyz`)).status === 200;
    await eventually(isReady, { withinMs: 30_000, everyMs: 100, what: 'the daemon is ready' });
    hosts = ['north-bank', 'south-bank'].map((name) => new Command(['participants', ...SAGAS, '--only', name], variables(name)));
    await Promise.all(hosts.map((host) => host.says(/participants are up/)));
  }, 180_000);

  const INPUT = JSON.stringify({ transferId: 't-1', from: 'N-1001', to: 'S-2001', cents: 100 });
  const run = (args: readonly string[], more: Variables = {}) => backstep(args, { BACKSTEP_URL: server.url, ...more });

  it('runs sagas for whoever has a token, and tells everybody else what is missing', async () => {
    expect((await server.says(/listening on [^"]*/))[0]).toContain('for whoever has a token');
    const start = ['start', 'transfer-money', '--input', INPUT, '--wait=30s'];
    const without = await run(start);
    expect([without.code, without.stderr]).toEqual([6, expect.stringContaining('[SAGA_UNAUTHENTICATED]')]);
    const low = await run(start, { BACKSTEP_TOKEN: tokens.read });
    expect([low.code, low.stderr]).toEqual([6, expect.stringContaining('this needs the role operate')]);
    const done = await run([...start, '--token-file', files.token]);
    expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/\tcompleted\n$/)]);
    const id = done.stdout.split('\t')[0]!;
    const refused = await run(['cancel', id, '--reason', 'too late', '--by', 'mallory'], { BACKSTEP_TOKEN_FILE: files.token });
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('[SAGA_NOT_ALLOWED]')]);
    const history = await run(['history', id, '--json'], { BACKSTEP_TOKEN: tokens.read });
    expect(JSON.parse(history.stdout)).toMatchObject([{ event: 'started', by: 'ada' }, ...Array.from({ length: 2 }, () => ({}))]);
  });

  it('[J14] has an audit whose chain fits, until somebody changes it', async () => {
    const admin = { BACKSTEP_TOKEN: tokens.admin };
    const list = await run(['audit', 'list'], admin);
    const rows = list.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split('\t').slice(2, 7));
    expect(rows.map(([who, role, verb, , stage]) => [who, role, verb, stage])).toEqual([
      ['ada', 'admin', 'cancel', 'refused: SAGA_NOT_ALLOWED'],
      ['ada', 'admin', 'cancel', 'asked'],
    ]);
    expect((await run(['audit', 'list'], { BACKSTEP_TOKEN: tokens.read })).code).toBe(6);
    const verified = await run(['audit', 'verify'], admin);
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringMatching(/^ok\t2\t2:[0-9a-f]{64}\n$/)]);
    const head = verified.stdout.trim().split('\t')[2]!;
    expect((await run(['audit', 'verify', '--head', head], admin)).code).toBe(0);
    expect((await run(['audit', 'verify', '--head', `1:${'0'.repeat(64)}`], admin)).stdout).toMatch(
      /^broken\t\tthe chain does not have 1:0+/,
    );
    const client = new pg.Client({ connectionString: database(pgTls()) });
    await client.connect();
    await client.query(
      `alter table backstep.audit disable trigger all; update backstep.audit set content = replace(content, 'ada', 'eve') where seq = 1`,
    );
    await client.end();
    const changed = await run(['audit', 'verify'], admin);
    expect([changed.code, changed.stdout]).toEqual([1, 'broken\t1\trow 1 was changed: its content does not have its hash\n']);
  });

  it('[I9] leaves no token and no password in logs, metrics, answers and tables', async () => {
    const asked = async (path: string) => (await fetch(server.url + path, { headers: { authorization: `Bearer ${tokens.admin}` } })).text();
    const client = new pg.Client({ connectionString: database(pgTls()) });
    await client.connect();
    const tables = await client.query(
      `select query_to_xml('select * from backstep.' || quote_ident(tablename), true, true, '')::text as rows from pg_tables where schemaname = 'backstep'`,
    );
    await client.end();
    const left = [
      ...[server, ...hosts].flatMap(({ stdout, stderr }) => [stdout, stderr]),
      ...(await Promise.all(['/metrics', '/api/v1/sagas', '/api/v1/audit', '/api/v1/definitions', '/openapi.json'].map(asked))),
      ...tables.rows.map(({ rows }: { rows: string }) => rows),
      readFileSync(files.tokens, 'utf8'),
    ].join('\n');
    expect(left).toContain('transfer-money');
    for (const secret of [PASSWORD, ...Object.values(tokens)]) expect(left).not.toContain(secret);
  });

  it('[J12] keeps a participant from all that is not its own at the broker', async () => {
    const url = new URL(amqps('north-bank'));
    const pem = (name: string) => readFileSync(url.searchParams.get(name)!);
    const connection = await amqp.connect(url.href, { ca: [pem('cacertfile')], cert: pem('certfile'), key: pem('keyfile') });
    closeAtEnd(() => connection.close());
    const tried = async (work: (channel: Channel) => Promise<unknown>): Promise<string> => {
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      return work(channel).then(
        () => 'done',
        (error: Error) => error.message,
      );
    };
    for (const queue of ['backstep.commands.south-bank', 'backstep.replies', 'backstep.starts', 'backstep.dead-letters']) {
      expect(await tried((channel) => channel.get(queue))).toContain('ACCESS_REFUSED');
      expect(await tried((channel) => channel.consume(queue, () => {}))).toContain('ACCESS_REFUSED');
      expect(await tried((channel) => channel.purgeQueue(queue))).toContain('ACCESS_REFUSED');
      expect(await tried((channel) => channel.deleteQueue(queue))).toContain('ACCESS_REFUSED');
    }
    expect(await tried((channel) => channel.assertQueue('mine'))).toContain('ACCESS_REFUSED');
    expect(await tried((channel) => channel.deleteExchange('backstep.commands'))).toContain('ACCESS_REFUSED');
    const spy = (channel: Channel) => channel.bindQueue('backstep.commands.north-bank', 'backstep.commands', 'south-bank');
    expect(await tried(spy)).toContain('ACCESS_REFUSED');
    expect(await tried((channel) => channel.deleteQueue('backstep.commands.north-bank'))).toContain('ACCESS_REFUSED');
  });

  it.each([
    ['without TLS', () => 'sslmode=disable'],
    ['with the wrong authority', () => pgTls(evil.ca)],
    ['without a certificate', () => `sslmode=verify-full&sslrootcert=${good.ca}`],
    ['with a certificate of another authority', () => pgTls(good.ca, evil.issue('postgres'))],
    ['with one that has expired', () => pgTls(good.ca, good.issue('postgres', -1))],
    ['with one for another user', () => pgTls(good.ca, good.issue('mallory'))],
  ])('[J13] does not get to the database %s', async (_, parameters) => {
    const at = { BACKSTEP_POSTGRES_URL: database(parameters()) };
    expect((await backstep(['migrate', '--wait-for-database', '0s'], at)).code).toBe(5);
  });

  it.each([
    ['without TLS', () => `amqp://backstep-orchestrator:${PASSWORD}@127.0.0.1:${amqpsPort}`],
    ['with the wrong authority', () => amqps('orchestrator', evil.ca)],
    ['with a certificate of another authority', () => amqps('orchestrator', good.ca, evil.issue('postgres'))],
    ['with one that has expired', () => amqps('orchestrator', good.ca, good.issue('postgres', -1))],
  ])('[J13] does not get to the broker %s, and says so', async (_, url) => {
    const host = new Command(['participants', ...SAGAS, '--only', 'north-bank'], {
      ...variables('north-bank'),
      BACKSTEP_RABBITMQ_URL: url(),
    });
    expect((await host.says(/"reason":"([^"]+)"[^\n]*No connection to RabbitMQ/))[1]).not.toBe('');
    expect(host.stdout).not.toContain('participants are up');
    host.kill('SIGKILL');
    await host.ended;
  });
});

describe('an installation without tokens', () => {
  it('does not listen where others reach it, and says what to do', async () => {
    const at = { BACKSTEP_POSTGRES_URL: 'postgres://127.0.0.1:1/x', BACKSTEP_RABBITMQ_URL: 'amqp://127.0.0.1:1' };
    const { code, stderr } = await backstep(['serve', '--port', '0', '--host', '0.0.0.0', ...SAGAS], at);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/without authentication the API listens on this machine only.*backstep token new/),
    ]);
  });

  it('has the faults of its tokens listed with all others', async () => {
    const { code, stderr } = await backstep(['serve', ...SAGAS], {
      BACKSTEP_TOKENS: 'name=a role=boss',
      BACKSTEP_OIDC: 'issuer=x',
      BACKSTEP_RATE_LIMIT: '-1',
    });
    expect(code).toBe(2);
    for (const part of [
      'BACKSTEP_POSTGRES_URL is not set',
      'BACKSTEP_TOKENS cannot be used: entry 1: role must be',
      'BACKSTEP_OIDC cannot be used: audience',
      'BACKSTEP_RATE_LIMIT must be',
    ])
      expect(stderr).toContain(part);
  });
});
