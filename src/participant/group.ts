import { pass, type CrashPoint } from '../core/crash-points.js';
import { messageOf } from '../core/errors.js';
import type { Phase } from '../core/state.js';
import type { InboxClaim, InboxKey, InboxRecord, InboxResult, InboxRow, InboxSession, InboxWrite } from '../ports/inbox.js';
import type { HandlerDeclaration } from '../saga/participant-declaration.js';
import { failure, type Answer } from './answer.js';
import { freshIn, judge, mayBeUnderWay, settle, type Found, type Verdict } from './barrier.js';
import { factsOf, NotDone } from './call.js';
import { askedOf, halves, type Asked } from './many.js';
import type { Runtime } from './runtime.js';
import type { SlowHandlers } from './slow-handlers.js';
import type { Task } from './task.js';
import { callManyTraced, callTraced, type HandlerTracer } from './tracing.js';
import { within } from './time-limit.js';

/** What one transaction did, once it is committed. */
export interface GroupReport {
  readonly answered: readonly { readonly task: Task; readonly answer: Answer }[];
  /** The group's time was over before their turn. */
  readonly postponed: readonly Task[];
  /** Compensations of an action whose effect outside may be under way. */
  readonly needLock: readonly Task[];
  /** Every handler either took effect or had not used the transaction, so that savepoints were of no use. */
  readonly isClean: boolean;
}

/**
 * `careful`: rows are claimed first, and each handler has a savepoint, so that one that fails takes nothing else with it. `trusting`:
 * commands that look new are taken for new and their rows written once, after the handlers, and there are no savepoints, which spares
 * round trips and half of the writing. If a row stood there all the same, or a handler fails that has used the transaction, the transaction
 * ends with {@link Spoilt}, nothing of it stays, and the group is to be run again carefully. One that has not used it has nothing to be
 * taken back: that it fails or says "no" costs nobody anything.
 */
export type GroupMode = 'careful' | 'trusting';
export class Spoilt extends Error {
  constructor(cause?: unknown) {
    super('a group that was taken to be new and clean was not', { cause });
  }
}

/** How a group is run; `turn` names what it waits for first, so that no other group of that name is under way. */
export interface GroupManner {
  readonly mode: GroupMode;
  readonly turn: string | undefined;
}

/**
 * Handles commands strictly one after the other in one transaction: two handlers at once on one connection
 * would roll back each other's rows. Those whose handler takes many are handled by one call, at the turn of the first of them. No two of
 * them may be about the same action. Nothing counts unless the result is `committed`.
 */
export function runGroup(
  runtime: Runtime,
  tasks: readonly Task[],
  slow: SlowHandlers,
  { mode, turn }: GroupManner,
): Promise<InboxResult<GroupReport>> {
  return runtime.store!.transact(async (session) => {
    if (turn !== undefined) await session.takeTurn(turn);
    return within(runtime, (signal) => new GroupRun(runtime, session, signal, slow, mode).run(tasks), { giveUp: () => session.condemn() });
  });
}

const RAN = { a: 'handler.ran', c: 'undo.ran', f: 'fence.answered' } as const satisfies Record<Phase, CrashPoint>;
const FOUND = { a: 'answer.found', c: 'answer.found', f: 'fence.answered' } as const satisfies Record<Phase, CrashPoint>;

/** A command of the group, its rows claimed and looked at. */
interface Turn {
  readonly task: Task;
  readonly found: Found;
  readonly verdict: Verdict;
  /** It was taken for new; its row is written once, at the end. */
  readonly isAssumed: boolean;
}

/**
 * What a call for many gave. `isTidy`: each answer is its own command's and stands by itself, and nothing was done in the transaction. A "no"
 * beside a failure does not: it may rest on what would have been done for the one that failed.
 */
interface Tried {
  readonly answers: readonly Answer[];
  readonly isTidy: boolean;
}

