import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { amqpUrl, freshDatabase, privatePostgres, privateRabbit, uniqueNamespace } from '../support/servers.js';
import { backstep, Command, daemon, daemonInside, Inside, inside, type Variables } from './command.js';

// The machine may be busy.
jest.setTimeout(120_000);

const SAGAS = ['--sagas', 'dist/sagas/transfer-money'];
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'backstep-daemon-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function variables(): Promise<Variables> {
  const { url } = await freshDatabase();
  return { BACKSTEP_POSTGRES_URL: url, BACKSTEP_RABBITMQ_URL: amqpUrl(), BACKSTEP_NAMESPACE: uniqueNamespace('e2e').slice(0, 41) };
}
async function migrated(): Promise<Variables> {
  const at = await variables();
  expect((await inside(['migrate'], at)).code).toBe(0);
  return at;
}
async function participants(at: Variables): Promise<void> {
  const command = new Inside(['participants', ...SAGAS], at);
  await command.says(/participants are up/);
}

const transfer = (transferId: string) => JSON.stringify({ transferId, from: 'N-1001', to: 'S-2001', cents: 100 });

describe('the daemon', () => {
  it('runs sagas with participants in a process of their own: migrate, serve, start, show, list', async () => {
    const at = await variables();
    expect((await backstep(['migrate'], at)).stdout).not.toBe('');
    expect((await inside(['migrate'], at)).stdout).toMatch(/is up to date\n$/);
    const server = await daemon(at, SAGAS);
    await new Command(['participants', ...SAGAS], at).says(/participants are up/);
    const client = { BACKSTEP_URL: server.url };
    const started = await backstep(['start', 'transfer-money', '--input', transfer('t-1'), '--wait=30s'], client);
    expect([started.code, started.stdout, started.stderr]).toEqual([0, expect.stringMatching(/\tcompleted\n$/), '']);
    const id = started.stdout.split('\t')[0]!;
    expect((await inside(['show', id], client)).stdout).toMatch(new RegExp(`^saga\t${id}\tcompleted\t`));
    expect((await inside(['list'], client)).stdout.split('\n')[0]).toContain(id);
    server.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
  });

  it('finishes what a killed one began: two daemons, kill -9', async () => {
    const at = await migrated();
    const [first, second] = [await daemon(at, SAGAS), await daemonInside(at, SAGAS)];
    const lines = Array.from({ length: 300 }, (_, index) => transfer(`k-${index}`)).join('\n');
    const many = await inside(['start', 'transfer-money', '--many', '-'], { BACKSTEP_URL: first.url }, lines);
    expect(many.stdout).toMatch(/^created\t300\n/);
    first.kill('SIGKILL');
    await participants(at);
    await eventually(async () => (await countOpen(second.url)) === 0, { withinMs: 60_000, everyMs: 100, what: 'every saga ends' });
  });

  it('refuses a schema that is not migrated, and names the command', async () => {
    const { code, stderr } = await inside(['serve', '--port', '0', ...SAGAS], await variables());
    expect([code, stderr]).toEqual([1, expect.stringContaining('run: backstep migrate')]);
  });

  it('[H2] refuses a changed shape under the same version while sagas of it are in flight', async () => {
    const at = await migrated();
    const folder = join(directory, 'changing');
    await writeSaga(folder, 'a = this.step(P.go, { request: () => ({}), compensate: "none" });');
    const server = await daemon(at, ['--sagas', folder]);
    expect((await inside(['start', 'changing', '--input', '{}'], { BACKSTEP_URL: server.url })).code).toBe(0);
    server.kill('SIGTERM');
    await server.ended;
    const other = join(directory, 'changed');
    await writeSaga(other, 'b = this.step(P.go, { request: () => ({}), compensate: "none" });');
    const { code, stderr } = await backstep(['serve', '--port', '0', '--sagas', other], at);
    expect([code, stderr]).toEqual([1, expect.stringContaining('SAGA_DEFINITION_CHANGED')]);
    const without = await inside(['serve', '--port', '0', ...SAGAS], at);
    expect([without.code, without.stderr]).toEqual([1, expect.stringContaining('SAGA_DEFINITION_MISSING')]);
    const allowed = await daemonInside(at, [...SAGAS, '--allow-orphans']);
    expect((await fetch(`${allowed.url}/healthz`)).status).toBe(200);
  });

  it('says in one sentence that the database cannot be used, without the password', async () => {
    const at = { ...(await variables()), BACKSTEP_POSTGRES_URL: 'postgres://u:geheim@127.0.0.1:1/x' };
    const { code, stderr } = await inside(['serve', '--port', '0', '--wait-for-database', '0s', ...SAGAS], at);
    expect([code, stderr]).toEqual([
      5,
      expect.stringMatching(/^backstep: the database at 127\.0\.0\.1:1\/x cannot be used: .*ECONNREFUSED/m),
    ]);
    expect(stderr).not.toContain('geheim');
  });

  it('does not wait for a database that there is not', async () => {
    const at = await variables();
    const url = new URL(at['BACKSTEP_POSTGRES_URL']!);
    url.pathname = '/no_such_database';
    const { code, stderr } = await inside(['migrate'], { ...at, BACKSTEP_POSTGRES_URL: url.href });
    expect([code, stderr]).toEqual([5, expect.stringContaining('no_such_database')]);
  });

  it('waits for a database that is not up yet', async () => {
    const server = await privatePostgres();
    await server.stop();
    const migrating = new Inside(['migrate', '--wait-for-database', '60s'], { BACKSTEP_POSTGRES_URL: server.url });
    await migrating.says(/not there yet; waiting/);
    await server.start();
    expect((await migrating.ended).code).toBe(0);
  });

  it('[D1] starts although the broker is away, says so, takes starts, and sends them when it is back', async () => {
    const broker = await privateRabbit();
    await broker.stop();
    const at = { ...(await migrated()), BACKSTEP_RABBITMQ_URL: broker.url };
    const server = await daemonInside(at, SAGAS);
    const ready = await fetch(`${server.url}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('the broker cannot be reached')]);
    const client = { BACKSTEP_URL: server.url };
    const started = await inside(['start', 'transfer-money', '--input', transfer('b-1')], client);
    expect(started.code).toBe(0);
    await broker.start();
    await participants(at);
    await eventually(async () => (await countOpen(server.url)) === 0, { withinMs: 60_000, everyMs: 100, what: 'the saga ends' });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });
});

async function countOpen(url: string): Promise<number> {
  const open = ['running', 'compensating', 'stuck', 'suspended'].map((status) => `status=${status}`).join('&');
  const page = (await (await fetch(`${url}/api/v1/sagas?limit=500&${open}`)).json()) as { sagas: unknown[] };
  return page.sagas.length;
}

async function writeSaga(folder: string, fields: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const source = `
import { command, contract, Saga, SagaDefinition, typed } from ${JSON.stringify(new URL('../../dist/src/index.js', import.meta.url).href)};
const P = contract('nobody', { go: command({ request: typed<{}>() }) });
@Saga({ name: 'changing', version: 1 })
export class Changing extends SagaDefinition<{}> { ${fields} }
`;
  await writeFile(join(folder, 'index.ts'), source);
}
