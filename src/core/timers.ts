import { turnBack } from './advance.js';
import { backoffOver, commandIn, tryFailed } from './attempts.js';
import type { Draft } from './draft.js';
import type { CommandStep } from './plan.js';
import { RESEND } from './retry.js';
import type { CommandState, Phase, SagaState, StepState } from './state.js';

const PHASES: readonly Phase[] = ['a', 'c', 'f'];

/** Does whatever the clock says is due: deadline, timeouts, backoffs, resends. A suspended saga's clocks stand still. */
export function due(draft: Draft): void {
  const { state } = draft;
  if (state.end || state.suspended) return;
  if (state.deadlineAt !== null && state.deadlineAt <= draft.now) {
    draft.enter('deadline-reached');
    state.deadlineAt = null;
    turnBack(draft, { kind: 'deadline' });
  }
  for (const step of draft.plan.steps) {
    if (step.kind === 'check') continue;
    for (const phase of PHASES) {
      const at = draft.step(step.name);
      const command = at && commandIn(at, phase);
      if (at && command && isOpen(at, phase)) commandDue(draft, step, phase, command);
    }
  }
}

function commandDue(draft: Draft, step: CommandStep, phase: Phase, command: CommandState): void {
  const facts = { step: step.name, phase, execution: command.execution, attempt: command.attempt };
  if (command.status === 'inFlight' && command.timeoutAt <= draft.now) {
    draft.enter('timed-out', facts);
    tryFailed(draft, step, phase, { kind: 'timeout', message: 'no answer in time' });
  } else if (command.status === 'backingOff' && command.retryAt <= draft.now) {
    draft.enter('backoff-over', facts);
    backoffOver(draft, step, phase);
  } else if (
    (command.status === 'inFlight' || command.status === 'stuck') &&
    command.resendAt !== undefined &&
    command.resendAt <= draft.now
  ) {
    resend(draft, step.name, phase, command);
  }
}
/** The same attempt again: it may have been lost on its way. Counts nothing. */
function resend(draft: Draft, step: string, phase: Phase, command: CommandState & { readonly status: 'inFlight' | 'stuck' }): void {
  draft.enter('resent', { step, phase, execution: command.execution, attempt: command.attempt });
  const gapMs = Math.min(RESEND.maxMs, Math.max(RESEND.afterMessageMs, (command.gapMs ?? 0) * 2));
  draft.putCommand(step, phase, { ...command, gapMs, resendAt: draft.now + gapMs });
  draft.emit(step, phase);
}
/** An action that is settled has no timers left, although its command may still say when it was sent. */
function isOpen(at: StepState, phase: Phase): boolean {
  return phase === 'c' ? at.undone === undefined : at.outcome === 'open' && at.unusable === undefined;
}

/** The first instant at which a timer of the saga is due; `null`: nothing to wait for. */
export function nextDue(state: SagaState): number | null {
  if (state.end || state.suspended) return null;
  let first = state.deadlineAt ?? Infinity;
  for (const name in state.steps) {
    const at = state.steps[name]!;
    if (at.action && isOpen(at, 'a')) first = Math.min(first, dueAt(at.action));
    if (at.fence && isOpen(at, 'f')) first = Math.min(first, dueAt(at.fence));
    if (at.undo && isOpen(at, 'c')) first = Math.min(first, dueAt(at.undo));
  }
  return first === Infinity ? null : first;
}
function dueAt(command: CommandState): number {
  switch (command.status) {
    case 'inFlight':
      return Math.min(command.timeoutAt, command.resendAt);
    case 'backingOff':
      return command.retryAt;
    case 'stuck':
      return command.resendAt ?? Infinity;
    case 'settled':
      return Infinity;
  }
}

/** After a suspension: every command in flight is sent again with a fresh timeout, everything else waits as long as it would have. */
export function resumeClocks(draft: Draft, pausedMs: number): void {
  const { state } = draft;
  if (state.deadlineAt !== null) state.deadlineAt += pausedMs;
  for (const step of draft.plan.steps) {
    for (const phase of PHASES) {
      const at = draft.step(step.name);
      const command = at && commandIn(at, phase);
      if (!at || !command || !isOpen(at, phase)) continue;
      if (command.status === 'inFlight') sendAfresh(draft, step.name, phase, command);
      else if (command.status === 'backingOff') draft.putCommand(step.name, phase, { ...command, retryAt: command.retryAt + pausedMs });
    }
  }
}
function sendAfresh(draft: Draft, step: string, phase: Phase, command: CommandState): void {
  const { execution, attempt, tries, request, firstSentAt } = command;
  draft.send(step, phase, { execution, attempt, tries, request, firstSentAt });
}
