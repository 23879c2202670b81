import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { InboxConnection, InboxConnections, SqlClient } from '../../../src/postgres/inbox-connections.js';
import { SqlInboxStore } from '../../../src/postgres/inbox-store.js';

const never = <T>() => new Promise<T>(() => undefined);
const clock = { rows: [{ now: 1_000 }], rowCount: 1 };

/** Connections of a database that falls silent at some point: nothing comes back, and nobody says that the connection is gone. */
class SilentAt implements InboxConnections<undefined> {
  readonly max = 4;
  readonly released: boolean[] = [];
  constructor(private readonly point: 'open' | 'begin' | 'query' | 'commit') {}

  async open(): Promise<InboxConnection<undefined>> {
    const at = <T>(point: string, answer: T): Promise<T> => (this.point === point ? never<T>() : Promise.resolve(answer));
    const client = { query: () => at('query', { rows: [], rowCount: 0 }), on: () => client, removeListener: () => client };
    return at('open', {
      tx: undefined,
      client: client as unknown as SqlClient,
      begin: () => at('begin', clock),
      commit: () => at('commit', undefined),
      rollback: () => Promise.resolve(),
      release: async (isBroken: boolean) => void this.released.push(isBroken),
    });
  }
  async close(): Promise<void> {}
}

describe('an inbox whose database falls silent', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());
  const claim = { actionId: 'a', direction: 'action', commandId: 'a', requestHash: 'h' } as const;

  it.each([
    ['open', { fate: 'failed', why: 'unavailable' }, []],
    ['begin', { fate: 'failed', why: 'unavailable' }, [true]],
    ['query', { fate: 'failed', why: 'unavailable' }, [true]],
    ['commit', { fate: 'unknown' }, [true]],
  ] as const)('at %s does not hang: the connection counts as lost', async (point, outcome, released) => {
    const connections = new SilentAt(point);
    const store = new SqlInboxStore(connections);
    const result = store.transact(async (session) => {
      if (point === 'query') await session.claim([claim]);
    });
    await jest.advanceTimersByTimeAsync(40_000);
    expect(await result).toMatchObject(outcome);
    expect(connections.released).toEqual(released);
  });
  it('gives no lock', async () => {
    const held = new SqlInboxStore(new SilentAt('query')).exclusively('name', 100, async () => Promise.resolve());
    await jest.advanceTimersByTimeAsync(40_000);
    expect(await held).toMatchObject({ fate: 'unavailable' });
  });
});
