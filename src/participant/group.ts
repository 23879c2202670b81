import { pass, type CrashPoint } from '../core/crash-points.js';
import { messageOf } from '../core/errors.js';
import type { Phase } from '../core/state.js';
import type { InboxKey, InboxResult, InboxSession, InboxWrite } from '../ports/inbox.js';
import type { HandlerDeclaration } from '../saga/participant-declaration.js';
import { failure, type Answer } from './answer.js';
import { judge, mayBeUnderWay, settle, type Found, type Verdict } from './barrier.js';
import { callHandler, factsOf, NotDone } from './call.js';
import type { Runtime } from './runtime.js';
import type { Task } from './task.js';
import { within } from './time-limit.js';

/** What one transaction did, once it is committed. */
export interface GroupReport {
  readonly answered: readonly { readonly task: Task; readonly answer: Answer }[];
  /** The group's time was over before their turn. */
  readonly postponed: readonly Task[];
  /** Compensations of an action whose effect outside may be under way. */
  readonly needLock: readonly Task[];
}

/**
 * `careful`: a savepoint for each handler, so that one that fails takes nothing else with it. `trusting`: none, which spares a round
 * trip for each; if one fails all the same, the transaction ends with {@link Spoilt} and the group is to be run again carefully.
 */
export type GroupMode = 'careful' | 'trusting';
export class Spoilt extends Error {}

/**
 * Handles commands strictly one after the other in one transaction: two handlers at once on one connection
 * would roll back each other's rows. No two of them may be about the same action. Nothing counts unless the result is `committed`.
 */
export function runGroup(runtime: Runtime, tasks: readonly Task[], slow: SlowHandlers, mode: GroupMode): Promise<InboxResult<GroupReport>> {
  return runtime.store!.transact((session) =>
    within(runtime, (signal) => new GroupRun(runtime, session, signal, slow, mode).run(tasks), { giveUp: () => session.condemn() }),
  );
}

const RAN = { a: 'handler.ran', c: 'undo.ran', f: 'fence.answered' } as const satisfies Record<Phase, CrashPoint>;
const FOUND = { a: 'answer.found', c: 'answer.found', f: 'fence.answered' } as const satisfies Record<Phase, CrashPoint>;

/** One pass over a group; see {@link runGroup}. */
class GroupRun {
  private readonly answered: { task: Task; answer: Answer }[] = [];
  private readonly postponed: Task[] = [];
  private readonly needLock: Task[] = [];
  private readonly writes: InboxWrite[] = [];
  private readonly releases: InboxKey[] = [];

  constructor(
    private readonly runtime: Runtime,
    private readonly session: InboxSession<unknown>,
    private readonly signal: AbortSignal,
    private readonly slow: SlowHandlers,
    private readonly mode: GroupMode,
  ) {}

  async run(tasks: readonly Task[]): Promise<GroupReport> {
    const { clock, settings } = this.runtime;
    const began = clock.monotonic();
    const found = await findAll(this.session, tasks, this.runtime.horizonMs);
    pass('inbox.claimed');
    for (const [index, task] of tasks.entries()) {
      const isLate = index > 0 && clock.monotonic() - began > settings.groupMs;
      await this.one(task, found[index]!, isLate);
    }
    await this.session.store(this.writes);
    if (this.writes.some(({ state }) => state === 'tombstone')) pass('tombstone.stored');
    await this.session.release(this.releases);
    pass('inbox.stored');
    const { answered, postponed, needLock } = this;
    return { answered, postponed, needLock };
  }

  private async one(task: Task, found: Found, isLate: boolean): Promise<void> {
    const verdict = judged(task, found);
    if (verdict.do === 'run') {
      if (isLate) return this.leave(task, found, this.postponed);
      if (task.lane !== 'locked' && mayBeUnderWay(found)) return this.leave(task, found, this.needLock);
    }
    const answer = verdict.do === 'answer' ? verdict.answer : await this.call(task, task.handler!);
    pass((verdict.do === 'run' ? RAN : FOUND)[task.command.phase]);
    // It was told to stop: that is no failure of its own.
    if (verdict.do === 'run' && answer.outcome === 'error' && this.runtime.ending.isOver) return this.leave(task, found, this.postponed);
    const changes = settle(found, verdict, answer);
    this.writes.push(...changes.store);
    this.releases.push(...changes.release);
    this.answered.push({ task, answer });
  }

  private leave(task: Task, found: Found, where: Task[]): void {
    where.push(task);
    this.releases.push(...freshKeys(found));
  }

  private async call(task: Task, handler: HandlerDeclaration): Promise<Answer> {
    const { clock } = this.runtime;
    const began = clock.monotonic();
    const context = { ...factsOf(task.command, this.signal), tx: this.session.tx };
    try {
      const call = () => callHandler(handler, task.command, context);
      return this.mode === 'trusting' ? await call() : await this.session.attempt(call);
    } catch (error: unknown) {
      if (!(error instanceof NotDone)) throw error;
      if (this.mode === 'trusting') throw new Spoilt();
      return error.answer;
    } finally {
      if (task.lane === 'group') this.slow.took(handler, clock.monotonic() - began);
    }
  }
}

/** Claims the rows of all the commands and says what was found for each. */
export async function findAll(session: InboxSession<unknown>, tasks: readonly Task[], horizonMs: number): Promise<Found[]> {
  const rows = tasks.flatMap(({ claims }) => (claims.own ? [claims.action, claims.own] : [claims.action]));
  const claimed = await session.claim(rows);
  let next = 0;
  return tasks.map(({ claims }) => ({
    claims,
    action: claimed[next++]!,
    own: claims.own ? claimed[next++]! : undefined,
    now: session.now,
    horizonMs,
  }));
}

/** The verdict; a row that makes no sense is an error of this command alone. */
export function judged(task: Task, found: Found): Verdict {
  try {
    return judge(task.command, found);
  } catch (error: unknown) {
    return { do: 'answer', answer: failure('handler-failed', messageOf(error)), keep: false };
  }
}

function freshKeys({ claims, action, own }: Found): InboxKey[] {
  return [...(action.fresh ? [claims.action] : []), ...(own?.fresh && claims.own ? [claims.own] : [])];
}

/** Names handlers that hold up a group: each at most once a minute. */
export class SlowHandlers {
  private readonly warnedAt = new Map<string, number>();

  constructor(private readonly runtime: Pick<Runtime, 'clock' | 'logger' | 'settings'>) {}

  took(handler: HandlerDeclaration, ms: number): void {
    if (ms <= this.runtime.settings.slowHandlerMs) return;
    const now = this.runtime.clock.monotonic();
    const { type } = handler.command;
    if (now - (this.warnedAt.get(type) ?? -Infinity) < 60_000) return;
    this.warnedAt.set(type, now);
    this.runtime.logger.warn(
      { command: type, handler: handler.where, ms: Math.round(ms) },
      `a handler holds up the commands that share its transaction; declare it slow, or with effects outside if it waits for anything but tx`,
    );
  }
}
