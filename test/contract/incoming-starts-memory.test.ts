import { InMemorySagaStore } from '../../src/memory/in-memory-saga-store.js';
import { describeIncomingStarts } from './incoming-starts.contract.js';

describeIncomingStarts('memory', async () => {
  const store = new InMemorySagaStore({ now: () => Date.now() });
  return { store, write: async (...rows) => store.incoming.add(...rows) };
});
