import { decide } from './decide.js';
import type { SagaEvent } from './event.js';
import type { Plan } from './plan.js';
import { currentSteps } from './where.js';
import type { SagaState } from './state.js';

/** What can be done with a saga as a whole. */
export type SagaVerb = 'cancel' | 'suspend' | 'resume';
/** What can be done with one of its steps. */
export type StepVerb = 'retry' | 'retry confirm=not-done' | 'settle success' | 'settle rejected';

const BY = { by: '', text: '' } as const;
const SAGA_VERBS: readonly SagaVerb[] = ['cancel', 'suspend', 'resume'];

/** The verbs that {@link decide} would not refuse now; none without the plan, for then nobody here could decide. */
export function sagaVerbs(plan: Plan | undefined, state: SagaState): SagaVerb[] {
  if (!plan || state.end) return [];
  return SAGA_VERBS.filter((kind) => isPossible(plan, state, { kind, ...BY }));
}

/** The same for a step. That a success needs a reply of a certain form does not make settling impossible. */
export function stepVerbs(plan: Plan | undefined, state: SagaState, step: string): StepVerb[] {
  if (!plan || !currentSteps(state).includes(step)) return [];
  const can = (event: SagaEvent) => isPossible(plan, state, event);
  const verbs: StepVerb[] = [];
  if (can({ kind: 'retry', step, ...BY })) verbs.push('retry');
  else if (can({ kind: 'retry', step, confirm: 'not-done', ...BY })) verbs.push('retry confirm=not-done');
  if (can({ kind: 'settle', step, outcome: 'success', ...BY })) verbs.push('settle success');
  if (can({ kind: 'settle', step, outcome: 'rejected', ...BY })) verbs.push('settle rejected');
  return verbs;
}

/** Asked at the instant of the saga's last event: whether a verb is allowed depends on no clock. */
function isPossible(plan: Plan, state: SagaState, event: SagaEvent): boolean {
  try {
    const { refused } = decide(plan, state, event, state.eventAt);
    return refused === undefined || refused.code === 'SAGA_REPLY_INVALID';
  } catch {
    return false;
  }
}
