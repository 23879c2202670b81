import type { Channel, ChannelModel } from 'amqplib';
import type { QueueState } from '../ports/transport.js';
import { channelErrorCode } from './broker-errors.js';
import { openChannel } from './topology.js';

/**
 * What the broker says of queues. One that is not there, or may not be looked at, closes the channel, so the rest is asked over a new one.
 * Empty when the connection goes meanwhile.
 */
export async function queueStates(connection: ChannelModel, names: readonly string[]): Promise<readonly QueueState[]> {
  const states: QueueState[] = [];
  let channel: Channel | undefined;
  try {
    for (const name of names) {
      channel ??= await openChannel(connection);
      const state = await stateOf(channel, name);
      if (state) states.push(state);
      else channel = undefined;
    }
    await channel?.close();
    return states;
  } catch {
    // The connection's end; whoever looks again is told more.
    return [];
  }
}

async function stateOf(channel: Channel, queue: string): Promise<QueueState | undefined> {
  try {
    const { messageCount, consumerCount } = await channel.checkQueue(queue);
    return { name: queue, depth: messageCount, consumers: consumerCount };
  } catch (error: unknown) {
    if (channelErrorCode(error) === undefined) throw error;
    return undefined;
  }
}
