import type { Plan } from '../core/plan.js';
import { isSealed, OWN_KEY } from '../core/sealing.js';
import { PHASE_NAMES, statusOf, stuckSteps, type Decree, type SagaState, type StuckStep } from '../core/state.js';
import { sagaVerbs, stepVerbs } from '../core/verbs.js';
import { currentSteps } from '../core/where.js';
import type { StoredSaga } from '../ports/saga-store.js';
import type { SagaView, StuckView, SummaryView } from './schemas.js';
import { stepViews } from './step-view.js';
import { iso, isoOrNull } from './time.js';
import { traceView } from './trace-link.js';

/** A saga as the API shows it, with every step. `plan` is `undefined` where its definition is not loaded; `traceUrl` is the template of a link. */
export function sagaView(state: SagaState, plan: Plan | undefined, traceUrl?: string): SagaView {
  return {
    ...summaryView(state),
    input: state.input,
    deadline: isoOrNull(state.deadlineAt),
    direction: state.direction,
    suspended: decreeView(state.suspended),
    pendingCancel: decreeView(state.pendingCancel),
    trace: traceView(state.traceparent, traceUrl),
    definitionLoaded: plan !== undefined,
    steps: stepViews(state, plan),
    stuck: stuckViews(state, plan),
    verbs: sagaVerbs(plan, state),
  };
}

/** The same of a saga as it is stored; what nobody can read any more says so. */
export function storedView({ state, ownKey }: Pick<StoredSaga, 'state' | 'ownKey'>, plan: Plan | undefined, traceUrl?: string): SagaView {
  const view = sagaView(state, plan, traceUrl);
  return ownKey === null ? (withoutShredded(view) as SagaView) : view;
}
function withoutShredded(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isSealed(value) && value.$sealed.kid === OWN_KEY) return SHREDDED;
  if (Array.isArray(value)) return value.map(withoutShredded);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withoutShredded(each)]));
}
const SHREDDED = '(shredded)';

/** What lists show of a saga. */
export function summaryView(state: SagaState): SummaryView {
  return {
    id: state.id,
    name: state.name,
    version: state.version,
    key: state.key,
    status: statusOf(state),
    startedAt: iso(state.startedAt),
    endedAt: isoOrNull(state.endedAt),
    reason: state.reason,
    tags: { ...state.tags },
    at: [...currentSteps(state)],
    attention: state.attention.map((one) => ({ ...one, at: iso(one.at) })),
  };
}

function decreeView(decree: Decree | null): { by: string; reason: string; at: string } | null {
  return decree && { by: decree.by, reason: decree.text, at: iso(decree.at) };
}

/** What of it is stuck, why, and what a person may do about it. */
export function stuckViews(state: SagaState, plan: Plan | undefined): StuckView[] {
  return state.end ? [] : stuckSteps(state).map((stuck) => stuckView(state, plan, stuck));
}

function stuckView(state: SagaState, plan: Plan | undefined, { step, phase, message }: StuckStep): StuckView {
  const verbs = stepVerbs(plan, state, step);
  return { step, phase: PHASE_NAMES[phase], sentence: `${message}; ${whatIsPossible(state, plan, verbs)}`, verbs };
}

function whatIsPossible(state: SagaState, plan: Plan | undefined, verbs: StuckView['verbs']): string {
  if (!plan) return 'its definition is not loaded here: ask a daemon that has it';
  const possible = `possible: ${verbs.join(', ') || 'nothing'}`;
  return state.suspended ? `${possible}, and more when the saga is resumed` : possible;
}
