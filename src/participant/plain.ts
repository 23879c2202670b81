import { messageOf } from '../core/errors.js';
import type { HandlerDeclaration } from '../saga/participant-declaration.js';
import { failure, type Answer } from './answer.js';
import { contextOf, NotDone, plainContextOf, withSignal } from './call.js';
import { LazySignal } from './lazy-signal.js';
import { askedOf, halves, type Asked } from './many.js';
import type { RunReport, Runtime } from './runtime.js';
import type { Task } from './task.js';
import { callManyTraced, callTraced } from './tracing.js';

/** Commands of a participant that keeps no inbox: the handler runs each time a copy comes, and nothing is remembered. */
export async function runPlain(runtime: Runtime, task: Task, handler: HandlerDeclaration | undefined): Promise<RunReport> {
  if (!handler) return { answered: [{ task, answer: NO_INBOX }], again: [] };
  const answer = await call(runtime, task, handler);
  if (answer.outcome === 'error' && runtime.ending.isOver) return { answered: [], again: [task] };
  return { answered: [{ task, answer }], again: [] };
}

const NO_INBOX = failure('no-inbox', 'this participant keeps no inbox, so it cannot tell whether the action ran');

/**
 * The same with one call for all of them. A call that fails as a whole is made again with half of them each, so that nobody fails with
 * somebody else; what it did stays, as it does when a copy comes.
 */
export async function runPlainMany(runtime: Runtime, tasks: readonly Task[], handler: HandlerDeclaration): Promise<RunReport> {
  const answered: { task: Task; answer: Answer }[] = [];
  const again: Task[] = [];
  const answer = ({ task }: { readonly task: Task }, given: Answer) => {
    if (given.outcome === 'error' && runtime.ending.isOver) again.push(task);
    else answered.push({ task, answer: given });
  };
  const asked = askedOf(
    handler,
    tasks.map((task) => ({ task })),
    answer,
  );
  const answers = await callTogether(runtime, handler, asked);
  for (const [at, { of }] of asked.entries()) answer(of, answers[at]!);
  return { answered, again };
}

async function callTogether(runtime: Runtime, handler: HandlerDeclaration, asked: readonly Asked<unknown>[]): Promise<readonly Answer[]> {
  if (asked.length === 0) return [];
  const signal = new LazySignal(runtime);
  try {
    return await callManyTraced(runtime.tracing?.active(), handler, asked, withSignal({ tx: undefined }, signal));
  } catch (error: unknown) {
    const answer = error instanceof NotDone ? error.answer : failure('handler-failed', messageOf(error));
    if (asked.length === 1 || runtime.ending.isOver) return asked.map(() => answer);
  } finally {
    signal.release();
  }
  const [first, second] = halves(asked);
  return [...(await callTogether(runtime, handler, first)), ...(await callTogether(runtime, handler, second))];
}

async function call(runtime: Runtime, task: Task, handler: HandlerDeclaration): Promise<Answer> {
  const { command } = task;
  const writes: ((tx: unknown) => Promise<void>)[] = [];
  const store = (work: (tx: unknown) => Promise<void>) => void writes.push(work);
  const signal = new LazySignal(runtime);
  try {
    const context = handler.effects === 'outside' ? contextOf(command, signal, { store }) : plainContextOf(command, signal);
    const answer = await callTraced(runtime.tracing?.active(), handler, command, context);
    for (const write of writes) await write(undefined);
    return answer;
  } catch (error: unknown) {
    return error instanceof NotDone ? error.answer : failure('handler-failed', messageOf(error));
  } finally {
    signal.release();
  }
}
