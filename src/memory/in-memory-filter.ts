import { statusOf, type SagaState } from '../core/state.js';
import { currentSteps, errorCodes, isUnanswered } from '../core/where.js';
import type { SagaFilter } from '../ports/saga-filter.js';

/** What the conditions of the PostgreSQL store say, said of a state. */
export function fits(state: SagaState, filter: SagaFilter): boolean {
  const { status, name, version, key, tags = {}, startedBefore = Infinity, startedAfter = -Infinity } = filter;
  return (
    (status === undefined || status.includes(statusOf(state))) &&
    (name === undefined || state.name === name) &&
    (version === undefined || state.version === version) &&
    (key === undefined || state.key === key) &&
    Object.entries(tags).every(([tag, value]) => state.tags[tag] === value) &&
    state.startedAt < startedBefore &&
    state.startedAt > startedAfter &&
    isWhere(state, filter)
  );
}

function isWhere(state: SagaState, { step, places, error }: SagaFilter): boolean {
  const isAt = ({ name, version, step: at, side }: NonNullable<SagaFilter['places']>[number]) =>
    !state.end && name === state.name && version === state.version && isUnanswered(state.steps[at], side);
  return (
    (step === undefined || currentSteps(state).includes(step)) &&
    (places === undefined || places.some(isAt)) &&
    (error === undefined || errorCodes(state).includes(error))
  );
}
