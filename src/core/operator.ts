import { advance, start, turnBack, undo } from './advance.js';
import { commandIn, sendNext } from './attempts.js';
import { settled, type Draft } from './draft.js';
import type { Cancelled, Decision, HistoryEvent, Resumed, Retried, SettledByHand, Suspended } from './event.js';
import { buildRequest } from './given.js';
import { LIMITS, toJson, utf8Bytes, type Json } from './json.js';
import { pivotOf, vaultOf, type CommandStep, type PlanStep } from './plan.js';
import { apply } from './reply.js';
import { openMarked, replyPlace } from './sealing.js';
import { statusOf, type CommandState, type Phase, type SagaState, type StepState } from './state.js';
import { resumeClocks } from './timers.js';

type Verb<E> = (draft: Draft, event: E, original: SagaState) => Decision;

/** Turns the saga back, as any other failure does; refused once the pivot has succeeded. */
export const cancel: Verb<Cancelled> = (draft, event, original) => {
  const { state } = draft;
  if (state.end) return refuse(draft, original, `it is ${state.end}, which is final`);
  if (state.direction !== 'forward') return refuse(draft, original, 'it is already turning back');
  if (draft.pivotSucceeded())
    return refuse(draft, original, `its pivot ${pivotOf(draft.plan)!.name} has succeeded: from there it only goes forward`);
  if (state.suspended && state.pendingCancel)
    return refuse(draft, original, 'it is suspended and a cancel is already recorded; resume lets it act');
  enter(draft, 'cancel-requested', event);
  if (state.suspended) state.pendingCancel = decree(draft, event);
  else turnBack(draft, { kind: 'cancelled', by: event.by, text: event.text });
  advance(draft);
  const pivot = pivotOf(draft.plan);
  const isPivotOpen = pivot !== undefined && draft.step(pivot.name)?.outcome === 'open';
  return draft.decision({ decided: !isPivotOpen && !state.suspended });
};

/** Replies are still recorded; nothing is sent, and all clocks stand still. */
export const suspend: Verb<Suspended> = (draft, event, original) => {
  if (draft.state.end) return refuse(draft, original, `it is ${draft.state.end}, which is final`);
  if (draft.state.suspended) return refuse(draft, original, 'it is suspended already');
  enter(draft, 'suspended', event);
  draft.state.suspended = decree(draft, event);
  return draft.decision();
};

export const resume: Verb<Resumed> = (draft, event, original) => {
  const { state } = draft;
  if (!state.suspended) return refuse(draft, original, 'it is not suspended');
  enter(draft, 'resumed', event);
  const pausedMs = draft.now - state.suspended.at;
  state.suspended = null;
  resumeClocks(draft, pausedMs);
  const cancelled = state.pendingCancel;
  state.pendingCancel = null;
  if (cancelled) turnBack(draft, { kind: 'cancelled', by: cancelled.by, text: cancelled.text });
  advance(draft);
  return draft.decision();
};

/** Tries a stuck step again now, with attempts counted afresh; one that backs off does not wait any longer. */
export const retry: Verb<Retried> = (draft, event, original) => {
  const step = draft.planStep(event.step);
  if (!step) return noSuchStep(draft, original, event.step);
  if (draft.state.suspended) return refuse(draft, original, 'it is suspended; resume it first');
  const at = draft.step(event.step);
  const edited = event.request === undefined ? undefined : { request: event.request };
  if (at?.fault) return retryFault(draft, event, step, at.fault.phase, edited);
  const open = at && openCommand(at);
  if (step.kind === 'check' || !at || !open)
    return refuse(draft, original, `step ${event.step} is neither stuck nor waiting for its next try`);
  const why = whyNotRetry(at, open.command, event, edited !== undefined);
  if (why) return refuse(draft, original, why);
  if (isVouchedUndone(draft, step, open, event)) return vouchedUndone(draft, event, step);
  return retryCommand(draft, event, original, step, open, edited);
};

/** Of a pivot that is asked only whether it happened: "not done" is the answer, and there is nothing to try again. */
function isVouchedUndone(draft: Draft, step: CommandStep, { phase, command }: OpenCommand, { confirm }: Retried): boolean {
  const isOnlyAsked = phase === 'f' || (phase === 'a' && draft.state.direction === 'settling');
  return step.kind === 'pivot' && isOnlyAsked && command.again === 'confirm' && confirm === 'not-done';
}
function vouchedUndone(draft: Draft, event: Retried, step: CommandStep): Decision {
  enter(draft, 'retry-requested', event, 'f');
  apply(draft, step, draft.step(step.name)!, { phase: 'f', outcome: 'rejected', body: null, code: 'undone', message: event.text });
  draft.attend('by-hand', step.name, `${event.by} vouched that ${step.action.type} was not done: ${event.text}`);
  advance(draft);
  return draft.decision();
}

