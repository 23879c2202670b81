import amqp from 'amqplib';
import { RabbitMqTransport } from '../../src/rabbitmq/rabbitmq-transport.js';
import { amqpUrl, uniqueNamespace } from '../support/servers.js';
import { tcpProxy } from '../support/tcp-proxy.js';
import { realClock, recordingLogger } from './transport-parts.js';
import { describeTransport, type TransportWorld } from './transport.contract.js';

for (const queueType of ['quorum', 'classic'] as const) {
  describeTransport(`RabbitMqTransport, ${queueType} queues`, async () => openWorld(queueType));
}

/** The shared broker behind a proxy; what was named is deleted at the end. */
async function openWorld(queueType: 'quorum' | 'classic'): Promise<TransportWorld> {
  const proxy = await tcpProxy(amqpUrl());
  const admin = await amqp.connect(amqpUrl());
  const channel = await admin.createChannel();
  const namespace = uniqueNamespace();
  const names = new Set<string>();
  const deleteAll = async () => {
    for (const name of names) {
      await channel.deleteQueue(name);
      await channel.deleteExchange(name);
    }
  };
  return {
    supportsDeliveryLimit: queueType === 'quorum',
    name(suffix) {
      const name = `${namespace}.${suffix}`;
      names.add(name);
      return name;
    },
    connect: (options) =>
      new RabbitMqTransport({
        urls: [proxy.url],
        clock: realClock,
        random: { next: () => 0.5 },
        logger: recordingLogger(),
        queueType,
        reconnectMs: { first: 20, longest: 100 },
        ...options,
      }),
    disconnect: async () => Promise.resolve(proxy.refuse()),
    reconnect: async () => Promise.resolve(proxy.accept()),
    async wipe() {
      proxy.refuse();
      await deleteAll();
      proxy.accept();
    },
    deleteQueue: async (name) => void (await channel.deleteQueue(name)),
    deleteExchange: async (name) => void (await channel.deleteExchange(name)),
    async dispose() {
      await deleteAll();
      await admin.close();
      await proxy.close();
    },
  };
}
