import amqp, { type Channel } from 'amqplib';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { namesIn } from '../../../../src/core/wire.js';
import { DAEMONS } from '../../../../src/engine/topology.js';
import type { Fault } from '../fault.js';
import type { Scene } from '../scene.js';

/**
 * RabbitMQ 3.10 writes down which quorum queues it serves every three minutes, and loses those that are younger when it is killed: they
 * exist, and never confirm anything again. This makes it write now, as time would.
 */
const WRITE_DOWN = '[dets:sync(Table) || Table <- dets:all()].';

/** Everything that can befall RabbitMQ while it stays one node. */
export const BROKER_FAULTS: readonly Fault[] = [
  {
    kind: 'kill-broker',
    rows: ['D2'],
    seconds: [0.5, 3],
    aftermath: 8,
    aim: broker(
      async ({ broker: rabbit }) => {
        await rabbit.ctl('eval', WRITE_DOWN);
        await rabbit.kill();
      },
      ({ broker: rabbit }) => rabbit.start(),
    ),
  },
  {
    kind: 'stop-broker-app',
    rows: ['D3', 'D1'],
    seconds: [0.5, 3],
    aftermath: 4,
    aim: broker(
      async ({ broker: rabbit }) => void (await rabbit.ctl('stop_app')),
      async ({ broker: rabbit }) => void (await rabbit.ctl('start_app')),
    ),
  },
  {
    kind: 'pause-broker',
    rows: ['D14', 'D12'],
    seconds: [2, 12],
    aim: broker(
      ({ broker: rabbit }) => rabbit.pause(),
      ({ broker: rabbit }) => rabbit.resume(),
    ),
  },
  {
    kind: 'close-connections',
    sees: 'connection closed',
    rows: ['D3'],
    seconds: [1, 2],
    aim: broker(
      async ({ broker: rabbit }) => void (await rabbit.ctl('close_all_connections', 'the nemesis closes them')),
      async () => {},
    ),
  },
  {
    kind: 'wipe-broker',
    rows: ['D4'],
    seconds: [0.5, 2],
    aftermath: 12,
    losesMessages: true,
    aim: broker(
      async ({ broker: rabbit }) => {
        const folder = /"(.+)"/.exec(await rabbit.ctl('eval', 'rabbit_mnesia:dir().'))?.[1];
        if (!folder?.includes('backstep-rabbitmq-')) throw new Error(`the broker's folder is not one of ours: ${folder}`);
        await rabbit.kill();
        await rm(folder, { recursive: true, force: true });
      },
      ({ broker: rabbit }) => rabbit.start(),
    ),
  },
  {
    kind: 'delete-queue',
    sees: 'consumer cancelled',
    rows: ['D5', 'D7'],
    seconds: [1, 2],
    losesMessages: true,
    aim: queue(async (channel, name) => (await channel.deleteQueue(name)).messageCount),
  },
  {
    kind: 'purge-queue',
    rows: ['D6'],
    seconds: [1, 2],
    losesMessages: true,
    aim: queue(async (channel, name) => (await channel.purgeQueue(name)).messageCount),
  },
  {
    kind: 'delete-exchange',
    sees: 'channel closed',
    rows: ['D7'],
    seconds: [2, 5],
    losesMessages: true,
    aim: (scene) => ({
      touches: ['broker', 'queues'],
      begin: async () => void (await withChannel(scene, (channel) => channel.deleteExchange(`${scene.namespace}.commands`))),
      end: async () => {},
    }),
  },
  {
    kind: 'delete-binding',
    sees: 'returned',
    rows: ['D7'],
    seconds: [2, 5],
    losesMessages: true,
    aim(scene, chance) {
      const participant = chance.pick(scene.participants);
      const exchange = `${scene.namespace}.commands`;
      return {
        touches: ['broker', 'queues'],
        detail: { participant },
        begin: async () =>
          void (await withChannel(scene, (channel) => channel.unbindQueue(`${exchange}.${participant}`, exchange, participant))),
        end: async () => {},
      };
    },
  },
  {
    kind: 'memory-alarm',
    sees: 'held back',
    rows: ['D9'],
    seconds: [2, 6],
    aim: broker(
      async ({ broker: rabbit }) => void (await rabbit.ctl('set_vm_memory_high_watermark', '0.000001')),
      async ({ broker: rabbit }) => void (await rabbit.ctl('set_vm_memory_high_watermark', '0.4')),
    ),
  },
  {
    kind: 'disk-alarm',
    sees: 'held back',
    rows: ['D10'],
    seconds: [2, 6],
    aim: broker(
      async ({ broker: rabbit }) => void (await rabbit.ctl('set_disk_free_limit', '900000GB')),
      async ({ broker: rabbit }) => void (await rabbit.ctl('set_disk_free_limit', '50MB')),
    ),
  },
  {
    kind: 'reject-publish',
    sees: 'refused',
    rows: ['D11'],
    seconds: [2, 6],
    aim: broker(
      async ({ broker: rabbit, namespace }) =>
        void (await rabbit.ctl(
          'set_policy',
          'full',
          `^${namespace}\\.commands\\.`,
          '{"max-length":0,"overflow":"reject-publish"}',
          '--apply-to',
          'queues',
        )),
      async ({ broker: rabbit }) => void (await rabbit.ctl('clear_policy', 'full')),
    ),
  },
];

type Doing = (scene: Scene) => Promise<Readonly<Record<string, unknown>> | void>;

function broker(begin: Doing, end: Doing): Fault['aim'] {
  return (scene) => ({ touches: ['broker', 'queues'], begin: () => begin(scene), end: () => end(scene) });
}

/** `act` gives how many messages are lost with it. */
function queue(act: (channel: Channel, name: string) => Promise<number>): Fault['aim'] {
  return (scene, chance) => {
    const names = namesIn(scene.namespace);
    // Starts and dead letters stay: what waits there is in no saga yet that would send it again.
    const name = chance.pick([names.replies, ...scene.participants.map((participant) => names.commands(participant))]);
    return {
      touches: ['broker', 'queues'],
      detail: { queue: name },
      begin: async () => {
        await untilConsumed(scene, [name]);
        let lost = await withChannel(scene, (channel) => act(channel, name));
        // Several daemons have their replies in queues of their own, which need not be there.
        if (name === names.replies)
          for (const daemon of DAEMONS) lost += await withChannel(scene, (channel) => act(channel, names.repliesOf(daemon))).catch(() => 0);
        return { lost };
      },
      end: async () => {},
    };
  };
}

/** After a fault before, queues may not be there yet, or nobody may listen: nobody would feel anything then. Waits for a while, not for ever. */
export async function untilConsumed(scene: Scene, queues: readonly string[]): Promise<void> {
  for (const giveUpAt = performance.now() + 10_000; performance.now() < giveUpAt; await delay(200)) {
    // A queue that is not there closes the channel.
    const counts = await withChannel(scene, (channel) => Promise.all(queues.map((queue) => channel.checkQueue(queue)))).catch(() => []);
    if (counts.length > 0 && counts.every(({ consumerCount }) => consumerCount > 0)) return;
  }
}

export async function withChannel<T>({ broker: rabbit }: Scene, work: (channel: Channel) => Promise<T>): Promise<T> {
  const connection = await amqp.connect(rabbit.url);
  connection.on('error', () => {});
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    return await work(channel);
  } finally {
    await connection.close().catch(() => {});
  }
}
