import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { eventually } from '../support/eventually.js';
import { amqpUrl, freshDatabase, uniqueNamespace } from '../support/servers.js';
import { backstep, Command, daemon, type Variables } from './command.js';
import { plainEnvironment, Program } from './demo-command.js';

const SAGAS = ['--sagas', 'dist/sagas/place-order'];
const ORDERS = 400;

describe('two daemons and three participant processes', () => {
  it('end every order, all or nothing, although one of each is killed half-way', async () => {
    const { url } = await freshDatabase();
    const at: Variables = {
      BACKSTEP_POSTGRES_URL: url,
      BACKSTEP_RABBITMQ_URL: amqpUrl(),
      BACKSTEP_NAMESPACE: uniqueNamespace('kill').slice(0, 41),
    };
    expect((await backstep(['migrate'], at)).code).toBe(0);
    const host = async (only: string) => {
      const command = new Command(['participants', ...SAGAS, '--only', only], at);
      await command.says(/participants are up/);
      return command;
    };
    const [first, second] = [await daemon(at, SAGAS), await daemon(at, SAGAS)];
    const [, payments] = await Promise.all([host('inventory,freight'), host('payments'), host('shipping,mail')]);

    const lines = (await readFile('sagas/place-order/orders.ndjson', 'utf8')).split('\n').slice(0, ORDERS).join('\n');
    const started = await backstep(['start', 'place-order', '--many', '-'], { BACKSTEP_URL: first.url }, lines);
    expect(started.stdout).toMatch(new RegExp(`^created\t${ORDERS}\n`));
    await eventually(async () => (await countOf(first.url, ['completed'])) >= 20, { withinMs: 60_000, everyMs: 50 });
    second.kill('SIGKILL');
    payments.kill('SIGKILL');
    await Promise.all([second.ended, payments.ended]);
    await Promise.all([daemon(at, SAGAS), host('payments')]);

    const open = ['running', 'compensating', 'suspended', 'stuck'];
    await eventually(async () => (await countOf(first.url, open)) === 0, { withinMs: 150_000, everyMs: 200, what: 'every order ends' });
    expect((await backstep(['list', '--status', 'stuck'], { BACKSTEP_URL: first.url })).stdout).toBe('');
    const { code, stdout } = await new Program(process.execPath, ['dist/src/main/demo.js', '--prove', '--json'], plainEnvironment(at))
      .ended;
    expect(stdout).toContain(`${ORDERS} orders checked, 0 violations`);
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1)!)).toMatchObject({ sagas: ORDERS, stuck: 0, violations: 0 });
    expect(code).toBe(0);
  }, 240_000);

  it('are not taken for proven where nothing was placed', async () => {
    const { url } = await freshDatabase();
    const at: Variables = { BACKSTEP_POSTGRES_URL: url, BACKSTEP_NAMESPACE: uniqueNamespace('none').slice(0, 41) };
    expect((await backstep(['migrate'], at)).code).toBe(0);
    const { code } = await new Program(process.execPath, ['dist/src/main/demo.js', '--prove'], plainEnvironment(at)).ended;
    expect(code).toBe(1);
  }, 30_000);
});

async function countOf(url: string, statuses: readonly string[]): Promise<number> {
  const query = statuses.map((status) => `status=${status}`).join('&');
  const response = await fetch(`${url}/api/v1/sagas?limit=500&${query}`);
  return ((await response.json()) as { sagas: unknown[] }).sagas.length;
}
