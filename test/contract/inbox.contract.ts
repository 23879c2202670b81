import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { InboxClaim, InboxResult, InboxSession, InboxStore } from '../../src/ports/inbox.js';

export interface OpenedInbox<Tx> {
  readonly store: InboxStore<Tx>;
  /** The same rows, as another process sees them. */
  readonly other: InboxStore<Tx>;
  /** Several transactions at a time. */
  readonly isConcurrent: boolean;
  /** An effect of a handler. */
  write(tx: Tx, text: string): Promise<void>;
  /** Ways to do something in a transaction, named. */
  readonly ways: readonly (readonly [how: string, use: (tx: Tx) => unknown])[];
  /** Effects that are committed, in alphabetical order. */
  effects(): Promise<readonly string[]>;
  /** What ends with an error of the database, if there is one behind it. */
  breakStatement?(tx: Tx): Promise<void>;
  /** As if the rows had last been used then. */
  age?(actionId: string, usedAt: number): Promise<void>;
}
/** How long the stores of the suite wait for a lock. */
export const LOCK_TIMEOUT_MS = 300;

let sagas = 0;
/** An action id of a saga begun at this instant. */
export function actionId(at = 1_700_000_000_000): string {
  const hex = at.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(++sagas).padStart(12, '0')}.charge.a.1`;
}
const rowOf = (id: string, direction: InboxClaim['direction'] = 'action'): InboxClaim => ({
  actionId: id,
  direction,
  commandId: id,
  requestHash: 'h',
});

/** What every InboxStore must do. */
export function describeInbox<Tx>(name: string, open: () => Promise<OpenedInbox<Tx>>): void {
  describe(`InboxStore: ${name}`, () => {
    let at: OpenedInbox<Tx>;
    beforeAll(async () => {
      at = await open();
      await Promise.all([at.store.migrate(), at.other.migrate(), at.store.migrate()]);
    }, 60_000);
    afterAll(async () => {
      await at.other.close();
      await at.store.close();
    });

    const committed = <R>(result: InboxResult<R>): R => {
      if (result.fate !== 'committed') throw new Error(`not committed: ${JSON.stringify({ ...result, error: String(result.error) })}`);
      return result.value;
    };
    const peek = async (id: string, direction: InboxClaim['direction'] = 'action') =>
      committed(
        await at.store.transact(async (session) => {
          const [claim] = await session.claim([rowOf(id, direction)]);
          if (claim!.fresh) await session.release([rowOf(id, direction)]);
          return claim!.fresh ? undefined : claim!.row;
        }),
      );
    const storeSuccess = (session: InboxSession<Tx>, id: string, reply = '1') =>
      session.store([{ actionId: id, direction: 'action', state: 'success', reply }]);

    describe('rows', () => {
      it('are made once and found as they were stored', async () => {
        const id = actionId();
        const first = await at.store.transact(async (session) => {
          const claims = await session.claim([rowOf(id)]);
          await storeSuccess(session, id, '{"paymentId":"ä\\n"}');
          return claims;
        });
        expect(committed(first)).toEqual([{ fresh: true }]);
        expect(await peek(id)).toMatchObject({ ...rowOf(id), state: 'success', reply: '{"paymentId":"ä\\n"}' });
      });

      it('of an action and of its compensation are two', async () => {
        const id = actionId();
        await at.store.transact(async (session) => {
          await session.claim([rowOf(id, 'compensation'), rowOf(id, 'action')]);
          await session.store([
            { actionId: id, direction: 'compensation', state: 'success', reply: 'null' },
            { actionId: id, direction: 'action', state: 'tombstone', reply: null },
          ]);
        });
        expect([(await peek(id))?.state, (await peek(id, 'compensation'))?.state]).toEqual(['tombstone', 'success']);
      });

      it('come back in the order in which they were asked for, new and old', async () => {
        const [one, two, three] = [actionId(), actionId(), actionId()];
        await at.store.transact(async (session) => {
          await session.claim([rowOf(two!)]);
          await session.store([{ actionId: two!, direction: 'action', state: 'rejected', reply: '{}' }]);
        });
        const claims = await at.store.transact(async (session) => {
          const result = await session.claim([rowOf(three!), rowOf(two!), rowOf(one!)]);
          await session.release([rowOf(one!), rowOf(three!)]);
          return result;
        });
        expect(committed(claims)).toMatchObject([
          { fresh: true },
          { fresh: false, row: { commandId: two, state: 'rejected' } },
          { fresh: true },
        ]);
      });

      it('that are released were never there', async () => {
        const id = actionId();
        await at.store.transact(async (session) => {
          await session.claim([rowOf(id)]);
          await session.release([rowOf(id)]);
        });
        expect(await peek(id)).toBeUndefined();
      });

      it('[B2] go with a transaction that fails, and its effects with them', async () => {
        const id = actionId();
        const error = new Error('a bug');
        const result = await at.store.transact(async (session) => {
          await session.claim([rowOf(id)]);
          await at.write(session.tx, `undone ${id}`);
          throw error;
        });
        expect(result).toEqual({ fate: 'failed', why: 'refused', error });
        expect(await peek(id)).toBeUndefined();
        expect(await at.effects()).not.toContain(`undone ${id}`);
      });

      it('may change from started to whatever it became', async () => {
        const id = actionId();
        await at.store.transact(async (session) => {
          await session.claim([rowOf(id)]);
          await session.store([{ actionId: id, direction: 'action', state: 'started', reply: null }]);
        });
        await at.other.transact(async (session) => {
          const [claim] = await session.claim([rowOf(id)]);
          expect(claim).toMatchObject({ fresh: false, row: { state: 'started' } });
          await storeSuccess(session, id);
        });
        expect(await peek(id)).toMatchObject({ state: 'success', reply: '1' });
      });
    });

    describe('records', () => {
      const recordOf = (id: string, direction: InboxClaim['direction'] = 'action') =>
        ({ ...rowOf(id, direction), state: 'success', reply: '"done"' }) as const;
      const effectOf = (id: string) => `effect of ${id}`;
      const recorded = (store: InboxStore<Tx>, ids: readonly string[]) =>
        store.transact(async (session) => {
          await at.write(session.tx, effectOf(ids[0]!));
          if (!(await session.record(ids.map((id) => recordOf(id))))) throw new Error('one was there');
        });

      it('are found like rows that were claimed and stored', async () => {
        const ids = [actionId(), actionId()];
        committed(await recorded(at.store, ids.toReversed()));
        for (const id of ids) expect(await peek(id)).toMatchObject({ ...rowOf(id), state: 'success', reply: '"done"' });
        expect(await at.effects()).toContain(effectOf(ids[1]!));
      });

      it('of a row without a reply or a request hash are what they say', async () => {
        const id = actionId();
        const row = { ...rowOf(id), requestHash: '', state: 'tombstone', reply: null } as const;
        expect(committed(await at.store.transact((session) => session.record([row])))).toBe(true);
        expect(await peek(id)).toMatchObject({ requestHash: '', state: 'tombstone', reply: null });
      });

      it('of what was handled before take no effect, whatever stands there', async () => {
        const [old, fresh] = [actionId(), actionId()];
        await at.store.transact(async (session) => {
          await session.claim([rowOf(old)]);
          await session.store([{ actionId: old, direction: 'action', state: 'tombstone', reply: null }]);
        });
        expect(await recorded(at.other, [fresh, old])).toMatchObject({ fate: 'failed', why: 'refused' });
        expect(await peek(fresh)).toBeUndefined();
        expect(await peek(old)).toMatchObject({ state: 'tombstone' });
        expect(await at.effects()).not.toContain(effectOf(fresh));
      });

      it('[B14] wait for whoever has claimed the row, and see what became of it', async () => {
        if (!at.isConcurrent) return;
        for (const [isKept, becomes] of [
          [true, 'failed'],
          [false, 'committed'],
        ] as const) {
          const id = actionId();
          const [isClaimed, claimed] = signal();
          const [mayCommit, commit] = signal();
          const first = at.store.transact(async (session) => {
            await session.claim([rowOf(id)]);
            claimed();
            await mayCommit;
            if (isKept) await session.store([{ actionId: id, direction: 'action', state: 'tombstone', reply: null }]);
            else await session.release([rowOf(id)]);
          });
          await isClaimed;
          const second = recorded(at.other, [id]);
          commit();
          committed(await first);
          expect((await second).fate).toBe(becomes);
          expect((await peek(id))?.state).toBe(isKept ? 'tombstone' : 'success');
        }
      });

      it('[B13] of one action in two transactions are made by one of them', async () => {
        if (!at.isConcurrent) return;
        const ids = [actionId(), actionId(), actionId()];
        const both = await Promise.all([recorded(at.store, ids), recorded(at.other, ids.toReversed())]);
        expect(both.map(({ fate }) => fate).sort()).toEqual(['committed', 'failed']);
        for (const id of ids) expect(await peek(id)).toMatchObject({ state: 'success' });
      });
    });

    describe('final rows of actions', () => {
      const SETTLED = ['success', 'rejected', 'tombstone', 'started'] as const;
      const made = async (id: string, state: (typeof SETTLED)[number], direction: InboxClaim['direction'] = 'action') => {
        const row = { ...rowOf(id, direction), state, reply: state === 'success' || state === 'rejected' ? `"${id}"` : null } as const;
        committed(await at.store.transact((session) => session.record([row])));
        return row;
      };
      const look = (ids: readonly string[]) => at.other.transact((session) => session.finalActions(ids));
      const looked = async (ids: readonly string[]) => committed(await look(ids));

      it('are found in the order in which they were asked for, and no others', async () => {
        const ids = [actionId(), actionId(), actionId(), actionId(), actionId(), actionId()] as const;
        const rows = await Promise.all(SETTLED.map((state, index) => made(ids[index]!, state)));
        // Only its compensation was ever heard of.
        await made(ids[4], 'success', 'compensation');
        const [success, rejected, tombstone] = rows;
        expect(await looked([ids[5], ids[2], ids[3], ids[0], ids[4], ids[1]])).toMatchObject([
          undefined,
          tombstone!,
          undefined,
          success!,
          undefined,
          rejected!,
        ]);
        expect(await looked([ids[3], ids[4], ids[5]])).toEqual([undefined, undefined, undefined]);
        expect(await looked([ids[1]])).toHaveLength(1);
      });

      it('are those of the transaction itself too, once they are stored', async () => {
        const id = actionId();
        const [before, after] = committed(
          await at.store.transact(async (session) => {
            await session.claim([rowOf(id)]);
            const claimed = await session.finalActions([id]);
            await storeSuccess(session, id);
            return [claimed, await session.finalActions([id])];
          }),
        )!;
        expect(before).toEqual([undefined]);
        expect(after).toMatchObject([{ ...rowOf(id), state: 'success', reply: '1' }]);
      });

      it('are not found while the transaction that makes them is open, which is not waited for', async () => {
        if (!at.isConcurrent) return;
        const [claimed, recorded] = [actionId(), actionId()];
        const [isMade, make] = signal();
        const [mayCommit, commit] = signal();
        const first = at.store.transact(async (session) => {
          await session.claim([rowOf(claimed)]);
          await session.record([{ ...rowOf(recorded), state: 'success', reply: '1' }]);
          make();
          await mayCommit;
          await storeSuccess(session, claimed);
        });
        await isMade;
        const meanwhile = await look([claimed, recorded]);
        commit();
        committed(await first);
        expect(committed(meanwhile)).toEqual([undefined, undefined]);
        expect((await looked([claimed, recorded])).map((row) => row?.state)).toEqual(['success', 'success']);
      });

      it('are looked at without a lock: whoever holds them is not waited for, nor does anybody wait for who looked', async () => {
        if (!at.isConcurrent) return;
        const id = actionId();
        await made(id, 'success');
        const [isHeld, held] = signal();
        const [mayEnd, end] = signal();
        const holder = at.store.transact(async (session) => {
          await session.claim([rowOf(id)]);
          held();
          await mayEnd;
        });
        await isHeld;
        const meanwhile = await look([id]);
        end();
        committed(await holder);
        expect(committed(meanwhile)).toMatchObject([{ state: 'success' }]);
        const both = await at.other.transact(async (session) => {
          await session.finalActions([id]);
          return at.store.transact(async (other) => other.claim([rowOf(id)]));
        });
        expect(committed(committed(both))).toMatchObject([{ fresh: false, row: { state: 'success' } }]);
      });

      it('are not found when they have to be marked as used', async () => {
        if (!at.age) return;
        const [long, lately] = [actionId(), actionId()];
        await made(long, 'success');
        await made(lately, 'success');
        const hour = 3_600_000;
        await at.age(long, (await at.store.now()) - hour - 1_000);
        await at.age(lately, (await at.store.now()) - hour + 60_000);
        expect((await looked([long, lately])).map((row) => row?.state)).toEqual([undefined, 'success']);
        await peek(long);
        expect((await looked([long])).map((row) => row?.state)).toEqual(['success']);
      });
    });

    describe('what is done through the transaction', () => {
      it('is counted, however it is done', async () => {
        expect(at.ways.length).toBeGreaterThan(0);
        const counted = await at.store.transact(async (session) => {
          const unseen: string[] = [];
          for (const [how, use] of at.ways) {
            const before = session.uses;
            await use(session.tx);
            if (session.uses === before) unseen.push(how);
            const inAttempt = session.uses;
            await session.attempt(async () => use(session.tx));
            if (session.uses === inAttempt) unseen.push(`${how}, in an attempt`);
            const inVain = session.uses;
            const failed = session.attempt(async () => {
              await use(session.tx);
              throw new Error('no');
            });
            await expect(failed).rejects.toThrow('no');
            if (session.uses === inVain) unseen.push(`${how}, in an attempt that fails`);
          }
          return unseen;
        });
        expect(committed(counted)).toEqual([]);
      });

      it('is told from what the inbox does itself', async () => {
        const [one, two, three] = [actionId(), actionId(), actionId()];
        await at.store.transact(async (session) => {
          await session.claim([rowOf(two)]);
          await storeSuccess(session, two);
        });
        const changed = await at.store.transact(async (session) => {
          const doings: Record<string, () => Promise<unknown>> = {
            takeTurn: () => session.takeTurn('till'),
            finalActions: () => session.finalActions([one, two]),
            claim: () => session.claim([rowOf(one), rowOf(two), rowOf(two, 'compensation')]),
            attempt: () => session.attempt(async () => Promise.resolve()),
            'attempt in vain': () => session.attempt(() => Promise.reject(new Error('no'))).catch(() => undefined),
            idle: () => session.idle(),
            store: () => storeSuccess(session, one),
            record: () => session.record([{ ...rowOf(three), state: 'success', reply: '1' }]),
            release: () => session.release([rowOf(two, 'compensation')]),
          };
          const counted: string[] = [];
          for (const [name, act] of Object.entries(doings)) {
            const before = session.uses;
            await act();
            if (session.uses !== before) counted.push(name);
          }
          return counted;
        });
        expect(committed(changed)).toEqual([]);
        expect([(await peek(one))?.state, (await peek(three))?.state]).toEqual(['success', 'success']);
      });

      /** One after the other, where that takes longer than a turn. */
      const writeTwo = async (tx: Tx, text: string) => {
        await at.write(tx, text);
        if (at.breakStatement) await at.write(tx, text);
      };

      it('is over once the session is idle, and was counted, although nobody awaited it', async () => {
        const id = actionId();
        const [early, late] = committed(
          await at.store.transact(async (session) => {
            const before = session.uses;
            void writeTwo(session.tx, `left alone ${id}`);
            await session.idle();
            const counted = session.uses;
            await new Promise((resolve) => setTimeout(resolve, 50));
            return [counted - before, session.uses - before];
          }),
        )!;
        expect(early).toBeGreaterThan(0);
        expect(late).toBe(early);
      });

      it('goes with the attempt that fails, although it was not awaited', async () => {
        const id = actionId();
        const result = await at.store.transact(async (session) => {
          const failed = session.attempt(async () => {
            void writeTwo(session.tx, `not awaited ${id}`);
            return Promise.reject(new Error('no'));
          });
          await expect(failed).rejects.toThrow('no');
          await session.attempt(() => at.write(session.tx, `awaited ${id}`));
        });
        committed(result);
        expect((await at.effects()).filter((text) => text.endsWith(id))).toEqual([`awaited ${id}`]);
      });
    });

    describe('attempts', () => {
      it('take what failed away and keep the rest', async () => {
        const [one, two, three] = [actionId(), actionId(), actionId()];
        const no = new Error('no');
        const result = await at.store.transact(async (session) => {
          await session.claim([rowOf(one!), rowOf(two!), rowOf(three!)]);
          const kept = await session.attempt(async () => at.write(session.tx, `a ${one}`).then(() => 'kept'));
          const failed = session.attempt(async () => {
            await at.write(session.tx, `b ${two}`);
            throw no;
          });
          await expect(failed).rejects.toBe(no);
          await session.attempt(() => at.write(session.tx, `c ${three}`));
          await session.store([one, three].map((id) => ({ actionId: id!, direction: 'action', state: 'success', reply: '1' })));
          await session.release([rowOf(two!)]);
          return kept;
        });
        expect(committed(result)).toBe('kept');
        const effects = await at.effects();
        expect([`a ${one}`, `b ${two}`, `c ${three}`].filter((text) => effects.includes(text))).toEqual([`a ${one}`, `c ${three}`]);
      });

      it('survive an error of the database', async () => {
        if (!at.breakStatement) return;
        const id = actionId();
        const result = await at.store.transact(async (session) => {
          await session.claim([rowOf(id)]);
          await expect(session.attempt(() => at.breakStatement!(session.tx))).rejects.toThrow('division by zero');
          await session.attempt(() => at.write(session.tx, `after ${id}`));
          await storeSuccess(session, id);
        });
        committed(result);
        expect(await at.effects()).toContain(`after ${id}`);
      });

      it('that pass over an error of the database fail with the transaction', async () => {
        if (!at.breakStatement) return;
        const id = actionId();
        const result = await at.store.transact(async (session) => {
          await session.claim([rowOf(id)]);
          await session.attempt(() => at.breakStatement!(session.tx).catch(() => undefined));
          await storeSuccess(session, id);
        });
        expect(result).toMatchObject({ fate: 'failed', why: 'refused' });
        expect(await peek(id)).toBeUndefined();
      });
    });

    describe('side by side', () => {
      it('who comes second waits and sees what the first one stored', async () => {
        const id = actionId();
        const [isClaimed, claimed] = signal();
        const [mayCommit, commit] = signal();
        const first = at.store.transact(async (session) => {
          await session.claim([rowOf(id)]);
          claimed();
          await mayCommit;
          await storeSuccess(session, id, '"first"');
        });
        await isClaimed;
        const second = at.other.transact(async (session) => session.claim([rowOf(id)]));
        commit();
        committed(await first);
        expect(committed(await second)).toMatchObject([{ fresh: false, row: { state: 'success', reply: '"first"' } }]);
      });

      it('who comes second has it when the first one fails or lets go', async () => {
        for (const letsGo of [true, false]) {
          const id = actionId();
          const [isClaimed, claimed] = signal();
          const first = at.store.transact(async (session) => {
            await session.claim([rowOf(id)]);
            claimed();
            if (!letsGo) throw new Error('fails');
            await session.release([rowOf(id)]);
          });
          await isClaimed;
          const second = at.other.transact(async (session) => {
            const claims = await session.claim([rowOf(id)]);
            await session.release([rowOf(id)]);
            return claims;
          });
          await first;
          expect(committed(await second)).toEqual([{ fresh: true }]);
        }
      });

      it('[B14] who waits too long fails as locked', async () => {
        if (!at.isConcurrent) return;
        const id = actionId();
        const [isClaimed, claimed] = signal();
        const [mayEnd, end] = signal();
        const first = at.store.transact(async (session) => {
          await session.claim([rowOf(id)]);
          claimed();
          await mayEnd;
          await storeSuccess(session, id);
        });
        await isClaimed;
        const second = await at.other.transact(async (session) => session.claim([rowOf(id)]));
        end();
        expect(second).toMatchObject({ fate: 'failed', why: 'locked' });
        committed(await first);
      });

      it('of one turn come one after the other, whatever becomes of the first', async () => {
        if (!at.isConcurrent) return;
        for (const isToFail of [false, true]) {
          const [hasTurn, has] = signal();
          const [mayEnd, end] = signal();
          const order: string[] = [];
          const first = at.store.transact(async (session) => {
            await session.takeTurn('till');
            has();
            await mayEnd;
            order.push('first');
            if (isToFail) throw new Error('fails');
          });
          await hasTurn;
          const second = at.other.transact(async (session) => {
            await session.takeTurn('till');
            order.push('second');
          });
          committed(await at.other.transact(async (session) => session.takeTurn('another')));
          end();
          expect((await first).fate).toBe(isToFail ? 'failed' : 'committed');
          committed(await second);
          expect(order).toEqual(['first', 'second']);
        }
      });

      it('who waits for a turn too long fails as locked', async () => {
        if (!at.isConcurrent) return;
        const [hasTurn, has] = signal();
        const [mayEnd, end] = signal();
        const first = at.store.transact(async (session) => {
          await session.takeTurn('till');
          has();
          await mayEnd;
        });
        await hasTurn;
        expect(await at.other.transact(async (session) => session.takeTurn('till'))).toMatchObject({ fate: 'failed', why: 'locked' });
        end();
        committed(await first);
      });

      it('[B14] groups that hold the same commands in opposite order do not lock each other out', async () => {
        const ids = Array.from({ length: 20 }, () => actionId());
        const group = (store: InboxStore<Tx>, order: readonly string[]) =>
          store.transact(async (session) => {
            const claims = await session.claim(order.flatMap((id) => [rowOf(id, 'compensation'), rowOf(id)]));
            const fresh = order.filter((_, index) => claims[index * 2]!.fresh);
            await session.store(
              fresh.flatMap((id) =>
                (['action', 'compensation'] as const).map((direction) => ({ actionId: id, direction, state: 'success', reply: '1' })),
              ),
            );
            return fresh.length;
          });
        for (let round = 0; round < 5; round++) {
          const some = ids.map(() => actionId());
          const results = await Promise.all([group(at.store, some), group(at.other, some.toReversed())]);
          expect(results.map(committed).toSorted((a, b) => a - b)).toEqual([0, 20]);
        }
      });
    });

    describe('exclusively', () => {
      it('keeps everybody else out, here and elsewhere, until it is over', async () => {
        const id = actionId();
        const seen: string[] = [];
        const [isIn, enter] = signal();
        const [mayLeave, leave] = signal();
        const first = at.store.exclusively(id, 1_000, async () => {
          enter();
          await mayLeave;
          seen.push('first');
        });
        await isIn;
        expect(await at.store.exclusively(id, 20, async () => seen.push('never'))).toEqual({ fate: 'busy' });
        if (at.isConcurrent) expect(await at.other.exclusively(id, 20, async () => seen.push('never'))).toEqual({ fate: 'busy' });
        expect(await at.store.exclusively(`${id} other`, 20, async () => 'free')).toEqual({ fate: 'done', value: 'free' });
        const second = at.store.exclusively(id, 5_000, async () => seen.push('second'));
        leave();
        await Promise.all([first, second]);
        expect(seen).toEqual(['first', 'second']);
        expect(await at.other.exclusively(id, 1_000, async () => 'free')).toEqual({ fate: 'done', value: 'free' });
      });

      it('lets transactions be made meanwhile', async () => {
        const id = actionId();
        const result = await at.store.exclusively(id, 1_000, () =>
          at.store.transact(async (session) => {
            await session.claim([rowOf(id)]);
            await storeSuccess(session, id);
          }),
        );
        expect(result).toMatchObject({ fate: 'done', value: { fate: 'committed' } });
      });

      it('is over when its work fails, whose error comes through', async () => {
        const error = new Error('a bug');
        await expect(at.store.exclusively('fails', 20, () => Promise.reject(error))).rejects.toBe(error);
        expect(await at.store.exclusively('fails', 20, async () => 1)).toEqual({ fate: 'done', value: 1 });
      });
    });

    it('forgets what was last used before an instant, and nothing else', async () => {
      if (!at.age) return;
      const old = 1_600_000_000_000;
      const [long, lately, young] = [actionId(old), actionId(old), actionId(Date.now())];
      for (const id of [long!, lately!, young!]) {
        await at.store.transact(async (session) => {
          await session.claim([rowOf(id)]);
          await storeSuccess(session, id);
        });
      }
      await at.age(long!, old);
      await at.age(lately!, old);
      // Asked about again: used.
      await peek(lately!);
      const before = (await at.store.now()) - 86_400_000;
      expect(await at.store.prune(before)).toBe(1);
      expect(await at.store.prune(before)).toBe(0);
      expect([await peek(long!), (await peek(lately!))?.state, (await peek(young!))?.state]).toEqual([undefined, 'success', 'success']);
    });

    it('has a clock', async () => {
      const now = await at.store.now();
      expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
      expect(committed(await at.store.transact(async (session) => session.now))).toBeGreaterThanOrEqual(Math.floor(now));
    });
  });
}

/** A promise and what resolves it. */
export function signal(): readonly [Promise<void>, () => void] {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return [promise, resolve];
}
