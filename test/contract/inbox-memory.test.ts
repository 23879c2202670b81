import { InMemoryInbox, type MemoryTransaction } from '../../src/memory/in-memory-inbox.js';
import { describeInbox, LOCK_TIMEOUT_MS } from './inbox.contract.js';
import { realClock } from './transport-parts.js';

describeInbox('in memory', async () => {
  const store = new InMemoryInbox(realClock, LOCK_TIMEOUT_MS);
  const effects: string[] = [];
  return Promise.resolve({
    store,
    other: store,
    isConcurrent: true,
    write: async (tx: MemoryTransaction, text: string) => Promise.resolve(tx.onCommit(() => effects.push(text))),
    effects: async () => Promise.resolve(effects.toSorted()),
  });
});
