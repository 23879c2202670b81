import { formatDuration } from '../core/duration.js';
import { pivotOf, type Plan, type PlanStep } from '../core/plan.js';
import { longestMs } from './policy.js';

/** How long participants keep what they have handled, unless they say otherwise. */
const HORIZON_MS = 30 * 86_400_000;

/**
 * Where steps may stand: at most one pivot; everything that can be undone, and every check, before it; every retriable after it; none
 * beside it. Otherwise a saga could come to where forward is impossible and backward forbidden. Faults are `.field: what`.
 */
export function orderFaults(steps: readonly PlanStep[]): string[] {
  const pivots = steps.filter((step) => step.kind === 'pivot');
  const pivot = pivots[0];
  if (!pivot)
    return steps
      .filter((step) => step.kind === 'retriable')
      .map((step) => `.${step.name}: a retriable step comes after the pivot, and there is none`);
  if (pivots.length > 1)
    return pivots.slice(1).map((other) => `.${other.name}: a saga has one point of no return, and '${pivot.name}' is already the pivot`);
  return steps.flatMap((step) => (step === pivot ? [] : misplaced(step, pivot)));
}

function misplaced(step: PlanStep, pivot: PlanStep): string[] {
  const isBefore = pivot.ancestors.includes(step.index);
  const isAfter = step.ancestors.includes(pivot.index);
  const place = isAfter ? 'after' : 'beside';
  if (step.kind === 'retriable')
    return isAfter
      ? []
      : [`.${step.name}: a retriable step must come after the pivot '${pivot.name}'; let it wait for the pivot in 'after' or 'uses'`];
  if (isBefore) return [];
  const what = step.kind === 'check' ? 'a check' : 'a step that can be undone';
  return [`.${step.name}: it stands ${place} the pivot '${pivot.name}', but ${what} must come before it; ${remedy(isAfter, step, pivot)}`];
}

function remedy(isAfter: boolean, step: PlanStep, pivot: PlanStep): string {
  if (step.index < pivot.index) return `let the pivot wait for it: leave out its 'after', or name '${step.name}' there`;
  return `declare it above '${pivot.name}'${isAfter ? ', or make it this.retriable(…)' : ''}`;
}

/** What is allowed and still worth telling whoever loads the definition; `.field: what` or `: what`. */
export function warningsOf(plan: Omit<Plan, 'shape' | 'fingerprint'>): string[] {
  const pivot = pivotOf(plan as Plan);
  const unfenced =
    pivot && !pivot.action.inbox
      ? [
          `.${pivot.name}: the participant '${pivot.action.participant}' keeps no inbox, so the pivot cannot be fenced: while its outcome is unknown, the saga is stuck`,
        ]
      : [];
  const longest = longestWaitMs(plan.steps, plan.deadlineMs);
  const tooLong =
    longest > HORIZON_MS
      ? [
          `: it may go on for ${formatDuration(longest)}, but participants keep what they have handled for ${formatDuration(HORIZON_MS)} ` +
            `(their horizon) and then answer 'beyond-horizon'; shorten timeouts, retries or the deadline, or raise the horizon of the participants`,
        ]
      : [];
  return [...unfenced, ...tooLong];
}

/** The longest time between the handling of a command and the last that may be asked of it: all the way forward, then all the way back. */
function longestWaitMs(steps: readonly PlanStep[], deadlineMs: number | undefined): number {
  const ends: number[] = [];
  let turning = 0;
  let retriable = 0;
  let undoing = 0;
  for (const step of steps) {
    const own = step.kind === 'check' ? 0 : longestMs(step.action);
    ends.push(Math.max(0, ...step.needs.map((need) => ends[need]!)) + own);
    if (step.kind === 'retriable') retriable = Math.max(retriable, own);
    else turning = Math.max(turning, ends.at(-1)!);
    if (step.kind === 'step' && step.compensation) undoing += longestMs(step.compensation);
  }
  return Math.max(Math.min(turning, deadlineMs ?? turning) + undoing, retriable);
}
