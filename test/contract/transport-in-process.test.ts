import { InProcessTransport } from '../../src/memory/in-process-transport.js';
import { InProcessBroker } from '../../src/memory/transport-broker.js';
import { realClock, recordingLogger } from './transport-parts.js';
import { describeTransport } from './transport.contract.js';

describeTransport('InProcessTransport', async () => {
  const broker = new InProcessBroker(realClock);
  return Promise.resolve({
    supportsDeliveryLimit: true,
    name: (suffix) => suffix,
    connect: (options) => new InProcessTransport({ broker, clock: realClock, logger: recordingLogger(), ...options }),
    disconnect: async () => Promise.resolve(broker.disconnect()),
    reconnect: async () => Promise.resolve(broker.reconnect()),
    wipe: async () => Promise.resolve(broker.wipe()),
    deleteQueue: async (name) => Promise.resolve(broker.deleteQueue(name)),
    deleteExchange: async (name) => Promise.resolve(broker.deleteExchange(name)),
    dispose: async () => Promise.resolve(),
  });
});