/** Answers of a call that did not go through for all its commands, thrown so that nothing of it stays. */
class NotAllDone extends Error {
  constructor(readonly answers: readonly Answer[]) {
    super('not every command of a call took effect');
  }
}

/** One pass over a group; see {@link runGroup}. */
class GroupRun {
  private readonly answered: { task: Task; answer: Answer }[] = [];
  private readonly postponed: Task[] = [];
  private readonly needLock: Task[] = [];
  private readonly writes: InboxWrite[] = [];
  private readonly records: InboxRecord[] = [];
  private readonly releases: InboxKey[] = [];
  private readonly began: number;
  private readonly tracer: HandlerTracer | undefined;
  private isClean = true;
  /** Until then there is time, however long it took: a group that settles nothing would never end. */
  private hadTurn = false;

  constructor(
    private readonly runtime: Runtime,
    private readonly session: InboxSession<unknown>,
    private readonly signal: AbortSignal,
    private readonly slow: SlowHandlers,
    private readonly mode: GroupMode,
  ) {
    this.began = runtime.clock.monotonic();
    this.tracer = runtime.tracing?.active();
  }

  async run(tasks: readonly Task[]): Promise<GroupReport> {
    const assumed = this.mode === 'trusting' ? await assumedOf(this.session, tasks, this.runtime.horizonMs) : [];
    const found = await this.withClaimed(tasks, assumed);
    pass('inbox.claimed');
    const turns = tasks.map((task, at): Turn => {
      const each = found[at]!;
      return { task, found: each, verdict: judged(task, each), isAssumed: assumed[at] !== undefined };
    });
    for (const taken of inTurn(turns)) await (isForMany(taken[0]!) ? this.many(taken) : this.one(taken[0]!));
    await this.session.store(this.writes);
    if (!(await this.session.record(this.records))) throw new Spoilt();
    if (this.writes.some(({ state }) => state === 'tombstone')) pass('tombstone.stored');
    await this.session.release(this.releases);
    pass('inbox.stored');
    const { answered, postponed, needLock, isClean } = this;
    return { answered, postponed, needLock, isClean };
  }

  /** What is found of every command. What is assumed of some is found out when their rows are written. */
  private async withClaimed(tasks: readonly Task[], assumed: readonly (Found | undefined)[]): Promise<readonly Found[]> {
    const others = tasks.filter((_, at) => assumed[at] === undefined);
    if (others.length === 0) return assumed as readonly Found[];
    const claimed = await findAll(this.session, others, this.runtime.horizonMs);
    let next = 0;
    return tasks.map((_, at) => assumed[at] ?? claimed[next++]!);
  }

  private async one(turn: Turn): Promise<void> {
    const { task, verdict } = turn;
    if (verdict.do === 'answer') return this.settle(turn, verdict.answer);
    if (this.isLate()) return this.leave(turn, this.postponed);
    if (needsLock(turn)) return this.leave(turn, this.needLock);
    this.settle(turn, await this.call(task, task.handler!));
  }

  /** One call for all of them. */
  private async many(turns: readonly Turn[]): Promise<void> {
    const handler = turns[0]!.task.handler!;
    const asked = askedOf(handler, turns, (turn, answer) => this.settle(turn, answer));
    if (asked.length > 0) await this.together(handler, asked);
  }

  /**
   * If one call does for all of them, or has done nothing in the transaction, it is over. If some are only rejected, the others are called
   * again without them, so that a rejected command has left nothing whatever the handler did; their "no" stands if that goes as it went
   * before, since it may rest on what was done for the others. If anything else happens, nobody can tell whose effects are whose: half of
   * them each, down to one.
   */
  private async together(handler: HandlerDeclaration, asked: readonly Asked<Turn>[]): Promise<void> {
    if (this.isLate()) return this.leaveAll(asked);
    const { answers, isTidy } = await this.tried(handler, asked);
    if (asked.length === 1 || isTidy || answers.every(isDone)) return this.settleAll(asked, answers);
    const isFailed = answers.some(({ outcome }) => outcome === 'error');
    if (isFailed && this.runtime.ending.isOver) return this.leaveAll(asked);
    const accepted = asked.filter((_, at) => isDone(answers[at]!));
    const again = isFailed || accepted.length === 0 ? [] : (await this.tried(handler, accepted)).answers;
    if (isFailed || !again.every(isDone)) {
      for (const half of halves(asked)) await this.together(handler, half);
      return;
    }
    this.settleAll(accepted, again);
    for (const [at, answer] of answers.entries()) if (!isDone(answer)) this.settle(asked[at]!.of, answer);
  }

