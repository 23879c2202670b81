import { InMemorySagaStore } from '../../src/memory/in-memory-saga-store.js';
import { describeSagaOverview } from './saga-overview.contract.js';

describeSagaOverview('memory', async () => new InMemorySagaStore({ now: () => Date.now() }));
