import { failureId, failuresOf, type StuckFailure } from '../core/failures.js';
import type { SagaStore } from '../ports/saga-store.js';

/** Sagas that are stuck for the same. */
export interface FailureGroup extends StuckFailure {
  /** What a filter names the group by. */
  readonly id: string;
  readonly count: number;
  /** Since when the first of them is. */
  readonly oldestAt: number;
  /** Some of them, newest first. */
  readonly sagas: readonly string[];
}
export interface FailureGroups {
  /** Most frequent first. */
  readonly groups: readonly FailureGroup[];
  /** Stuck sagas that were looked at, newest first. */
  readonly sagas: number;
  /** False: there are more of them. */
  readonly isComplete: boolean;
}

const PAGE = 500;
/** More says nothing new about what is wrong, and would take long. */
const MOST_SAGAS = 20_000;
const SAMPLE = 5;

/** What stuck sagas are stuck for, grouped. Reads the stuck ones page by page and nothing else. */
export async function failureGroups(store: Pick<SagaStore, 'list'>, { name }: { readonly name?: string } = {}): Promise<FailureGroups> {
  const groups = new Map<string, FailureGroup>();
  let seen = 0;
  let cursor: string | undefined;
  do {
    const filter = { status: ['stuck'], limit: PAGE, ...(name === undefined ? {} : { name }) } as const;
    const page = await store.list({ ...filter, ...(cursor === undefined ? {} : { cursor }) });
    for (const { state } of page.sagas) for (const failure of failuresOf(state)) add(groups, failure, state.id);
    seen += page.sagas.length;
    cursor = page.cursor;
  } while (cursor !== undefined && seen < MOST_SAGAS);
  const sorted = [...groups.values()].toSorted((one, other) => other.count - one.count || one.oldestAt - other.oldestAt);
  return { groups: sorted, sagas: seen, isComplete: cursor === undefined };
}

function add(groups: Map<string, FailureGroup>, { since, ...failure }: StuckFailure & { readonly since: number }, sagaId: string): void {
  const id = failureId(failure);
  const { count, oldestAt, sagas } = groups.get(id) ?? { count: 0, oldestAt: since, sagas: [] };
  const some = sagas.length < SAMPLE ? [...sagas, sagaId] : sagas;
  groups.set(id, { ...failure, id, count: count + 1, oldestAt: Math.min(oldestAt, since), sagas: some });
}
