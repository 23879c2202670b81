import type { Plan, PlanStep } from '../core/plan.js';
import { commandId, type CommandState, type Phase, type SagaState, type StepState } from '../core/state.js';
import { stepVerbs } from '../core/verbs.js';
import type { CompensationView, StepView } from './schemas.js';
import { iso } from './time.js';

/** Every step of a saga, in declaration order; where the definition is not loaded, those that were reached, in the order they began. */
export function stepViews(state: SagaState, plan: Plan | undefined): StepView[] {
  if (plan) return plan.steps.map((step) => ({ ...stepView(state, step.name, step), ...verbsOf(plan, state, step.name) }));
  const reached = Object.entries(state.steps).toSorted(([, one], [, other]) => one.startedAt - other.startedAt);
  return reached.map(([name]) => stepView(state, name, undefined));
}

function stepView(state: SagaState, name: string, planned: PlanStep | undefined): StepView {
  const at = state.steps[name];
  const kind = planned?.kind ?? 'unknown';
  const command = planned && planned.kind !== 'check' ? { command: planned.action.type } : {};
  if (!at) return { name, kind, ...command, state: canStillBeReached(state) ? 'waiting' : 'not-reached', attempts: 0 };
  return {
    name,
    kind,
    ...command,
    state: stepState(at),
    ...commandView(state.id, name, 'a', at.action),
    startedAt: iso(at.startedAt),
    ...(at.settledAt === undefined ? {} : { settledAt: iso(at.settledAt) }),
    ...(at.reply === undefined ? {} : { reply: at.reply }),
    ...errorView(at),
    ...(at.undo || at.undone ? { compensation: compensationView(state.id, name, at) } : {}),
  };
}

function verbsOf(plan: Plan, state: SagaState, step: string): Pick<StepView, 'verbs'> {
  const verbs = stepVerbs(plan, state, step);
  return verbs.length > 0 ? { verbs } : {};
}

function canStillBeReached(state: SagaState): boolean {
  return state.end === null && state.direction === 'forward';
}

function stepState(at: StepState): StepView['state'] {
  if (at.fault || at.undo?.status === 'stuck') return 'stuck';
  if (at.undone) return 'compensated';
  if (at.undo) return 'compensating';
  if (at.outcome !== 'open') return at.outcome;
  if (at.fence) return at.fence.status === 'stuck' ? 'stuck' : 'confirming';
  if (at.action?.status === 'stuck') return 'stuck';
  return at.action?.status === 'backingOff' ? 'retrying' : 'running';
}

function errorView(at: StepState): Pick<StepView, 'error'> {
  if (at.fault) return { error: { message: at.fault.message } };
  if (at.outcome === 'rejected') return { error: { ...(at.code ? { code: at.code } : {}), message: at.message ?? '' } };
  if (at.unusable !== undefined) return { error: { message: at.unusable } };
  return {};
}

type CommandView = Pick<StepView, 'commandId' | 'attempts' | 'startedAt' | 'timeoutAt' | 'retryAt' | 'request' | 'error'>;

function commandView(sagaId: string, step: string, phase: Phase, command: CommandState | undefined): CommandView {
  if (!command) return { attempts: 0 };
  return {
    commandId: commandId(sagaId, step, phase, command.execution),
    attempts: Math.max(command.tries, command.attempt),
    startedAt: iso(command.firstSentAt),
    ...(command.status === 'inFlight' ? { timeoutAt: iso(command.timeoutAt) } : {}),
    ...(command.status === 'backingOff' ? { retryAt: iso(command.retryAt) } : {}),
    request: command.request,
    ...(command.lastError ? { error: command.lastError } : {}),
  };
}

const COMPENSATION_STATE = { inFlight: 'running', backingOff: 'retrying', stuck: 'stuck', settled: 'succeeded' } as const;

function compensationView(sagaId: string, step: string, at: StepState): CompensationView {
  const state = at.undone || !at.undo ? 'succeeded' : COMPENSATION_STATE[at.undo.status];
  return {
    state,
    ...commandView(sagaId, step, 'c', at.undo),
    ...(at.undoneAt === undefined ? {} : { settledAt: iso(at.undoneAt) }),
    ...(at.undone === 'by-hand' ? { byHand: true } : {}),
  };
}
