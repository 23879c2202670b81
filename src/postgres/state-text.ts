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

/** The state as the row keeps it. */
export function writeState(state: SagaState): string {
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
  return `${JSON.stringify(row).slice(0, -1)},"input":${textOf(input)},"steps":${stepsText(steps)}}`;
}
/** The state of a row. */
export function readState(id: string, text: string): SagaState {
  return { id, ...UNSAID, ...(JSON.parse(text) as Omit<SagaState, 'id' | keyof typeof UNSAID>) };
}

function stepsText(steps: SagaState['steps']): string {
  let text = '';
  // A step's name needs no escaping.
  for (const name in steps) text += `${text === '' ? '' : ','}"${name}":${textOf(steps[name])}`;
  return `{${text}}`;
}

/**
 * Texts of the parts of states: a decision changes one or two steps and keeps the other parts as they are, so that a state which was
 * written here before is mostly written again as it was. States are never changed in place.
 */
const texts = new WeakMap<object, string>();
function textOf(part: unknown): string {
  if (typeof part !== 'object' || part === null) return JSON.stringify(part);
  let text = texts.get(part);
  if (text === undefined) texts.set(part, (text = JSON.stringify(part)));
  return text;
}

function isEmpty(record: object): boolean {
  for (const _any in record) return false;
  return true;
}