function retryFault(
  draft: Draft,
  event: Retried,
  step: PlanStep,
  phase: 'a' | 'c',
  edited: { readonly request: unknown } | undefined,
): Decision {
  enter(draft, 'retry-requested', event, phase);
  if (phase === 'a') {
    draft.forget(step.name);
    start(draft, step, edited);
  } else {
    draft.without(step.name, 'fault');
    undo(draft, step.name, edited);
  }
  advance(draft);
  return draft.decision();
}
interface OpenCommand {
  readonly phase: Phase;
  readonly command: CommandState & { readonly status: 'stuck' | 'backingOff' };
}
/** The command of the step that a person can retry: its compensation, its fence, or its action. */
function openCommand(at: StepState): OpenCommand | undefined {
  const phases: readonly Phase[] = at.undone ? [] : at.undo ? ['c'] : at.outcome === 'open' ? ['f', 'a'] : [];
  for (const phase of phases) {
    const command = commandIn(at, phase);
    if (command && (command.status === 'stuck' || command.status === 'backingOff')) return { phase, command };
  }
  return undefined;
}
function whyNotRetry(at: StepState, command: OpenCommand['command'], event: Retried, isEdited: boolean): string | undefined {
  if (at.unusable !== undefined)
    return `step ${event.step} took effect, only its reply cannot be used (${at.unusable}); give the reply with settle`;
  if (command.again === 'confirm' && event.confirm !== 'not-done') {
    return `the participant no longer knows whether step ${event.step} was done; find out, then either settle it, or retry with confirm: "not-done"`;
  }
  if (isEdited && command.again === 'attempt')
    return `the outcome of step ${event.step} is unknown: an edited request would be another command; retry it as it is, or settle it`;
  return undefined;
}
function retryCommand(
  draft: Draft,
  event: Retried,
  original: SagaState,
  step: CommandStep,
  open: OpenCommand,
  edited: { readonly request: unknown } | undefined,
): Decision {
  const { phase, command } = open;
  let next: CommandState = command;
  if (edited) {
    const built = buildRequest(draft, step, phase === 'c' ? 'c' : 'a', edited);
    if (!built.ok)
      return draft.refuse({ code: 'SAGA_NOT_ALLOWED', message: `saga ${original.id}: ${built.message}`, why: built.message }, original);
    next = { ...command, request: built.value.value };
  }
  enter(draft, 'retry-requested', event, phase);
  sendNext(draft, step, phase, next, command.again === 'attempt' ? 'attempt' : 'execution', 1);
  advance(draft);
  return draft.decision();
}

