import { v7 } from 'uuid';
import type { HistoryEntry } from '../../../src/core/event.js';
import type { SagaState } from '../../../src/core/state.js';
import type { DeadLetter } from '../../../src/ports/dead-letters.js';
import type { StoredSaga } from '../../../src/ports/saga-store.js';
import { connect } from '../../../src/postgres/connect.js';
import { migrate } from '../../../src/postgres/migrate.js';
import { PostgresSagaStore } from '../../../src/postgres/postgres-saga-store.js';
import { postgresBinaries, startPrivatePostgres } from '../../support/private-servers.mjs';
import { Violation, type Findings, type Sample } from './entrance.js';
import { mustEqual } from './oracle.js';
import { shown } from './shrink.js';
import { lettersIn } from '../../support/dead-letters.js';

/**
 * Stores samples of what the in-memory path has taken in a real PostgreSQL, and reads them back. Gives what differs. Without a URL it
 * starts a server of its own; where there are no binaries, it says so and checks nothing.
 */
export async function checkSamples(samples: readonly Sample[], url: string | undefined, found: Findings): Promise<readonly Violation[]> {
  if (url === undefined && postgresBinaries() === undefined) {
    process.stdout.write('samples      not checked: there is no PostgreSQL here (give one with --postgres URL)\n');
    return [];
  }
  const server = url === undefined ? await startPrivatePostgres() : undefined;
  try {
    const dataSource = await connect({ url: url ?? server!.url, namespace: 'fuzz_samples' });
    await dataSource.query('drop schema if exists fuzz_samples cascade');
    await migrate(dataSource);
    const store = new PostgresSagaStore(dataSource);
    try {
      const violations: Violation[] = [];
      for (const sample of samples) violations.push(...(await checkSample(store, sample, found)));
      return violations;
    } finally {
      await dataSource.query('drop schema if exists fuzz_samples cascade');
      await store.close();
    }
  } finally {
    await server?.dispose();
  }
}

async function checkSample(store: PostgresSagaStore, sample: Sample, found: Findings): Promise<Violation[]> {
  try {
    if (sample.kind === 'saga') await checkSaga(store, sample.value as SagaSample);
    else await checkLetter(store, sample.value as DeadLetter);
    found.count(`${sample.kind === 'saga' ? 'sagas' : 'dead letters'} stored in PostgreSQL and read back equal`);
    return [];
  } catch (error: unknown) {
    const why = error instanceof Error ? error.message : String(error);
    return [
      new Violation('not the same in PostgreSQL', `a ${sample.kind} that ${sample.entrance} has left: ${why}\n${shown(sample.value)}`),
    ];
  }
}

interface SagaSample {
  readonly saga: StoredSaga;
  readonly history: readonly HistoryEntry[];
}

async function checkSaga(store: PostgresSagaStore, { saga, history }: SagaSample): Promise<void> {
  // Samples come from many worlds, which had the same ids and keys.
  const state: SagaState = { ...saga.state, id: v7() };
  const start = { state, wakeAt: saga.wakeAt, inputHash: '', startId: null, history };
  const fate = await store.commit([], () => ({ starts: [start], updates: [], result: undefined }));
  if (fate.fate !== 'committed') throw new Error(`it cannot be stored: ${String(fate.error)}`, { cause: fate.error });
  // A saga of its key is there already: the key was stored before.
  if (fate.starts[0]?.fate === 'exists') return checkSaga(store, { saga: { ...saga, state: { ...state, key: null } }, history });
  if (saga.parked.length > 0) {
    const update = { state, fromVersion: 1, wakeAt: undefined, parked: saga.parked, history: [] };
    const parked = await store.commit([state.id], () => ({ starts: [], updates: [update], result: undefined }));
    if (parked.fate !== 'committed')
      throw new Error(`its parked replies cannot be stored: ${String(parked.error)}`, { cause: parked.error });
  }
  const read = await store.find(state.id);
  mustEqual(read?.state, state, 'state', 'the state');
  mustEqual(read?.parked, saga.parked, 'parked', 'the parked replies');
  mustEqual(await store.history(state.id, 0, 10_000), history, 'history', 'the history');
  const { sagas } = await store.list({ limit: 1, ...(state.key === null ? {} : { key: state.key }), tags: state.tags });
  mustEqual(sagas[0]?.state.id, state.id, 'list', 'the saga that is listed');
}

async function checkLetter(store: PostgresSagaStore, letter: DeadLetter): Promise<void> {
  const id = v7().replaceAll('-', '');
  await store.letters.add([{ ...letter, id }]);
  const read = (await lettersIn(store)).find((one) => one.id === id);
  mustEqual(read, { ...letter, id }, 'letter', 'the dead letter');
}
