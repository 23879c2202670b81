import { faultText } from './codec-text.js';
import type { Draft } from './draft.js';
import { messageOf } from './errors.js';
import { deepFreeze, LIMITS, toJson, utf8Bytes, type Checked, type Json } from './json.js';
import type { Given, OwnAction, PlanCommand, PlanStep, SagaFacts } from './plan.js';
import { commandId, type Phase } from './state.js';

export type Built<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

/** What the functions of a step may read, deeply frozen. */
export function givenTo(draft: Draft, step: PlanStep, own?: OwnAction): Given {
  const given: Record<string, unknown> = { input: draft.state.input, saga: factsOfSaga(draft) };
  for (const [name, index] of Object.entries(step.uses)) {
    const reply = draft.step(draft.plan.steps[index]!.name)?.reply;
    given[name] = reply;
  }
  if (own) given['own'] = own;
  return deepFreeze(given) as Given;
}

/** Of the action of a step whose undo is built now. */
export function ownAction(draft: Draft, name: string): OwnAction {
  const at = draft.step(name);
  return { request: at?.action?.request, reply: at?.reply, commandId: commandId(draft.state.id, name, 'a', at?.action?.execution ?? 1) };
}

/** Runs a user's predicate. */
export function test(what: string, predicate: (given: Given) => boolean, given: Given): Built<boolean> {
  try {
    const value: unknown = predicate(given);
    if (typeof value !== 'boolean') return { ok: false, message: `${what} gave ${typeof value}, not a boolean` };
    return { ok: true, value };
  } catch (error: unknown) {
    return { ok: false, message: `${what} threw: ${messageOf(error)}` };
  }
}

/**
 * Builds a request, or takes an edited one, and checks it against limits and contract. What undoing takes is not held against the row's
 * limit: a saga that has grown to it could not be undone. It is at most one payload for each step.
 */
export function buildRequest(
  draft: Draft,
  phase: Phase,
  command: PlanCommand,
  given: Given,
  edited?: { readonly request: unknown },
): Built<Request> {
  let built: unknown;
  try {
    built = edited ? edited.request : command.request(given);
  } catch (error: unknown) {
    return { ok: false, message: `the request of ${command.type} could not be built: ${messageOf(error)}` };
  }
  if (built instanceof Promise) {
    built.catch(() => undefined);
    return { ok: false, message: `the request of ${command.type} is built by an async function; builders are synchronous` };
  }
  const checked = asItIs(built, given) ?? toJson(built, 'request');
  if (!checked.ok) return { ok: false, message: `the request of ${command.type} cannot be sent: ${faultText(checked.faults)}` };
  const read = command.readRequest(checked.value);
  if (!read.ok) return { ok: false, message: `the request of ${command.type} does not fit its contract: ${faultText(read.faults)}` };
  const bytes = draft.state.bytes + utf8Bytes(checked.text);
  if (phase !== 'c' && bytes > LIMITS.rowBytes) return { ok: false, message: `the saga would grow beyond ${LIMITS.rowBytes} bytes` };
  draft.state.bytes = bytes;
  return { ok: true, value: { value: checked.value, text: checked.text } };
}
/** What the saga was started with was checked then, and nobody can have changed it: handed on, it needs no copy. */
function asItIs(built: unknown, { input }: Given): Checked | undefined {
  if (built !== input || typeof built !== 'object' || built === null) return undefined;
  const text = JSON.stringify(built);
  return text.length * 3 <= LIMITS.payloadBytes ? { ok: true, value: built as Json, text } : undefined;
}

/** A request that can be sent: as it is stored, and as it goes on the wire. */
export interface Request {
  readonly value: Json;
  readonly text: string;
}

/** Few builders look at them, and an ISO date costs more than the rest. */
function factsOfSaga({ state }: Draft): SagaFacts {
  return Object.freeze({
    id: state.id,
    key: state.key ?? undefined,
    name: state.name,
    version: state.version,
    get startedAt() {
      // Only formatting: no clock is read.
      // oxlint-disable-next-line no-restricted-globals
      return new Date(state.startedAt).toISOString();
    },
  });
}
