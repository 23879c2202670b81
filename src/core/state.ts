import type { Json } from './json.js';

/** `a` action, `c` compensation, `f` fence: the letter in a command id. */
export type Phase = 'a' | 'c' | 'f';
export const PHASE_NAMES = { a: 'action', c: 'compensation', f: 'fence' } as const;
export type PhaseName = (typeof PHASE_NAMES)[Phase];

export type Outcome = 'success' | 'rejected' | 'error';
/** What a person or a client sees. `suspended` and `stuck` are derived; see {@link statusOf}. */
export type Status = 'running' | 'compensating' | 'completed' | 'compensated' | 'suspended' | 'stuck';
export const STATUSES: readonly Status[] = ['running', 'compensating', 'completed', 'compensated', 'suspended', 'stuck'];

/** Why a saga turned back. */
export type Reason =
  | { readonly kind: 'rejected'; readonly step: string; readonly code: string; readonly message?: string; readonly details?: Json }
  | { readonly kind: 'exhausted'; readonly step: string; readonly message: string }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'cancelled'; readonly by: string; readonly text: string };

/**
 * The whole state of one saga: its input plus the replies of its steps, and where each command stands. Plain JSON (instants are
 * milliseconds since 1970), made only by `decide` and stored as it is.
 */
export interface SagaState {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly key: string | null;
  readonly tags: Readonly<Record<string, string>>;
  /** Of whoever started it, or the trace that was begun for it (W3C trace context); its commands are in that trace. */
  readonly traceparent: string | null;
  /** What came with it for the vendors of tracing systems; passed on as it is. */
  readonly tracestate?: string;
  readonly input: Json;
  /** What is sensitive in it is sealed with a key of its own, which is kept apart and can be shredded. */
  readonly ownKey?: true;
  readonly startedAt: number;
  /**
   * `forward`: doing. `settling`: it failed; what is in flight is answered or times out, nothing new is sent. `backward`: undoing.
   * The only way back to `forward` is a pivot that turns out to have succeeded while settling.
   */
  readonly direction: 'forward' | 'settling' | 'backward';
  readonly end: 'completed' | 'compensated' | null;
  readonly endedAt: number | null;
  /** Why it turned (or is turning) back. */
  readonly reason: Reason | null;
  readonly suspended: Decree | null;
  /** A cancel that came while the saga was suspended; acts at resume. */
  readonly pendingCancel: Decree | null;
  readonly deadlineAt: number | null;
  /** By step name; a step that was never reached is absent. */
  readonly steps: Readonly<Record<string, StepState>>;
  /** Steps in the order in which their actions settled (succeeded or unknown): undoing is the exact reverse. */
  readonly order: readonly string[];
  /** Things a person should know of although the saga may be final. */
  readonly attention: readonly Attention[];
  /** Number of the last history entry. */
  readonly seq: number;
  /** Instant of the last event: time never runs backwards within a saga, whatever clocks do. */
  readonly eventAt: number;
  /** Replies that changed nothing, by `<what>|<command>|<attempt>|<outcome>`: how often. Each is one history entry, then a count. */
  readonly noted: Readonly<Record<string, number>>;
  /** Bytes of input, requests and replies held, against the row's limit. */
  readonly bytes: number;
}
/** Something a person did, with who, why and when. */
export interface Decree {
  readonly by: string;
  readonly text: string;
  readonly at: number;
}
export interface Attention {
  readonly kind: 'late-effect' | 'conflict' | 'by-hand';
  readonly step: string;
  readonly text: string;
  readonly at: number;
}

export interface StepState {
  /**
   * Of the action. `open`: sent, backing off or stuck. `unknown`: error, timeout or given up after it was sent; may have happened, so
   * it is undone. `dropped`: reached but never sent, because the saga turned back.
   */
  readonly outcome: 'open' | 'skipped' | 'succeeded' | 'rejected' | 'unknown' | 'dropped';
  readonly startedAt: number;
  readonly settledAt?: number | undefined;
  /** Absent for checks, skipped steps and builders that threw. */
  readonly action?: CommandState | undefined;
  /** Asks the pivot's participant for the outcome, or makes it impossible. */
  readonly fence?: CommandState | undefined;
  readonly undo?: CommandState | undefined;
  /** Set when its compensation succeeded, or a person said so. */
  readonly undone?: 'undone' | 'by-hand' | undefined;
  readonly undoneAt?: number | undefined;
  /** As later steps read it. */
  readonly reply?: Json | undefined;
  /** A success whose reply cannot be used: why. */
  readonly unusable?: string | undefined;
  /** With `rejected`. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  /** A function of this step threw, or built something that cannot be sent: the step is stuck until a person retries or settles. */
  readonly fault?: { readonly phase: 'a' | 'c'; readonly message: string } | undefined;
}

