import { InMemorySagaStore } from '../../src/memory/in-memory-saga-store.js';
import { describeHistoryFeed } from './history-feed.contract.js';

describeHistoryFeed('memory', async () => new InMemorySagaStore({ now: () => Date.now() }));
