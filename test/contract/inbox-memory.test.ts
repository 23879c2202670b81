import { describe, expect, it } from '@jest/globals';
import { InMemoryInbox, type MemoryTransaction } from '../../src/memory/in-memory-inbox.js';
import type { InboxSession } from '../../src/ports/inbox.js';
import { actionId, describeInbox, LOCK_TIMEOUT_MS } from './inbox.contract.js';
import { realClock } from './transport-parts.js';

describeInbox('in memory', async () => {
  const store = new InMemoryInbox(realClock, LOCK_TIMEOUT_MS);
  const effects: string[] = [];
  return Promise.resolve({
    store,
    other: store,
    isConcurrent: true,
    write: async (tx: MemoryTransaction, text: string) => Promise.resolve(tx.onCommit(() => effects.push(text))),
    ways: [['an effect', (tx: MemoryTransaction) => tx.onCommit(() => undefined)]],
    effects: async () => Promise.resolve(effects.toSorted()),
  });
});

describe('an inbox in memory', () => {
  it('gives nothing to a transaction that is over: nobody would ever give it back', async () => {
    const inbox = new InMemoryInbox(realClock, LOCK_TIMEOUT_MS);
    const row = { actionId: actionId(), direction: 'action', commandId: 'c', requestHash: 'h' } as const;
    let late: InboxSession<unknown> | undefined;
    await inbox.transact(async (session) => {
      late = session;
      return Promise.reject(new Error('given up'));
    });
    await expect(late!.claim([row])).rejects.toThrow('another transaction holds');
    const claims = await inbox.transact(async (session) => {
      const made = await session.claim([row]);
      await session.release([row]);
      return made;
    });
    expect(claims).toMatchObject({ fate: 'committed', value: [{ fresh: true }] });
  });
});
