import { describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import { amqpUrl, freshDatabase, privatePostgres, privateRabbit, type PrivateServer } from '../support/servers.js';
import { backstep, type Command } from './command.js';
import { Shop } from './shop.js';

/** How long a server stays away after everybody has noticed: 60 for the long form. */
const AWAY_MS = 1_000 * Number(process.env['BACKSTEP_E2E_OUTAGE_SECONDS'] ?? 0);
const ORDERS = Number(process.env['BACKSTEP_E2E_ORDERS'] ?? 120);
const PATIENCE_MS = 90_000 + 2 * AWAY_MS + ORDERS * 60;

describe('nothing is lost, and every order ends, although in the middle of it', () => {
  it(
    '[D2] the broker is killed',
    async () => {
      const broker = await privateRabbit();
      const shop = await Shop.open({ database: (await freshDatabase()).url, broker: broker.url });
      const { server, hosts } = await opened(shop);
      // RabbitMQ 3.10 forgets a quorum queue that is killed within seconds of its declaration.
      await broker.stop();
      await Promise.all([server, ...hosts].map((process) => process.says(/No connection to RabbitMQ/)));
      await broker.start();
      await eventually(async () => (await fetch(`${server.url}/readyz`)).status === 200, { withinMs: 30_000 });

      await shop.place(ORDERS, server.url);
      await shop.untilEnded(ORDERS / 10, PATIENCE_MS);
      await broker.kill();
      await eventually(async () => (await fetch(`${server.url}/readyz`)).status === 503, { withinMs: 30_000 });
      // Starts are taken all the while.
      await shop.place(20, server.url, ORDERS + 1);
      await delay(AWAY_MS);
      await broker.start();
      await shop.prove(ORDERS + 20, server.url, PATIENCE_MS);
      await stopped(server, ...hosts);
    },
    2 * PATIENCE_MS,
  );

  it(
    "[E2] [E3] [B20] the orchestrator's database is killed, and then the participants'",
    async () => {
      const [database, participants] = await Promise.all([privatePostgres(), privatePostgres()]);
      const shop = await Shop.open({ database: database.url, broker: amqpUrl(), participants: participants.url });
      const { server, hosts } = await opened(shop);
      await shop.place(ORDERS, server.url);
      await shop.untilEnded(ORDERS / 10, PATIENCE_MS);
      await database.kill();
      await eventually(async () => (await fetch(`${server.url}/readyz`)).status === 503, { withinMs: 30_000 });
      const start = () => backstep(['start', 'place-order', '--input', ORDER], { BACKSTEP_URL: server.url });
      const meanwhile = start();
      await delay(AWAY_MS);
      await database.start();
      await eventually(async () => (await fetch(`${server.url}/readyz`)).status === 200, { withinMs: 30_000 });
      // Whoever asked meanwhile waits for a while, and is then told to try again; that is safe, whatever became of the first.
      const { code, stderr } = await meanwhile;
      if (code !== 0)
        expect([code, stderr]).toEqual([5, expect.stringMatching(/^backstep: [^\n]+ \[SAGA_(UNAVAILABLE|STORE_UNKNOWN)\]\n$/)]);
      expect((await start()).code).toBe(0);
      await shop.untilEnded(ORDERS + 1, PATIENCE_MS);

      const placing = shop.place(ORDERS, server.url, ORDERS + 1);
      await gone(participants, hosts);
      await placing;
      await delay(AWAY_MS);
      await participants.start();
      await shop.prove(2 * ORDERS + 1, server.url, PATIENCE_MS);
      await stopped(server, ...hosts);
    },
    3 * PATIENCE_MS,
  );
});

const ORDER = JSON.stringify({
  orderId: 'while-away',
  customer: { name: 'Ada', email: 'ada@inbox.example' },
  address: { street: '1 High Street', postcode: 'EH1 1AA', city: 'Edinburgh' },
  lines: [{ sku: 'TEA-SENCHA-100', quantity: 1 }],
  card: 'visa-4242',
  totalCents: 1_190,
});

async function opened(shop: Shop): Promise<{ server: Command & { readonly url: string }; hosts: readonly Command[] }> {
  const [server, ...hosts] = await Promise.all([shop.daemon(), shop.host('inventory,freight'), shop.host('payments,shipping,mail')]);
  return { server, hosts };
}

/** Killed, and somebody has noticed. */
async function gone(database: PrivateServer, hosts: readonly Command[]): Promise<void> {
  await database.kill();
  await Promise.race(hosts.map((host) => host.says(/the inbox cannot be reached/)));
}

async function stopped(...processes: readonly Command[]): Promise<void> {
  for (const process of processes) process.kill('SIGTERM');
  expect(await Promise.all(processes.map(async ({ ended }) => (await ended).code))).toEqual(processes.map(() => 0));
}
