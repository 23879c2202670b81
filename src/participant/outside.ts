import { pass } from '../core/crash-points.js';
import type { InboxResult, InboxSession } from '../ports/inbox.js';
import type { HandlerDeclaration } from '../saga/participant-declaration.js';
import { failure, type Answer } from './answer.js';
import { begun, settle } from './barrier.js';
import { factsOf, NotDone } from './call.js';
import type { DecodedCommand } from '../core/codec-commands.js';
import { messageOf } from '../core/errors.js';
import { traceField } from '../core/trace-context.js';
import { findAll, judged } from './group.js';
import type { RunReport, Runtime } from './runtime.js';
import type { Task } from './task.js';
import { callTraced } from './tracing.js';
import { within } from './time-limit.js';
import { BUSY, failureOf } from './transactions.js';

type Store = (work: (tx: unknown) => Promise<void>) => void;
type Write = Parameters<Store>[0];
/** What the transaction before the handler found. */
type Begun = { readonly answer: Answer } | 'run';
type Ended = { readonly answer: Answer } | { readonly unavailable: unknown };
const TRIES = 3;
const LOCK_LOST = failure('locked', 'the lock of the action was lost while its handler ran, and somebody else has it now');

/**
 * Commands with effects outside the transaction: `started` is committed first, then the handler runs without a transaction, then one
 * short transaction writes what it registered and stores the reply. From before the first to after the last the action's lock is held.
 * Such effects happen at least once; whoever finds `started` runs the handler again with the same command id.
 */
export class OutsideEffects {
  constructor(
    private readonly runtime: Runtime,
    private readonly pause: () => Promise<void>,
  ) {}

  async run(task: Task, handler: HandlerDeclaration): Promise<RunReport> {
    const { store, settings } = this.runtime;
    const held = await store!.exclusively(task.actionId, settings.lockWaitMs, (lost) => this.underLock(task, handler, lost));
    if (held.fate === 'done') return held.value;
    if (held.fate === 'busy') return { answered: [{ task, answer: BUSY }], again: [] };
    return { answered: [], again: [task], unavailable: held.error };
  }

  private async underLock(task: Task, handler: HandlerDeclaration, lost: AbortSignal): Promise<RunReport> {
    const before = await this.repeatedly(() => this.begin(task));
    if (before.fate !== 'committed') return notBegun(task, before);
    if (before.value !== 'run') return { answered: [{ task, answer: before.value.answer }], again: [] };
    pass('outside.started');
    const writes: Write[] = [];
    const answer = await this.call(task, handler, writes, lost);
    pass('outside.ran');
    if (answer.outcome === 'error')
      return this.runtime.ending.isOver ? { answered: [], again: [task] } : { answered: [{ task, answer }], again: [] };
    const end = await this.end(task, answer, writes, lost);
    pass('outside.stored');
    if ('answer' in end) return { answered: [{ task, answer: end.answer }], again: [] };
    return { answered: [], again: [task], unavailable: end.unavailable };
  }

  private begin(task: Task): Promise<InboxResult<Begun>> {
    return this.runtime.store!.transact(async (session): Promise<Begun> => {
      const [found] = await findAll(session, [task], this.runtime.horizonMs);
      const verdict = judged(task, found!);
      if (verdict.do === 'run') {
        await session.store(begun(found!));
        return 'run';
      }
      const changes = settle(found!, verdict, verdict.answer);
      await session.store(changes.store);
      await session.release(changes.release);
      return { answer: verdict.answer };
    });
  }

  private async call(task: Task, handler: HandlerDeclaration, writes: Write[], lost: AbortSignal): Promise<Answer> {
    const store: Store = (work) => void writes.push(work);
    const run = (signal: AbortSignal) =>
      callTraced(this.runtime.tracing?.active(), handler, task.command, { ...factsOf(task.command), abortSignal: signal, store });
    try {
      return await within(this.runtime, run, { lost, overdue: () => this.warn(task, handler) });
    } catch (error: unknown) {
      if (error instanceof NotDone) return error.answer;
      throw error;
    }
  }

