import { InMemorySagaStore } from '../../src/memory/in-memory-saga-store.js';
import { describeSagaStore } from './saga-store.contract.js';

describeSagaStore('memory', async () => ({ store: new InMemorySagaStore({ now: () => Date.now() }), isConcurrent: false }));
