import { InMemorySagaStore } from '../../src/memory/in-memory-saga-store.js';
import { describeDeadLetters } from './dead-letters.contract.js';

describeDeadLetters('memory', async () => new InMemorySagaStore({ now: () => Date.now() }));
