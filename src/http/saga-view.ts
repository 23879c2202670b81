import { pivotOf, type Plan } from '../core/plan.js';
import { PHASE_NAMES, statusOf, stuckSteps, type Decree, type SagaState, type StuckStep } from '../core/state.js';
import type { SagaView, StuckView, SummaryView } from './schemas.js';
import { stepViews } from './step-view.js';
import { iso, isoOrNull } from './time.js';

/** A saga as the API shows it, with every step. `plan` is `undefined` where its definition is not loaded. */
export function sagaView(state: SagaState, plan: Plan | undefined): SagaView {
  return {
    ...summaryView(state),
    input: state.input,
    deadline: isoOrNull(state.deadlineAt),
    direction: state.direction,
    suspended: decreeView(state.suspended),
    pendingCancel: decreeView(state.pendingCancel),
    definitionLoaded: plan !== undefined,
    steps: stepViews(state, plan),
    stuck: stuckViews(state, plan),
    verbs: verbsFor(state, plan),
  };
}

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
    at: state.end ? [] : openSteps(state),
    attention: state.attention.map((one) => ({ ...one, at: iso(one.at) })),
  };
}

function openSteps(state: SagaState): string[] {
  const isOpen = ([, at]: [string, SagaState['steps'][string]]) => at.outcome === 'open' || at.fault || (at.undo && !at.undone);
  return Object.entries(state.steps)
    .filter(isOpen)
    .map(([name]) => name);
}

function decreeView(decree: Decree | null): { by: string; reason: string; at: string } | null {
  return decree && { by: decree.by, reason: decree.text, at: iso(decree.at) };
}

/** What of it is stuck, why, and what a person may do about it. */
export function stuckViews(state: SagaState, plan: Plan | undefined): StuckView[] {
  return state.end ? [] : stuckSteps(state).map((stuck) => stuckView(state, plan, stuck));
}

function stuckView(state: SagaState, plan: Plan | undefined, stuck: StuckStep): StuckView {
  return { step: stuck.step, phase: PHASE_NAMES[stuck.phase], sentence: stuck.message, verbs: stuckVerbs(state, plan, stuck) };
}

function stuckVerbs(state: SagaState, plan: Plan | undefined, { step, phase }: StuckStep): StuckView['verbs'] {
  const at = state.steps[step];
  const command = phase === 'c' ? at?.undo : phase === 'f' ? at?.fence : at?.action;
  const needsConfirm = command?.status === 'stuck' && command.again === 'confirm';
  // Without the definition nobody knows how to try again; the daemon that has it does.
  const planned = plan?.steps.find(({ name }) => name === step);
  if (!planned) return [];
  if (at?.unusable !== undefined) return ['settle success'];
  const canBeRejected = phase !== 'c' && planned.kind !== 'retriable';
  return [needsConfirm ? 'retry confirm=not-done' : 'retry', 'settle success', ...(canBeRejected ? (['settle rejected'] as const) : [])];
}

function verbsFor(state: SagaState, plan: Plan | undefined): SagaView['verbs'] {
  if (state.end) return [];
  const pivot = plan && pivotOf(plan);
  const isPastPivot = pivot !== undefined && state.steps[pivot.name]?.outcome === 'succeeded';
  const canCancel = plan && state.direction === 'forward' && !isPastPivot && !state.pendingCancel;
  return [...(canCancel ? (['cancel'] as const) : []), state.suspended ? 'resume' : 'suspend'];
}
