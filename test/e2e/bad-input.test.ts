import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import amqp from 'amqplib';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { MIGRATIONS } from '../../src/postgres/migrations/index.js';
import { amqpUrl, freshDatabase, uniqueNamespace } from '../support/servers.js';
import { backstep, daemonInside, Inside, inside, type Ended, type Variables } from './command.js';

// The machine may be busy.
jest.setTimeout(120_000);

const SAGAS = ['--sagas', 'dist/sagas/transfer-money'];
const SERVE = ['serve', '--port', '0', ...SAGAS];
let directory: string;
let at: Variables;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'backstep-bad-input-'));
  at = await variables();
  expect((await inside(['migrate'], at)).code).toBe(0);
});
afterAll(() => rm(directory, { recursive: true }));

async function variables(): Promise<Variables> {
  const { url } = await freshDatabase();
  return { BACKSTEP_POSTGRES_URL: url, BACKSTEP_RABBITMQ_URL: amqpUrl(), BACKSTEP_NAMESPACE: uniqueNamespace('bad').slice(0, 41) };
}
/** What it said of what is wrong: one error with its faults, without a stack. */
function errorOf({ code, stderr }: Ended): readonly [code: number | null, ...lines: string[]] {
  expect(stderr).not.toMatch(/\n {4}at /);
  expect(stderr.match(/^backstep: /gm)).toHaveLength(1);
  return [code, ...stderr.trimEnd().split('\n')];
}