  /** The answers of one call, all of whose effects are in the transaction if it went through for every command, and none if not. */
  private tried(handler: HandlerDeclaration, asked: readonly Asked<Turn>[]): Promise<Tried> {
    const { uses } = this.session;
    const context = { tx: this.session.tx, abortSignal: this.signal };
    const call = async () => {
      const answers = await callManyTraced(this.tracer, handler, asked, context);
      if (!answers.every(isDone)) throw new NotAllDone(answers);
      return answers;
    };
    return this.timed(handler, asked[0]!.of.task, async () => {
      try {
        return { answers: await this.attempted(call), isTidy: false };
      } catch (error: unknown) {
        if (error instanceof NotAllDone) return { answers: error.answers, isTidy: this.session.uses === uses && !isMixed(error.answers) };
        if (error instanceof NotDone) return { answers: asked.map(() => error.answer), isTidy: false };
        throw error;
      }
    });
  }

  private call(task: Task, handler: HandlerDeclaration): Promise<Answer> {
    const context = { ...factsOf(task.command), abortSignal: this.signal, tx: this.session.tx };
    return this.timed(handler, task, async () => {
      try {
        return await this.attempted(() => callTraced(this.tracer, handler, task.command, context));
      } catch (error: unknown) {
        if (error instanceof NotDone) return error.answer;
        throw error;
      }
    });
  }

  /** Nothing stays of what throws. */
  private async attempted<R>(work: () => Promise<R>): Promise<R> {
    const { uses } = this.session;
    try {
      return await (this.mode === 'careful' ? this.session.attempt(work) : work());
    } catch (error: unknown) {
      const isRefused = error instanceof NotDone || error instanceof NotAllDone;
      // It may have begun more than it awaited.
      if (isRefused) await this.session.idle();
      if (!isRefused || this.session.uses === uses) throw error;
      this.isClean = false;
      throw this.mode === 'careful' ? error : new Spoilt(error);
    }
  }

  private async timed<R>(handler: HandlerDeclaration, { lane }: Task, work: () => Promise<R>): Promise<R> {
    const { clock } = this.runtime;
    const began = clock.monotonic();
    try {
      return await work();
    } finally {
      if (lane === 'group') this.slow.took(handler, clock.monotonic() - began);
    }
  }

  private isLate(): boolean {
    const { clock, settings } = this.runtime;
    return this.hadTurn && clock.monotonic() - this.began > settings.groupMs;
  }

  private settle(turn: Turn, answer: Answer): void {
    const { task, found, verdict } = turn;
    const hasRun = verdict.do === 'run';
    pass((hasRun ? RAN : FOUND)[task.command.phase]);
    // It was told to stop: that is no failure of its own.
    if (hasRun && answer.outcome === 'error' && this.runtime.ending.isOver) return this.leave(turn, this.postponed);
    const { store, release } = settle(found, verdict, answer);
    if (turn.isAssumed) for (const write of store) this.records.push(recordOf(found.claims.own ?? found.claims.action, write));
    else {
      this.writes.push(...store);
      this.releases.push(...release);
    }
    this.answered.push({ task, answer });
    this.hadTurn = true;
  }

  private settleAll(asked: readonly Asked<Turn>[], answers: readonly Answer[]): void {
    for (let at = 0; at < asked.length; at++) this.settle(asked[at]!.of, answers[at]!);
  }

