import type { Channel, ChannelModel } from 'amqplib';
import { channelErrorCode } from './broker-errors.js';
import { openChannel } from './topology.js';

const RESOURCE_LOCKED = 405;

/**
 * Takes the first of these names that no other connection has: an exclusive queue, which the broker removes with its connection.
 * `undefined`: all are taken, the broker refuses, or the connection goes meanwhile.
 */
export async function claimOne(connection: ChannelModel, names: readonly string[]): Promise<string | undefined> {
  let channel: Channel | undefined;
  try {
    for (const name of names) {
      channel ??= await openChannel(connection);
      if (await isTaken(channel, name)) channel = undefined;
      else {
        await channel.close();
        return name;
      }
    }
  } catch {
    // Not allowed, or the connection's end; whoever asks again is told more.
  }
  return undefined;
}

/** A refusal closes the channel. */
async function isTaken(channel: Channel, name: string): Promise<boolean> {
  try {
    await channel.assertQueue(name, { exclusive: true, durable: false });
    return false;
  } catch (error: unknown) {
    if (channelErrorCode(error) !== RESOURCE_LOCKED) throw error;
    return true;
  }
}