/** One command: an execution of an action, compensation or fence, and where it stands. */
export type CommandState = CommandFacts & CommandProgress;
export interface CommandFacts {
  /** A fresh start of the command under a new id counts one more. */
  readonly execution: number;
  /** Try within this execution, from 1: the wire's `saga-attempt`. */
  readonly attempt: number;
  /** Tries that the policy has counted, across executions; an operator's retry starts it afresh. */
  readonly tries: number;
  /** Built once, at first send; attempts and resends repeat it. */
  readonly request: Json;
  /** First send of this execution. */
  readonly firstSentAt: number;
  /** Which event sent it: `<step>.<phase>.<execution>#<outcome>` of a reply, or `start`, `timer`, `operator`. */
  readonly cause: string;
  readonly lastError?: { readonly code?: string; readonly message: string };
}
export type CommandProgress =
  | { readonly status: 'inFlight'; readonly sentAt: number; readonly timeoutAt: number; readonly resendAt: number; readonly gapMs: number }
  | { readonly status: 'backingOff'; readonly retryAt: number; readonly again: 'attempt' | 'execution' }
  /** `resendAt`: a stuck pivot is still asked, at the slowest pace. `again`: what an operator's retry makes. */
  | {
      readonly status: 'stuck';
      readonly message: string;
      readonly since: number;
      readonly again: 'attempt' | 'execution' | 'confirm';
      readonly resendAt?: number;
      readonly gapMs?: number;
    }
  | { readonly status: 'settled' };

/**
 * A copy of a state, always of one shape, which is what makes reading states fast; one that is spread has the shape of whatever it was spread
 * from.
 */
export function copyOfState(state: SagaState): { -readonly [K in keyof SagaState]: SagaState[K] } {
  const copy: { -readonly [K in keyof SagaState]: SagaState[K] } = {
    id: state.id,
    name: state.name,
    version: state.version,
    key: state.key,
    tags: state.tags,
    traceparent: state.traceparent,
    input: state.input,
    startedAt: state.startedAt,
    direction: state.direction,
    end: state.end,
    endedAt: state.endedAt,
    reason: state.reason,
    suspended: state.suspended,
    pendingCancel: state.pendingCancel,
    deadlineAt: state.deadlineAt,
    steps: state.steps,
    order: state.order,
    attention: state.attention,
    seq: state.seq,
    eventAt: state.eventAt,
    noted: state.noted,
    bytes: state.bytes,
  };
  if (state.tracestate !== undefined) copy.tracestate = state.tracestate;
  if (state.ownKey !== undefined) copy.ownKey = state.ownKey;
  return copy;
}

/** A step's state with parts of it replaced; the same for these: one shape. A part that is `undefined` stays as it is. */
export function stepWith(at: StepState | undefined, parts: Partial<StepState>): { -readonly [K in keyof StepState]: StepState[K] } {
  return {
    outcome: parts.outcome ?? at!.outcome,
    startedAt: parts.startedAt ?? at!.startedAt,
    settledAt: parts.settledAt ?? at?.settledAt,
    action: parts.action ?? at?.action,
    fence: parts.fence ?? at?.fence,
    undo: parts.undo ?? at?.undo,
    undone: parts.undone ?? at?.undone,
    undoneAt: parts.undoneAt ?? at?.undoneAt,
    reply: parts.reply === undefined ? at?.reply : parts.reply,
    unusable: parts.unusable ?? at?.unusable,
    code: parts.code ?? at?.code,
    message: parts.message ?? at?.message,
    fault: parts.fault ?? at?.fault,
  };
}

/** The derived status: `suspended` before `stuck` before the direction. */
export function statusOf(state: SagaState): Status {
  if (state.end) return state.end;
  if (state.suspended) return 'suspended';
  if (isStuck(state)) return 'stuck';
  return state.direction === 'forward' ? 'running' : 'compensating';
}

/** The same as asking for {@link stuckSteps}, for every saga that is written. */
function isStuck({ steps }: SagaState): boolean {
  for (const name in steps) {
    const at = steps[name]!;
    if (at.fault || at.undo?.status === 'stuck') return true;
    if (at.outcome === 'open' && (at.fence?.status === 'stuck' || at.action?.status === 'stuck')) return true;
  }
  return false;
}

