import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeadLetter, DeadLetterFilter } from '../../src/ports/dead-letters.js';
import type { SagaStore } from '../../src/ports/saga-store.js';
import { letterOf, lettersIn } from '../support/dead-letters.js';

const letter = (id: string, at: number, over: Partial<DeadLetter> = {}): DeadLetter =>
  letterOf({
    id,
    at,
    appId: 'payments',
    timestamp: 1_700_000_000_123,
    headers: { 'saga-attempt': 1, odd: 'a\u0000b' },
    body: 'text\\',
    ...over,
  });
const WHY = { by: 'ada', reason: 'because' };

/** What every store must do with dead letters. `open` gives an empty one; it is closed at the end. */
export function describeDeadLetters(name: string, open: () => Promise<SagaStore>): void {
  describe(`DeadLetters: ${name}`, () => {
    let store: SagaStore;
    beforeAll(async () => {
      store = await open();
    }, 60_000);
    afterAll(() => store.close());

    const idsOf = async (filter: Partial<DeadLetterFilter>) =>
      (await store.letters.page({ limit: 100, ...filter })).letters.map(({ id }) => id);

    it('are kept once each, whatever they contain, newest first', async () => {
      const [old, fresh] = [letter('old', 1_000), letter('fresh', 2_000, { replyTo: 'answers', appId: null, timestamp: null })];
      await store.letters.add([old, fresh, old]);
      await store.letters.add([{ ...old, reason: 'another' }, letter('oldest', 500, { isAltered: true, encoding: 'base64' })]);
      expect((await lettersIn(store)).slice(0, 2)).toEqual([fresh, old]);
      expect(await idsOf({})).toEqual(['fresh', 'old', 'oldest']);
      await store.letters.add([letter('nul', 9, { body: 'a\u0000b', correlationId: '\u0000' })]);
      expect(await idsOf({})).toEqual(['fresh', 'old', 'oldest', 'nul']);
      expect(await store.letters.find('old')).toEqual({ ...old, status: 'waiting', replays: 0, replay: null, discard: null });
      expect(await store.letters.find('nobody')).toBeUndefined();
    });

    it('come in pages without bodies that neither miss nor repeat, narrowed by queue, reason and status', async () => {
      const queue = 'backstep.commands.paged';
      const of = (id: string, at: number, reason: string) => letter(id, at, { queue, reason });
      // The same instant for three of them.
      await store.letters.add([
        of('p1', 10, '100% bad_'),
        of('p2', 20, 'bad'),
        of('p3', 20, 'good'),
        of('p4', 20, 'bad'),
        of('p5', 30, 'x'),
      ]);
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.letters.page({ queue, limit: 2, ...(cursor === undefined ? {} : { cursor }) });
        for (const one of page.letters) expect(one).not.toHaveProperty('body');
        seen.push(...page.letters.map(({ id }) => id));
        cursor = page.cursor;
      } while (cursor !== undefined);
      expect(seen).toEqual(['p5', 'p4', 'p3', 'p2', 'p1']);
      expect(await idsOf({ queue, reason: 'bad' })).toEqual(['p4', 'p2', 'p1']);
      expect(await idsOf({ queue, reason: '0% bad_' })).toEqual(['p1']);
      expect(await idsOf({ queue: 'nowhere' })).toEqual([]);
      await store.letters.discard('p4', WHY);
      await store.letters.replayed('p2', 20, WHY);
      expect(await idsOf({ queue, status: ['waiting'] })).toEqual(['p5', 'p3', 'p1']);
      expect(await idsOf({ queue, status: ['replayed', 'discarded'] })).toEqual(['p4', 'p2']);
      await expect(store.letters.page({ limit: 1, cursor: 'nonsense' })).rejects.toMatchObject({ code: 'SAGA_REQUEST_INVALID' });
    });

    it('are marked as replayed, with who, why, when and how often', async () => {
      await store.letters.add([letter('again', 100)]);
      const before = await store.now();
      await store.letters.replayed('again', 100, { by: 'bob', reason: 'first' });
      const replayed = await store.letters.replayed('again', 100, WHY);
      expect(replayed).toMatchObject({ status: 'replayed', replays: 2, replay: { ...WHY, at: expect.any(Number) }, discard: null });
      expect(replayed!.replay!.at).toBeGreaterThanOrEqual(before);
      expect(await store.letters.find('again')).toEqual(replayed);
      expect(await store.letters.replayed('nobody', 1, WHY)).toBeUndefined();
    });

    it('wait again when they come back, also before the replay is noted', async () => {
      const sent = letter('boomerang', 100);
      await store.letters.add([sent]);
      await store.letters.replayed('boomerang', 100, WHY);
      // A copy of the first delivery says nothing new.
      await store.letters.add([sent]);
      expect(await store.letters.find('boomerang')).toMatchObject({ status: 'replayed' });
      await store.letters.add([{ ...sent, at: 200, reason: 'still not' }]);
      expect(await store.letters.find('boomerang')).toMatchObject({ status: 'waiting', at: 200, reason: 'still not', replays: 1 });
      // Another clock may be behind.
      await store.letters.add([{ ...sent, at: 150 }]);
      expect(await store.letters.replayed('boomerang', 200, WHY)).toMatchObject({ status: 'waiting', replays: 2 });
    });

    it('are discarded once, and may still be replayed', async () => {
      await store.letters.add([letter('useless', 100)]);
      expect(await store.letters.discard('useless', WHY)).toMatchObject({
        done: true,
        letter: { status: 'discarded', discard: { ...WHY, at: expect.any(Number) }, replay: null },
      });
      expect(await store.letters.discard('useless', { by: 'bob', reason: 'me too' })).toMatchObject({
        done: false,
        letter: { discard: { by: 'ada' } },
      });
      expect(await store.letters.replayed('useless', 100, WHY)).toMatchObject({ status: 'replayed', discard: null });
      expect(await store.letters.discard('nobody', WHY)).toBeUndefined();
    });

    it('are forgotten when they are marked for long enough, and never while they wait', async () => {
      const waiting = await idsOf({ status: ['waiting'] });
      const marked = await idsOf({ status: ['replayed', 'discarded'] });
      expect([waiting.length > 2, marked.length > 2]).toEqual([true, true]);
      expect(await store.letters.forget(3_600_000, 100)).toBe(0);
      expect(await store.letters.forget(-60_000, 2)).toBe(2);
      expect(await store.letters.forget(-60_000, 100)).toBe(marked.length - 2);
      expect(await idsOf({})).toEqual(waiting);
    });
  });
}
