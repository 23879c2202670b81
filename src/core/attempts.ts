import { giveUp, sendFence, turnBack } from './advance.js';
import { factsOf, settled, type Draft } from './draft.js';
import { vaultOf, type CommandStep } from './plan.js';
import { nextDelay, RESEND } from './retry.js';
import { KEY_MISSING } from './sealing.js';
import { commandId, PHASE_NAMES, type CommandState, type Phase, type StepState } from './state.js';

/** Why a try of a command came to nothing. */
export interface Failure {
  readonly kind: 'error' | 'timeout';
  readonly code?: string;
  readonly message: string;
}

/** The participant says that it may have forgotten the command; trying again cannot help, a person has to look (protocol.md 2). */
const BEYOND_HORIZON = 'beyond-horizon';
/** Until a participant without the key for a request is asked again. */
const KEY_WAIT_MS = 60_000;

/** An error or a timeout of the try in flight: try again, give up, fence or get stuck, as kind and direction say. */
export function tryFailed(draft: Draft, step: CommandStep, phase: Phase, failure: Failure): void {
  const at = draft.step(step.name)!;
  const command: CommandState = {
    ...commandIn(at, phase)!,
    lastError: { message: failure.message, ...(failure.code ? { code: failure.code } : {}) },
  };
  draft.putCommand(step.name, phase, command);
  const isDoing = phase === 'a';
  if (isDoing && step.kind === 'step' && draft.state.direction === 'settling') return giveUp(draft, step.name);
  if (failure.code === BEYOND_HORIZON) return stickCommand(draft, step, phase, command, 'confirm');
  const isAskedOnly = isDoing && step.kind === 'pivot' && draft.state.direction !== 'forward';
  if (failure.code === KEY_MISSING && !isAskedOnly && !vaultOf(draft.plan, draft.state.id).isShredded)
    return waitForKey(draft, step, phase, command);
  if (isDoing && step.kind === 'pivot' && isPivotToBeFenced(draft, step, command)) return fenceOrStick(draft, step);
  if (command.tries < draft.commandOf(step.name, phase).retry.attempts) return tryAgain(draft, step, phase, command, failure.kind);
  if (isDoing && step.kind === 'step') {
    giveUp(draft, step.name);
    return turnBack(draft, { kind: 'exhausted', step: step.name, message: failure.message });
  }
  stickCommand(draft, step, phase, command, 'attempt');
}

/** Nothing was tried: the participant could not read what it is asked. That uses up no tries, however long it takes. */
function waitForKey(draft: Draft, step: CommandStep, phase: Phase, command: CommandState): void {
  const retryAt = draft.clock + KEY_WAIT_MS;
  const facts = { ...factsOf(command), tries: command.tries - 1 };
  draft.putCommand(step.name, phase, { ...facts, status: 'backingOff', retryAt, again: 'attempt' });
  draft.effect({ do: 'will-retry', step: step.name, phase, at: retryAt });
}

/** `rejected` of a retriable or a compensation: known to have had no effect, so the next try is a new execution under a new id (protocol.md 5). */
export function refusedToRun(draft: Draft, step: CommandStep, phase: Phase, code: string, message: string): void {
  const command: CommandState = { ...commandIn(draft.step(step.name)!, phase)!, lastError: { code, message } };
  if (command.tries < draft.commandOf(step.name, phase).retry.attempts) return backOff(draft, step, phase, command, 'execution');
  stickCommand(draft, step, phase, command, 'execution');
}

/** The backoff is over: the next attempt, or the next execution. */
export function backoffOver(draft: Draft, step: CommandStep, phase: Phase): void {
  const at = draft.step(step.name)!;
  const command = commandIn(at, phase)!;
  if (phase === 'a' && step.kind === 'pivot' && isPivotToBeFenced(draft, step, command)) return fenceOrStick(draft, step);
  sendNext(draft, step, phase, command, command.status === 'backingOff' ? command.again : 'attempt', command.tries + 1);
}

/** Sends a command's next attempt (same id) or next execution (new id, known to be needed). */
export function sendNext(
  draft: Draft,
  step: CommandStep,
  phase: Phase,
  command: CommandState,
  again: 'attempt' | 'execution',
  tries: number,
): void {
  const facts = factsOf(command);
  if (again === 'attempt') draft.send(step.name, phase, { ...facts, attempt: facts.attempt + 1, tries });
  else draft.send(step.name, phase, { ...facts, execution: facts.execution + 1, attempt: 1, tries, firstSentAt: draft.now });
}

export function commandIn(at: StepState, phase: Phase): CommandState | undefined {
  return phase === 'a' ? at.action : phase === 'c' ? at.undo : at.fence;
}

function isPivotToBeFenced(draft: Draft, step: CommandStep, command: CommandState): boolean {
  const exhausted = command.tries >= step.action.retry.attempts;
  return exhausted || (step.action.inbox && draft.state.direction === 'settling');
}
function fenceOrStick(draft: Draft, step: CommandStep): void {
  sendFence(draft, step, draft.step(step.name)!);
}

function tryAgain(draft: Draft, step: CommandStep, phase: Phase, command: CommandState, because: Failure['kind']): void {
  // A timeout was long enough a wait; only an error is followed by a backoff (protocol.md 2a).
  if (because === 'timeout') return sendNext(draft, step, phase, command, 'attempt', command.tries + 1);
  backOff(draft, step, phase, command, 'attempt');
}
function backOff(draft: Draft, step: CommandStep, phase: Phase, command: CommandState, again: 'attempt' | 'execution'): void {
  const id = commandId(draft.state.id, step.name, phase, command.execution);
  const retryAt = draft.clock + nextDelay(draft.commandOf(step.name, phase).retry, command.tries, id, command.attempt);
  draft.putCommand(step.name, phase, { ...factsOf(command), status: 'backingOff', retryAt, again });
  draft.effect({ do: 'will-retry', step: step.name, phase, at: retryAt });
}

function stickCommand(
  draft: Draft,
  step: CommandStep,
  phase: Phase,
  command: CommandState,
  again: 'attempt' | 'execution' | 'confirm',
): void {
  const last = command.lastError;
  const type = phase === 'c' ? step.compensation!.type : step.action.type;
  const answer = last ? `${last.code ? `${last.code}: ` : ''}${last.message}` : 'no answer in time';
  const message = `${PHASE_NAMES[phase]} ${type} failed ${command.tries} ${command.tries === 1 ? 'time' : 'times'}; the last answer was: ${answer}`;
  // The pivot is asked on, slowly: its answer may still come, and would decide.
  const asking = phase === 'f' ? { resendAt: draft.now + RESEND.maxMs, gapMs: RESEND.maxMs } : {};
  draft.putCommand(step.name, phase, { ...settled(command), status: 'stuck', message, since: draft.now, again, ...asking });
  draft.stuck(step.name, phase, message);
}