  private warn({ command }: Task, { where }: HandlerDeclaration): void {
    this.runtime.logger.warn(
      { ...aboutCommand(command), handler: where, ms: this.runtime.settings.handlerTimeoutMs },
      'a handler with effects outside has not ended although its time is up; until it does, it keeps its place and the lock of its action. Let it heed abortSignal',
    );
  }

  /** The effect is there: its answer is stored as soon as the store can be reached, for as long as the process may wait. */
  private async end(task: Task, answer: Answer, writes: readonly Write[], lost: AbortSignal): Promise<Ended> {
    for (;;) {
      const result = await this.finishLocked(task, answer, writes, lost);
      if (result === 'busy') return { answer: LOCK_LOST };
      if (result.fate === 'committed') return { answer: result.value };
      if (!(result.fate === 'failed' && result.why === 'unavailable')) return { answer: failureOf(result) };
      if (this.runtime.ending.isOver) return { unavailable: result.error };
      await this.pause();
    }
  }

  /**
   * Whoever has the lock now may be running the handler again: were this answer stored beside that, the saga would go on, and perhaps undo
   * what is still being done. So an answer whose lock went is stored under the lock, or left to the one who has it.
   */
  private async finishLocked(
    task: Task,
    answer: Answer,
    writes: readonly Write[],
    lost: AbortSignal,
  ): Promise<InboxResult<Answer> | 'busy'> {
    const finish = () => this.repeatedly(() => this.finish(task, answer, writes));
    if (!lost.aborted) return finish();
    const held = await this.runtime.store!.exclusively(task.actionId, this.runtime.settings.lockWaitMs, finish);
    if (held.fate === 'done') return held.value;
    return held.fate === 'busy' ? 'busy' : { fate: 'failed', why: 'unavailable', error: held.error };
  }

  private finish(task: Task, answer: Answer, writes: readonly Write[]): Promise<InboxResult<Answer>> {
    return this.runtime.store!.transact((session) =>
      within(this.runtime, () => this.settled(session, task, answer, writes), { giveUp: () => session.condemn() }),
    );
  }

  private async settled(session: InboxSession<unknown>, task: Task, answer: Answer, writes: readonly Write[]): Promise<Answer> {
    const [found] = await findAll(session, [task], this.runtime.horizonMs);
    const verdict = judged(task, found!);
    const given = verdict.do === 'run' ? await this.write(session, answer, writes) : verdict.answer;
    // Only when the lock was lost on the way: somebody else has answered or undone it in the meantime.
    if (given.outcome !== answer.outcome)
      this.runtime.logger.warn(
        { ...aboutCommand(task.command), type: task.command.type, outcome: answer.outcome, answered: given.outcome },
        'an effect outside ended otherwise than it is answered',
      );
    const changes = settle(found!, verdict, given);
    await session.store(changes.store);
    await session.release(changes.release);
    pass('outside.written');
    return given;
  }

  private async write(session: InboxSession<unknown>, answer: Answer, writes: readonly Write[]): Promise<Answer> {
    if (answer.outcome !== 'success' || writes.length === 0) return answer;
    const all = async (): Promise<Answer> => {
      try {
        for (const write of writes) await write(session.tx);
        return answer;
      } catch (error: unknown) {
        throw new NotDone(failure('handler-failed', `what the handler registered with store() failed: ${messageOf(error)}`), error);
      }
    };
    try {
      return await session.attempt(all);
    } catch (error: unknown) {
      if (error instanceof NotDone) return error.answer;
      throw error;
    }
  }

  private async repeatedly<R>(run: () => Promise<InboxResult<R>>): Promise<InboxResult<R>> {
    for (let tries = 1; ; tries++) {
      const result = await run();
      const canRepeat = result.fate === 'unknown' || (result.fate === 'failed' && result.why === 'conflict');
      if (!canRepeat || tries === TRIES) return result;
    }
  }
}

function aboutCommand(command: DecodedCommand): object {
  return { command: command.id, sagaId: command.sagaId, step: command.step, ...traceField(command) };
}

function notBegun(task: Task, result: Exclude<InboxResult<unknown>, { fate: 'committed' }>): RunReport {
  if (result.fate === 'failed' && result.why === 'unavailable') return { answered: [], again: [task], unavailable: result.error };
  return { answered: [{ task, answer: failureOf(result) }], again: [] };
}
