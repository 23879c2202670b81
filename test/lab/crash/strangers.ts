import { resolve } from 'node:path';
import amqp, { type ChannelModel } from 'amqplib';
import { namesIn } from '../../../src/core/wire.js';
import { DAEMONS } from '../../../src/engine/topology.js';
import type { Installation } from '../kit/installation.js';
import type { LabProcess } from '../kit/processes.js';

const OTHER_SAGAS = resolve('dist/test/lab/kit/workloads/bank');

/** Starts a daemon again with other sagas than those that run here: replies of the ones that it does not know are parked. */
export async function becomeStranger(daemon: LabProcess): Promise<void> {
  await daemon.kill();
  const { args } = daemon.spec;
  const first = args.indexOf('--sagas');
  await daemon.start({ args: [...args.slice(0, first), '--allow-orphans', '--sagas', OTHER_SAGAS], env: daemon.spec.env ?? {} });
}

/**
 * Takes every number that a daemon can have, until the connection is closed: with a number the daemon that knows the sagas would be given their
 * replies, and the stranger hardly one. As it is they come to either, as with a fifth and sixth daemon.
 */
export async function takeNumbers({ options, namespace }: Installation): Promise<ChannelModel> {
  const connection = await amqp.connect(options.servers.rabbitmqUrl);
  connection.on('error', () => {});
  const channel = await connection.createChannel();
  for (const daemon of DAEMONS) await channel.assertQueue(namesIn(namespace).claim(daemon), { exclusive: true, durable: false });
  return connection;
}
