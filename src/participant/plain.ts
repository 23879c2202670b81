import { messageOf } from '../core/errors.js';
import type { HandlerDeclaration } from '../saga/participant-declaration.js';
import { failure, type Answer } from './answer.js';
import { callHandler, contextOf, NotDone } from './call.js';
import { LazySignal } from './lazy-signal.js';
import type { RunReport, Runtime } from './runtime.js';
import type { Task } from './task.js';

/** Commands of a participant that keeps no inbox: the handler runs each time a copy comes, and nothing is remembered. */
export async function runPlain(runtime: Runtime, task: Task, handler: HandlerDeclaration | undefined): Promise<RunReport> {
  if (!handler) return { answered: [{ task, answer: NO_INBOX }], again: [] };
  const answer = await call(runtime, task, handler);
  if (answer.outcome === 'error' && runtime.ending.isOver) return { answered: [], again: [task] };
  return { answered: [{ task, answer }], again: [] };
}

const NO_INBOX = failure('no-inbox', 'this participant keeps no inbox, so it cannot tell whether the action ran');

async function call(runtime: Runtime, task: Task, handler: HandlerDeclaration): Promise<Answer> {
  const writes: ((tx: unknown) => Promise<void>)[] = [];
  const extra =
    handler.effects === 'outside' ? { store: (work: (tx: unknown) => Promise<void>) => void writes.push(work) } : { tx: undefined };
  const signal = new LazySignal(runtime);
  try {
    const answer = await callHandler(handler, task.command, contextOf(task.command, signal, extra));
    for (const write of writes) await write(undefined);
    return answer;
  } catch (error: unknown) {
    return error instanceof NotDone ? error.answer : failure('handler-failed', messageOf(error));
  } finally {
    signal.release();
  }
}
