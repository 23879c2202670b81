import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backstep, Command, inside } from './command.js';

// The machine may be busy.
jest.setTimeout(120_000);

const SAGAS = 'dist/sagas';
const NO_SERVER = { BACKSTEP_URL: 'http://127.0.0.1:64999' };
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'backstep-cli-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('the command line', () => {
  it('says what is wrong with the arguments, and ends with 2', async () => {
    for (const args of [
      ['nothing'],
      ['start'],
      ['start', 'x'],
      ['start', 'x', '--input', '{'],
      ['list', '--limit', 'ten'],
      ['cancel', 'x'],
      ['serve', '--log-level', 'loud'],
    ]) {
      const { code, stderr, stdout } = await inside(args, NO_SERVER);
      expect([args.join(' '), code, stdout]).toEqual([args.join(' '), 2, '']);
      expect(stderr).not.toMatch(/\n {4}at /);
    }
  });

  it('says in one sentence that no server can be reached, and ends with 5', async () => {
    const { code, stderr } = await backstep(['list'], NO_SERVER);
    expect(code).toBe(5);
    expect(stderr).toMatch(
      /^backstep: no Backstep server can be reached at http:\/\/127\.0\.0\.1:64999: ECONNREFUSED \[SAGA_UNAVAILABLE\]\n$/,
    );
  });

  it('recognises that what answers is no Backstep server', async () => {
    const server = await listening((_request, response) => response.end('<html>'));
    const { code, stderr } = await inside(['list'], { BACKSTEP_URL: urlOf(server) });
    server.close();
    expect([code, stderr]).toEqual([5, expect.stringContaining('is no Backstep server')]);
  });

  it('lists every fault of the configuration, without passwords, and ends with 2', async () => {
    const { code, stderr } = await inside(['serve'], { BACKSTEP_POSTGRES_URL: 'mysql://u:geheim@h/x', BACKSTEP_HTTP_PORT: 'x' });
    expect(code).toBe(2);
    expect(stderr.match(/^ {2}- /gm)).toHaveLength(4);
    for (const variable of ['BACKSTEP_POSTGRES_URL', 'BACKSTEP_RABBITMQ_URL', 'BACKSTEP_HTTP_PORT', 'BACKSTEP_SAGAS'])
      expect(stderr).toContain(variable);
    expect(stderr).not.toContain('geheim');
  });

  it('draws the definitions of a folder without a server', async () => {
    const drawn = await inside(['graph', 'book-trip', '--sagas', SAGAS], NO_SERVER);
    expect([drawn.code, drawn.stdout]).toEqual([0, expect.stringContaining('do_flight -. undo .-> undo_flight')]);
    const { code, stderr } = await inside(['graph', 'nothing', '--sagas', SAGAS], NO_SERVER);
    expect([code, stderr]).toEqual([3, expect.stringContaining('book-trip@1')]);
  });

  it('prints its version', async () => {
    expect(await backstep(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });
});

describe('backstep dev', () => {
  it('serves with nothing installed, and ends with 0 when it is told to', async () => {
    const dev = new Command(['dev', '--port', '0', '--directory', join(directory, 'data'), '--sagas', SAGAS]);
    const [, url] = await dev.says(/listening on (http:\S+)/);
    const client = { BACKSTEP_URL: url! };

    const orders = ['o-00001', 'o-00002'].map((id) => order(id)).join('\n');
    const many = await backstep(['start', 'place-order', '--many', '-', '--wait'], client, `${orders}\n{bad\n`);
    expect([many.code, many.stdout]).toEqual([1, 'created\t2\nexisting\t0\nfailed\t1\ncompleted\t2\n']);
    expect(many.stderr).toMatch(/^line 3: it is not JSON/m);

    const declined = await inside(
      ['start', 'place-order', '--input', '-', '--wait', '--tag', 'shop=north'],
      client,
      order('o-3', 'visa-declined'),
    );
    expect([declined.code, declined.stdout]).toEqual([10, expect.stringMatching(/^[0-9a-f-]{36}\tcompensated\n$/)]);
    const id = declined.stdout.split('\t')[0]!;

    const listed = await inside(['list', '--status', 'compensated', '--tag', 'shop=north'], client);
    expect(listed.stdout).toMatch(
      new RegExp(`^${id}\tcompensated\tplace-order@1\to-3\t[^\t]+\tstep charge was rejected with card-declined[^\n]*\n$`),
    );
    const shown = await inside(['show', id], client);
    expect(shown.stdout).toMatch(/^step\tcharge\trejected\tpayments\.charge\t1\t.*card-declined/m);
    const history = JSON.parse((await inside(['history', id, '--json'], client)).stdout) as { seq: number }[];
    expect(history.map(({ seq }) => seq)).toEqual(history.map((_, index) => index + 1));
    expect((await inside(['definitions'], client)).stdout).toMatch(/^place-order@1\tdispatch\tpivot\tshipping\.dispatch\t/m);

    expect((await inside(['cancel', id, '--reason', 'late'], client)).code).toBe(4);
    expect((await inside(['show', '00000000-0000-7000-8000-000000000000'], client)).code).toBe(3);
    expect((await inside(['start', 'place-order', '--input', '{}'], client)).code).toBe(1);
    expect((await inside(['start', 'nothing', '--input', '{}'], client)).code).toBe(3);

    const second = await inside(['dev', '--port', '0', '--directory', join(directory, 'data'), '--sagas', SAGAS]);
    expect([second.code, second.stderr]).toEqual([5, expect.stringContaining(`in use by process ${dev.pid}`)]);

    dev.kill('SIGTERM');
    expect((await dev.ended).code).toBe(0);
  });

  it('names every fault of the sagas, with file and line, and ends with 1', async () => {
    const sagas = join(directory, 'sagas');
    await mkdir(join(sagas, 'broken'), { recursive: true });
    await writeFile(join(sagas, 'broken', 'index.js'), `\n\nthrow new Error('no such thing');\n`);
    const { code, stderr } = await inside(['dev', '--port', '0', '--directory', join(directory, 'other'), '--sagas', sagas]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/broken\/index\.js:3:\d+: no such thing/);
    expect(stderr).toContain('[SAGA_DEFINITION_INVALID]');
  });

  it('says that a port is in use, and how to choose another', async () => {
    const server = await listening((_request, response) => response.end());
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await inside(['dev', '--port', String(port), '--directory', join(directory, 'third'), '--sagas', SAGAS]);
    server.close();
    expect([code, stderr]).toEqual([2, expect.stringContaining(`port ${port} on 127.0.0.1 is in use`)]);
    expect(stderr).toContain('--port');
  });
});

function order(orderId: string, card = 'visa-4242'): string {
  return JSON.stringify({
    orderId,
    customer: { name: 'Ada', email: 'ada@inbox.example' },
    address: { street: '1 High Street', postcode: 'EH1 1AA', city: 'Edinburgh' },
    lines: [{ sku: 'TEA-SENCHA-100', quantity: 1 }],
    bulky: false,
    card,
    totalCents: 1_190,
  });
}

function listening(handler: Parameters<typeof createServer>[1]): Promise<Server> {
  const server = createServer(handler!);
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}
function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
