import { describe, expect, it } from '@jest/globals';
import { amqpUrl, freshDatabase, uniqueNamespace } from '../support/servers.js';
import { backstep, type Command, type Variables } from './command.js';
import { plainEnvironment, Program } from './demo-command.js';
import { Shop } from './shop.js';

const ORDERS = Number(process.env['BACKSTEP_E2E_ORDERS'] ?? 600);
const PATIENCE_MS = 60_000 + ORDERS * 60;

describe('two daemons and three participant processes', () => {
  it(
    'end every order, all or nothing, although one of each is killed half-way',
    async () => {
      const shop = await Shop.open({ database: (await freshDatabase()).url, broker: amqpUrl() });
      const [[first, second], [, payments]] = await Promise.all([
        Promise.all([shop.daemon(), shop.daemon()]),
        Promise.all([shop.host('inventory,freight'), shop.host('payments,mail'), shop.host('shipping')]),
      ]);
      await shop.place(ORDERS, first.url);
      await shop.untilEnded(ORDERS / 2, PATIENCE_MS);
      await killed(second, payments);
      const [third] = await Promise.all([shop.daemon(), shop.host('payments,mail')]);
      await shop.prove(ORDERS, third.url, PATIENCE_MS);
      for (const process of [first, third]) {
        process.kill('SIGTERM');
        expect((await process.ended).code).toBe(0);
      }
    },
    2 * PATIENCE_MS,
  );

  it(
    'end every order although all of them are killed at once',
    async () => {
      const orders = Math.ceil(ORDERS / 5);
      const shop = await Shop.open({ database: (await freshDatabase()).url, broker: amqpUrl() });
      const open = () => Promise.all([shop.daemon(), shop.host('inventory,freight'), shop.host('payments,shipping,mail')]);
      const all = await open();
      await shop.place(orders, all[0].url);
      await shop.untilEnded(orders / 10, PATIENCE_MS);
      await killed(...all);
      const [server] = await open();
      await shop.prove(orders, server.url, PATIENCE_MS);
    },
    2 * PATIENCE_MS,
  );

  it('are not taken for proven where nothing was placed', async () => {
    const { url } = await freshDatabase();
    const at: Variables = { BACKSTEP_POSTGRES_URL: url, BACKSTEP_NAMESPACE: uniqueNamespace('none').slice(0, 41) };
    expect((await backstep(['migrate'], at)).code).toBe(0);
    const { code } = await new Program(process.execPath, ['dist/src/main/demo.js', '--prove'], plainEnvironment(at)).ended;
    expect(code).toBe(1);
  }, 30_000);
});

async function killed(...processes: readonly Command[]): Promise<void> {
  for (const process of processes) process.kill('SIGKILL');
  expect(await Promise.all(processes.map(async ({ ended }) => (await ended).code))).toEqual(processes.map(() => null));
}
