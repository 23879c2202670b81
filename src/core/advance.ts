import type { Draft } from './draft.js';
import { buildRequest, test } from './given.js';
import { pivotOf, type CheckStep, type CommandStep, type PlanStep } from './plan.js';
import { RESEND } from './retry.js';
import type { Reason, StepState } from './state.js';
import { settled } from './draft.js';

/** Does all that can be done now: starts steps, ends settling, undoes the next step, ends the saga. Called after every event. */
export function advance(draft: Draft): void {
  const { state } = draft;
  if (state.suspended || state.end) return;
  if (state.direction === 'settling') settle(draft);
  if (state.direction === 'forward') goForward(draft);
  // Going forward may have turned it back: a check that does not pass.
  if (draft.state.direction === 'settling') settle(draft);
  if (draft.state.direction === 'backward') goBackward(draft);
}

/**
 * The one way in which a saga turns back, whatever the reason. Nothing new is sent; what backs off is given up; what is in flight is
 * waited for. An open pivot decides: it is fenced, unless its own exhausted attempts have led here.
 */
export function turnBack(draft: Draft, reason: Reason): void {
  const { state } = draft;
  if (state.direction !== 'forward' || state.end || draft.pivotSucceeded()) return;
  state.direction = 'settling';
  state.reason = reason;
  state.deadlineAt = null;
  draft.effect({ do: 'turned-back', reason });
  draft.touch();
  for (const step of draft.plan.steps) {
    const at = draft.step(step.name);
    if (at?.outcome === 'open') giveUpOpen(draft, step, at);
  }
}

function giveUpOpen(draft: Draft, step: PlanStep, at: StepState): void {
  if (!at.action) {
    draft.without(step.name, 'fault');
    draft.patch(step.name, { outcome: 'dropped', settledAt: draft.now });
    draft.effect({ do: 'dropped', step: step.name });
  } else if (step.kind === 'pivot') {
    // One that cannot be fenced is asked on: its attempts decide, and the last of them is waited for too.
    const isAsked = at.action.status === 'inFlight' || at.action.status === 'backingOff';
    if (isAsked && step.action.inbox) sendFence(draft, step, at);
  } else if (at.action.status !== 'inFlight') giveUp(draft, step.name);
}

/** Its outcome will not be asked for any longer: it may have happened, so it is undone. */
export function giveUp(draft: Draft, step: string): void {
  draft.settle(step, { outcome: 'unknown' });
  draft.effect({ do: 'unknown', step });
}

/**
 * Makes the pivot impossible if it has not run, and learns its reply if it has (protocol.md 6). Only a participant with an inbox can
 * be asked so; any other leaves the step stuck, and it is asked on at the slowest pace.
 */
export function sendFence(draft: Draft, step: CommandStep, at: StepState): void {
  if (draft.state.suspended) return backOffPivot(draft, step, at);
  if (step.action.inbox) {
    if (at.fence) return;
    draft.patch(step.name, { action: settled(at.action!) });
    draft.send(step.name, 'f', { execution: 1, attempt: 1, tries: 1, request: {}, firstSentAt: draft.now });
    return;
  }
  stickPivot(draft, step, at);
}
function stickPivot(draft: Draft, step: CommandStep, at: StepState): void {
  const { tries, lastError } = at.action!;
  const last = `${lastError?.code ? `${lastError.code}: ` : ''}${lastError?.message ?? 'no answer in time'}`;
  const message = `the outcome of ${step.action.type} cannot be learnt after ${tries} ${tries === 1 ? 'try' : 'tries'}, and its participant keeps no inbox to ask; the last answer was: ${last}`;
  draft.putCommand(step.name, 'a', {
    ...settled(at.action!),
    status: 'stuck',
    message,
    since: draft.now,
    again: 'attempt',
    resendAt: draft.now + RESEND.maxMs,
    gapMs: RESEND.maxMs,
  });
  draft.stuck(step.name, 'a', message);
}
/** Nothing is sent while suspended; at resume the backoff is over and the fence is sent then. */
function backOffPivot(draft: Draft, step: CommandStep, at: StepState): void {
  draft.putCommand(step.name, 'a', { ...settled(at.action!), status: 'backingOff', retryAt: draft.clock, again: 'attempt' });
}

// ---- forward

function goForward(draft: Draft): void {
  for (const step of draft.plan.steps) {
    if (draft.state.direction !== 'forward') return;
    if (draft.step(step.name) === undefined && step.needs.every((index) => isPassed(draft, index))) start(draft, step);
  }
  if (draft.state.direction === 'forward' && draft.plan.steps.every((step) => isPassed(draft, step.index))) end(draft, 'completed');
}
function isPassed(draft: Draft, index: number): boolean {
  const outcome = draft.step(draft.plan.steps[index]!.name)?.outcome;
  return outcome === 'succeeded' || outcome === 'skipped';
}

