import { Chance } from '../lab/kit/chance.js';
import { SagaDatabase, SimulatedSagaStore } from '../lab/simulator/simulated-store.js';
import { describeIncomingStarts } from './incoming-starts.contract.js';
import { simulatedLife } from './simulated-life.js';

describeIncomingStarts('simulated', async () => {
  const { life, clock } = simulatedLife();
  const database = new SagaDatabase(clock, new Chance('contract'), false);
  return Promise.resolve({
    store: new SimulatedSagaStore(database, life),
    write: async (...rows) => database.inner.incoming.add(...rows),
  });
});
