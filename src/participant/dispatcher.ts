import { messageOf } from '../core/errors.js';
import type { HandlerDeclaration } from '../saga/participant-declaration.js';
import { Backoff } from './backoff.js';
import { Linger } from './linger.js';
import { OutsideEffects } from './outside.js';
import { runPlain, runPlainMany } from './plain.js';
import type { Replies } from './replies.js';
import type { RunReport, Runtime } from './runtime.js';
import { SlowHandlers } from './slow-handlers.js';
import type { Lane, Parcel, Task } from './task.js';
import { Transactions } from './transactions.js';

/**
 * Decides what of a participant's waiting commands runs when.
 * Owns: the commands that wait, which actions are busy, how many handlers run. Does not own: what running means, nor the deliveries.
 * Invariants: no two commands about one action run at a time, and they run in the order in which they came; what came together runs
 * together, as far as it may; while the store cannot be reached, nothing new is begun.
 */
export class Dispatcher {
  private waiting: Task[] = [];
  private readonly busy = new Set<string>();
  private readonly running = new Map<HandlerDeclaration | undefined, number>();
  private runs = 0;
  /** Called when nothing runs any more. */
  private onIdle: (() => void) | undefined;
  private readonly transactions: Transactions;
  private readonly outside: OutsideEffects;
  private readonly backoff: Backoff;
  private readonly linger: Linger;
  /** Deliveries with answers that are not sent yet. */
  private answered = new Set<Parcel>();
  private isBeginning = false;
  private groups = 0;
  private isHeld = false;
  private isStopped = false;

  constructor(
    private readonly runtime: Runtime,
    private readonly participant: string,
    private readonly replies: Replies,
  ) {
    this.backoff = new Backoff(runtime.clock, runtime.settings, runtime.ending);
    this.transactions = new Transactions(runtime, participant, new SlowHandlers(runtime));
    this.outside = new OutsideEffects(runtime, () => this.backoff.pause());
    this.linger = new Linger(runtime.clock, runtime.settings, () => this.begin());
  }

  add(tasks: readonly Task[]): void {
    this.waiting.push(...tasks);
    this.linger.arrived(tasks.length);
    this.begin();
  }

  /** Begins nothing more. */
  halt(): void {
    this.isStopped = true;
    this.linger.cancel();
  }

  /** Gives back what has not begun, and waits for the rest. Only once nothing more is delivered, or it would come straight back. */
  async stop(): Promise<void> {
    this.halt();
    this.giveBack();
    if (this.runs > 0) await new Promise<void>((resolve) => (this.onIdle = resolve));
    this.sendAnswers();
    this.giveBack();
  }

  private giveBack(): void {
    for (const task of this.waiting) task.parcel.settle('requeue');
    this.waiting = [];
  }

  /** Starts whatever may start now. */
  private begin(): void {
    if (this.isHeld || this.isStopped || this.waiting.length === 0) return;
    while (this.groups < this.runtime.settings.concurrency) {
      if (this.linger.mustWait(this.waiting.length)) break;
      const group = this.take((task) => task.lane === 'group', this.runtime.settings.groupSize, true);
      if (group.length === 0) break;
      this.groups++;
      this.start(
        group,
        () => this.transactions.together(group),
        () => this.groups--,
      );
    }
    for (const task of this.take((candidate) => candidate.lane !== 'group' && !isPlainMany(candidate), Infinity, false))
      this.start([task], () => this.runAlone(task));
    this.beginPlainMany();
  }

  /** There is no transaction to share, but a handler of many gets together what came together all the same. */
  private beginPlainMany(): void {
    for (const handler of new Set(this.waiting.filter(isPlainMany).map((task) => task.handler!)))
      for (;;) {
        const group = this.take((task) => task.handler === handler, this.runtime.settings.groupSize, true);
        if (group.length === 0) break;
        this.start(group, () => runPlainMany(this.runtime, group, handler));
      }
  }

  /** Takes what waits and may run, in order: at most `max`, one for each action, and never past another one about the same action. */
  private take(isWanted: (task: Task) => boolean, max: number, isGroup: boolean): Task[] {
    const taken: Task[] = [];
    const passed = new Set<string>();
    const joined = new Set<HandlerDeclaration | undefined>();
    const left: Task[] = [];
    for (const task of this.waiting) {
      const isFree = taken.length < max && isWanted(task) && !this.busy.has(task.actionId) && !passed.has(task.actionId);
      if (isFree && ((isGroup && joined.has(task.handler)) || this.hasSlot(task))) {
        taken.push(task);
        this.busy.add(task.actionId);
        // In a group they run one after the other, so that a group takes one slot of each handler in it.
        if (!isGroup || !joined.has(task.handler)) this.running.set(task.handler, (this.running.get(task.handler) ?? 0) + 1);
        joined.add(task.handler);
      } else {
        passed.add(task.actionId);
        left.push(task);
      }
    }
    this.waiting = left;
    return taken;
  }