/** An operator gives the answer that the participant could not. It counts like a reply, and is told apart in history and attention. */
export const settleByHand: Verb<SettledByHand> = (draft, event, original) => {
  const step = draft.planStep(event.step);
  if (!step) return noSuchStep(draft, original, event.step);
  const at = draft.step(event.step);
  if (at && isUndoing(draft, at)) return settleUndo(draft, event, original, at);
  if (!at || at.outcome !== 'open')
    return refuse(draft, original, `step ${event.step} is not waiting for an answer${at ? `: it is ${at.outcome}` : ''}`);
  if (step.kind === 'check') return settleCheck(draft, event, step);
  if (event.outcome === 'rejected' && (step.kind === 'retriable' || at.unusable !== undefined)) {
    return refuse(
      draft,
      original,
      at.unusable ? `step ${event.step} took effect` : `step ${event.step} comes after the pivot: it must succeed in the end`,
    );
  }
  return settleAction(draft, event, original, step, at);
};
function isUndoing(draft: Draft, at: StepState): boolean {
  return draft.state.direction === 'backward' && at.undone === undefined && (at.undo !== undefined || at.fault?.phase === 'c');
}
function settleUndo(draft: Draft, event: SettledByHand, original: SagaState, at: StepState): Decision {
  if (event.outcome !== 'success') return refuse(draft, original, 'a compensation can only be settled as done');
  enter(draft, 'settled-by-hand', event, 'c', event.outcome);
  draft.without(event.step, 'fault');
  draft.patch(event.step, { undone: 'by-hand', undoneAt: draft.now, ...(at.undo ? { undo: settled(at.undo) } : {}) });
  draft.effect({ do: 'undone', step: event.step });
  draft.attend('by-hand', event.step, `${event.by} took it upon themselves that ${event.step} is undone: ${event.text}`);
  advance(draft);
  return draft.decision();
}
function settleCheck(draft: Draft, event: SettledByHand, step: PlanStep): Decision {
  enter(draft, 'settled-by-hand', event, 'a', event.outcome);
  draft.without(event.step, 'fault');
  if (event.outcome === 'success') {
    draft.patch(event.step, { outcome: 'succeeded', settledAt: draft.now });
    draft.effect({ do: 'passed', step: event.step });
  } else {
    const code = event.code ?? (step.kind === 'check' ? step.code : 'rejected');
    draft.settle(event.step, { outcome: 'rejected', code });
    turnBack(draft, { kind: 'rejected', step: event.step, code });
  }
  advance(draft);
  return draft.decision();
}
function settleAction(draft: Draft, event: SettledByHand, original: SagaState, step: CommandStep, at: StepState): Decision {
  const reply = event.outcome === 'success' ? readGivenReply(draft, event, step) : { ok: true as const, value: null, bytes: 0 };
  if (!reply.ok) {
    const why = `the reply does not fit ${step.action.type}`;
    return draft.refuse({ code: 'SAGA_REPLY_INVALID', message: `saga ${original.id}: ${why}`, why, faults: reply.faults }, original);
  }
  enter(draft, 'settled-by-hand', event, 'a', event.outcome);
  // What was never sent has a place in the order all the same: the operator says that it took effect.
  if (!at.action) draft.patch(event.step, { action: neverSent(draft) });
  draft.without(event.step, 'fault');
  draft.without(event.step, 'unusable');
  const code = event.outcome === 'rejected' ? { code: event.code ?? 'settled-by-hand', message: event.text } : {};
  apply(draft, step, draft.step(event.step)!, { phase: 'a', outcome: event.outcome, body: reply.value, bytes: reply.bytes, ...code });
  draft.attend('by-hand', event.step, `${event.by} answered for ${step.action.type} (${event.outcome}): ${event.text}`);
  advance(draft);
  return draft.decision();
}
function readGivenReply(
  draft: Draft,
  event: SettledByHand,
  step: CommandStep,
): { readonly ok: true; readonly value: Json; readonly bytes: number } | { readonly ok: false; readonly faults: readonly string[] } {
  const checked = toJson(event.reply ?? null, 'reply');
  if (!checked.ok) return checked;
  const vault = vaultOf(draft.plan, draft.state.id);
  const read = step.action.readReply(openMarked(vault, checked.value, step.action.sensitive?.reply, replyPlace(step.name, 'a')));
  if (!read.ok) return read;
  const bytes = utf8Bytes(checked.text);
  const isTooMuch = draft.state.bytes + bytes > LIMITS.rowBytes;
  return isTooMuch
    ? { ok: false, faults: [`the saga would grow beyond ${LIMITS.rowBytes} bytes`] }
    : { ok: true, value: checked.value, bytes };
}
function neverSent(draft: Draft): CommandState {
  return { status: 'settled', execution: 1, attempt: 0, tries: 0, request: null, firstSentAt: draft.now, cause: 'operator' };
}

// ---- words

function enter(
  draft: Draft,
  name: HistoryEvent,
  event: { readonly by: string; readonly text: string; readonly step?: string },
  phase?: Phase,
  outcome?: 'success' | 'rejected',
): void {
  draft.enter(name, {
    by: event.by,
    message: event.text,
    ...(event.step ? { step: event.step } : {}),
    ...(phase ? { phase } : {}),
    ...(outcome ? { outcome } : {}),
  });
}
function decree(draft: Draft, event: { readonly by: string; readonly text: string }) {
  return { by: event.by, text: event.text, at: draft.now };
}
function refuse(draft: Draft, original: SagaState, why: string): Decision {
  return draft.refuse(
    { code: 'SAGA_NOT_ALLOWED', message: `saga ${original.id} (${original.name}) is ${statusOf(original)}: ${why}`, why },
    original,
  );
}
function noSuchStep(draft: Draft, original: SagaState, step: string): Decision {
  const names = draft.plan.steps.map((each) => each.name).join(', ');
  const why = `${original.name} has no step ${step}; its steps are ${names}`;
  return draft.refuse({ code: 'SAGA_STEP_NOT_FOUND', message: why, why }, original);
}
