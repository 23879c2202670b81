import type { SagaState } from '../core/state.js';

/** What a saga's state says as long as nothing happened to it: left out of the row, which is read and written at every step. */
const UNSAID = {
  key: null,
  tags: {},
  traceparent: null,
  end: null,
  endedAt: null,
  reason: null,
  suspended: null,
  pendingCancel: null,
  deadlineAt: null,
  attention: [],
  noted: {},
} as const satisfies Partial<SagaState>;

/** A part of a state with its text. */
interface Part {
  readonly part: unknown;
  readonly text: string;
}
/** What of a state's text serves again when the state is written for the next time. */
export interface StateParts {
  /** What never changes: name, input and so on. */
  readonly head: string;
  readonly steps: Readonly<Record<string, Part>>;
  readonly length: number;
}
export interface StateText {
  readonly text: string;
  readonly parts: StateParts;
}

/**
 * The state as the row keeps it. A decision changes one or two steps and keeps the other parts as they are (states are never changed in
 * place), so that with what was written `before` most of it need not be written anew.
 */
export function writeState(state: SagaState, before?: StateParts): StateText {
  const head = before?.head ?? headOf(state);
  const steps: Record<string, Part> = {};
  let stepsText = '';
  for (const name in state.steps) {
    const part = (steps[name] = partOf(state.steps[name], before?.steps[name]));
    // A step's name needs no escaping.
    stepsText += `${stepsText === '' ? '' : ','}"${name}":${part.text}`;
  }
  const { direction, seq, eventAt, bytes } = state;
  const order = JSON.stringify(state.order);
  const text = `${head},"direction":"${direction}","seq":${seq},"eventAt":${eventAt},"bytes":${bytes},"order":${order}${rarely(state)},"steps":{${stepsText}}}`;
  return { text, parts: { head, steps, length: text.length } };
}
function headOf({ name, version, key, tags, traceparent, tracestate, input, ownKey, startedAt }: SagaState): string {
  const trace = traceparent === null ? {} : { traceparent, ...(tracestate === undefined ? {} : { tracestate }) };
  const rare = { ...(key === null ? {} : { key }), ...(isEmpty(tags) ? {} : { tags }), ...(ownKey && { ownKey }), ...trace };
  const head = { name, version, startedAt, input, ...rare };
  return JSON.stringify(head).slice(0, -1);
}
/** What most sagas never have. */
function rarely({ end, endedAt, reason, suspended, pendingCancel, deadlineAt, attention, noted }: SagaState): string {
  let text = '';
  if (end !== null) text += `,"end":"${end}","endedAt":${endedAt}`;
  if (reason !== null) text += `,"reason":${JSON.stringify(reason)}`;
  if (suspended !== null) text += `,"suspended":${JSON.stringify(suspended)}`;
  if (pendingCancel !== null) text += `,"pendingCancel":${JSON.stringify(pendingCancel)}`;
  if (deadlineAt !== null) text += `,"deadlineAt":${deadlineAt}`;
  if (attention.length > 0) text += `,"attention":${JSON.stringify(attention)}`;
  if (!isEmpty(noted)) text += `,"noted":${JSON.stringify(noted)}`;
  return text;
}
function partOf(part: unknown, before: Part | undefined): Part {
  return before !== undefined && before.part === part ? before : { part, text: JSON.stringify(part) };
}
/** The state of a row. */
export function readState(id: string, text: string): SagaState {
  return { id, ...UNSAID, ...(JSON.parse(text) as Omit<SagaState, 'id' | keyof typeof UNSAID>) };
}

function isEmpty(record: object): boolean {
  for (const _any in record) return false;
  return true;
}
