import { turnBack } from './advance.js';
import { commandIn, refusedToRun, tryFailed } from './attempts.js';
import { faultText } from './codec-text.js';
import { settled, type Draft } from './draft.js';
import type { HistoryEvent, Replied } from './event.js';
import { LIMITS, toJson, type Json } from './json.js';
import { vaultOf, type CommandStep } from './plan.js';
import { NotOpened, openMarked, replyPlace, sealMarked } from './sealing.js';
import { PHASE_NAMES, type CommandState, type StepState } from './state.js';

/** How many kinds of replies that change nothing a saga tells apart; a participant that babbles is counted together beyond that. */
const NOTED_KINDS = 200;

/** Applies a reply. Replies are matched by command id alone (protocol.md 7). */
export function replied(draft: Draft, event: Replied): void {
  const step = draft.commandStep(event.step);
  const at = draft.step(event.step);
  const command = at && commandIn(at, event.phase);
  if (!step || !at || !command || event.execution > command.execution) return note(draft, 'unexpected-reply', event);
  if (event.execution < command.execution) return outdated(draft, event);
  if (!isAwaited(at, event, command)) return settledReply(draft, step, at, event);
  // What was rejected waits for its next execution: the same answer once more is no further try.
  if (event.outcome === 'rejected' && isRefused(command)) return note(draft, 'duplicate-reply', event);
  if (event.outcome === 'error') {
    const isCurrent = command.status === 'inFlight' && (event.attempt === undefined || event.attempt === command.attempt);
    // An error ends only the try in flight: an older one, or one seen twice, must not use up attempts.
    if (!isCurrent) return note(draft, command.status === 'inFlight' ? 'outdated-reply' : 'duplicate-reply', event);
  }
  draft.enter('replied', line(event));
  apply(draft, step, at, event);
}

/** Settles what an operator answers for a participant; the same rules as a reply. */
export function apply(draft: Draft, step: CommandStep, at: StepState, event: Answer): void {
  if (event.phase === 'c') return compensationAnswered(draft, step, at, event);
  if (event.outcome === 'error')
    return tryFailed(draft, step, event.phase, {
      kind: 'error',
      message: event.message ?? 'error without a message',
      ...(event.code ? { code: event.code } : {}),
    });
  if (event.outcome === 'success') return succeeded(draft, step, at, event);
  rejected(draft, step, at, event);
}
export type Answer = Pick<Replied, 'phase' | 'outcome' | 'body' | 'unusable' | 'code' | 'message' | 'details' | 'bytes'>;

/** A stuck step still takes its answer; so does the pivot's action while its fence is under way. */
function isAwaited(at: StepState, event: Replied, command: CommandState): boolean {
  if (event.phase === 'c') return !at.undone && command.status !== 'settled';
  if (at.outcome !== 'open' || at.unusable !== undefined) return false;
  return command.status !== 'settled' || (event.phase === 'a' && at.fence !== undefined && event.outcome !== 'error');
}

function isRefused(command: CommandState): boolean {
  return (command.status === 'backingOff' || command.status === 'stuck') && command.again === 'execution';
}

function succeeded(draft: Draft, step: CommandStep, at: StepState, event: Answer): void {
  const reading = readReply(draft, step, event);
  const fence = at.fence && settled(at.fence);
  draft.effect({ do: 'succeeded', step: step.name });
  if (reading.ok) {
    if (step.kind === 'pivot') draft.state.deadlineAt = null;
    return draft.settle(step.name, { outcome: 'succeeded', fence, reply: reading.value });
  }
  const message = `${step.action.type} succeeded, but its reply cannot be used: ${reading.why}`;
  if (step.kind === 'step') {
    draft.settle(step.name, { outcome: 'succeeded', unusable: reading.why });
    return turnBack(draft, { kind: 'exhausted', step: step.name, message });
  }
  // It is in effect and cannot be undone: a person has to give the reply.
  if (step.kind === 'pivot') draft.state.deadlineAt = null;
  const action: CommandState = { ...settled(at.action!), status: 'stuck', message, since: draft.now, again: 'confirm' };
  draft.patch(step.name, { unusable: reading.why, action, fence });
  draft.stuck(step.name, 'a', message);
}

