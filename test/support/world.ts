import { begin, decide, nextDue } from '../../src/core/decide.js';
import type { HistoryEntry, Replied, SagaEvent, Send } from '../../src/core/event.js';
import type { Plan } from '../../src/core/plan.js';
import { statusOf, stuckSteps, type CommandState, type Outcome, type Phase, type SagaState } from '../../src/core/state.js';

/** What a participant does with one step, scripted. */
export interface Script {
  /** Of the action's handler, whenever it really runs. */
  readonly action: 'succeeds' | 'rejects' | 'unusable' | 'errors';
  /** Technical errors before the handler gets as far as that. */
  readonly errors: number;
  readonly undoErrors: number;
}
interface CommandCopy {
  readonly step: string;
  readonly phase: Phase;
  readonly execution: number;
  readonly attempt: number;
  readonly actionExecution: number;
  readonly actionOutcome: 'success' | 'unknown';
}
type ReplyCopy = Replied;

/** A participant's inbox and effects for one step. */
interface Ledger {
  /** By execution of the action. */
  readonly rows: Map<number, { state: 'success' | 'rejected' | 'tombstone'; outcome: Outcome; code?: string; unusable?: boolean }>;
  readonly undoRows: Map<number, 'success'>;
  effects: number;
  undone: number;
  errors: number;
  undoErrors: number;
}

/** Which fault or move comes next: numbers, so that fast-check can shrink them. */
export interface Move {
  readonly what:
    | 'command'
    | 'reply'
    | 'due'
    | 'lose-command'
    | 'lose-reply'
    | 'repeat-command'
    | 'repeat-reply'
    | 'crash'
    | 'zombie'
    | 'cancel'
    | 'suspend'
    | 'resume'
    | 'wipe';
  readonly which: number;
}

/**
 * One saga, its participants (who follow the SDK's inbox rules) and a network that may do anything: lose, repeat, reorder. An
 * independent small model of the world around `decide`; the rules under test are all in `decide`.
 */
export class World {
  state: SagaState;
  now = 1_000_000;
  readonly history: HistoryEntry[] = [];
  readonly ledgers = new Map<string, Ledger>();
  /** First sends of compensations, in order. */
  readonly undoOrder: string[] = [];
  /** Violations found on the way. */
  readonly faults: string[] = [];
  private commands: CommandCopy[] = [];
  private replies: ReplyCopy[] = [];
  private zombies: CommandCopy[] = [];

  constructor(
    readonly plan: Plan,
    readonly scripts: ReadonlyMap<string, Script>,
  ) {
    const first = begin(
      plan,
      { id: '0198f000-0000-7000-8000-000000000001', key: null, tags: {}, traceparent: null, input: {}, bytes: 2 },
      this.now,
    );
    this.state = first.state;
    this.record(first.history);
    this.publish(first.commands);
  }

