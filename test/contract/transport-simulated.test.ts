import { InProcessBroker } from '../../src/memory/transport-broker.js';
import { Chance } from '../lab/kit/chance.js';
import { SimulatedTransport } from '../lab/simulator/simulated-transport.js';
import { simulatedLife } from './simulated-life.js';
import { recordingLogger } from './transport-parts.js';
import { describeTransport } from './transport.contract.js';

describeTransport('simulated', async () => {
  const { life, time } = simulatedLife();
  const broker = new InProcessBroker(time, (run) => void time.after(0, run));
  const world = {
    time,
    broker,
    chance: new Chance('contract'),
    logger: recordingLogger(),
    slow: 0,
    publisher: '',
    onCounted: () => undefined,
  };
  return Promise.resolve({
    supportsDeliveryLimit: true,
    name: (suffix) => suffix,
    connect: (options) => new SimulatedTransport(world, life, options?.publishWaitMs),
    disconnect: async () => Promise.resolve(broker.disconnect()),
    reconnect: async () => Promise.resolve(broker.reconnect()),
    wipe: async () => Promise.resolve(broker.wipe()),
    deleteQueue: async (name) => Promise.resolve(broker.deleteQueue(name)),
    deleteExchange: async (name) => Promise.resolve(broker.deleteExchange(name)),
    dispose: async () => Promise.resolve(),
  });
});
