import type { SagaState } from '../core/state.js';

/** What a saga's state says as long as nothing happened to it: left out of the row, which is read and written at every step. */
const UNSAID = {
  key: null,
  tags: {},
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
/** The state as the row keeps it, and the texts of its parts. */
export interface StateText {
  readonly text: string;
  readonly input: Part;
  readonly steps: ReadonlyMap<string, Part>;
}

/**
 * Writes a state down. A decision changes one or two steps and keeps the other parts as they are (states are never changed in place), so
 * that with what was written `before` most of it need not be written anew.
 */
export function writeState(state: SagaState, before?: StateText): StateText {
  const { id: _inItsColumn, input, steps, ...rest } = state;
  const { key, tags, end, endedAt, reason, suspended, pendingCancel, deadlineAt, attention, noted, ...said } = rest;
  const row: Record<string, unknown> = said;
  if (key !== null) row['key'] = key;
  if (end !== null) row['end'] = end;
  if (endedAt !== null) row['endedAt'] = endedAt;
  if (reason !== null) row['reason'] = reason;
  if (suspended !== null) row['suspended'] = suspended;
  if (pendingCancel !== null) row['pendingCancel'] = pendingCancel;
  if (deadlineAt !== null) row['deadlineAt'] = deadlineAt;
  if (attention.length > 0) row['attention'] = attention;
  if (!isEmpty(tags)) row['tags'] = tags;
  if (!isEmpty(noted)) row['noted'] = noted;
  const inputPart = partOf(input, before?.input);
  const stepParts = new Map<string, Part>();
  let stepsText = '';
  for (const name in steps) {
    const part = partOf(steps[name], before?.steps.get(name));
    stepParts.set(name, part);
    // A step's name needs no escaping.
    stepsText += `${stepsText === '' ? '' : ','}"${name}":${part.text}`;
  }
  const text = `${JSON.stringify(row).slice(0, -1)},"input":${inputPart.text},"steps":{${stepsText}}}`;
  return { text, input: inputPart, steps: stepParts };
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