function rejected(draft: Draft, step: CommandStep, at: StepState, event: Answer): void {
  const code = event.code ?? 'rejected';
  const message = event.message ?? 'rejected without a message';
  if (step.kind === 'retriable') return refusedToRun(draft, step, 'a', code, message);
  draft.effect({ do: 'rejected', step: step.name, code });
  const closed = at.fence ? { fence: settled(at.fence) } : {};
  draft.settle(step.name, { outcome: provesNoEffect(step) ? 'rejected' : 'unknown', code, message, ...closed });
  const fencedOff = event.phase === 'f' && code === 'undone';
  const last = at.action?.lastError?.message ?? 'no answer in time';
  if (fencedOff) return turnBack(draft, { kind: 'exhausted', step: step.name, message: last });
  turnBack(draft, {
    kind: 'rejected',
    step: step.name,
    code,
    ...(event.message === undefined ? {} : { message: event.message }),
    ...(event.details === undefined ? {} : { details: event.details }),
  });
}

/** Whether `rejected` does. Without an inbox an earlier copy may have run (protocol.md 12), unless all copies get the same answer. */
function provesNoEffect({ action, kind }: CommandStep): boolean {
  return action.inbox || action.idempotent || kind === 'pivot';
}

function compensationAnswered(draft: Draft, step: CommandStep, at: StepState, event: Answer): void {
  if (event.outcome === 'success') {
    draft.patch(step.name, { undone: 'undone', undoneAt: draft.now, undo: settled(at.undo!) });
    return draft.effect({ do: 'undone', step: step.name });
  }
  const message = event.message ?? `${event.outcome} without a message`;
  if (event.outcome === 'rejected') return refusedToRun(draft, step, 'c', event.code ?? 'rejected', message);
  tryFailed(draft, step, 'c', { kind: 'error', message, ...(event.code ? { code: event.code } : {}) });
}

type Reading = { readonly ok: true; readonly value: Json | undefined } | { readonly ok: false; readonly why: string };
/** Of a success. The outcome is judged apart: a body that cannot be used never makes it undone (protocol.md 8). */
function readReply(draft: Draft, step: CommandStep, event: Pick<Answer, 'phase' | 'body' | 'unusable' | 'bytes'>): Reading {
  if (event.unusable !== undefined) return { ok: false, why: event.unusable };
  const bytes = draft.state.bytes + (event.bytes ?? 0);
  if (bytes > LIMITS.rowBytes) return { ok: false, why: `the saga would grow beyond ${LIMITS.rowBytes} bytes` };
  try {
    const read = openedReply(draft, step, event);
    if (read.ok) draft.state.bytes = bytes;
    return read;
  } catch (error: unknown) {
    if (error instanceof NotOpened && error.why === 'shredded') return { ok: false, why: error.message };
    throw error;
  }
}
/** As later steps read it, with what is sensitive sealed. Throws NotOpened. */
function openedReply(draft: Draft, step: CommandStep, { phase, body }: Pick<Answer, 'phase' | 'body'>): Reading {
  const vault = vaultOf(draft.plan, draft.state.id);
  const marks = step.action.sensitive?.reply;
  const place = replyPlace(step.name, phase);
  const opened = openMarked(vault, body, marks, place);
  const read = step.action.readReply(opened);
  if (!read.ok) return { ok: false, why: faultText(read.faults) };
  if (read.value === undefined) return { ok: true, value: undefined };
  const stored = (value: Json): Reading => ({ ok: true, value: sealMarked(vault, value, marks, place) });
  if (read.value === opened) return stored(opened);
  // A schema may transform: what later steps read must be JSON too.
  const checked = toJson(read.value, 'reply');
  return checked.ok ? stored(checked.value) : { ok: false, why: faultText(checked.faults) };
}

// ---- replies to what is settled

/** A later execution is made only of what was rejected, or what a person vouched for: a success of the one before contradicts that. */
function outdated(draft: Draft, event: Replied): void {
  if (event.outcome !== 'success') return note(draft, 'outdated-reply', event);
  const what = `execution ${event.execution} of ${event.step}'s ${PHASE_NAMES[event.phase]}`;
  const text = `${what} counted as not done and was followed by another, and then its participant said success`;
  noteForPeople(draft, 'conflicting-reply', event, 'conflict', text);
}

