import { statusOf } from '../core/state.js';
import { LONGEST_LOOK_BACK_MS, type Overview, type OverviewQuery } from '../ports/saga-overview.js';
import type { DefinitionRef, StoredSaga } from '../ports/saga-store.js';

/** What the statements of the PostgreSQL store answer, counted by hand. */
export function overviewOf(sagas: readonly StoredSaga[], now: number, { since, limit }: OverviewQuery): Overview {
  const open = sagas.filter(({ state }) => !state.end).toSorted((one, other) => (one.state.id < other.state.id ? -1 : 1));
  const counted = open.map(({ state }) => ({ name: state.name, version: state.version, status: statusOf(state) }));
  const isNear = since !== undefined && since > now - LONGEST_LOOK_BACK_MS;
  const begun = isNear ? sagas.filter(({ state }) => state.startedAt > since) : [];
  const having = (...statuses: readonly string[]) => open.filter(({ state }) => statuses.includes(statusOf(state))).slice(0, limit);
  return {
    now,
    open: tally(counted),
    overdueMs: sagas.reduce((most, { wakeAt }) => (wakeAt === null ? most : Math.max(most, now - wakeAt)), 0),
    started: isNear ? tally(begun.map(({ state: { name, version } }) => ({ name, version }))) : undefined,
    oldest: having('running', 'compensating'),
    stuck: having('stuck'),
  };
}

function tally<T extends DefinitionRef>(all: readonly T[]): (T & { readonly count: number })[] {
  const counts = new Map<string, T & { readonly count: number }>();
  for (const one of all) {
    const which = JSON.stringify(one);
    counts.set(which, { ...one, count: (counts.get(which)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}