  private leave({ task, found, isAssumed }: Turn, where: Task[]): void {
    where.push(task);
    if (!isAssumed) this.releases.push(...freshIn(found));
    this.hadTurn = true;
  }

  private leaveAll(asked: readonly Asked<Turn>[]): void {
    for (const { of } of asked) this.leave(of, this.postponed);
  }
}

/** A command that was sent and delivered once, as far as anybody can tell; the row it leaves says whether that is true. */
function looksNew({ command, parcel }: Task): boolean {
  return command.phase !== 'f' && command.attempt === 1 && !parcel.delivery.redelivered;
}

/**
 * What may be taken for granted without claiming rows, each in the place of its task: of an action that looks new that it is; of such a
 * compensation too, if its action is settled for good. The places of others, which have to be claimed, are empty.
 */
async function assumedOf(session: InboxSession<unknown>, tasks: readonly Task[], horizonMs: number): Promise<(Found | undefined)[]> {
  const { now } = session;
  const rows = await finalRowsOf(session, tasks);
  return tasks.map((task): Found | undefined => {
    const { claims } = task;
    if (!looksNew(task)) return undefined;
    if (!claims.own) return { claims, action: FRESH, own: undefined, now, horizonMs };
    const row = rows.get(task);
    return row ? { claims, action: { fresh: false, row }, own: FRESH, now, horizonMs } : undefined;
  });
}
const FRESH = Object.freeze({ fresh: true });

/** Of the actions of compensations that look new, as far as they are settled for good. */
async function finalRowsOf(session: InboxSession<unknown>, tasks: readonly Task[]): Promise<ReadonlyMap<Task, InboxRow | undefined>> {
  const undoing = tasks.filter((task) => task.claims.own !== undefined && looksNew(task));
  const rows = undoing.length > 0 ? await session.finalActions(undoing.map(({ actionId }) => actionId)) : [];
  return new Map(undoing.map((task, at) => [task, rows[at]]));
}

function recordOf({ commandId, requestHash }: InboxClaim, { actionId, direction, state, reply }: InboxWrite): InboxRecord {
  return { actionId, direction, commandId, requestHash, state, reply };
}

function isDone({ outcome }: Answer): boolean {
  return outcome === 'success';
}

/** Some failed and some were rejected. */
function isMixed(answers: readonly Answer[]): boolean {
  return (['error', 'rejected'] as const).every((wanted) => answers.some(({ outcome }) => outcome === wanted));
}

/** An effect outside may be under way, and this transaction does not hold the lock that would tell. */
function needsLock({ task, found }: Turn): boolean {
  return task.lane !== 'locked' && mayBeUnderWay(found);
}

/** To be handled by one call with others like it. */
function isForMany(turn: Turn): boolean {
  return turn.verdict.do === 'run' && turn.task.handler!.many && !needsLock(turn);
}

/** In their order, but those that one call handles in the place of the first. */
function inTurn(turns: readonly Turn[]): readonly (readonly Turn[])[] {
  const calls: Turn[][] = [];
  const together = new Map<HandlerDeclaration, Turn[]>();
  for (const turn of turns) {
    const others = isForMany(turn) ? together.get(turn.task.handler!) : undefined;
    if (others) {
      others.push(turn);
      continue;
    }
    const call = [turn];
    calls.push(call);
    if (isForMany(turn)) together.set(turn.task.handler!, call);
  }
  return calls;
}

/** Claims the rows of all the commands and says what was found for each. */
export async function findAll(session: InboxSession<unknown>, tasks: readonly Task[], horizonMs: number): Promise<Found[]> {
  const rows = tasks.flatMap(({ claims }) => (claims.own ? [claims.action, claims.own] : [claims.action]));
  const claimed = rows.length > 0 ? await session.claim(rows) : [];
  let next = 0;
  return tasks.map((task) => ({
    claims: task.claims,
    action: claimed[next++]!,
    own: task.claims.own ? claimed[next++]! : undefined,
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