  move({ what, which }: Move): void {
    switch (what) {
      case 'command':
        return this.deliverCommand(which);
      case 'reply':
        return this.deliverReply(which, 'publish');
      case 'crash':
        return this.deliverReply(which, 'crash');
      case 'zombie':
        return this.zombies.length > 0 && which % 2 === 0
          ? void this.commands.push(...this.zombies.splice(0))
          : this.deliverReply(which, 'zombie');
      case 'due':
        return this.due(which);
      case 'lose-command':
        return void this.commands.splice(pick(this.commands, which), 1);
      case 'lose-reply':
        return void this.replies.splice(pick(this.replies, which), 1);
      case 'repeat-command':
        return void this.commands.push(...this.commands.slice(pick(this.commands, which)).slice(0, 1));
      case 'repeat-reply':
        return void this.replies.push(...this.replies.slice(pick(this.replies, which)).slice(0, 1));
      case 'wipe':
        this.commands = [];
        this.replies = [];
        return;
      case 'cancel':
      case 'suspend':
      case 'resume':
        return this.apply({ kind: what, by: 'ann', text: 'test' }, 'publish');
    }
  }
  /** Faults stop: everything is delivered and the clock runs until nothing happens any more. */
  calmDown(): void {
    if (this.state.suspended) this.move({ what: 'resume', which: 0 });
    this.commands.push(...this.zombies.splice(0));
    for (let guard = 0; guard < 5_000; guard++) {
      if (this.commands.length > 0) this.deliverCommand(0);
      else if (this.replies.length > 0) this.deliverReply(0, 'publish');
      else if (this.isOver()) return;
      else this.due(0);
    }
    this.faults.push(`it never ends: ${statusOf(this.state)}`);
  }
  isOver(): boolean {
    if (this.state.end) return true;
    const stuck = stuckSteps(this.state);
    // A stuck pivot is asked on for ever; everything else has come to rest.
    return (
      stuck.length > 0 &&
      Object.values(this.state.steps).every((at) =>
        [at.action, at.undo, at.fence].every((command) => command?.status !== 'inFlight' && command?.status !== 'backingOff'),
      )
    );
  }
  ledger(step: string): Ledger {
    let ledger = this.ledgers.get(step);
    if (!ledger)
      this.ledgers.set(step, (ledger = { rows: new Map(), undoRows: new Map(), effects: 0, undone: 0, errors: 0, undoErrors: 0 }));
    return ledger;
  }

  private due(which: number): void {
    const at = nextDue(this.state);
    if (at === null) return;
    this.now = Math.max(this.now, at) + (which % 7);
    this.apply({ kind: 'due' }, 'publish');
  }
  private deliverReply(which: number, then: 'publish' | 'crash' | 'zombie'): void {
    const [reply] = this.replies.splice(pick(this.replies, which), 1);
    if (!reply) return;
    this.apply(reply, then);
    // The orchestrator died after its commit, before the acknowledgement.
    if (then !== 'publish') this.replies.push({ ...reply, redelivered: true });
  }
  private apply(event: SagaEvent, then: 'publish' | 'crash' | 'zombie'): void {
    const before = JSON.stringify(this.state);
    const decision = decide(this.plan, this.state, event, this.now);
    if (JSON.stringify(this.state) !== before) this.faults.push('decide changed the state it was given');
    if (!decision.changed && JSON.stringify(decision.state) !== before) this.faults.push('a change that was not called a change');
    const again = decide(this.plan, this.state, event, this.now);
    if (JSON.stringify(again) !== JSON.stringify(decision)) this.faults.push('decide is not a function of its arguments');
    this.state = JSON.parse(JSON.stringify(decision.state)) as SagaState;
    this.record(decision.history);
    for (const send of decision.commands) this.noteUndo(send);
    const copies = decision.commands.map((send) => this.copyOf(send));
    if (then === 'publish') this.commands.push(...copies);
    else if (then === 'zombie') this.zombies.push(...copies);
  }
  private record(entries: readonly HistoryEntry[]): void {
    for (const entry of entries) {
      if (entry.seq !== this.history.length + 1) this.faults.push(`history jumps to ${entry.seq} after ${this.history.length}`);
      this.history.push(entry);
    }
  }
  private noteUndo({ step, phase }: Send): void {
    if (phase !== 'c' || this.undoOrder.includes(step)) return;
    this.undoOrder.push(step);
  }
  private publish(sends: readonly Send[]): void {
    this.commands.push(...sends.map((send) => this.copyOf(send)));
  }
  private copyOf({ step, phase }: Send): CommandCopy {
    const at = this.state.steps[step]!;
    const command: CommandState = (phase === 'a' ? at.action : phase === 'c' ? at.undo : at.fence)!;
    return {
      step,
      phase,
      execution: command.execution,
      attempt: command.attempt,
      actionExecution: at.action?.execution ?? 1,
      actionOutcome: at.outcome === 'succeeded' ? 'success' : 'unknown',
    };
  }

  // ---- participants

