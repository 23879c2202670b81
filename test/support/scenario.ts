import { begin, decide, nextDue } from '../../src/core/decide.js';
import type { Decision, HistoryEntry, Replied, SagaEvent, Send } from '../../src/core/event.js';
import type { Json } from '../../src/core/json.js';
import type { Plan } from '../../src/core/plan.js';
import { statusOf, type CommandState, type Phase, type SagaState, type Status } from '../../src/core/state.js';

export const SAGA = '0198f000-0000-7000-8000-000000000001';

/** One saga driven by hand: every event, and what was sent for it. Nothing but `decide` runs. */
export class Scenario {
  state: SagaState;
  now = 1_000_000;
  readonly history: HistoryEntry[] = [];
  /** Everything sent so far, as `<step>.<phase>.<execution>#<attempt>`. */
  readonly sent: string[] = [];
  last: Decision;

  constructor(
    readonly plan: Plan,
    input: Json = {},
  ) {
    this.last = begin(plan, { id: SAGA, key: null, tags: {}, traceparent: null, input, bytes: 2 }, this.now);
    this.state = this.last.state;
    this.take(this.last);
  }

  get status(): Status {
    return statusOf(this.state);
  }
  apply(event: SagaEvent): Decision {
    const before = JSON.stringify(this.state);
    const decision = decide(this.plan, this.state, event, this.now);
    if (JSON.stringify(this.state) !== before) throw new Error('decide changed the state it was given');
    this.state = JSON.parse(JSON.stringify(decision.state)) as SagaState;
    this.take(decision);
    return decision;
  }
  /** What this event alone sent. */
  get lastSent(): readonly string[] {
    return this.last.commands.map((send) => this.describe(send));
  }
  command(step: string, phase: Phase = 'a'): CommandState {
    const at = this.state.steps[step];
    const command = phase === 'a' ? at?.action : phase === 'c' ? at?.undo : at?.fence;
    if (!command) throw new Error(`${step} has no command of phase ${phase}`);
    return command;
  }
  reply(step: string, parts: Partial<Replied> = {}): Decision {
    const phase = parts.phase ?? 'a';
    const command = this.command(step, phase);
    return this.apply({
      kind: 'replied',
      step,
      phase,
      execution: command.execution,
      attempt: command.attempt,
      outcome: 'success',
      body: { from: step },
      redelivered: false,
      ...parts,
    });
  }
  reject(step: string, code = 'no', parts: Partial<Replied> = {}): Decision {
    return this.reply(step, { outcome: 'rejected', code, ...parts });
  }
  fail(step: string, parts: Partial<Replied> = {}): Decision {
    return this.reply(step, { outcome: 'error', message: 'boom', ...parts });
  }
  undone(step: string): Decision {
    return this.reply(step, { phase: 'c', body: null });
  }
  /** Moves the clock to the next timer and lets it act. */
  tick(): Decision {
    const at = nextDue(this.state);
    if (at === null) throw new Error('nothing is due');
    this.now = Math.max(this.now, at);
    return this.apply({ kind: 'due' });
  }
  advance(ms: number): Decision {
    this.now += ms;
    return this.apply({ kind: 'due' });
  }
  operator(verb: 'cancel' | 'suspend' | 'resume'): Decision {
    return this.apply({ kind: verb, by: 'ann', text: 'because' });
  }
  retry(step: string, parts: { request?: unknown; confirm?: 'not-done' } = {}): Decision {
    return this.apply({ kind: 'retry', step, by: 'ann', text: 'because', ...parts });
  }
  settle(step: string, outcome: 'success' | 'rejected', reply?: unknown): Decision {
    return this.apply({ kind: 'settle', step, outcome, by: 'ann', text: 'I looked', ...(reply === undefined ? {} : { reply }) });
  }
  /** Lets every attempt of a command time out until nothing more is sent for it. */
  exhaust(step: string, phase: Phase = 'a'): void {
    for (let guard = 0; guard < 100; guard++) {
      const at = this.state.steps[step]!;
      const command = phase === 'a' ? at.action : phase === 'c' ? at.undo : at.fence;
      if (!command || (command.status !== 'inFlight' && command.status !== 'backingOff')) return;
      this.tick();
    }
    throw new Error(`${step} is never given up`);
  }
  events(): readonly string[] {
    return this.history.map((entry) => entry.event);
  }

  private take(decision: Decision): void {
    this.last = decision;
    for (const entry of decision.history) {
      if (entry.seq !== this.history.length + 1) throw new Error(`history has a gap: ${entry.seq} after ${this.history.length}`);
      this.history.push(entry);
    }
    this.sent.push(...decision.commands.map((send) => this.describe(send, decision.state)));
  }
  private describe({ step, phase }: Send, state: SagaState = this.state): string {
    const at = state.steps[step]!;
    const command = (phase === 'a' ? at.action : phase === 'c' ? at.undo : at.fence)!;
    return `${step}.${phase}.${command.execution}#${command.attempt}`;
  }
}
