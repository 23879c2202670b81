import { describe, expect, it } from '@jest/globals';
import type { GetMessage } from 'amqplib';
import pg from 'pg';
import { parseCommandId, type CommandRef } from '../../src/core/state.js';
import type { Command } from '../e2e/command.js';
import { Shop } from '../e2e/shop.js';
import { closeAtEnd } from '../support/closing.js';
import { RawPublisher } from '../support/raw-publish.js';
import { amqpUrl, freshDatabase } from '../support/servers.js';

const ORDERS = 240;
/** Copies of messages that may be under way when a process stops. */
const COPIES = 5;

/** Tells a process to stop; it does so in time, of its own accord and with everything in order. */
async function stops(process: Command): Promise<void> {
  const began = performance.now();
  process.kill('SIGTERM');
  const { code, stdout } = await process.ended;
  expect(code).toBe(0);
  expect(stdout).not.toMatch(/cut short|stopping failed/);
  // What the process itself took: ten seconds, and a little for a busy machine.
  expect(performance.now() - began).toBeLessThan(12_000);
}

/** Everything that waits in a queue and came back to it; it goes back there. */
async function returnedTo(queue: string): Promise<readonly GetMessage[]> {
  const reader = await RawPublisher.open(amqpUrl());
  const returned: GetMessage[] = [];
  for (;;) {
    const message = await reader.channel.get(queue);
    if (message === false) break;
    if (message.fields.redelivered) returned.push(message);
  }
  await reader.close();
  return returned;
}

describe('SIGTERM under load', () => {
  it('[A13] ends daemon and participants in time with 0; what they had finished does not come again, and nothing is lost', async () => {
    const { url } = await freshDatabase();
    const shop = await Shop.open({ database: url, broker: amqpUrl() });
    const namespace = shop.at['BACKSTEP_NAMESPACE']!;
    const database = new pg.Client({ connectionString: url });
    database.on('error', () => {});
    await database.connect();
    closeAtEnd(() => database.end());
    const count = async (sql: string, values: readonly unknown[]) =>
      Number((await database.query<{ n: string }>(`select count(*) as n from ${sql}`, [...values])).rows[0]!.n);

    const [first, hosts] = await Promise.all([shop.daemon(), shop.host('inventory,freight,payments,mail,shipping')]);
    await shop.place(ORDERS, first.url);
    await shop.untilEnded(ORDERS / 10, 60_000);
    await stops(first);
    // A command that was sent again is answered again: that copy may be given back, whatever became of the other.
    const wasSentAgain = async ({ sagaId, step, phase, execution }: CommandRef): Promise<boolean> =>
      (await count(
        `${namespace}.saga_history where saga_id = $1 and step = $2 and event in ('resent', 'timed-out')
           and data->>'phase' = $3 and (data->>'execution')::int = $4`,
        [sagaId, step, phase, execution],
      )) > 0;
    let appliedAndBack = 0;
    for (const { properties } of await returnedTo(`${namespace}.replies`)) {
      const command = parseCommandId(String(properties.correlationId))!;
      if (await wasSentAgain(command)) continue;
      const { sagaId, step, phase, execution } = command;
      const attempt = Number(properties.headers?.['saga-attempt']);
      const applied = `${namespace}.saga_history where saga_id = $1 and step = $2 and event = 'replied'
        and data->>'phase' = $3 and (data->>'execution')::int = $4 and (data->>'attempt')::int = $5`;
      appliedAndBack += await count(applied, [sagaId, step, phase, execution, attempt]);
    }
    // Copies of messages whose confirm was late leave no trace. Were replies given back that were applied, it would be a whole batch.
    expect(appliedAndBack).toBeLessThanOrEqual(COPIES);

    const second = await shop.daemon();
    await shop.untilEnded(ORDERS / 4, 60_000);
    await stops(hosts);
    let finishedAndBack = 0;
    for (const participant of ['inventory', 'payments', 'mail', 'shipping']) {
      for (const { properties } of await returnedTo(`${namespace}.commands.${participant}`)) {
        if (await wasSentAgain(parseCommandId(String(properties.messageId))!)) continue;
        // What had only started outside was not finished: it runs again, with its key.
        const finished = await count(`${participant}.backstep_inbox where command_id = $1 and state <> 'started'`, [properties.messageId]);
        finishedAndBack += finished;
      }
    }
    // Copies leave no trace in the history: a daemon that stops hands replies over, and what they had caused is sent once more. Were the
    // work itself given back, it would be all that the hosts had in hand.
    expect(finishedAndBack).toBeLessThanOrEqual(COPIES);
    await shop.host('inventory,freight,payments,mail,shipping');
    await shop.prove(ORDERS, second.url, 90_000);
    await stops(second);
  }, 240_000);
});
