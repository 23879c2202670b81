import { faultText } from './codec-text.js';
import type { Draft } from './draft.js';
import { messageOf } from './errors.js';
import { deepFreeze, LIMITS, toJson, type Checked, type Json } from './json.js';
import { rememberedText, rememberText, textOf } from './json-text.js';
import { vaultOf, type CommandStep, type Given, type OwnAction, type PlanStep, type SagaFacts } from './plan.js';
import { INPUT_PLACE, NotOpened, openMarked, replyPlace, requestPlace, sealMarked, type Vault } from './sealing.js';
import { commandId } from './state.js';

export type Built<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

/** What the functions of a step may read, deeply frozen, with what is sealed opened. Throws NotOpened. */
function givenTo(draft: Draft, step: PlanStep, own?: OwnAction): Given {
  const { plan, state } = draft;
  const vault = vaultOf(plan, state.id);
  const given: Record<string, unknown> = {
    input: openMarked(vault, state.input, plan.sensitive, INPUT_PLACE),
    saga: factsOfSaga(state),
  };
  for (const [name, index] of Object.entries(step.uses)) given[name] = replyOf(draft, plan.steps[index]!, vault);
  if (own) given['own'] = own;
  return deepFreeze(given) as Given;
}
function replyOf(draft: Draft, step: PlanStep, vault: Vault): Json | undefined {
  const reply = draft.step(step.name)?.reply;
  return step.kind === 'check' || reply === undefined
    ? reply
    : openMarked(vault, reply, step.action.sensitive?.reply, replyPlace(step.name, 'a'));
}

/** Of the action of a step whose undo is built now. */
function ownAction(draft: Draft, step: CommandStep): OwnAction {
  const { id } = draft.state;
  const vault = vaultOf(draft.plan, id);
  const action = draft.step(step.name)?.action;
  return {
    request: action && openMarked(vault, action.request, step.action.sensitive?.request, requestPlace(step.name, 'a')),
    reply: replyOf(draft, step, vault),
    commandId: commandId(id, step.name, 'a', action?.execution ?? 1),
  };
}

/** Runs a predicate of a step. Throws NotOpened where a key is missing. */
export function test(draft: Draft, step: PlanStep, what: string, predicate: (given: Given) => boolean): Built<boolean> {
  try {
    const value: unknown = predicate(givenTo(draft, step));
    if (typeof value !== 'boolean') return { ok: false, message: `${what} gave ${typeof value}, not a boolean` };
    return { ok: true, value };
  } catch (error: unknown) {
    throwIfKeyMissing(error);
    return { ok: false, message: `${what} threw: ${messageOf(error)}` };
  }
}

/**
 * Builds a request, or takes an edited one, checks it against limits and contract, and seals what is sensitive in it. What undoing takes is
 * not held against the row's limit: a saga that has grown to it could not be undone. It is at most one payload for each step. Throws
 * NotOpened where a key is missing: then it can be built later.
 */
export function buildRequest(draft: Draft, step: CommandStep, phase: 'a' | 'c', edited?: { readonly request: unknown }): Built<Request> {
  const command = phase === 'c' ? step.compensation! : step.action;
  const vault = vaultOf(draft.plan, draft.state.id);
  const marks = command.sensitive?.request;
  const place = requestPlace(step.name, phase);
  let built: unknown;
  let input: unknown;
  try {
    if (edited) built = openMarked(vault, edited.request, marks, place);
    else {
      const given = givenTo(draft, step, phase === 'c' ? ownAction(draft, step) : undefined);
      ({ input } = given);
      built = command.request(given);
    }
  } catch (error: unknown) {
    throwIfKeyMissing(error);
    return { ok: false, message: `the request of ${command.type} could not be built: ${messageOf(error)}` };
  }
  if (built instanceof Promise) {
    built.catch(() => undefined);
    return { ok: false, message: `the request of ${command.type} is built by an async function; builders are synchronous` };
  }
  const checked = asItIs(built, input) ?? toJson(built, 'request');
  if (!checked.ok) return { ok: false, message: `the request of ${command.type} cannot be sent: ${faultText(checked.faults)}` };
  const read = command.readRequest(checked.value);
  if (!read.ok) return { ok: false, message: `the request of ${command.type} does not fit its contract: ${faultText(read.faults)}` };
  let value: Json;
  try {
    value = sealMarked(vault, checked.value, marks, place);
  } catch (error: unknown) {
    throwIfKeyMissing(error);
    return { ok: false, message: `the request of ${command.type} cannot be sealed: ${messageOf(error)}` };
  }
  const { text, bytes: size } =
    rememberedText(value) ?? rememberText(value, value === checked.value ? checked.text : JSON.stringify(value));
  if (value !== checked.value && size > LIMITS.payloadBytes)
    return {
      ok: false,
      message: `the request of ${command.type} cannot be sent: sealed it has ${size} bytes; the limit is ${LIMITS.payloadBytes}`,
    };
  const bytes = draft.state.bytes + size;
  if (phase !== 'c' && bytes > LIMITS.rowBytes) return { ok: false, message: `the saga would grow beyond ${LIMITS.rowBytes} bytes` };
  draft.state.bytes = bytes;
  return { ok: true, value: { value, text } };
}
/** What the saga was started with was checked then, and nobody can have changed it: handed on, it needs no copy. */
function asItIs(built: unknown, input: unknown): Checked | undefined {
  if (built !== input || typeof built !== 'object' || built === null) return undefined;
  const text = textOf(built as Json);
  return text.length * 3 <= LIMITS.payloadBytes ? { ok: true, value: built as Json, text } : undefined;
}

/** A request that can be sent: as it is stored, and as it goes on the wire. */
export interface Request {
  readonly value: Json;
  readonly text: string;
}

function factsOfSaga({ id, key, name, version, startedAt }: Draft['state']): SagaFacts {
  return { id, key: key ?? undefined, name, version, startedAt: isoDate(startedAt) };
}

/** Sagas that were started together mostly come together again, and making a date costs more than all else here. */
let latest = { instant: NaN, text: '' };
function isoDate(instant: number): string {
  if (latest.instant !== instant) {
    // Only formatting: no clock is read.
    // oxlint-disable-next-line no-restricted-globals
    latest = { instant, text: new Date(instant).toISOString() };
  }
  return latest.text;
}

/** Nobody's fault, and passing: the event is not applied. */
function throwIfKeyMissing(error: unknown): void {
  if (error instanceof NotOpened && error.why === 'key-missing') throw error;
}
