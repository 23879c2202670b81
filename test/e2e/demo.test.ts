import { beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { closeAtEnd } from '../support/closing.js';
import { eventually } from '../support/eventually.js';
import { amqpUrl, freshDatabase } from '../support/servers.js';
import { plainEnvironment, Program } from './demo-command.js';

let temporary: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'backstep-demo-test-'));
  closeAtEnd(() => rm(temporary, { recursive: true }));
});

/** As `npm run demo` runs it, without a terminal; temporary files go where they can be counted. */
function demo(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Program {
  return new Program(process.execPath, ['dist/src/main/demo.js', ...args], plainEnvironment({ TMPDIR: temporary, ...variables }));
}

describe('the demo', () => {
  it('places orders in one process, shows two of them, and proves that all are all or nothing', async () => {
    const { code, stdout, stderr } = await demo(['--orders', '150', '--json']).ended;
    const lines = stdout.trimEnd().split('\n');
    const result = JSON.parse(lines.at(-1)!) as Record<string, number>;
    expect(Object.keys(result)).toEqual(['sagas', 'completed', 'compensated', 'stuck', 'violations', 'seconds']);
    expect(result).toMatchObject({ sagas: 150, stuck: 0, violations: 0 });
    expect(result['completed']! + result['compensated']!).toBe(150);
    expect(stdout).toContain('150 orders checked, 0 violations');
    expect(stdout).toMatch(/place-order version 1 {2}completed/);
    expect(stdout).toMatch(/place-order version 1 {2}compensated/);
    expect(stdout).toMatch(/said no: card-declined/);
    expect([code, stderr]).toEqual([0, '']);
    expect(await readdir(temporary)).toEqual([]);
  }, 60_000);

  it('ends at Ctrl-C and leaves nothing behind', async () => {
    const program = demo([]);
    await program.says('250 of');
    program.kill('SIGINT');
    expect((await program.ended).code).toBe(130);
    expect(await readdir(temporary)).toEqual([]);
  }, 60_000);

  it('goes on where it is asked to: the dashboard is open, orders come in, and Ctrl-C is no failure', async () => {
    const program = demo(['--orders', '20', '--keep']);
    await program.says('the dashboard is at');
    const [url] = /http:\/\/[\d.]+:\d+/.exec(program.stdout)!;
    expect(await (await fetch(url)).text()).toContain('<title>Backstep</title>');
    const names = async () => {
      const { sagas } = (await (await fetch(`${url}/api/v1/sagas?limit=50`)).json()) as { sagas: { name: string; key: string | null }[] };
      return sagas;
    };
    await eventually(async () => (await names()).some(({ key }) => key?.startsWith('k-')), { withinMs: 20_000 });
    await eventually(async () => (await names()).some(({ name }) => name === 'return-parcel'), { withinMs: 30_000 });
    program.kill('SIGINT');
    expect((await program.ended).code).toBe(0);
    expect(await readdir(temporary)).toEqual([]);
  }, 90_000);

  it('says what it does not understand', async () => {
    const { code, stderr } = await demo(['--orders', 'many']).ended;
    expect([code, stderr]).toEqual([1, expect.stringContaining('whole number')]);
  }, 30_000);

  it('runs the same in separate processes over PostgreSQL and RabbitMQ, and removes what it made there', async () => {
    const { url } = await freshDatabase();
    const databases = () => namesOf(url, `select datname from pg_database where datname like 'backstep_demo_%'`);
    const before = await databases();
    const { code, stdout } = await demo(['--processes', '--orders', '120', '--json'], {
      BACKSTEP_POSTGRES_URL: url,
      BACKSTEP_RABBITMQ_URL: amqpUrl(),
    }).ended;
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1)!)).toMatchObject({ sagas: 120, stuck: 0, violations: 0 });
    expect(code).toBe(0);
    expect(await databases()).toEqual(before);
  }, 120_000);

  it('says which server it cannot reach', async () => {
    const nowhere = { BACKSTEP_POSTGRES_URL: 'postgres://nobody:secret@127.0.0.1:1/none' };
    const { code, stderr } = await demo(['--processes'], nowhere).ended;
    expect([code, stderr]).toEqual([1, expect.stringContaining('127.0.0.1:1')]);
    expect(stderr).not.toContain('secret');
  }, 30_000);
});

async function namesOf(url: string, query: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(`${query} order by 1`)).rows;
  } finally {
    await client.end();
  }
}
