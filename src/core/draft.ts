import type { Decision, Effect, HistoryEntry, HistoryEvent, Refusal, Send } from './event.js';
import type { Json } from './json.js';
import { pivotOf, type CommandStep, type Plan, type PlanCommand, type PlanStep } from './plan.js';
import { DEFAULTS, RESEND, type RetryPolicy } from './retry.js';
import {
  copyOfState,
  stepWith,
  type Attention,
  type CommandFacts,
  type CommandState,
  type Phase,
  type SagaState,
  type StepState,
} from './state.js';

type Open<T> = { -readonly [K in keyof T]: T[K] };

/**
 * A saga's state while one event is decided.
 * Owns: the copy under change, the history lines and the commands to send.
 * Does not own: the rules, which are in the files beside it.
 * Invariants: the state given is never changed; whatever is changed through here is counted as a change; a history line is written
 * for every change; time never runs backwards.
 */
export class Draft {
  readonly now: number;
  readonly state: Open<SagaState>;
  private readonly steps: Record<string, StepState>;
  private readonly sends: Send[] = [];
  private readonly history: HistoryEntry[] = [];
  private effects: Effect[] = [];
  private isChanged = false;

  constructor(
    readonly plan: Plan,
    state: SagaState,
    now: number,
    /** Which event sends whatever is sent now; see CommandFacts.cause. */
    readonly cause: string,
  ) {
    this.now = Math.max(now, state.eventAt);
    this.steps = { ...state.steps };
    this.state = copyOfState(state);
    this.state.steps = this.steps;
  }

  /** Begins a history line; effects that follow belong to it. */
  enter(event: HistoryEvent, facts: Omit<HistoryEntry, 'seq' | 'at' | 'event' | 'effects'> = {}): void {
    this.effects = [];
    this.state.seq += 1;
    const { step, phase, execution, attempt, outcome, code, message, by } = facts;
    const { now: at, effects } = this;
    this.history.push({ seq: this.state.seq, at, event, step, phase, execution, attempt, outcome, code, message, by, effects });
    this.touch();
  }
  effect(effect: Effect): void {
    this.effects.push(effect);
  }
  touch(): void {
    this.isChanged = true;
    this.state.eventAt = this.now;
  }

  /** What the saga's own clocks say: they stand still while it is suspended. */
  get clock(): number {
    return this.state.suspended?.at ?? this.now;
  }

  step(name: string): StepState | undefined {
    return this.steps[name];
  }
  /** Replaces parts of a step's state. */
  patch(name: string, parts: Partial<StepState>): void {
    this.steps[name] = stepWith(this.steps[name], parts);
    this.touch();
  }
  /** Takes a part of a step's state away. */
  without(name: string, part: 'fault' | 'unusable'): void {
    const at = this.steps[name];
    if (at?.[part] === undefined) return;
    this.steps[name] = { ...at, [part]: undefined };
    this.touch();
  }
  forget(name: string): void {
    delete this.steps[name];
    this.touch();
  }

  /** Reaches a step: puts its first action in flight. */
  open(step: string, request: { readonly value: Json; readonly text: string }): void {
    const { now } = this;
    const facts = { execution: 1, attempt: 1, tries: 1, request: request.value, firstSentAt: now };
    const action = this.inFlight(step, 'a', facts);
    this.patch(step, { outcome: 'open', startedAt: now, action });
    this.sent(step, 'a', facts, request.text);
  }
  /** Puts a command in flight: a new one, its next attempt, or its next execution. */
  send(step: string, phase: Phase, facts: Omit<CommandFacts, 'cause'>, body?: string): void {
    this.putCommand(step, phase, this.inFlight(step, phase, facts));
    this.sent(step, phase, facts, body);
  }
  private inFlight(step: string, phase: Phase, facts: Omit<CommandFacts, 'cause'>): CommandState {
    const { timeoutMs } = this.commandOf(step, phase);
    const gapMs = this.firstGap(timeoutMs);
    const { execution, attempt, tries, request, firstSentAt, lastError } = facts;
    const { cause, now } = this;
    const progress = { status: 'inFlight', sentAt: now, timeoutAt: now + timeoutMs, resendAt: now + gapMs, gapMs } as const;
    const command = { execution, attempt, tries, request, firstSentAt, cause, ...progress };
    return lastError ? { ...command, lastError } : command;
  }
  private sent(step: string, phase: Phase, { execution, attempt }: Pick<CommandFacts, 'execution' | 'attempt'>, body?: string): void {
    this.emit(step, phase, body);
    this.effect({ do: 'sent', step, phase, execution, attempt });
  }
  /** Publishes a command again that is in flight as it is. */
  emit(step: string, phase: Phase, body?: string): void {
    this.sends.push(body === undefined ? { step, phase } : { step, phase, body });
  }
  putCommand(step: string, phase: Phase, command: CommandState): void {
    this.patch(step, phase === 'a' ? { action: command } : phase === 'c' ? { undo: command } : { fence: command });
  }

