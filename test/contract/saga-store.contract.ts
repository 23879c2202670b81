import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FAR, change, endOf, entry, nothing, sagaId, sagaIdAt, start, startOf, stateOf, updateOf } from './saga-store-fixtures.js';
import { FOR_EVER } from '../../src/core/plan.js';
import type { SagaState } from '../../src/core/state.js';
import type { Committed, RegisteredDefinition, SagaFilter, SagaStore } from '../../src/ports/saga-store.js';

export interface OpenedStore {
  readonly store: SagaStore;
  /** Several connections: batches really overlap, and rows can be locked by somebody else. */
  readonly isConcurrent: boolean;
}

/** What every SagaStore must do. `open` gives an empty store; it is closed at the end. */
export function describeSagaStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(`SagaStore: ${name}`, () => {
    let store: SagaStore;
    let isConcurrent: boolean;
    beforeAll(async () => {
      ({ store, isConcurrent } = await open());
    }, 60_000);
    afterAll(() => store.close());

    describe('starting and updating', () => {
      it('gives back a started saga as it was, by id and by key', async () => {
        const tags = { shop: 'nord "1"', 'a\\b': '{x}' };
        const one = startOf({ key: 'back-1', tags }, { wakeAt: 1_700_000_111_222 });
        await start(store, one);
        const stored = { state: one.state, version: 1, wakeAt: 1_700_000_111_222, parked: [] };
        expect(await store.find(one.state.id)).toEqual(stored);
        expect(await store.findByKey('place-order', 'back-1')).toEqual(stored);
        expect(await store.findByKey('other', 'back-1')).toBeUndefined();
        expect(await store.find(sagaId())).toBeUndefined();
        expect(await store.find('no uuid')).toBeUndefined();
      });

      it('loads what is there in id order and counts versions', async () => {
        const ids = await start(store, startOf(), startOf(), startOf());
        const unknown = sagaId();
        const committed = await store.commit([ids[2]!, 'nonsense', unknown, ids[0]!, ids[1]!, ids[0]!], ({ sagas }) => ({
          starts: [],
          updates: [...sagas.values()].map((saga) => updateOf(saga, { order: ['charge'] })),
          result: [...sagas.keys()],
        }));
        expect(committed).toMatchObject({ fate: 'committed', result: ids, starts: [], stale: new Set() });
        expect(await store.find(ids[0]!)).toMatchObject({ version: 2, state: { order: ['charge'], seq: 2 } });
      });

      it('keeps the history of a saga without gaps, in order and in pages', async () => {
        const detail = { step: 'charge', phase: 'a', execution: 1, attempt: 2, outcome: 'error', code: 'x', message: 'a "b"\n' } as const;
        const [id] = await start(
          store,
          startOf({ seq: 2 }, { history: [entry(1, { effects: [{ do: 'status', status: 'running' }] }), entry(2, detail)] }),
        );
        await change(store, [id!], (saga) => updateOf(saga));
        const whole = await store.history(id!, 0, 100);
        expect(whole).toEqual([
          entry(1, { effects: [{ do: 'status', status: 'running' }] }),
          entry(2, detail),
          entry(3, { step: 'charge' }),
        ]);
        expect(await store.history(id!, 1, 1)).toEqual([whole![1]]);
        expect(await store.history(id!, 3, 10)).toEqual([]);
        expect(await store.history(sagaId(), 0, 10)).toBeUndefined();
        expect(await store.history('no uuid', 0, 10)).toBeUndefined();
      });

      it('leaves an update of another version out and applies the rest', async () => {
        const ids = await start(store, startOf(), startOf());
        const committed = await store.commit([ids[0]!], ({ sagas }) => ({
          ...nothing,
          updates: [
            updateOf(sagas.get(ids[0]!)!),
            // Not loaded, and a version that was never seen.
            updateOf({ state: stateOf({ id: ids[1]! }), version: 7, wakeAt: null, parked: [] }),
          ],
        }));
        expect(committed).toMatchObject({ fate: 'committed', stale: new Set([ids[1]]) });
        expect(await store.find(ids[0]!)).toMatchObject({ version: 2 });
        expect(await store.find(ids[1]!)).toMatchObject({ version: 1, state: { seq: 1 } });
        expect(await store.history(ids[1]!, 0, 10)).toHaveLength(1);
      });

      it('writes nothing when decide throws', async () => {
        const [id] = await start(store, startOf());
        let calls = 0;
        const committed = await store.commit([id!], () => {
          calls++;
          throw new Error('decide is broken');
        });
        expect(committed).toMatchObject({ fate: 'failed', blame: 'row', error: expect.objectContaining({ message: 'decide is broken' }) });
        // A store that decides from what it remembers does so once more from what is there.
        expect(calls).toBeLessThanOrEqual(2);
        expect(await store.find(id!)).toMatchObject({ version: 1 });
      });

      it('keeps 500 sagas at once', async () => {
        const ids = await start(store, ...Array.from({ length: 500 }, (_, n) => startOf({ key: `many-${n}` })));
        await change(store, ids, (saga) => updateOf(saga, { order: [saga.state.key!] }));
        expect(await store.find(ids[499]!)).toMatchObject({ version: 2, state: { order: ['many-499'] } });
        expect(await store.history(ids[250]!, 0, 10)).toHaveLength(2);
      });

      it('starts, updates and ends in one batch', async () => {
        const [id] = await start(store, startOf());
        const fresh = startOf({ end: 'compensated', endedAt: 1_700_000_000_500, reason: { kind: 'deadline' } }, { wakeAt: null });
        const committed = await store.commit([id!], ({ sagas }) => ({
          starts: [fresh],
          updates: [endOf(sagas.get(id!)!)],
          result: 'both',
        }));
        expect(committed).toMatchObject({ fate: 'committed', result: 'both', starts: [{ fate: 'started' }] });
        expect(await store.find(id!)).toMatchObject({ state: { end: 'completed' }, wakeAt: null });
        expect(await store.find(fresh.state.id)).toMatchObject({ state: { end: 'compensated' } });
      });

      it('keeps parked replies until they are replaced', async () => {
        const [id] = await start(store, startOf());
        const reply = { commandId: `${id}.charge.a.1`, attempt: null, outcome: 'success', body: '{"a":"\\u0000"}', redelivered: true };
        await change(store, [id!], (saga) => updateOf(saga, {}, { parked: [reply], wakeAt: 1_700_000_000_000 }));
        await change(store, [id!], (saga) => updateOf(saga));
        expect(await store.find(id!)).toMatchObject({ parked: [reply], wakeAt: 1_700_000_000_000 });
        await change(store, [id!], (saga) => updateOf(saga, {}, { parked: [], wakeAt: FAR }));
        expect(await store.find(id!)).toMatchObject({ parked: [], wakeAt: FAR });
      });
    });

    describe('keys', () => {
      const fatesOf = async (...starts: ReturnType<typeof startOf>[]) => {
        const committed = await store.commit([], () => ({ ...nothing, starts }));
        return committed.fate === 'committed' ? committed.starts : committed;
      };

      it('starts nothing under a key that exists, and says by which saga with which input', async () => {
        const first = startOf({ key: 'same' }, { inputHash: 'one' });
        expect(await fatesOf(first)).toEqual([{ fate: 'started' }]);
        const exists = { fate: 'exists', id: first.state.id, inputHash: 'one' };
        const again = startOf({ key: 'same' }, { inputHash: 'one' });
        const other = startOf({ key: 'same' }, { inputHash: 'two' });
        const otherName = startOf({ key: 'same', name: 'book-trip' });
        expect(await fatesOf(again, other, otherName)).toEqual([exists, exists, { fate: 'started' }]);
        expect(await store.find(again.state.id)).toBeUndefined();
        expect(await store.history(again.state.id, 0, 1)).toBeUndefined();
      });

      it('lets the first of two starts of one key in one batch win', async () => {
        const first = startOf({ key: 'twins' }, { inputHash: 'a' });
        const second = startOf({ key: 'twins' }, { inputHash: 'b' });
        expect(await fatesOf(first, second, startOf())).toEqual([
          { fate: 'started' },
          { fate: 'exists', id: first.state.id, inputHash: 'a' },
          { fate: 'started' },
        ]);
      });

      it('[A2] knows a start by its start id, too, and gives back a free key beside a taken one', async () => {
        const first = startOf({}, { startId: 'message-1' });
        expect(await fatesOf(first)).toEqual([{ fate: 'started' }]);
        const second = startOf({ key: 'free' }, { startId: 'message-1' });
        expect(await fatesOf(second)).toEqual([{ fate: 'exists', id: first.state.id, inputHash: first.inputHash }]);
        expect(await fatesOf(startOf({ key: 'free' }, { startId: 'message-2' }))).toEqual([{ fate: 'started' }]);
      });

      it('starts one saga when batches with the same keys overlap', async () => {
        const batches = Array.from({ length: 4 }, (_, batch) =>
          Array.from({ length: 20 }, (_, n) => startOf({ key: `race-${batch % 2 ? n : 19 - n}` })),
        );
        const fates = (await Promise.all(batches.map((batch) => fatesOf(...batch)))).flat();
        expect(fates).toHaveLength(80);
        expect(fates.filter((fate) => 'fate' in fate && fate.fate === 'started')).toHaveLength(20);
        const page = await store.list({ name: 'place-order', key: 'race-7', limit: 10 });
        expect(page.sagas).toHaveLength(1);
      });
    });

    describe('refusals', () => {
      it('blames the row for what cannot be stored, and loses nothing else', async () => {
        const [id] = await start(store, startOf());
        const bad = [startOf({ key: 'bad\u0000key' }), startOf({ tags: { a: 'b\u0000' } }), startOf({}, { wakeAt: null })];
        for (const one of bad) {
          const committed = await store.commit([id!], ({ sagas }) => ({
            ...nothing,
            starts: [startOf(), one],
            updates: [updateOf(sagas.get(id!)!)],
          }));
          expect(committed).toMatchObject({ fate: 'failed', blame: 'row' });
        }
        expect(await store.find(id!)).toMatchObject({ version: 1 });
        await change(store, [id!], (saga) => updateOf(saga));
        expect(await store.find(id!)).toMatchObject({ version: 2 });
      });

      it('refuses a history line that is there already', async () => {
        const [id] = await start(store, startOf());
        const committed = await store.commit([id!], ({ sagas }) => ({
          ...nothing,
          updates: [updateOf(sagas.get(id!)!, { seq: 1 }, { history: [entry(1)] })],
        }));
        expect(committed).toMatchObject({ fate: 'failed', blame: 'row' });
        expect(await store.find(id!)).toMatchObject({ version: 1 });
      });

      it('works on after several failures', async () => {
        for (let n = 0; n < 3; n++)
          expect(await store.commit([], () => ({ ...nothing, starts: [startOf({ key: '\u0000' })] }))).toMatchObject({ fate: 'failed' });
        expect(await start(store, startOf())).toHaveLength(1);
        await expect(store.list({ limit: 10, cursor: '!' })).rejects.toMatchObject({ code: 'SAGA_REQUEST_INVALID' });
        expect((await store.list({ limit: 1 })).sagas).toHaveLength(1);
      });
    });

    describe('overlapping batches', () => {
      it('never deadlocks and applies all', async () => {
        const ids = await start(store, ...Array.from({ length: 50 }, () => startOf()));
        for (let round = 0; round < 20; round++)
          await Promise.all([ids, ids.toReversed()].map((order) => change(store, order, (saga) => updateOf(saga))));
        for (const id of ids) expect(await store.find(id)).toMatchObject({ version: 41, state: { seq: 41 } });
      });

      it('gives each batch a time that is not before the one it waited for', async () => {
        const [id] = await start(store, startOf());
        const times: number[] = [];
        await Promise.all(
          Array.from({ length: 20 }, () =>
            store.commit([id!], ({ now, sagas }) => {
              times.push(now);
              return { ...nothing, updates: [updateOf(sagas.get(id!)!)] };
            }),
          ),
        );
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        expect(times.every(Number.isInteger)).toBe(true);
        expect(await store.now()).toBeGreaterThanOrEqual(times.at(-1)!);
      });
    });

    describe('due sagas', () => {
      const due = (limit: number, version = 5) =>
        store.commitDue(limit, [{ name: 'due', version }], ({ sagas, now }) => ({ ...nothing, result: { ids: [...sagas.keys()], now } }));
      const startDue = (wakeAt: number, version = 5) => startOf({ name: 'due', version }, { wakeAt });

      it('come oldest first, up to the limit, and only of the versions given', async () => {
        const [second, first, later, other] = [startDue(2_000), startDue(1_000), startDue(FAR), startDue(500, 6)];
        await start(store, second, first, later, other);
        expect(await due(10)).toMatchObject({
          fate: 'committed',
          result: { ids: expect.arrayContaining([first.state.id, second.state.id]) },
        });
        expect(await due(1)).toMatchObject({ result: { ids: [first.state.id] } });
        expect(await due(10, 99)).toMatchObject({ fate: 'committed', result: { ids: [] } });
        expect(await store.commitDue(10, [], () => nothing)).toMatchObject({ fate: 'committed' });
        const none = await due(10, 99);
        expect(none.fate === 'committed' && none.result.now).toBeGreaterThan(1_700_000_000_000);
      });

      it('[A9] stay due until they are re-armed; an update that says nothing leaves the timer', async () => {
        const [id] = await start(store, startDue(1_000, 7));
        await change(store, [id!], (saga) => updateOf(saga));
        const rearmed = await store.commitDue(10, [{ name: 'due', version: 7 }], ({ sagas }) => ({
          ...nothing,
          updates: [...sagas.values()].map((saga) => ({ state: saga.state, fromVersion: saga.version, wakeAt: FAR, history: [] })),
          result: [...sagas.values()].map((saga) => saga.wakeAt),
        }));
        expect(rearmed).toMatchObject({ fate: 'committed', result: [1_000] });
        expect(await store.find(id!)).toMatchObject({ version: 3, wakeAt: FAR });
        expect(await due(10, 7)).toMatchObject({ result: { ids: [] } });
      });

      it('are claimed by one of several sweeps', async () => {
        if (!isConcurrent) return;
        await start(store, ...Array.from({ length: 40 }, () => startDue(1_000, 8)));
        const claim = () =>
          store.commitDue(10, [{ name: 'due', version: 8 }], ({ sagas }) => ({
            ...nothing,
            updates: [...sagas.values()].map((saga) => updateOf(saga, {}, { wakeAt: FAR })),
            result: [...sagas.keys()],
          }));
        const claimed = (await Promise.all([claim(), claim(), claim(), claim()])) as Extract<Committed<string[]>, { fate: 'committed' }>[];
        const ids = claimed.flatMap((one) => one.result);
        expect(new Set(ids).size).toBe(ids.length);
        expect(claimed.every((one) => one.stale.size === 0)).toBe(true);
      });
    });

    describe('keys of single sagas', () => {
      it('are given with the saga, finished or not, until they are shredded', async () => {
        const keyed = (subject: string, key: string) => startOf({ ownKey: true }, { ownKey: { subject, key } });
        const odd = 'Ada "O\'Neill"\n\u0001, 7';
        const ids = await start(store, keyed(odd, 'k:1'), keyed('other', 'k:2'), startOf(), keyed(odd, 'k:3'));
        const loaded = async () => {
          const committed = await store.commit(ids, ({ sagas }) => ({ ...nothing, result: ids.map((id) => sagas.get(id)!.ownKey) }));
          const found = await Promise.all(ids.map(async (id) => (await store.find(id))!.ownKey));
          expect(committed.fate === 'committed' && committed.result).toEqual(found);
          return found;
        };
        expect(await loaded()).toEqual(['k:1', 'k:2', undefined, 'k:3']);
        await change(store, ids.slice(3), (saga) => endOf(saga));
        await store.moveFinished(1_000);
        expect(await loaded()).toEqual(['k:1', 'k:2', undefined, 'k:3']);
        expect(await store.shred('nobody')).toBe(0);
        expect(await store.shred(odd)).toBe(2);
        expect(await loaded()).toEqual([null, 'k:2', undefined, null]);
        expect(await store.shred(odd)).toBe(0);
        expect((await store.find(ids[0]!))!.state.ownKey).toBe(true);
        expect(await store.history(ids[0]!, 0, 10)).toHaveLength(1);
      });
    });

    describe('finished sagas', () => {
      it('are moved, found, and updated late', async () => {
        const ids = await start(store, startOf({ key: 'moved' }), startOf(), startOf());
        await change(store, ids.slice(0, 2), (saga) => endOf(saga));
        // Some stores have moved them by then.
        while ((await store.moveFinished(2)) > 0);
        expect(await store.findByKey('place-order', 'moved')).toMatchObject({ state: { id: ids[0], end: 'completed' }, version: 2 });
        const late = await store.commit(ids, ({ sagas }) => ({
          ...nothing,
          updates: [...sagas.values()].map((saga) => updateOf(saga, { noted: { late: 1 } })),
          result: [...sagas.keys()],
        }));
        expect(late).toMatchObject({ fate: 'committed', stale: new Set() });
        expect(late.fate === 'committed' && late.result.toSorted()).toEqual(ids.toSorted());
        expect(await store.find(ids[1]!)).toMatchObject({ version: 3, state: { noted: { late: 1 } } });
        expect(await store.history(ids[1]!, 0, 10)).toHaveLength(3);
        const stale = await store.commit([ids[1]!], ({ sagas }) => ({
          ...nothing,
          updates: [{ ...updateOf(sagas.get(ids[1]!)!), fromVersion: 2 }],
        }));
        expect(stale).toMatchObject({ fate: 'committed', stale: new Set([ids[1]]) });
      });

      it('are woken while replies are parked, and are not moved before', async () => {
        const [id] = await start(store, startOf({ name: 'parked', version: 3 }));
        const reply = { commandId: `${id}.charge.a.1`, attempt: 1, outcome: 'error', body: '', redelivered: false };
        await change(store, [id!], (saga) => ({ ...endOf(saga), parked: [reply], wakeAt: 1_000 }));
        await store.moveFinished(100);
        const sweep = () =>
          store.commitDue(10, [{ name: 'parked', version: 3 }], ({ sagas }) => ({
            ...nothing,
            updates: [...sagas.values()].map((saga) => updateOf(saga, {}, { parked: [], wakeAt: null })),
            result: [...sagas.keys()],
          }));
        expect(await sweep()).toMatchObject({ result: [id] });
        await store.moveFinished(100);
        await change(store, [id!], (saga) => updateOf(saga, {}, { parked: [reply], wakeAt: 1_000 }));
        expect(await sweep()).toMatchObject({ fate: 'committed', result: [id] });
        expect(await sweep()).toMatchObject({ result: [] });
        expect(await store.find(id!)).toMatchObject({ parked: [], wakeAt: null, version: 5 });
      });

      it('do not count as in flight', async () => {
        const ids = await start(
          store,
          startOf({ name: 'flight', version: 2 }),
          startOf({ name: 'flight', version: 2 }),
          startOf({ name: 'flight', version: 3 }),
        );
        await change(store, [ids[0]!], (saga) => endOf(saga));
        const inFlight = await store.versionsInFlight();
        expect(inFlight.filter(({ name }) => name === 'flight')).toEqual([
          { name: 'flight', version: 2, count: 1 },
          { name: 'flight', version: 3, count: 1 },
        ]);
      });
    });

    describe('lists', () => {
      const tags = { region: 'eu', 'quoted"': "it's" };
      let ids: readonly string[];
      const idsOf = async (filter: Partial<SagaFilter>) =>
        (await store.list({ name: 'listed', limit: 100, ...filter })).sagas.map((saga) => saga.state.id);
      beforeAll(async () => {
        ids = await start(
          store,
          ...Array.from({ length: 9 }, (_, n) => startOf({ name: 'listed', key: `l-${n}`, tags: n % 3 ? {} : tags })),
        );
        await change(store, [ids[0]!, ids[1]!, ids[4]!], (saga) => endOf(saga, saga.state.id === ids[4] ? 'compensated' : 'completed'));
        await store.moveFinished(1_000);
        await change(store, [ids[2]!], (saga) => endOf(saga));
        await change(store, [ids[3]!], (saga) => updateOf(saga, { suspended: { by: 'a', text: 'b', at: 1 } }, { wakeAt: null }));
        await change(store, [ids[5]!], (saga) => updateOf(saga, { direction: 'backward' }));
      });
      const pick = (...at: number[]) => at.map((n) => ids[n]);

      it('come newest first, from both tables, in pages that neither miss nor repeat', async () => {
        expect(await idsOf({})).toEqual(ids.toReversed());
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await store.list({ name: 'listed', limit: 2, ...(cursor === undefined ? {} : { cursor }) });
          expect(page.sagas.length).toBeLessThanOrEqual(2);
          seen.push(...page.sagas.map((saga) => saga.state.id));
          cursor = page.cursor;
        } while (cursor !== undefined);
        expect(seen).toEqual(ids.toReversed());
      });

      it('are narrowed by status, key, name and tags', async () => {
        expect(await idsOf({ status: ['completed'] })).toEqual(pick(2, 1, 0));
        expect(await idsOf({ status: ['compensated', 'suspended', 'compensating'] })).toEqual(pick(5, 4, 3));
        expect(await idsOf({ status: ['stuck'] })).toEqual([]);
        expect(await idsOf({ key: 'l-4' })).toEqual(pick(4));
        expect((await store.list({ key: 'l-8', limit: 10 })).sagas.map((saga) => saga.state.id)).toEqual(pick(8));
        expect(await idsOf({ tags: { region: 'eu' } })).toEqual(pick(6, 3, 0));
        expect(await idsOf({ tags })).toEqual(pick(6, 3, 0));
        expect(await idsOf({ tags: { region: 'us' } })).toEqual([]);
        expect(await idsOf({ name: 'nobody' })).toEqual([]);
        expect(await idsOf({ status: ['completed'], tags, key: 'l-0' })).toEqual(pick(0));
      });

      describe('by where they are', () => {
        const facts = { execution: 1, attempt: 1, tries: 1, request: null, firstSentAt: 0, cause: 'start' };
        const inFlight = { ...facts, status: 'inFlight', sentAt: 0, timeoutAt: FAR, resendAt: FAR, gapMs: 1 } as const;
        const settled = { ...facts, status: 'settled' } as const;
        const stuck = { ...facts, status: 'stuck', message: 'no', since: 0, again: 'attempt' } as const;
        const succeeded = { outcome: 'succeeded', startedAt: 0, settledAt: 1, action: settled } as const;
        const failed = (code: string) => ({ lastError: { code, message: 'it said "no" \u0000 \ud800' } });
        let at: Readonly<Record<'charging' | 'fencing' | 'undoing' | 'broken' | 'undone' | 'declined' | 'exhausted', string>>;
        beforeAll(async () => {
          const state = (over: Partial<SagaState>) => startOf({ name: 'placed', ...over });
          const backward = { direction: 'backward' } as const;
          const rejected = { kind: 'rejected', step: 'charge', code: 'card-declined' } as const;
          const exhausted = { kind: 'exhausted', step: 'charge', message: 'no' } as const;
          const [charging, fencing, undoing, broken, undone, declined, exhaustedOne] = await start(
            store,
            state({
              steps: { reserve: succeeded, charge: { outcome: 'open', startedAt: 0, action: { ...inFlight, ...failed('E_AWAY') } } },
            }),
            state({ steps: { ship: { outcome: 'open', startedAt: 0, action: settled, fence: inFlight } } }),
            state({ ...backward, reason: rejected, steps: { reserve: { ...succeeded, undo: { ...stuck, ...failed('E_UNDO') } } } }),
            state({ version: 2, steps: { charge: { outcome: 'open', startedAt: 0, fault: { phase: 'a', message: 'threw \u0000' } } } }),
            state({ ...backward, steps: { reserve: { ...succeeded, undo: { ...settled, ...failed('E_UNDO') }, undone: 'undone' } } }),
            state({ ...backward, reason: rejected, steps: { charge: { outcome: 'rejected', startedAt: 0, code: 'card-declined' } } }),
            state({
              ...backward,
              reason: exhausted,
              steps: { charge: { outcome: 'unknown', startedAt: 0, action: { ...settled, ...failed('E_AWAY') } } },
            }),
          );
          at = { charging, fencing, undoing, broken, undone, declined, exhausted: exhaustedOne } as typeof at;
          await change(store, [at.declined, at.exhausted], (saga) => endOf(saga, 'compensated'));
          await store.moveFinished(1_000);
        });
        const found = async (filter: Partial<SagaFilter>) => {
          const { sagas } = await store.list({ name: 'placed', limit: 100, ...filter });
          const names = new Map(Object.entries(at).map(([name, id]) => [id, name]));
          return sagas.map(({ state }) => names.get(state.id)!).toSorted((one, other) => one.localeCompare(other));
        };

        it('finds those at a step, forwards and backwards', async () => {
          expect(await found({ step: 'charge' })).toEqual(['broken', 'charging']);
          expect(await found({ step: 'reserve' })).toEqual(['undoing']);
          expect(await found({ step: 'ship', version: 1 })).toEqual(['fencing']);
          expect(await found({ step: 'charge', version: 2 })).toEqual(['broken']);
          expect(await found({ step: 'nowhere' })).toEqual([]);
        });

        it('finds those without an answer at one of some places', async () => {
          const place = (step: string, side: 'doing' | 'undoing', version = 1) => ({ name: 'placed', version, step, side });
          expect(await found({ places: [place('charge', 'doing'), place('reserve', 'undoing')] })).toEqual(['charging', 'undoing']);
          expect(await found({ places: [place('ship', 'doing'), place('ship', 'undoing')] })).toEqual(['fencing']);
          expect(await found({ places: [place('charge', 'doing', 2), place('reserve', 'doing')] })).toEqual([]);
          expect(await found({ places: [] })).toEqual([]);
        });

        it('finds those that something went wrong with: what it is now, or why they turned back', async () => {
          expect(await found({ error: 'E_AWAY' })).toEqual(['charging', 'exhausted']);
          expect(await found({ error: 'E_UNDO' })).toEqual(['undoing']);
          expect(await found({ error: 'card-declined' })).toEqual(['declined', 'undoing']);
          expect(await found({ error: 'card-declined', status: ['compensated'] })).toEqual(['declined']);
          expect(await found({ error: 'E_AWAY', status: ['stuck'] })).toEqual([]);
        });
      });

      it('are narrowed by when they were started', async () => {
        const now = await store.now();
        const aged = (ms: number) => startOf({ name: 'aged', id: sagaIdAt(now - ms), startedAt: now - ms });
        const [old, middle, young] = await start(store, aged(60_000), aged(40_000), aged(20_000));
        await change(store, [middle!], (saga) => endOf(saga));
        await store.moveFinished(1_000);
        const found = async (filter: Partial<SagaFilter>) =>
          (await store.list({ name: 'aged', limit: 10, ...filter })).sagas.map(({ state }) => state.id);
        expect(await found({ startedBefore: now - 40_000 })).toEqual([old]);
        expect(await found({ startedAfter: now - 40_000 })).toEqual([young]);
        expect(await found({ startedAfter: now - 50_000 })).toEqual([young, middle]);
        expect(await found({ startedAfter: now - 50_000, startedBefore: now - 30_000 })).toEqual([middle]);
      });
    });

    describe('definitions', () => {
      it('are registered once; those known otherwise are given back unchanged', async () => {
        const one = { name: 'defined', version: 1, fingerprint: 'f1', shape: ['step a', 'step "b"'], retention: FOR_EVER };
        const two = { ...one, version: 2 };
        expect(await store.registerDefinitions([one])).toEqual([]);
        expect(await store.registerDefinitions([one, two])).toEqual([]);
        expect(await store.registerDefinitions([{ ...one, fingerprint: 'f2', shape: [] }, two])).toEqual([one]);
        await store.replaceDefinition({ ...one, fingerprint: 'f2' });
        expect(await store.registerDefinitions([{ ...one, fingerprint: 'f2' }])).toEqual([]);
        await start(store, startOf({ name: 'defined', version: 2 }));
        await expect(store.replaceDefinition({ ...two, fingerprint: 'f3' })).rejects.toMatchObject({ code: 'SAGA_DEFINITION_CHANGED' });
      });
    });

    describe('retention', () => {
      const DAY_MS = 86_400_000;
      const defined = (name: string, completedDays: number | null, over: Partial<RegisteredDefinition> = {}) => {
        const retention = {
          completedMs: completedDays && completedDays * DAY_MS,
          compensatedMs: completedDays && 3 * completedDays * DAY_MS,
        };
        return { name, version: 1, fingerprint: 'f', shape: [], retention, ...over };
      };
      /** One that ended so many days ago. */
      const ended = (now: number, days: number, state: Partial<SagaState> = {}, startId: string | null = null) => {
        const facts = {
          id: sagaIdAt(now - 400 * DAY_MS),
          end: 'completed' as const,
          endedAt: now - days * DAY_MS,
          startedAt: now - 400 * DAY_MS,
        };
        return startOf({ ...facts, ...state }, { wakeAt: null, startId });
      };
      const forgetAll = async (limit = 1_000) => {
        const removed: number[] = [];
        do removed.push(await store.forgetFinished(limit));
        while (removed.at(-1) !== 0);
        return removed.slice(0, -1);
      };

      it('removes the keys that sealed payloads of what it removes', async () => {
        const now = await store.now();
        await store.registerDefinitions([defined('sealed', 30)]);
        const sealed = (days: number, subject: string) => ({
          ...ended(now, days, { name: 'sealed', ownKey: true }),
          ownKey: { subject, key: 'k' },
        });
        await start(store, sealed(31, 'who left'), sealed(29, 'who stays'));
        await store.moveFinished(10);
        expect(await forgetAll()).toEqual([1]);
        expect([await store.shred('who left'), await store.shred('who stays')]).toEqual([0, 1]);
      });

      it('removes finished sagas that are over, with their histories and keys, and no others', async () => {
        const [from, now] = [await store.feed.end(), await store.now()];
        await store.registerDefinitions([defined('brief', 30), defined('brief', null, { version: 2 })]);
        const over = [ended(now, 31, { name: 'brief', key: 'gone' }, 'start-gone'), ended(now, 91, { name: 'brief', end: 'compensated' })];
        const staying = [
          ended(now, 29, { name: 'brief', key: 'there' }),
          ended(now, 31, { name: 'brief', end: 'compensated' }),
          ended(now, 300, { name: 'brief', version: 2 }),
          ended(now, 300, { name: 'never-registered' }),
          startOf({ name: 'brief', id: sagaIdAt(now - 400 * DAY_MS) }),
        ];
        await start(store, ...over, ...staying);
        expect(await forgetAll()).toEqual([]);
        await store.moveFinished(1_000);
        expect(await forgetAll()).toEqual([2]);
        for (const { state } of over) {
          expect(await store.find(state.id)).toBeUndefined();
          expect(await store.history(state.id, 0, 10)).toBeUndefined();
        }
        for (const { state } of staying) {
          expect(await store.find(state.id)).toMatchObject({ state: { id: state.id } });
          expect(await store.history(state.id, 0, 10)).toHaveLength(1);
        }
        expect(await store.findByKey('brief', 'gone')).toBeUndefined();
        const told = new Set((await store.feed.read({ after: from, limit: 1_000 })).entries.map(({ sagaId: id }) => id));
        expect(over.filter(({ state }) => told.has(state.id))).toEqual([]);
        const again = [startOf({ name: 'brief', key: 'gone' }, { startId: 'start-gone' }), startOf({ name: 'brief', key: 'there' })];
        const committed = await store.commit([], () => ({ ...nothing, starts: again }));
        expect(committed).toMatchObject({ starts: [{ fate: 'started' }, { fate: 'exists', id: staying[0]!.state.id }] });
      });

      it('removes so many at once', async () => {
        const now = await store.now();
        await store.registerDefinitions([defined('many-over', 7)]);
        await start(store, ...[20, 21, 22, 23, 24].map((days) => ended(now, days, { name: 'many-over' })));
        await store.moveFinished(1_000);
        expect(await forgetAll(2)).toEqual([2, 2, 1]);
      });

      it('is what was said last of this very definition', async () => {
        const now = await store.now();
        const saga = ended(now, 50, { name: 'changing' });
        await store.registerDefinitions([defined('changing', null)]);
        await start(store, saga);
        await store.moveFinished(1_000);
        await store.registerDefinitions([defined('changing', 30, { fingerprint: 'another' })]);
        expect(await forgetAll()).toEqual([]);
        await store.registerDefinitions([defined('changing', 30)]);
        await store.registerDefinitions([defined('changing', 60)]);
        expect(await forgetAll()).toEqual([]);
        await store.replaceDefinition(defined('changing', 40, { fingerprint: 'another' }));
        expect(await forgetAll()).toEqual([1]);
      });

      it('lets several do it at once', async () => {
        const now = await store.now();
        await store.registerDefinitions([defined('together', 7)]);
        await start(store, ...Array.from({ length: 40 }, () => ended(now, 20, { name: 'together' })));
        await store.moveFinished(1_000);
        const removed = await Promise.all([forgetAll(3), forgetAll(3), forgetAll(3)]);
        expect(removed.flat().reduce((all, one) => all + one, 0)).toBe(40);
      });
    });

    it('is ready, and makes room for the time to come any number of times', async () => {
      await store.check();
      await Promise.all([store.maintain(), store.maintain()]);
      await store.maintain();
    });
  });
}