describe('a start', () => {
  let server: Inside & { readonly url: string };
  beforeAll(async () => {
    server = await daemonInside(at, SAGAS);
  });
  const start = async (name: string, input: string, ...more: readonly string[]) =>
    inside(['start', name, '--input', input, ...more], { BACKSTEP_URL: server.url });
  const transfer = (cents: unknown) => JSON.stringify({ transferId: 't-1', from: 'N-1001', to: 'S-2001', cents });

  it('of what there is not, or with what does not fit, says so', async () => {
    // What a shell sees of it.
    expect(errorOf(await backstep(['start', 'nothing', '--input', '{}'], { BACKSTEP_URL: server.url }))).toEqual([
      3,
      "backstep: no saga named 'nothing' is loaded; loaded: transfer-money [SAGA_UNKNOWN_DEFINITION]",
    ]);
    expect(errorOf(await start('transfer-money', transfer(5), '--saga-version', '7'))).toEqual([
      3,
      "backstep: 'transfer-money' has no version 7 here; loaded: 1 [SAGA_UNKNOWN_DEFINITION]",
    ]);
    expect(errorOf(await start('transfer-money', '{"cents":'))).toEqual([2, expect.stringMatching(/--input .*JSON/)]);
    expect(errorOf(await start('transfer-money', '@/no/such/file'))).toEqual([2, expect.stringContaining('/no/such/file')]);
    expect(errorOf(await start('transfer-money', transfer('many')))).toEqual([
      1,
      'backstep: transfer-money cannot be started with this: [SAGA_INPUT_INVALID]',
      expect.stringMatching(/^ {2}- cents: /),
    ]);
    for (const odd of ['"\\u0000"', '9007199254740993', '"\\ud800"', `"${'x'.repeat(100_000)}"`])
      expect(errorOf(await start('transfer-money', `{"transferId":${odd}}`))[0]).toBe(1);
  });

  it('with a key that is taken by another input says which saga has it; with the same input gives that one', async () => {
    const [first, again] = [await start('transfer-money', transfer(5)), await start('transfer-money', transfer(5))];
    expect([first.code, again.stdout]).toEqual([0, first.stdout]);
    const id = first.stdout.split('\t')[0]!;
    expect(errorOf(await start('transfer-money', transfer(6)))).toEqual([
      4,
      `backstep: transfer-money with key 't-1' exists as ${id} and was started with another input [SAGA_KEY_REUSED]`,
    ]);
  });

  it('over HTTP is answered with a problem', async () => {
    const post = async (body: string) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${server.url}/api/v1/sagas`, { method: 'POST', headers, body });
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      return [response.status, ((await response.json()) as { code: string }).code];
    };
    const start = (input: unknown, name = 'transfer-money') => JSON.stringify({ name, input });
    expect(await post(start({}, 'nothing'))).toEqual([404, 'SAGA_UNKNOWN_DEFINITION']);
    expect(await post('{')).toEqual([400, 'SAGA_REQUEST_INVALID']);
    expect(await post('{}')).toEqual([422, 'SAGA_REQUEST_INVALID']);
    expect(await post(start({}))).toEqual([422, 'SAGA_INPUT_INVALID']);
    expect(await post(start({ transferId: 't-1', from: 'N-1001', to: 'S-2001', cents: 9 }))).toEqual([409, 'SAGA_KEY_REUSED']);
    expect(await post(start('x'.repeat(300_000)))).toEqual([422, 'SAGA_INPUT_INVALID']);
    expect(await post(start('x'.repeat(1_100_000)))).toEqual([413, 'SAGA_REQUEST_INVALID']);
  });
});

describe('a definition that throws when it is imported', () => {
  it.each(['serve', 'participants'])('keeps %s from starting, with file and line', async (command) => {
    const folder = join(directory, 'throws');
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, 'index.ts'),
      `const table: Record<string, { rate: number }> = {};\nexport const rate = table['eur']!.rate;\n`,
    );
    const ended = await backstep([command, '--sagas', folder], at);
    expect(errorOf(ended)).toEqual([
      1,
      'backstep: the sagas cannot be loaded: [SAGA_DEFINITION_INVALID]',
      expect.stringMatching(/throws\/index\.ts:2:\d+: .*rate/),
    ]);
  });
});

describe('a schema', () => {
  it('that is not there is named, with what to do', async () => {
    const fresh = await variables();
    const missing = MIGRATIONS.map(({ name }) => `  - missing: ${name}`);
    expect(errorOf(await inside(SERVE, fresh))).toEqual([
      1,
      `backstep: the schema "${fresh['BACKSTEP_NAMESPACE']}" has no Backstep tables yet; run: backstep migrate [SAGA_SCHEMA_OUTDATED]`,
      ...missing,
    ]);
  });

  it('[A14] that is newer is refused by serve and by migrate', async () => {
    const fresh = await variables();
    expect((await inside(['migrate'], fresh)).code).toBe(0);
    const namespace = fresh['BACKSTEP_NAMESPACE']!;
    const client = new pg.Client({ connectionString: fresh['BACKSTEP_POSTGRES_URL'] });
    await client.connect();
    await client.query(`insert into ${namespace}.migration (timestamp, name) values (4000000000000, 'Tomorrow4000000000000')`);
    await client.end();
    const said = [
      1,
      `backstep: the schema "${namespace}" is newer than this program; run the version that migrated it [SAGA_SCHEMA_OUTDATED]`,
      '  - unknown here: Tomorrow4000000000000',
    ];
    expect(errorOf(await inside(SERVE, fresh))).toEqual(said);
    expect(errorOf(await inside(['migrate'], fresh))).toEqual(said);
  });
});

describe('queues that exist with other arguments', () => {
  it('[D8] keep serve and participants from starting, with every difference', async () => {
    const fresh = await variables();
    const namespace = fresh['BACKSTEP_NAMESPACE']!;
    expect((await inside(['migrate'], fresh)).code).toBe(0);
    const connection = await amqp.connect(amqpUrl());
    const channel = await connection.createChannel();
    await channel.assertQueue(`${namespace}.replies`, { durable: true });
    await channel.assertQueue(`${namespace}.commands.north-bank`, { durable: true });
    const said = 'backstep: queues or exchanges exist with other arguments; delete them once they are empty, or use another namespace';
    const wrong = (queue: string) => `  - queue ${namespace}.${queue}: its x-queue-type is none, wanted quorum`;
    const server = await inside(SERVE, fresh);
    const hosts = await inside(['participants', ...SAGAS], fresh);
    for (const queue of [`${namespace}.replies`, `${namespace}.commands.north-bank`]) await channel.deleteQueue(queue);
    await connection.close();
    expect(errorOf(server)).toEqual([1, `${said} [SAGA_TOPOLOGY_CONFLICT]`, wrong('replies'), wrong('commands.north-bank')]);
    expect(errorOf(hosts)).toEqual([1, `${said} [SAGA_TOPOLOGY_CONFLICT]`, wrong('commands.north-bank')]);
    const daemonAfter = await daemonInside(fresh, SAGAS);
    expect((await fetch(`${daemonAfter.url}/readyz`)).status).toBe(200);
  });
});

describe('a wrong URL', () => {
  const withUrl = (variable: 'BACKSTEP_POSTGRES_URL' | 'BACKSTEP_RABBITMQ_URL', change: (url: URL) => void) => {
    const url = new URL(at[variable]!);
    change(url);
    return { ...at, [variable]: url.href };
  };

  it('of the database names the place and the reason, never the password', async () => {
    const nobody = withUrl('BACKSTEP_POSTGRES_URL', (url) => ((url.username = 'nobody_of_that_name'), (url.password = 'geheim')));
    for (const command of [SERVE, ['participants', ...SAGAS], ['migrate']]) {
      const [code, said, ...more] = errorOf(await inside(command, nobody));
      expect([code, more]).toEqual([5, []]);
      expect(said).toMatch(/^backstep: the database at .* cannot be used: .*nobody_of_that_name.* \[SAGA_UNAVAILABLE\]$/);
      expect(said).not.toContain('geheim');
    }
  });

  it('of the broker is told by the log and by readyz, never the password', async () => {
    const wrong: readonly (readonly [(url: URL) => void, RegExp])[] = [
      [(url) => (url.password = 'geheim'), /the broker refused the login: user or password is wrong/],
      [(url) => (url.pathname = '/no-such-host'), /the broker refused the virtual host/],
      [(url) => (url.port = '1'), /nobody listens there/],
    ];
    const seen = wrong.map(async ([change, reason]) => {
      const server = await daemonInside(withUrl('BACKSTEP_RABBITMQ_URL', change), SAGAS);
      const ready = await fetch(`${server.url}/readyz`);
      expect([ready.status, await ready.text()]).toEqual([503, expect.stringMatching(reason)]);
      expect(server.stdout).toMatch(reason);
      expect(server.stdout + server.stderr).not.toContain('geheim');
      server.kill('SIGTERM');
      expect((await server.ended).code).toBe(0);
    });
    await Promise.all(seen);
    const hosts = new Inside(
      ['participants', ...SAGAS],
      withUrl('BACKSTEP_RABBITMQ_URL', (url) => (url.password = 'geheim')),
    );
    await hosts.says(/"reason":"the broker refused the login[^\n]*up, but the broker cannot be reached yet/);
  });

  it('of the server is told from one where nobody listens', async () => {
    const { hostname, port } = new URL(amqpUrl());
    const broker = `http://${hostname}:${port || 5672}`;
    expect(errorOf(await backstep(['list'], { BACKSTEP_URL: broker }))).toEqual([
      5,
      `backstep: what answers at ${broker} is no Backstep server [SAGA_UNAVAILABLE]`,
    ]);
    expect(errorOf(await inside(['list'], { BACKSTEP_URL: 'localhost:7420' }))[0]).toBe(2);
  });
});