  private deliverCommand(which: number): void {
    const [command] = this.commands.splice(pick(this.commands, which), 1);
    if (!command) return;
    const answer = command.phase === 'a' ? this.act(command) : command.phase === 'c' ? this.undo(command) : this.fence(command);
    const { step, phase, execution, attempt } = command;
    this.replies.push({ kind: 'replied', step, phase, execution, attempt, body: { of: step }, redelivered: false, ...answer });
  }
  private act(command: CommandCopy): Pick<Replied, 'outcome' | 'code' | 'unusable' | 'message'> {
    const ledger = this.ledger(command.step);
    const row = ledger.rows.get(command.execution);
    if (row) return { outcome: row.outcome, ...(row.code ? { code: row.code } : {}), ...(row.unusable ? { unusable: 'bad reply' } : {}) };
    const script = this.scripts.get(command.step)!;
    if (script.action === 'errors' || ledger.errors < script.errors) {
      ledger.errors++;
      return { outcome: 'error', message: 'boom' };
    }
    if (script.action === 'rejects') {
      ledger.rows.set(command.execution, { state: 'rejected', outcome: 'rejected', code: 'no' });
      return { outcome: 'rejected', code: 'no' };
    }
    ledger.effects++;
    if (ledger.effects > 1) this.faults.push(`${command.step} took effect twice`);
    const unusable = script.action === 'unusable';
    ledger.rows.set(command.execution, { state: 'success', outcome: 'success', unusable });
    return { outcome: 'success', ...(unusable ? { unusable: 'bad reply' } : {}) };
  }
  private undo(command: CommandCopy): Pick<Replied, 'outcome' | 'message'> {
    const ledger = this.ledger(command.step);
    if (ledger.undoRows.has(command.execution)) return { outcome: 'success' };
    const row = ledger.rows.get(command.actionExecution);
    if (!row && command.actionOutcome === 'unknown')
      ledger.rows.set(command.actionExecution, { state: 'tombstone', outcome: 'rejected', code: 'undone' });
    else if (!row || row.state === 'success') {
      if (ledger.undoErrors < (this.scripts.get(command.step)?.undoErrors ?? 0)) {
        ledger.undoErrors++;
        return { outcome: 'error', message: 'boom' };
      }
      ledger.undone++;
      this.checkUndo(command.step, ledger);
    }
    ledger.undoRows.set(command.execution, 'success');
    return { outcome: 'success' };
  }
  private fence(command: CommandCopy): Pick<Replied, 'outcome' | 'code' | 'unusable'> {
    const ledger = this.ledger(command.step);
    const row = ledger.rows.get(command.actionExecution);
    if (!row) ledger.rows.set(command.actionExecution, { state: 'tombstone', outcome: 'rejected', code: 'undone' });
    const found = row ?? { outcome: 'rejected' as const, code: 'undone' };
    return { outcome: found.outcome, ...(found.code ? { code: found.code } : {}), ...(row?.unusable ? { unusable: 'bad reply' } : {}) };
  }
  private checkUndo(step: string, ledger: Ledger): void {
    if (ledger.undone > 1) this.faults.push(`${step} was undone twice`);
    if (ledger.undone > ledger.effects) this.faults.push(`${step} was undone without having happened`);
    const pivot = this.plan.steps.find((each) => each.kind === 'pivot');
    if (pivot && (this.ledgers.get(pivot.name)?.effects ?? 0) > 0) this.faults.push(`${step} was undone although the pivot is in effect`);
    for (const other of this.plan.steps) {
      const theirs = this.ledgers.get(other.name);
      const undoable = other.kind === 'step' && other.compensation !== undefined;
      if (
        undoable &&
        theirs &&
        theirs.effects > theirs.undone &&
        other.ancestors.includes(this.plan.steps.findIndex((each) => each.name === step))
      ) {
        this.faults.push(`${step} was undone before ${other.name}, which depends on it`);
      }
    }
  }
}

function pick(list: readonly unknown[], which: number): number {
  return list.length === 0 ? 0 : which % list.length;
}