function settledReply(draft: Draft, step: CommandStep, at: StepState, event: Replied): void {
  if (event.phase === 'a' && at.outcome === 'unknown' && isUnsent(at)) return fillIn(draft, step, event);
  if (isConflict(at, event)) {
    const was = event.phase === 'c' ? 'undone' : at.outcome;
    const text = `${step.name} was settled as ${was}, and then its participant said ${event.outcome}`;
    return noteForPeople(draft, 'conflicting-reply', event, 'conflict', text);
  }
  const kind = isRepeat(at, event) ? 'duplicate-reply' : 'late-reply';
  const isLateEffect = event.phase === 'a' && event.outcome === 'success' && at.outcome === 'unknown';
  if (draft.state.end !== 'compensated' || !isLateEffect) return note(draft, kind, event);
  const text = `${step.name} was undone without knowing its outcome, and then its participant said that it had succeeded`;
  noteForPeople(draft, kind, event, 'late-effect', text);
}
function isUnsent(at: StepState): boolean {
  return at.undo === undefined && at.undone === undefined;
}
/** A late answer of an action whose compensation was not sent yet: the undo can then know its reply, or is not needed (protocol.md 2c). */
function fillIn(draft: Draft, step: CommandStep, event: Replied): void {
  if (event.outcome === 'success') {
    draft.enter('late-reply', line(event));
    // A compensation that could not be built without the reply is built again.
    draft.without(step.name, 'fault');
    const reading = readReply(draft, step, event);
    draft.effect({ do: 'succeeded', step: step.name });
    draft.settle(step.name, {
      outcome: 'succeeded',
      ...(reading.ok ? (reading.value === undefined ? {} : { reply: reading.value }) : { unusable: reading.why }),
    });
  } else if (event.outcome === 'rejected' && provesNoEffect(step)) {
    draft.enter('late-reply', line(event));
    draft.without(step.name, 'fault');
    draft.effect({ do: 'rejected', step: step.name, code: event.code ?? 'rejected' });
    draft.settle(step.name, { outcome: 'rejected', code: event.code ?? 'rejected' });
  } else note(draft, 'late-reply', event);
}
/** Only success against rejected of one execution. The SDK's refusal of an action that comes after its undo is no conflict. */
function isConflict(at: StepState, event: Replied): boolean {
  if (event.outcome === 'error' || event.code === 'undone') return false;
  if (event.phase === 'c') return at.undone === 'undone' && event.outcome === 'rejected';
  const isSuccess = at.outcome === 'succeeded' || at.unusable !== undefined;
  return event.outcome === 'success' ? at.outcome === 'rejected' && at.code !== undefined : isSuccess;
}
function isRepeat(at: StepState, event: Replied): boolean {
  if (event.phase === 'c') return event.outcome === 'success' && at.undone !== undefined;
  if (event.outcome === 'success') return at.outcome === 'succeeded' || at.unusable !== undefined;
  return event.outcome === 'rejected' && at.outcome === 'rejected';
}

/**
 * A reply that changes nothing: recorded once, then counted. When the broker delivered it again, the commands that it caused and that
 * are still in flight are published once more, since the orchestrator that first took it may have died before it did; no others, and
 * never for a duplicate that a participant sent (protocol.md 11).
 */
function note(draft: Draft, event: HistoryEvent, reply: Replied, isNews = false): void {
  const key = `${event}|${reply.step}.${reply.phase}.${reply.execution}|${reply.attempt ?? ''}|${reply.outcome}`;
  const isKnown = Object.hasOwn(draft.state.noted, key);
  const isFull = Object.keys(draft.state.noted).length >= NOTED_KINDS;
  const counted = isKnown || !isFull ? key : 'more';
  if (isNews || (!isKnown && !isFull)) draft.enter(event, line(reply));
  draft.state.noted = { ...draft.state.noted, [counted]: (draft.state.noted[counted] ?? 0) + 1 };
  draft.touch();
  if (reply.redelivered) emitCaused(draft, causeOf(reply));
}
function emitCaused(draft: Draft, cause: string): void {
  for (const [name, at] of Object.entries(draft.state.steps)) {
    for (const phase of ['a', 'c', 'f'] as const) {
      const command = commandIn(at, phase);
      if (command?.status === 'inFlight' && command.cause === cause) draft.emit(name, phase);
    }
  }
}
/** The same for one that a person should know of. That is said once, with a line of its own even if the reply was seen before. */
function noteForPeople(draft: Draft, event: HistoryEvent, reply: Replied, kind: 'conflict' | 'late-effect', text: string): void {
  const isNews = !draft.state.attention.some((known) => known.kind === kind && known.step === reply.step);
  note(draft, event, reply, isNews);
  if (isNews) draft.attend(kind, reply.step, text);
}

/** Which commands a reply has caused is told by this; see CommandFacts.cause. */
export function causeOf(reply: Pick<Replied, 'step' | 'phase' | 'execution' | 'outcome'>): string {
  return `${reply.step}.${reply.phase}.${reply.execution}#${reply.outcome}`;
}
function line({ step, phase, execution, attempt, outcome, code, message, unusable }: Replied) {
  return { step, phase, execution, attempt, outcome, code, message: unusable ?? message };
}
