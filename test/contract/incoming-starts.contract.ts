import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IncomingPage, IncomingStart } from '../../src/ports/incoming-starts.js';
import type { SagaStart, SagaStore, StartFate } from '../../src/ports/saga-store.js';
import { nothing, sagaId, startOf } from './saga-store-fixtures.js';

export type Written = Omit<IncomingStart, 'whole'>;
export interface OpenedIncoming {
  readonly store: SagaStore;
  /** What the commit of a client does. */
  write(...rows: readonly Written[]): Promise<void>;
  /** Holds the rows as a transaction does that is about to begin their sagas; gives what ends it. Absent where one act is one tick. */
  hold?(ids: readonly string[]): Promise<() => Promise<void>>;
}

export function writtenOf(over: Partial<Written> = {}): Written {
  return {
    id: sagaId(),
    name: 'place-order',
    version: null,
    key: null,
    tags: {},
    input: '{}',
    traceparent: null,
    tracestate: null,
    ...over,
  };
}

const VERSIONS = [
  { name: 'place-order', version: 1 },
  { name: 'place-order', version: 2 },
];
const PAGE: IncomingPage = { after: '', limit: 100, versions: VERSIONS, inputLength: 1_000 };

/** What the incoming starts of every SagaStore must do. `open` gives an empty store; it is closed at the end. */
export function describeIncomingStarts(name: string, open: () => Promise<OpenedIncoming>): void {
  describe(`IncomingStarts: ${name}`, () => {
    let opened: OpenedIncoming;
    let store: SagaStore;
    beforeAll(async () => {
      opened = await open();
      ({ store } = opened);
    }, 60_000);
    afterAll(() => store.close());
    beforeEach(async () => store.incoming.remove((await everything()).map(({ id }) => id)));

    /** Of the definitions that occur here. */
    const everything = () =>
      store.incoming.read({
        ...PAGE,
        limit: 10_000,
        versions: [...VERSIONS, { name: 'other', version: 1 }, { name: 'place-order', version: 9 }],
      });
    const idsOf = (rows: readonly { readonly id: string }[]) => rows.map(({ id }) => id);
    const startFor = ({ id, name, key }: Written, over: Partial<SagaStart> = {}) =>
      startOf({ id, name, key }, { isIncoming: true, ...over });
    async function fatesOf(...starts: readonly SagaStart[]): Promise<readonly StartFate[]> {
      const committed = await store.commit([], () => ({ ...nothing, starts }));
      if (committed.fate !== 'committed') throw committed.error;
      return committed.starts;
    }

    it('takes a row back that was taken out, once, and not where its saga is', async () => {
      const row = writtenOf({ key: 'restored', tags: { shop: 'nord' }, input: '{"total": 12.50}' });
      await store.incoming.restore(row);
      await store.incoming.restore({ ...row, input: '{}' });
      expect(await everything()).toEqual([{ ...row, whole: undefined }]);
      expect(await fatesOf(startFor(row))).toEqual([{ fate: 'started' }]);
      await store.incoming.restore(row);
      expect(await everything()).toEqual([]);
    });

    it('gives a row back as it was written', async () => {
      const row = writtenOf({
        version: 2,
        key: 'k "1" \\ grüße 🎈',
        tags: { shop: 'nord "1"', 'a\\b': '{x}' },
        input: '{"total": 12.50, "b":  1, "a": 2}',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        tracestate: 'vendor=a,other="b"',
      });
      await opened.write(row);
      expect(await store.incoming.read(PAGE)).toEqual([{ ...row, whole: undefined }]);
    });

    it('reads in the order of the ids, page by page, whatever the order of writing', async () => {
      const rows = Array.from({ length: 5 }, () => writtenOf());
      await opened.write(rows[3]!, rows[0]!);
      await opened.write(rows[1]!, rows[4]!, rows[2]!);
      expect(idsOf(await store.incoming.read(PAGE))).toEqual(idsOf(rows));
      const first = await store.incoming.read({ ...PAGE, limit: 2 });
      expect(idsOf(first)).toEqual(idsOf(rows.slice(0, 2)));
      expect(idsOf(await store.incoming.read({ ...PAGE, limit: 2, after: first[1]!.id }))).toEqual(idsOf(rows.slice(2, 4)));
      expect(await store.incoming.read({ ...PAGE, after: rows[4]!.id })).toEqual([]);
    });

    it('reads only what one of the definitions fits, also where others wait before it', async () => {
      const [other, unknown, newest, first] = [
        writtenOf({ name: 'other' }),
        writtenOf({ version: 9 }),
        writtenOf({ version: null }),
        writtenOf({ version: 1 }),
      ];
      await opened.write(other, unknown, newest, first);
      expect(idsOf(await store.incoming.read({ ...PAGE, limit: 2 }))).toEqual(idsOf([newest, first]));
      expect(await store.incoming.read({ ...PAGE, versions: [] })).toEqual([]);
    });

    it('counts what waits for other definitions, from the time asked for', async () => {
      await opened.write(writtenOf({ name: 'other' }), writtenOf({ name: 'other' }), writtenOf({ version: 9 }), writtenOf());
      // A little into the future, so that these have waited for long enough.
      expect(await store.incoming.strangers(VERSIONS, -1_000)).toEqual([
        { name: 'other', version: null, count: 2 },
        { name: 'place-order', version: 9, count: 1 },
      ]);
      expect(await store.incoming.strangers(VERSIONS, 60_000)).toEqual([]);
    });

    it('cuts an input that is too long, and says what it was', async () => {
      await opened.write(writtenOf({ input: `"${'ä'.repeat(40)}"` }), writtenOf({ input: `"${'b'.repeat(8)}"` }));
      const [long, fits] = await store.incoming.read({ ...PAGE, inputLength: 10 });
      expect(long).toMatchObject({ input: `"${'ä'.repeat(9)}`, whole: { bytes: 82 } });
      expect(fits).toMatchObject({ input: `"${'b'.repeat(8)}"`, whole: undefined });
    });

    it('removes rows, also those that are gone', async () => {
      const [gone, stays] = [writtenOf(), writtenOf()];
      await opened.write(gone, stays);
      await store.incoming.remove([gone.id, sagaId()]);
      await store.incoming.remove([gone.id]);
      expect(idsOf(await store.incoming.read(PAGE))).toEqual([stays.id]);
    });

    it('takes a row out in the commit that begins its saga', async () => {
      const rows = [writtenOf(), writtenOf()];
      await opened.write(...rows);
      expect(await fatesOf(startFor(rows[0]!), startOf())).toEqual([{ fate: 'started' }, { fate: 'started' }]);
      expect(await store.find(rows[0]!.id)).toMatchObject({ version: 1 });
      expect(idsOf(await store.incoming.read(PAGE))).toEqual([rows[1]!.id]);
    });

    it('begins nothing without the row, and leaves its key free', async () => {
      const row = writtenOf({ key: 'without a row' });
      expect(await fatesOf(startFor(row), startOf())).toEqual([{ fate: 'elsewhere' }, { fate: 'started' }]);
      expect(await store.find(row.id)).toBeUndefined();
      expect(await store.findByKey('place-order', 'without a row')).toBeUndefined();
      expect(await fatesOf(startOf({ key: 'without a row' }))).toEqual([{ fate: 'started' }]);
    });

    it('begins a saga once, however many have read its row', async () => {
      const rows = Array.from({ length: 20 }, (_, n) => writtenOf({ key: n % 2 ? `race ${n}` : null }));
      await opened.write(...rows);
      const fates = await Promise.all(
        Array.from({ length: 4 }, (_, n) => fatesOf(...(n % 2 ? rows : rows.toReversed()).map((row) => startFor(row)))),
      );
      // Who met a row in another's hands has left it, and that one has not failed.
      expect(fates.flat().filter(({ fate }) => fate === 'started')).toHaveLength(rows.length);
      for (const { id } of rows) expect(await store.history(id, 0, 10)).toHaveLength(1);
      expect(await store.incoming.read(PAGE)).toEqual([]);
    });

    it('leaves a row whose key is taken, with the saga that has it', async () => {
      const owner = startOf({ key: 'taken' });
      await fatesOf(owner);
      const row = writtenOf({ key: 'taken' });
      await opened.write(row);
      expect(await fatesOf(startFor(row))).toEqual([{ fate: 'exists', id: owner.state.id, inputHash: owner.inputHash }]);
      expect(idsOf(await store.incoming.read(PAGE))).toEqual([row.id]);
    });

    it('keeps the row when the commit fails', async () => {
      const [row, twice] = [writtenOf(), startOf()];
      await fatesOf(twice);
      await opened.write(row);
      const failed = await store.commit([], () => ({ ...nothing, starts: [startFor(row), twice] }));
      expect(failed).toMatchObject({ fate: 'failed', blame: 'row' });
      expect(idsOf(await store.incoming.read(PAGE))).toEqual([row.id]);
    });

    it('does not wait for a row that somebody else has in hand', async () => {
      if (!opened.hold) return;
      const [held, free] = [writtenOf(), writtenOf()];
      await opened.write(held, free);
      const release = await opened.hold([held.id]);
      expect(await fatesOf(startFor(held), startFor(free))).toEqual([{ fate: 'elsewhere' }, { fate: 'started' }]);
      await release();
      expect(await fatesOf(startFor(held))).toEqual([{ fate: 'started' }]);
    });
  });
}
