import { commandIn } from './attempts.js';
import { decide } from './decide.js';
import type { SagaEvent } from './event.js';
import type { Json } from './json.js';
import { pivotOf, type CommandStep, type Plan } from './plan.js';
import type { Phase, SagaState, StepState } from './state.js';

/** What a cancel would send, before anybody sends it. */
export type CancelPlan =
  | { readonly possible: false; /** Why a cancel is refused. */ readonly why: string }
  | {
      readonly possible: true;
      /** What has to come first, or may still change it, in sentences. */
      readonly notes: readonly string[];
      readonly commands: readonly PlannedCommand[];
      /** Steps that took effect, or may have, and have nothing that undoes them. */
      readonly kept: readonly string[];
    };
export interface PlannedCommand {
  /** From 1; equal ones are sent at the same time, or only one of them is sent. */
  readonly position: number;
  readonly step: string;
  readonly phase: 'compensation' | 'fence';
  readonly participant: string;
  /** `<participant>.<command>`. */
  readonly command: string;
  /** Of the action. */
  readonly after: 'success' | 'unknown';
  /** Its action is still under way: one of the two happens, or neither, if it is rejected. */
  readonly isOpen: boolean;
  /** As it would be sent; `undefined` where it depends on a reply that is not there yet. */
  readonly request: Json | undefined;
  /** It cannot be built: the saga would be stuck there. */
  readonly fault?: string;
}

const BY = { by: 'nobody', text: 'a plan' } as const;

/**
 * Follows a cancel to its end on a copy of the state, as if every compensation succeeded. Pure, as `decide` is. What is under way is taken
 * to end without an answer; that it succeeds instead is said beside it, and a pivot under way is taken not to have run.
 */
export function planCancel(plan: Plan, state: SagaState): CancelPlan {
  const refused = decide(plan, state, { kind: 'cancel', ...BY }, state.eventAt).refused;
  if (refused) return { possible: false, why: refused.why };
  return new Rehearsal(plan, state).run();
}

/**
 * A copy of a saga that is cancelled and answered by nobody.
 * Owns: the copy and what it would have sent. Invariant: the state it was made from is never changed.
 */
class Rehearsal {
  private readonly commands: PlannedCommand[] = [];
  private readonly notes: string[] = [];
  /** Steps whose action is waited for before anything is undone. */
  private readonly open = new Set<string>();
  private position = 0;

  constructor(
    private readonly plan: Plan,
    private state: SagaState,
  ) {}

  run(): CancelPlan {
    this.say({ kind: 'cancel', ...BY });
    if (this.state.suspended) {
      this.notes.push('it is suspended: the cancel acts when it is resumed');
      this.say({ kind: 'resume', ...BY });
    }
    this.notePivot();
    this.endWhatIsOpen();
    // Every round undoes at least one step.
    for (let round = 0; this.state.direction === 'backward' && !this.state.end && round <= this.plan.steps.length; round++) this.undoNext();
    return { possible: true, notes: this.notes, commands: this.commands, kept: this.kept() };
  }

  private notePivot(): void {
    const pivot = pivotOf(this.plan);
    const at = pivot && this.state.steps[pivot.name];
    if (!pivot || at?.outcome !== 'open') return;
    this.notes.push(`its pivot ${pivot.name} is under way: if it turns out to have succeeded, the saga goes on and nothing is undone`);
    const { fence } = at;
    if (!fence || fence.status === 'settled') return;
    const { participant, type: command } = pivot.action;
    this.position += 1;
    this.commands.push({
      position: this.position,
      step: pivot.name,
      phase: 'fence',
      participant,
      command,
      after: 'unknown',
      isOpen: true,
      request: fence.request,
    });
  }

  /** No answer comes any more; of a pivot the one that it did not run. */
  private endWhatIsOpen(): void {
    for (const step of this.plan.steps) {
      const at = this.state.steps[step.name];
      if (this.state.direction !== 'settling' || step.kind === 'check' || at?.outcome !== 'open') continue;
      if (step.kind !== 'pivot') {
        this.open.add(step.name);
        this.answer(step.name, 'a', 'error');
      } else this.answer(step.name, at.fence && at.fence.status !== 'settled' ? 'f' : 'a', 'rejected', 'undone');
    }
    if (this.open.size > 0) this.notes.push(`first it waits for what is under way: ${[...this.open].join(', ')}`);
    if (this.open.size > 1) this.notes.push('of these, what is answered last is undone first');
  }

  private undoNext(): void {
    const undoing = this.plan.steps.filter((step): step is CommandStep => isUndoing(this.state.steps[step.name]));
    this.position += 1;
    for (const step of undoing) this.write(step, this.state.steps[step.name]!);
    for (const { name } of undoing) {
      if (this.state.steps[name]!.undo) this.answer(name, 'c', 'success');
      else this.say({ kind: 'settle', step: name, outcome: 'success', ...BY });
    }
  }

  private write(step: CommandStep, at: StepState): void {
    const isOpen = this.open.has(step.name);
    const { participant, type: command } = step.compensation!;
    const planned = { position: this.position, step: step.name, phase: 'compensation', participant, command, isOpen } as const;
    if (isOpen) this.commands.push({ ...planned, after: 'success', request: undefined });
    const after = at.outcome === 'succeeded' ? 'success' : 'unknown';
    this.commands.push({ ...planned, after, request: at.undo?.request, ...(at.fault ? { fault: at.fault.message } : {}) });
  }

  private kept(): string[] {
    const { steps } = this.state;
    const isKept = (step: Plan['steps'][number]) =>
      step.kind === 'step' && step.compensation === undefined && ['succeeded', 'unknown'].includes(steps[step.name]?.outcome ?? '');
    return this.plan.steps.filter(isKept).map(({ name }) => name);
  }

  private answer(step: string, phase: Phase, outcome: 'success' | 'rejected' | 'error', code?: string): void {
    const command = commandIn(this.state.steps[step]!, phase);
    const { execution = 1, attempt } = command ?? {};
    const told = { message: 'no answer in time', ...(code === undefined ? {} : { code }) };
    this.say({ kind: 'replied', step, phase, execution, attempt, outcome, body: null, redelivered: false, ...told });
  }

  private say(event: SagaEvent): void {
    this.state = decide(this.plan, this.state, event, this.state.eventAt).state;
  }
}

function isUndoing(at: StepState | undefined): boolean {
  return at !== undefined && at.undone === undefined && (at.undo !== undefined || at.fault?.phase === 'c');
}
