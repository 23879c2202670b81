import { pass } from '../core/crash-points.js';
import { messageOf } from '../core/errors.js';
import type { InboxResult } from '../ports/inbox.js';
import { failure, type Answer, type OwnCode } from './answer.js';
import { runGroup, Spoilt, type GroupMode, type GroupReport } from './group.js';
import type { RunReport, Runtime } from './runtime.js';
import type { SlowHandlers } from './slow-handlers.js';
import type { Task } from './task.js';
import { HandlerTimeout } from './time-limit.js';

/** How often a command that is alone in its transaction is tried again at once after a deadlock, or a commit of unknown fate. */
const TRIES_ALONE = 3;

/**
 * Groups that lock the same rows in another order meet in deadlocks: in one process, or in several that serve one participant. Each costs
 * the database's `deadlock_timeout` (a second) and a whole group's work, and with rows that many commands touch they never end. So after one
 * the participant's groups take turns for this long, and the first of them only after what had begun here before: what has been let go may
 * be taken by the one that tries again before the other, who waited for it, wakes up, and both are in the next deadlock. Milliseconds.
 */
const TURNS_MS = 60_000;

/**
 * Commands whose effects are all in the transaction: together, and one by one when that fails. Nothing is answered before its commit.
 * Owns: what a failed transaction means for its commands. Does not own: which commands run together.
 */
export class Transactions {
  /** Since the last failure. */
  private cleanCommands = Infinity;
  private turnsUntil = -Infinity;
  /** Those under way that wait for no turn, and so for nobody here. */
  private readonly withoutTurn = new Set<Promise<unknown>>();

  constructor(
    private readonly runtime: Runtime,
    private readonly participant: string,
    private readonly slow: SlowHandlers,
  ) {}

  async together(tasks: readonly Task[]): Promise<RunReport> {
    const [only] = tasks;
    if (tasks.length === 1 && only) return this.alone(only);
    let result = await this.trustingOrCareful(tasks);
    if (isConflict(result)) {
      this.undone(tasks, result, 'it runs again, and for a while groups take turns');
      this.turnsUntil = this.runtime.clock.monotonic() + TURNS_MS;
      result = await this.trustingOrCareful(tasks);
    }
    if (result.fate === 'committed') return reportOf(result.value);
    if (isDown(result)) return { answered: [], again: tasks, unavailable: result.error };
    this.undone(tasks, result, 'its commands run one by one');
    return this.oneByOne(tasks);
  }

  private undone({ length: commands }: readonly Task[], result: NotCommitted, whatNow: string): void {
    const why = result.fate === 'unknown' ? 'commit of unknown fate' : result.why;
    pass('group.undone');
    this.runtime.observer.groupFailed?.({ participant: this.participant, commands, why });
    this.runtime.logger.debug(
      { participant: this.participant, commands, why, error: messageOf(result.error) },
      `a group was undone; ${whatNow}`,
    );
  }

  /** In a transaction of its own. */
  async alone(task: Task): Promise<RunReport> {
    for (let tries = 1; ; tries++) {
      const result = await this.inOne([task], 'careful');
      if (result.fate === 'committed') return reportOf(result.value);
      if (isDown(result)) return { answered: [], again: [task], unavailable: result.error };
      const canRepeat = result.fate === 'unknown' || result.why === 'conflict';
      if (!canRepeat || tries === TRIES_ALONE) return { answered: [{ task, answer: failureOf(result) }], again: [] };
    }
  }

  /** A compensation of an action whose effect outside may be under way: only after that, and with its lock held. */
  async locked(task: Task): Promise<RunReport> {
    const { store, settings } = this.runtime;
    const held = await store!.exclusively(task.actionId, settings.lockWaitMs, () => this.alone(task));
    if (held.fate === 'done') return held.value;
    if (held.fate === 'busy') return { answered: [{ task, answer: BUSY }], again: [] };
    return { answered: [], again: [task], unavailable: held.error };
  }

  private async oneByOne(tasks: readonly Task[]): Promise<RunReport> {
    const answered: { task: Task; answer: Answer }[] = [];
    const again: Task[] = [];
    for (const [index, task] of tasks.entries()) {
      const report = await this.alone(task);
      answered.push(...report.answered);
      again.push(...report.again);
      if (report.unavailable !== undefined)
        return { answered, again: [...again, ...tasks.slice(index + 1)], unavailable: report.unavailable };
    }
    return { answered, again };
  }

  /** As long as no handler leaves anything to be taken back they get no savepoints; the group of the first that does is run again. */
  private async trustingOrCareful(tasks: readonly Task[]): Promise<InboxResult<GroupReport>> {
    const { trustFrom, trustAfter } = this.runtime.settings;
    if (this.cleanCommands >= trustAfter && tasks.length >= trustFrom) {
      const result = await this.inOne(tasks, 'trusting');
      if (!(result.fate === 'failed' && result.error instanceof Spoilt) || isConflict(result)) return result;
    }
    const result = await this.inOne(tasks, 'careful');
    const isClean = result.fate === 'committed' && result.value.isClean;
    this.cleanCommands = isClean ? this.cleanCommands + tasks.length : 0;
    return result;
  }

  private async inOne(tasks: readonly Task[], mode: GroupMode): Promise<InboxResult<GroupReport>> {
    const { clock, observer } = this.runtime;
    const began = clock.monotonic();
    const turn = tasks.length > 1 && began < this.turnsUntil ? this.participant : undefined;
    if (turn !== undefined) await Promise.allSettled(this.withoutTurn);
    const running = runGroup(this.runtime, tasks, this.slow, { mode, turn });
    if (turn === undefined) this.withoutTurn.add(running);
    const result = await running.finally(() => this.withoutTurn.delete(running));
    if (result.fate === 'committed')
      observer.groupCommitted?.({ participant: this.participant, commands: result.value.answered.length, ms: clock.monotonic() - began });
    return result;
  }
}

/** The answer to a command that had to wait for its action too long. */
export const BUSY = failure('locked', 'another command about the same action is under way; nothing was run');

function reportOf({ answered, postponed, needLock }: GroupReport): RunReport {
  return { answered, again: [...needLock.map((task): Task => ({ ...task, lane: 'locked' })), ...postponed] };
}

type NotCommitted = Exclude<InboxResult<unknown>, { fate: 'committed' }>;

function isConflict(result: InboxResult<unknown>): result is NotCommitted {
  return result.fate === 'failed' && result.why === 'conflict';
}

function isDown(result: NotCommitted): boolean {
  return result.fate === 'failed' && result.why === 'unavailable';
}

/** What a command is answered with whose own transaction failed: nothing of it took effect, unless nobody knows. */
export function failureOf(result: NotCommitted): Answer {
  return failure(codeOf(result), `the transaction failed: ${messageOf(result.error)}`);
}

function codeOf(result: NotCommitted): OwnCode {
  if (result.error instanceof HandlerTimeout) return 'handler-timeout';
  return result.fate === 'failed' && result.why === 'locked' ? 'locked' : 'not-committed';
}