  private hasSlot(task: Task): boolean {
    const limit = task.handler?.concurrency ?? defaultLimit(task.lane, this.runtime.settings.outsideConcurrency);
    return (this.running.get(task.handler) ?? 0) < limit;
  }

  private start(tasks: readonly Task[], run: () => Promise<RunReport>, ended?: () => void): void {
    this.runs++;
    void this.follow(tasks, run, ended);
  }
  private ended(tasks: readonly Task[]): void {
    this.runs--;
    if (tasks.length === 1) this.freeSlot(tasks[0]!.handler);
    else for (const handler of new Set(tasks.map((task) => task.handler))) this.freeSlot(handler);
    for (const task of tasks) this.busy.delete(task.actionId);
    if (this.runs === 0) this.onIdle?.();
    this.beginSoon();
  }
  private freeSlot(handler: HandlerDeclaration | undefined): void {
    this.running.set(handler, this.running.get(handler)! - 1);
  }

  /** Handlers that end together are answered together, and followed by as many, in one look at what waits. */
  private beginSoon(): void {
    if (this.isBeginning) return;
    this.isBeginning = true;
    queueMicrotask(() => {
      this.isBeginning = false;
      this.sendAnswers();
      this.begin();
    });
  }

  private async follow(tasks: readonly Task[], run: () => Promise<RunReport>, ended?: () => void): Promise<void> {
    try {
      const report = await this.reported(tasks, run);
      this.answer(report);
      if (report.again.length > 0) this.waiting.unshift(...report.again);
      if (report.unavailable !== undefined) await this.hold(report.unavailable);
      else if (this.backoff.isFailing) this.recovered();
    } finally {
      ended?.();
      this.ended(tasks);
    }
  }

  private async reported(tasks: readonly Task[], run: () => Promise<RunReport>): Promise<RunReport> {
    try {
      return await run();
    } catch (error: unknown) {
      this.runtime.logger.error(
        { participant: this.participant, commands: tasks.map(({ command }) => command.id), error: messageOf(error) },
        'commands could not be run; they are tried again',
      );
      return { answered: [], again: tasks, unavailable: error };
    }
  }

  private answer({ answered }: RunReport): void {
    let last: Parcel | undefined;
    for (const { task, answer } of answered) {
      task.parcel.answer(task.command, answer);
      if (task.parcel !== last) this.answered.add(task.parcel);
      last = task.parcel;
      this.runtime.observer.answered?.({ participant: this.participant, type: task.command.type, outcome: answer.outcome });
    }
    this.beginSoon();
  }
  private sendAnswers(): void {
    if (this.answered.size === 0) return;
    const parcels = [...this.answered];
    this.answered.clear();
    this.replies.send(parcels, this.participant);
  }

  private async hold(error: unknown): Promise<void> {
    if (!this.backoff.isFailing)
      this.runtime.logger.warn(
        { participant: this.participant, error: messageOf(error) },
        'the inbox cannot be reached; commands wait for it',
      );
    this.isHeld = true;
    await this.backoff.pause();
    this.isHeld = false;
  }

  private recovered(): void {
    this.backoff.succeeded();
    this.runtime.logger.info({ participant: this.participant }, 'the inbox can be reached again');
  }

  private runAlone(task: Task): Promise<RunReport> {
    switch (task.lane) {
      case 'group':
      case 'alone':
        return this.transactions.alone(task);
      case 'locked':
        return this.transactions.locked(task);
      case 'outside':
        return this.outside.run(task, task.handler!);
      case 'plain':
        return runPlain(this.runtime, task, task.handler);
      default:
        return task.lane satisfies never;
    }
  }
}

function isPlainMany({ lane, handler }: Task): boolean {
  return lane === 'plain' && handler !== undefined && handler.many;
}

const PLAIN_FACTOR = 10;

/** Transactions of their own take a connection each, so that without a word there are few; effects outside take none while they run. */
function defaultLimit(lane: Lane, outside: number): number {
  if (lane === 'group') return Infinity;
  if (lane === 'alone' || lane === 'locked') return 2;
  // Nothing is held while a plain handler runs, not even a lock.
  return lane === 'plain' ? PLAIN_FACTOR * outside : outside;
}
