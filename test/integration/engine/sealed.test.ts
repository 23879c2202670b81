import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { hostParticipants, participant, pgInbox } from '../../../src/participant.js';
import { within } from '../../../src/client.js';
import { planOf } from '../../../src/saga/plan-of.js';
import { closeAtEnd } from '../../support/closing.js';
import { LogBook } from '../../support/engine.js';
import { Installation } from '../../support/engine-servers.js';
import { eventually } from '../../support/eventually.js';
import { Bank, CANARY, ORDER, payloadKey, PersonalOrder, Post, SealedOrder, sealingWith } from '../../support/sealing.js';

const payloadKeys = JSON.stringify({ keys: [payloadKey('k1')] });

/** Every row of every table there is, as text. */
async function dump(client: pg.Client): Promise<string> {
  const { rows: tables } = await client.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  let all = '';
  for (const { name } of tables)
    all += (await client.query<{ row: string }>(`select t::text as row from ${name} t`)).rows
      .map(({ row }) => `${name}: ${row}\n`)
      .join('');
  return all;
}

describe('sagas with sensitive payloads on PostgreSQL and RabbitMQ', () => {
  it('[V19] leave nothing of them in any table or message, whether they go forward or back, and start within a transaction', async () => {
    const installation = await Installation.open();
    const { databaseUrl, names } = installation;
    const { store, engine, logs } = await installation.engine([planOf(SealedOrder), planOf(PersonalOrder)], {
      sealing: sealingWith(payloadKey('k1')),
    });
    const sent: string[] = [];
    const transport = installation.transport(logs);
    closeAtEnd(() => transport.close());
    const publish = transport.publish.bind(transport);
    transport.publish = (batch) => {
      sent.push(...batch.map(({ message }) => Buffer.from(message.body).toString('utf8')));
      return publish(batch);
    };
    const asked: unknown[] = [];
    const pool = new pg.Pool({ connectionString: databaseUrl });
    const running = await hostParticipants({
      inbox: pgInbox(pool),
      transport,
      namespace: names.namespace,
      logger: new LogBook(),
      payloadKeys,
    })
      .add(
        participant(Bank, {
          charge: async (request) => {
            asked.push(request);
            return Promise.resolve({ paymentId: 'p', from: { iban: CANARY.iban } });
          },
          refund: async (request) => Promise.resolve(void asked.push(request)),
        }),
      )
      .add(
        participant(Post, {
          send: async ({ lines }) => {
            asked.push(lines);
            if (lines[0]!.to.includes('moved')) throw Post.send.rejection('moved');
            return Promise.resolve();
          },
        }),
      )
      .start();
    closeAtEnd(async () => {
      await running.stop();
      await pool.end();
    });
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    closeAtEnd(() => client.end().catch(() => {}));

    await client.query('begin');
    const { id: forward } = await within(client, { payloadKeys }).start(SealedOrder, ORDER);
    const written = await dump(client);
    await client.query('commit');
    expect(written).toContain('incoming_start: ');
    expect(written).toContain(forward);
    expect(written).not.toContain('canary');

    const moved = { ...ORDER, orderId: 'o-2', customer: { ...ORDER.customer, name: 'canary, moved' } };
    const { id: back } = await engine.start({ name: 'sealed-order', input: moved });
    const { id: own } = await engine.start({ name: 'personal-order', input: { ...ORDER, orderId: 'a-1' } });
    const end = async (id: string) => (await store.find(id))?.state.end;
    expect(await eventually(() => end(forward), { withinMs: 15_000 })).toBe('completed');
    expect(await eventually(() => end(back), { withinMs: 15_000 })).toBe('compensated');
    expect(await eventually(() => end(own), { withinMs: 15_000 })).toBe('completed');
    expect(asked).toContainEqual({ card: CANARY.card, iban: CANARY.iban });
    const before = await dump(client);
    await store.moveFinished(10);
    const after = await dump(client);
    for (const all of [before, after]) {
      expect(all).toContain(forward);
      expect(all).toContain('"$sealed"');
      expect(all).not.toContain('canary');
    }
    expect(after).toContain('finished_saga');
    expect(after).toContain(`payload_key: (${own},"customer of a",`);
    expect(await store.shred('customer of a')).toBe(1);
    expect(await dump(client)).not.toContain('payload_key: ');
    expect(sent.join('\n')).toContain('"$sealed"');
    expect(sent.join('\n')).not.toContain('canary');
    expect(JSON.stringify(logs.lines)).not.toContain('canary');
  });
});
