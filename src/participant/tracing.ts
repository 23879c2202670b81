import type { DecodedCommand } from '../core/codec-commands.js';
import type { HandlerDeclaration, ManyContext } from '../saga/participant-declaration.js';
import { failure, type Answer } from './answer.js';
import { callHandler, NotDone } from './call.js';
import { callMany, type Asked } from './many.js';

/** Makes spans of the calls of handlers. Whoever has none does without: `active` is asked once for a group. */
export interface ParticipantTracing {
  /** `undefined`: nothing records traces in this process now. */
  active(): HandlerTracer | undefined;
}
/** Must be quick and must not throw. */
export interface HandlerTracer {
  /** A call of a handler with these commands begins. */
  begin(commands: readonly DecodedCommand[]): Handling;
}
export interface Handling {
  /** Runs the handler, with its span as that in which whatever it does has its place. */
  run<R>(work: () => R): R;
  /** For every command, in their order. */
  end(answers: readonly Answer[]): void;
}

/** Calls the handler of one command, within a span where there is somebody who makes one; see {@link callHandler}. */
export function callTraced(
  tracer: HandlerTracer | undefined,
  handler: HandlerDeclaration,
  command: DecodedCommand,
  context: object,
): Promise<Answer> {
  return tracer ? oneInSpan(tracer, handler, command, context) : callHandler(handler, command, context);
}

/** The same with one call for many; see {@link callMany}. */
export function callManyTraced(
  tracer: HandlerTracer | undefined,
  handler: HandlerDeclaration,
  asked: readonly Asked<unknown>[],
  context: ManyContext<unknown>,
): Promise<readonly Answer[]> {
  if (!tracer) return callMany(handler, asked, context);
  const commands = asked.map(({ command }) => command);
  return inSpans(tracer, commands, () => callMany(handler, asked, context));
}

async function oneInSpan(tracer: HandlerTracer, handler: HandlerDeclaration, command: DecodedCommand, context: object): Promise<Answer> {
  const [answer] = await inSpans(tracer, [command], async () => [await callHandler(handler, command, context)]);
  return answer!;
}

async function inSpans(
  tracer: HandlerTracer,
  commands: readonly DecodedCommand[],
  call: () => Promise<readonly Answer[]>,
): Promise<readonly Answer[]> {
  const handling = tracer.begin(commands);
  try {
    const answers = await handling.run(call);
    handling.end(answers);
    return answers;
  } catch (error: unknown) {
    const answer = error instanceof NotDone ? error.answer : FAILED;
    handling.end(commands.map(() => answer));
    throw error;
  }
}

const FAILED = failure('handler-failed', '');
