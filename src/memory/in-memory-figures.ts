import type { SagaState, StepState } from '../core/state.js';
import type { FiguresQuery, StepFigures, TryFigures, VersionFigures } from '../ports/saga-figures.js';

/** What the statement of the PostgreSQL store answers, counted by hand. */
export function figuresOf(finished: readonly SagaState[], { versions, limit }: FiguresQuery): readonly VersionFigures[] {
  const newest = finished.toSorted((one, other) => (one.id < other.id ? 1 : -1));
  return versions.flatMap(({ name, version }) => {
    const looked = newest.filter((state) => state.name === name && state.version === version).slice(0, limit);
    const names = [...new Set(looked.flatMap(({ steps }) => Object.keys(steps)))];
    const steps = names.flatMap((step) => stepFigures(step, looked.flatMap(({ steps: all }) => all[step] ?? []).filter(isSettled)));
    return looked.length === 0 ? [] : [{ name, version, sagas: looked.length, steps }];
  });
}

function isSettled({ outcome }: StepState): boolean {
  return outcome === 'succeeded' || outcome === 'rejected' || outcome === 'unknown';
}

function stepFigures(step: string, settled: readonly StepState[]): readonly StepFigures[] {
  if (settled.length === 0) return [];
  const took = settled.map(({ startedAt, settledAt }) => (settledAt ?? startedAt) - startedAt).toSorted((one, other) => one - other);
  const at = (share: number) => took[Math.ceil(took.length * share) - 1]!;
  const having = (outcome: StepState['outcome']) => settled.filter((one) => one.outcome === outcome).length;
  const facts = {
    step,
    settled: settled.length,
    rejected: having('rejected'),
    unknown: having('unknown'),
    p50Ms: at(0.5),
    p95Ms: at(0.95),
  };
  const actions = sum(settled.map(({ action, outcome }) => triesOf(action?.tries, outcome !== 'unknown')));
  const undos = sum(settled.map(({ undo, undone }) => triesOf(undo?.tries, undone === 'undone')));
  return [{ ...facts, actions, undos }];
}

function triesOf(tries: number | undefined, isAnswered: boolean): TryFigures {
  return { tries: tries ?? 0, errors: Math.max(0, (tries ?? 0) - (isAnswered ? 1 : 0)) };
}

function sum(all: readonly TryFigures[]): TryFigures {
  return all.reduce((one, { tries, errors }) => ({ tries: one.tries + tries, errors: one.errors + errors }), { tries: 0, errors: 0 });
}