/** Reaches a step: skips it, checks it, or sends its command (built, or edited by a person). */
export function start(draft: Draft, step: PlanStep, edited?: { readonly request: unknown }): void {
  if (step.when) {
    const wanted = test(draft, step, 'when', step.when);
    if (!wanted.ok) return stick(draft, step, 'a', wanted.message);
    if (!wanted.value) {
      draft.patch(step.name, { outcome: 'skipped', startedAt: draft.now, settledAt: draft.now });
      return draft.effect({ do: 'skipped', step: step.name });
    }
  }
  if (step.kind === 'check') return check(draft, step);
  const request = buildRequest(draft, step, 'a', edited);
  if (!request.ok) return stick(draft, step, 'a', request.message);
  draft.without(step.name, 'fault');
  draft.open(step.name, request.value);
}
function check(draft: Draft, step: CheckStep): void {
  const passes = test(draft, step, 'passes', step.passes);
  if (!passes.ok) return stick(draft, step, 'a', passes.message);
  draft.without(step.name, 'fault');
  draft.patch(step.name, { startedAt: draft.now, outcome: 'open' });
  if (passes.value) {
    draft.patch(step.name, { outcome: 'succeeded', settledAt: draft.now });
    return draft.effect({ do: 'passed', step: step.name });
  }
  draft.settle(step.name, { outcome: 'rejected', code: step.code });
  draft.effect({ do: 'rejected', step: step.name, code: step.code });
  turnBack(draft, { kind: 'rejected', step: step.name, code: step.code });
}

/** A function of the step threw or built what cannot be sent: a person has to look (design.md §2). Other branches go on. */
function stick(draft: Draft, step: PlanStep, phase: 'a' | 'c', message: string): void {
  if (phase === 'a') draft.patch(step.name, { outcome: 'open', startedAt: draft.now, fault: { phase, message } });
  else draft.patch(step.name, { fault: { phase, message } });
  draft.stuck(step.name, phase, message);
}

// ---- settling

function settle(draft: Draft): void {
  const pivot = pivotOf(draft.plan);
  if (draft.pivotSucceeded()) {
    draft.state.direction = 'forward';
    draft.state.reason = null;
    draft.effect({ do: 'turned-forward' });
    return;
  }
  for (const step of draft.plan.steps) {
    const at = draft.step(step.name);
    if (at?.outcome === 'open' && (step === pivot || at.action?.status === 'inFlight')) return;
  }
  draft.state.direction = 'backward';
  draft.touch();
}

// ---- backward

function goBackward(draft: Draft): void {
  if (draft.plan.compensationOrder === 'by-dependency') return undoByDependency(draft);
  // A compensation that fails to build leaves its step stuck and nothing else to do, so that one pass is enough.
  const open = draft.plan.steps.some((step) => isUndoOpen(draft.step(step.name)));
  if (open) return;
  const next = [...draft.state.order].reverse().find((name) => needsUndo(draft, name));
  if (next === undefined) return end(draft, 'compensated');
  undo(draft, next);
}
function undoByDependency(draft: Draft): void {
  const left = draft.plan.steps.filter((step) => needsUndo(draft, step.name));
  if (left.length === 0) return end(draft, 'compensated');
  for (const step of left) {
    if (isUndoOpen(draft.step(step.name))) continue;
    if (!left.some((other) => other.ancestors.includes(step.index))) undo(draft, step.name);
  }
}
function isUndoOpen(at: StepState | undefined): boolean {
  if (!at || at.undone) return false;
  return at.undo !== undefined || at.fault?.phase === 'c';
}
export function needsUndo(draft: Draft, name: string): boolean {
  const at = draft.step(name);
  if (!at || at.undone || (at.outcome !== 'succeeded' && at.outcome !== 'unknown')) return false;
  return draft.commandStep(name)?.compensation !== undefined;
}

/** Sends the first compensation of a step. What it knows of the action is fixed from here on. */
export function undo(draft: Draft, name: string, edited?: { readonly request: unknown }): void {
  const step = draft.commandStep(name)!;
  const request = buildRequest(draft, step, 'c', edited);
  if (!request.ok) return stick(draft, step, 'c', request.message);
  draft.without(name, 'fault');
  draft.send(name, 'c', { execution: 1, attempt: 1, tries: 1, request: request.value.value, firstSentAt: draft.now }, request.value.text);
}

function end(draft: Draft, status: 'completed' | 'compensated'): void {
  draft.state.end = status;
  draft.state.endedAt = draft.now;
  draft.state.deadlineAt = null;
  draft.effect({ do: 'status', status });
  draft.touch();
}