export interface StuckStep {
  readonly step: string;
  readonly phase: Phase;
  readonly message: string;
}
/** Every stuck step with the sentence that says why. */
export function stuckSteps(state: SagaState): readonly StuckStep[] {
  const stuck: StuckStep[] = [];
  for (const [step, at] of Object.entries(state.steps)) {
    if (at.fault) stuck.push({ step, phase: at.fault.phase, message: at.fault.message });
    else if (at.undo?.status === 'stuck') stuck.push({ step, phase: 'c', message: at.undo.message });
    else if (at.outcome === 'open' && at.fence?.status === 'stuck') stuck.push({ step, phase: 'f', message: at.fence.message });
    else if (at.outcome === 'open' && at.action?.status === 'stuck') stuck.push({ step, phase: 'a', message: at.action.message });
  }
  return stuck;
}

/** `<saga id>.<step>.<phase>.<execution>`, at most 255 bytes: names the row that a reply belongs to. */
export function commandId(sagaId: string, step: string, phase: Phase, execution: number): string {
  return `${sagaId}.${step}.${phase}.${execution}`;
}
export interface CommandRef {
  readonly sagaId: string;
  readonly step: string;
  /** Index under `each`. */
  readonly element?: number;
  readonly phase: Phase;
  readonly execution: number;
}
/** Where the name of the step begins. */
const AFTER_SAGA_ID = 37;
const MOST_STEP_UNITS = 64;
const MOST_DIGITS = 9;

/** The parts of a command id, or `undefined` for a text that is not one. Read by hand, since this is done for every message. */
export function parseCommandId(id: string): CommandRef | undefined {
  const executionDot = id.lastIndexOf('.');
  const phaseDot = executionDot - 2;
  if (phaseDot <= AFTER_SAGA_ID || id[phaseDot] !== '.' || !beginsWithSagaId(id) || !isDigits(id, executionDot + 1, id.length))
    return undefined;
  const phase = phaseAt(id, executionDot - 1);
  const stepEnd = id.indexOf('.', AFTER_SAGA_ID);
  if (phase === undefined || !isStepName(id, AFTER_SAGA_ID, stepEnd)) return undefined;
  const sagaId = id.slice(0, AFTER_SAGA_ID - 1);
  const step = id.slice(AFTER_SAGA_ID, stepEnd);
  const execution = Number(id.slice(executionDot + 1));
  if (stepEnd === phaseDot) return { sagaId, step, phase, execution };
  return isDigits(id, stepEnd + 1, phaseDot)
    ? { sagaId, step, phase, execution, element: Number(id.slice(stepEnd + 1, phaseDot)) }
    : undefined;
}

/** A UUID in small letters, and a dot. */
function beginsWithSagaId(id: string): boolean {
  for (let at = 0; at < AFTER_SAGA_ID - 1; at++) {
    const code = id.charCodeAt(at);
    const isRight =
      at === 8 || at === 13 || at === 18 || at === 23 ? code === HYPHEN : isDigit(code) || (code >= SMALL_A && code <= SMALL_F);
    if (!isRight) return false;
  }
  return id.charCodeAt(AFTER_SAGA_ID - 1) === DOT;
}

function isStepName(id: string, from: number, to: number): boolean {
  if (to === from || to - from > MOST_STEP_UNITS || !isLetter(id.charCodeAt(from))) return false;
  for (let at = from + 1; at < to; at++) if (!isLetter(id.charCodeAt(at)) && !isDigit(id.charCodeAt(at))) return false;
  return true;
}

function isDigits(id: string, from: number, to: number): boolean {
  if (to === from || to - from > MOST_DIGITS) return false;
  for (let at = from; at < to; at++) if (!isDigit(id.charCodeAt(at))) return false;
  return true;
}

function phaseAt(id: string, at: number): Phase | undefined {
  const letter = id[at];
  return letter === 'a' || letter === 'c' || letter === 'f' ? letter : undefined;
}

const DOT = '.'.charCodeAt(0);
const HYPHEN = '-'.charCodeAt(0);
const SMALL_A = 'a'.charCodeAt(0);
const SMALL_F = 'f'.charCodeAt(0);

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLetter(code: number): boolean {
  // Without the bit in which large and small letters differ.
  const small = code | 0x20;
  return small >= 0x61 && small <= 0x7a;
}
