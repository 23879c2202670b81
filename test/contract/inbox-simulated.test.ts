import type { MemoryTransaction } from '../../src/memory/in-memory-inbox.js';
import { Chance } from '../lab/kit/chance.js';
import { InboxDatabase, SimulatedInbox } from '../lab/simulator/simulated-inbox.js';
import { describeInbox, LOCK_TIMEOUT_MS } from './inbox.contract.js';
import { simulatedLife } from './simulated-life.js';

describeInbox('simulated', async () => {
  const { life, clock } = simulatedLife();
  const database = new InboxDatabase(clock, new Chance('contract'), LOCK_TIMEOUT_MS);
  const effects: string[] = [];
  return Promise.resolve({
    store: new SimulatedInbox(database, life),
    other: new SimulatedInbox(database, simulatedLife().life),
    isConcurrent: true,
    write: async (tx: MemoryTransaction, text: string) => Promise.resolve(tx.onCommit(() => effects.push(text))),
    ways: [['an effect', (tx: MemoryTransaction) => tx.onCommit(() => undefined)]],
    effects: async () => Promise.resolve(effects.toSorted()),
  });
});
