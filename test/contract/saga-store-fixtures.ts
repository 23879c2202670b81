import { randomBytes } from 'node:crypto';
import type { HistoryEntry } from '../../src/core/event.js';
import type { SagaState } from '../../src/core/state.js';
import type { SagaStart, SagaStore, SagaUpdate, StoredSaga, Writes } from '../../src/ports/saga-store.js';

let latest = 0;
/** A UUIDv7 of now; each is greater than the one before. */
export function sagaId(): string {
  latest = Math.max(latest + 1, Date.now() * 4096);
  return sagaIdAt(Math.floor(latest / 4096), latest % 4096);
}
/** A UUIDv7 of an instant. */
export function sagaIdAt(ms: number, order = 0): string {
  const time = ms.toString(16).padStart(12, '0');
  const random = randomBytes(8).toString('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${order.toString(16).padStart(3, '0')}-8${random.slice(1, 4)}-${random.slice(4)}`;
}

export function stateOf(over: Partial<SagaState> = {}): SagaState {
  return {
    id: sagaId(),
    name: 'place-order',
    version: 1,
    key: null,
    tags: {},
    traceparent: null,
    input: { orderId: 'o-1', total: 12.5, note: 'grüße 🎈 "quoted" \\ and\nlines', nothing: null },
    startedAt: 1_700_000_000_123,
    direction: 'forward',
    end: null,
    endedAt: null,
    reason: null,
    suspended: null,
    pendingCancel: null,
    deadlineAt: null,
    steps: {},
    order: [],
    attention: [],
    seq: 1,
    eventAt: 1_700_000_000_123,
    noted: {},
    bytes: 64,
    ...over,
  };
}

export function entry(seq: number, over: Partial<HistoryEntry> = {}): HistoryEntry {
  return { seq, at: 1_700_000_000_000 + seq, event: seq === 1 ? 'started' : 'replied', effects: [], ...over };
}

/** A start with one line of history, due far in the future. */
export function startOf(state: Partial<SagaState> = {}, over: Partial<SagaStart> = {}): SagaStart {
  const whole = stateOf(state);
  return { state: whole, wakeAt: FAR, inputHash: `hash of ${JSON.stringify(whole.input)}`, startId: null, history: [entry(1)], ...over };
}
export const FAR = 4_000_000_000_000;

/** The next version of a saga with one more line of history. */
export function updateOf(saga: StoredSaga, state: Partial<SagaState> = {}, over: Partial<SagaUpdate> = {}): SagaUpdate {
  const seq = saga.state.seq + 1;
  return {
    state: { ...saga.state, seq, ...state },
    fromVersion: saga.version,
    wakeAt: undefined,
    history: [entry(seq, { step: 'charge' })],
    ...over,
  };
}
/** The update that ends it. */
export function endOf(saga: StoredSaga, end: 'completed' | 'compensated' = 'completed'): SagaUpdate {
  return updateOf(saga, { end, endedAt: 1_700_000_009_000 }, { wakeAt: null });
}

export const nothing: Writes<undefined> = { starts: [], updates: [], result: undefined };

/** Starts sagas and expects that they were committed. */
export async function start(store: SagaStore, ...starts: readonly SagaStart[]): Promise<readonly string[]> {
  const committed = await store.commit([], () => ({ ...nothing, starts }));
  if (committed.fate !== 'committed') throw committed.error;
  return starts.map((one) => one.state.id);
}

/** Loads, applies `change` to each saga, and expects that all was committed. */
export async function change(store: SagaStore, ids: readonly string[], update: (saga: StoredSaga) => SagaUpdate): Promise<number> {
  const committed = await store.commit(ids, ({ sagas }) => ({ ...nothing, updates: [...sagas.values()].map(update) }));
  if (committed.fate !== 'committed') throw committed.error;
  if (committed.stale.size > 0) throw new Error('stale');
  return committed.now;
}
