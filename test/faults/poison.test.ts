import { describe, expect, it } from '@jest/globals';
import amqp from 'amqplib';
import type { Socket } from 'node:net';
import pg from 'pg';
import type { Started } from '../../src/engine/service.js';
import type { HostParts } from '../../src/participant/host.js';
import { Host } from '../../src/participant/host.js';
import { pgInbox } from '../../src/postgres/inbox-pg.js';
import { command, contract } from '../../src/saga/contract.js';
import { handlersOf } from '../../src/saga/handlers.js';
import { participant } from '../../src/saga/participant.js';
import { typed } from '../../src/saga/schema.js';
import { realClock, recordingLogger } from '../contract/transport-parts.js';
import { closeAtEnd } from '../support/closing.js';
import { Installation } from '../support/engine-servers.js';
import { eventually } from '../support/eventually.js';
import { RawPublisher } from '../support/raw-publish.js';
import { planFrom } from '../support/plans.js';
import { rabbitMqAt } from '../integration/participant/stage.js';
import { lettersIn } from '../support/dead-letters.js';

const plan = planFrom({ steps: [{ name: 'act', request: ({ input }) => input, attempts: 2, timeoutMs: 60_000 }] });
interface Task {
  readonly poison: boolean;
}
const Clerk = contract('p', { act: command({ request: typed<Task>() }), undoact: command({ request: typed<{}>() }) });

/** A host of the SDK in this process, on the installation's servers; gives the number of calls that poison had. */
async function clerk({ databaseUrl, brokerUrl, names }: Installation, act: (task: Task) => Promise<void>): Promise<void> {
  const pool = new pg.Pool({ connectionString: databaseUrl });
  pool.on('error', () => {});
  const transport = rabbitMqAt(brokerUrl);
  const host = new Host({
    declarations: [handlersOf(participant(Clerk, { act, undoact: async () => {} }))],
    store: pgInbox(pool) as HostParts['store'],
    transport,
    clock: realClock,
    logger: recordingLogger(),
    settings: { namespace: names.namespace },
  });
  closeAtEnd(async () => {
    await host.stop();
    await transport.close();
    await pool.end();
  });
  await host.start();
}

/** Takes all that waits, as a process with a prefetch would, and is gone in the middle of it; gives how often each has come back. */
async function diesWithAll(url: string, queue: string, count: number): Promise<readonly number[]> {
  const connection = await amqp.connect(url);
  connection.on('error', () => {});
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  const counts = new Map<unknown, number>();
  await new Promise<void>((resolve) => {
    const take = (message: amqp.ConsumeMessage | null) => {
      const { messageId, headers } = message!.properties;
      counts.set(messageId, Math.max(counts.get(messageId) ?? 0, Number(headers?.['x-delivery-count'] ?? 0)));
      if (counts.size === count) resolve();
    };
    void channel.consume(queue, take);
  });
  const { stream } = connection.connection as unknown as { readonly stream: Socket };
  const closed = new Promise((resolve) => connection.once('close', resolve));
  // With an error, so that the client library notices as well.
  stream.destroy(new Error('it died'));
  await closed;
  return [...counts.values()];
}

describe('poison', () => {
  it('[C1 C2] that kills its process again and again takes innocent commands along, whose sagas complete all the same', async () => {
    const installation = await Installation.open();
    const { engine, store } = await installation.engine([plan]);
    const queue = installation.names.commands('p');
    const isPoison = (number: number) => number === 10;
    // Started by messages, they are sent again after 30 s, when the crash loop is over.
    const publisher = await RawPublisher.open(installation.brokerUrl);
    closeAtEnd(() => publisher.close());
    for (let i = 0; i < 21; i++) {
      const properties = { type: 'test-saga', messageId: `start ${i}`, headers: { 'saga-key': String(i) } };
      await publisher.send(installation.names.starts, Buffer.from(JSON.stringify({ poison: isPoison(i) })), properties);
    }
    for (let returned = 0; returned < 17;) returned = Math.min(...(await diesWithAll(installation.brokerUrl, queue, 21)));
    const { sagas } = await store.list({ limit: 100 });
    expect(sagas).toHaveLength(21);

    let calls = 0;
    await clerk(installation, async ({ poison }) => {
      if (!poison) return;
      calls++;
      throw new Error('a process could die of this');
    });
    const letters = async () => (await lettersIn(store)).filter(({ reason }) => reason === 'it went back to its queue 18 times');
    await eventually(async () => (await letters()).length >= 1, { withinMs: 20_000 });
    for (const { state } of sagas) {
      const end = isPoison(Number(state.key)) ? 'compensated' : 'completed';
      await eventually(async () => (await store.find(state.id))!.state.end === end, {
        withinMs: 45_000,
        what: `saga ${state.key} is ${end}`,
      });
    }
    // All of them were put aside, innocent or not, or this shows nothing.
    expect(new Set((await letters()).map(({ correlationId }) => correlationId)).size).toBe(21);
    expect(calls).toBeGreaterThanOrEqual(2);
    expect(await engine.problems()).toEqual([]);
  }, 100_000);

  it('[C1] that only throws is tried a bounded number of times, waits in between, and its saga turns back', async () => {
    const installation = await Installation.open();
    const { engine, store } = await installation.engine([plan]);
    const calls: number[] = [];
    await clerk(installation, async ({ poison }) => {
      if (!poison) return;
      calls.push(performance.now());
      throw new Error('the ink has run out');
    });
    const [good, bad] = (await engine.startMany([false, true].map((poison) => ({ name: 'test-saga', input: { poison } })))) as Started[];
    await engine.waitUntilFinal(good!.id, 20_000);
    const { state } = await engine.waitUntilFinal(bad!.id, 20_000);
    expect([(await store.find(good!.id))!.state.end, state.end]).toEqual(['completed', 'compensated']);
    expect(state.reason).toMatchObject({ kind: 'exhausted', step: 'act' });
    expect(calls).toHaveLength(2);
    expect(calls[1]! - calls[0]!).toBeGreaterThanOrEqual(100);
    expect(await lettersIn(store)).toEqual([]);
  }, 60_000);
});
