import { describe, expect, it } from '@jest/globals';
import amqp from 'amqplib';
import pg from 'pg';
import { amqpUrl, freshDatabase, privatePostgres, privateRabbit, uniqueNamespace } from '../support/servers.js';

describe('the servers of the tests', () => {
  it('give every caller an empty database, which is gone when dropped', async () => {
    const [one, two] = await Promise.all([freshDatabase(), freshDatabase()]);
    expect(one.url).not.toBe(two.url);
    await query(one.url, 'create table note (text text)');
    await expect(query(two.url, 'select * from note')).rejects.toThrow('does not exist');
    await one.drop();
    await expect(query(one.url, 'select 1')).rejects.toThrow('does not exist');
  });

  it('give a broker', async () => {
    const connection = await amqp.connect(amqpUrl());
    const channel = await connection.createConfirmChannel();
    const { queue } = await channel.assertQueue(uniqueNamespace(), { durable: true });
    channel.sendToQueue(queue, Buffer.from('hello'), { persistent: true });
    await channel.waitForConfirms();
    expect(await channel.deleteQueue(queue)).toEqual({ messageCount: 1 });
    await connection.close();
  });

  it('keep committed rows of a private PostgreSQL through kill, stop and pause', async () => {
    const server = await privatePostgres({ settings: { max_connections: '20' } });
    await query(server.url, 'create table note (text text)');
    for (const [harm, cure] of [
      [server.kill, server.start],
      [server.stop, server.start],
      [server.pause, server.resume],
    ] as const) {
      await query(server.url, `insert into note values ('kept')`);
      await harm();
      await expect(query(server.url, 'select 1')).rejects.toThrow(/ECONNREFUSED|timeout/);
      await cure();
    }
    expect(await query(server.url, 'select * from note')).toHaveLength(3);
    expect(await query(server.url, 'show max_connections')).toEqual([{ max_connections: '20' }]);
  }, 60_000);

  it('keep confirmed messages of a private RabbitMQ through kill', async () => {
    const server = await privateRabbit();
    const declaring = await amqp.connect(server.url);
    await (await declaring.createChannel()).assertQueue('kept', { durable: true });
    await declaring.close();
    // RabbitMQ writes down a new queue a few seconds late, and an old one at an orderly stop.
    await server.stop();
    await server.start();
    const dying = await amqp.connect(server.url);
    dying.on('error', () => {});
    const publishing = await dying.createConfirmChannel();
    publishing.sendToQueue('kept', Buffer.from('hello'), { persistent: true });
    await publishing.waitForConfirms();
    await server.kill();
    await expect(amqp.connect(server.url)).rejects.toThrow('ECONNREFUSED');
    await server.start();
    const connection = await amqp.connect(server.url);
    const channel = await connection.createChannel();
    expect(await channel.get('kept')).toMatchObject({ content: Buffer.from('hello') });
    expect(await server.ctl('list_queues', 'name', '--quiet', '--no-table-headers')).toContain('kept');
    await connection.close();
  }, 60_000);
});

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}
