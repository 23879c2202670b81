import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FeedEntry } from '../../src/ports/history-feed.js';
import type { SagaStore } from '../../src/ports/saga-store.js';
import { eventually } from '../support/eventually.js';
import { change, endOf, entry, nothing, start, startOf, updateOf } from './saga-store-fixtures.js';

/** What the feed of every store must do. `open` gives an empty one; it is closed at the end. */
export function describeHistoryFeed(name: string, open: () => Promise<SagaStore>): void {
  describe(`HistoryFeed: ${name}`, () => {
    let store: SagaStore;
    beforeAll(async () => {
      store = await open();
    }, 60_000);
    afterAll(() => store.close());

    const told = (entries: readonly FeedEntry[]) => entries.map(({ sagaId, entry: { seq } }) => [sagaId, seq]);
    async function all(after: string, limit = 100): Promise<readonly FeedEntry[]> {
      const found: FeedEntry[] = [];
      for (;;) {
        const page = await store.feed.read({ after, limit });
        found.push(...page.entries);
        if (!page.isFull) return found;
        after = page.end;
      }
    }

    /** What is told after a place, once the last of these is. Transactions of others on the same server hold a feed up for a moment. */
    async function until(after: string, ids: readonly (string | undefined)[], limit = 100): Promise<readonly FeedEntry[]> {
      let found: readonly FeedEntry[] = [];
      await eventually(async () => {
        found = await all(after, limit);
        return ids.every((id) => found.some(({ sagaId }) => sagaId === id));
      });
      return found;
    }
    /** A place after everything that was written before. */
    async function here(): Promise<string> {
      const before = await store.feed.end();
      const [mark] = await start(store, startOf());
      return (await until(before, [mark])).findLast(({ sagaId }) => sagaId === mark)!.place;
    }

    it('tells what happened, in order, with the saga it happened to', async () => {
      const place = await here();
      const saga = startOf({ name: 'told', version: 3 });
      const [id] = await start(store, saga);
      await change(store, [id!], (stored) => updateOf(stored));
      await change(store, [id!], (stored) => endOf(stored));
      await store.moveFinished(10);
      await eventually(async () => (await all(place)).length === 3);
      const page = await store.feed.read({ after: place, limit: 100 });
      expect(told(page.entries)).toEqual([1, 2, 3].map((seq) => [id, seq]));
      expect(page.entries[1]).toEqual({
        place: expect.any(String),
        sagaId: id,
        name: 'told',
        version: 3,
        status: 'completed',
        entry: entry(2, { step: 'charge' }),
      });
      expect((await store.feed.read({ after: page.end, limit: 100 })).entries).toEqual([]);
    });

    it('goes on from any entry, and from where a page ended, without missing or repeating', async () => {
      const place = await here();
      const ids = await start(store, startOf(), startOf(), startOf());
      await change(store, ids, (stored) => updateOf(stored));
      await start(store, startOf({}, { history: [entry(1), entry(2)] }));
      await eventually(async () => (await all(place)).length === 8);
      const whole = await all(place);
      expect(whole).toHaveLength(8);
      expect(new Set(whole.map((one) => one.place)).size).toBe(8);
      for (const limit of [1, 3]) expect(told(await all(place, limit))).toEqual(told(whole));
      for (const [at, one] of whole.entries()) expect(told(await all(one.place))).toEqual(told(whole.slice(at + 1)));
    });

    it('stops at a place where it is told to', async () => {
      const place = await here();
      const [first] = await start(store, startOf());
      await until(place, [first]);
      const end = await store.feed.end();
      const [second] = await start(store, startOf());
      await until(place, [second]);
      expect(told((await store.feed.read({ after: place, until: end, limit: 100 })).entries)).toEqual([[first, 1]]);
      expect((await store.feed.read({ after: end, until: end, limit: 100 })).entries).toEqual([]);
      expect((await store.feed.read({ after: end, until: place, limit: 100 })).entries).toEqual([]);
    });

    it('tells nothing of what was rolled back', async () => {
      const place = await here();
      const good = startOf();
      const failed = await store.commit([], () => ({ ...nothing, starts: [good, startOf({ id: good.state.id })] }));
      expect(failed.fate).toBe('failed');
      const [id] = await start(store, startOf());
      expect(told(await until(place, [id]))).toEqual([[id, 1]]);
    });

    it('says what is wrong with a place', async () => {
      await expect(store.feed.read({ after: 'nonsense', limit: 1 })).rejects.toMatchObject({ code: 'SAGA_REQUEST_INVALID' });
    });
  });
}
