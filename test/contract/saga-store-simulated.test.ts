import { Chance } from '../lab/kit/chance.js';
import { SagaDatabase, SimulatedSagaStore } from '../lab/simulator/simulated-store.js';
import { describeSagaStore } from './saga-store.contract.js';
import { simulatedLife } from './simulated-life.js';

// In calm weather, with row locks: what the simulator does to them is no part of the contract.
describeSagaStore('simulated', async () => {
  const { life, clock } = simulatedLife();
  const database = new SagaDatabase(clock, new Chance('contract'), false);
  return Promise.resolve({ store: new SimulatedSagaStore(database, life), isConcurrent: true });
});
