import { connect } from 'amqplib';
import type { Topology } from '../ports/transport.js';

/** Deletes queues and exchanges with everything in them: for installations that exist for a while only. What is not there is no fault. */
export async function removeTopology(url: string, { queues, exchanges }: Pick<Topology, 'queues' | 'exchanges'>): Promise<void> {
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    for (const { name } of queues) await channel.deleteQueue(name);
    for (const { name } of exchanges) await channel.deleteExchange(name);
    await channel.close();
  } finally {
    await connection.close();
  }
}
