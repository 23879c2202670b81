import { describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import type { Variables } from '../e2e/command.js';
import { Shop } from '../e2e/shop.js';
import { closeAtEnd } from '../support/closing.js';
import { eventually } from '../support/eventually.js';
import { amqpUrl, freshDatabase } from '../support/servers.js';
import { measured } from './parts.js';

const HOUR = 3_600_000;
const odd = (variables: Variables): Variables => ({
  NODE_OPTIONS: `--import=${pathToFileURL('test/support/odd-process.mjs').href}`,
  ...variables,
});
const clock = (ms: number, zone: string) => odd({ ODD_CLOCK_MS: String(ms), TZ: zone });

describe('odd processes on one database and broker', () => {
  it('[F1] [F6] daemons whose clocks are an hour and a day off, each in another time zone: every order ends, all or nothing', async () => {
    const shop = await Shop.open({ database: (await freshDatabase()).url, broker: amqpUrl() });
    const servers = await Promise.all([
      shop.daemon(clock(HOUR, 'America/New_York')),
      shop.daemon(clock(-HOUR, 'Asia/Kathmandu')),
      shop.daemon(clock(24 * HOUR, 'Pacific/Chatham')),
      shop.daemon(clock(-24 * HOUR, 'UTC')),
    ]);
    await Promise.all([
      shop.host('inventory,freight', clock(24 * HOUR, 'Australia/Lord_Howe')),
      shop.host('payments,shipping,mail', clock(-24 * HOUR, 'America/New_York')),
    ]);
    for (const [i, { url }] of servers.entries()) await shop.place(25, url, i * 25 + 1);
    await shop.prove(100, servers[0].url, 120_000);
    for (const server of servers) {
      expect(server.stdout).toContain('the clocks of this machine and of the database differ');
      server.kill('SIGTERM');
    }
    expect(await Promise.all(servers.map(async ({ ended }) => (await ended).code))).toEqual([0, 0, 0, 0]);
  }, 300_000);

  it('[G2] [G3] [G4] one daemon is stopped in the middle of a transaction, one is busy for half a minute: the third one goes on, and both come back', async () => {
    const shop = await Shop.open({ database: (await freshDatabase()).url, broker: amqpUrl() });
    const [stopped, busy, alive] = await Promise.all([shop.daemon(), shop.daemon(odd({ ODD_BLOCK_MS: '30000' })), shop.daemon()]);
    await Promise.all([shop.host('inventory,freight'), shop.host('payments,shipping,mail')]);
    const client = new pg.Client({ connectionString: shop.at['BACKSTEP_POSTGRES_URL'] });
    await client.connect();
    closeAtEnd(() => client.end());
    let placed = 0;
    const place = async (count: number, url: string) => {
      await shop.place(count, url, placed + 1);
      placed += count;
    };
    // Stopped again and again until it is in the middle of a transaction, with rows locked.
    const holds = async () =>
      (await client.query(`select 1 from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`))
        .rowCount;
    await place(200, stopped.url);
    const isCaught = async () => {
      stopped.kill('SIGSTOP');
      await delay(20);
      // The others' transactions are over in no time.
      for (let look = 0; look < 3; look++) {
        if (!(await holds())) {
          stopped.kill('SIGCONT');
          if (Math.random() < 0.1) await place(20, alive.url);
          return false;
        }
        await delay(30);
      }
      return true;
    };
    await eventually(isCaught, { withinMs: 30_000, everyMs: 3 });
    const from = performance.now();
    busy.kill('SIGUSR2');
    await place(100, alive.url);
    // What the stopped one has locked is given up by the server after 30 seconds, whatever it does; all else is done long before.
    await shop.untilEnded(placed, 180_000);
    const took = performance.now() - from;
    measured('G2', 'ms until the third one had ended all sagas', took);
    expect(took).toBeLessThan(170_000);
    await delay(Math.max(0, 31_000 - took));
    stopped.kill('SIGCONT');
    await Promise.all(
      [stopped, busy].map(({ url }) =>
        eventually(async () => (await fetch(`${url}/readyz`)).status === 200, { withinMs: 60_000, everyMs: 200 }),
      ),
    );
    for (const { url } of [stopped, busy]) await place(20, url);
    await shop.prove(placed, alive.url, 120_000);
    for (const server of [stopped, busy, alive]) server.kill('SIGTERM');
    expect(await Promise.all([stopped, busy, alive].map(async ({ ended }) => (await ended).code))).toEqual([0, 0, 0]);
  }, 300_000);
});