  /** Records that an action's outcome is known, or will not be asked for any longer; its place in this order decides when it is undone. */
  settle(name: string, parts: Partial<StepState> & { readonly outcome: 'succeeded' | 'unknown' | 'rejected' }): void {
    const at = stepWith(this.steps[name], parts);
    at.settledAt = this.now;
    if (at.action) at.action = settled(at.action);
    this.steps[name] = at;
    this.touch();
    if (parts.outcome !== 'rejected' && !this.state.order.includes(name)) this.state.order = [...this.state.order, name];
  }
  stuck(step: string, phase: Phase, message: string): void {
    this.effect({ do: 'stuck', step, phase, message });
  }
  attend(kind: Attention['kind'], step: string, text: string): void {
    this.state.attention = [...this.state.attention, { kind, step, text, at: this.now }];
    this.effect({ do: 'attention', step, message: text });
  }

  planStep(name: string): PlanStep | undefined {
    return this.plan.steps.find((step) => step.name === name);
  }
  commandStep(name: string): CommandStep | undefined {
    const step = this.planStep(name);
    return step && step.kind !== 'check' ? step : undefined;
  }
  /** Timeout and policy of a command. A fence has the timeout of its pivot and patience of its own. */
  commandOf(name: string, phase: Phase): { readonly timeoutMs: number; readonly retry: RetryPolicy } {
    const step = this.commandStep(name);
    const command: PlanCommand | undefined = phase === 'c' ? step?.compensation : step?.action;
    const timeoutMs = command?.timeoutMs ?? DEFAULTS.timeoutMs;
    return { timeoutMs, retry: phase === 'f' ? DEFAULTS.fencing : (command?.retry ?? DEFAULTS.doing) };
  }
  pivotSucceeded(): boolean {
    const pivot = pivotOf(this.plan);
    const at = pivot && this.steps[pivot.name];
    // A pivot without a usable reply is stuck, but in effect.
    return at !== undefined && (at.outcome === 'succeeded' || at.outcome === 'skipped' || at.unusable !== undefined);
  }

  decision(extra: { readonly decided?: boolean } = {}): Decision {
    return { state: this.state, commands: this.sends, history: this.history, changed: this.isChanged, ...extra };
  }
  refuse(refusal: Refusal, original: SagaState): Decision {
    return { state: original, commands: [], history: [], changed: false, refused: refusal };
  }

  /** A broker message is redelivered when its consumer dies, so what it caused can wait longer for its first resend (protocol.md 2u). */
  private firstGap(timeoutMs: number): number {
    return this.cause.includes('#') ? RESEND.afterMessageMs : Math.min(timeoutMs, RESEND.afterTimerMs);
  }
}

/** The facts of a command, without where it stands. */
export function factsOf(command: CommandState): CommandFacts {
  const { execution, attempt, tries, request, firstSentAt, cause, lastError } = command;
  return { execution, attempt, tries, request, firstSentAt, cause, ...(lastError ? { lastError } : {}) };
}
export function settled(command: CommandState): CommandState {
  const { execution, attempt, tries, request, firstSentAt, cause, lastError } = command;
  const facts = { execution, attempt, tries, request, firstSentAt, cause, status: 'settled' } as const;
  return lastError ? { ...facts, lastError } : facts;
}
