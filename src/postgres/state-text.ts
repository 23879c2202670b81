import { textOf } from '../core/json-text.js';
import type { Json } from '../core/json.js';
import { copyOfState, stepWith, type CommandState, type SagaState, type StepState } from '../core/state.js';

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

/**
 * The state as the row keeps it. Written field by field: most of it is numbers and words of ours, which need no escaping, and payloads whose
 * text is known.
 */
export function stateText(state: SagaState): string {
  const { direction, seq, eventAt, bytes, input } = state;
  let text = `${headOf(state)},"direction":"${direction}","seq":${seq},"eventAt":${eventAt},"bytes":${bytes}`;
  text += `,"order":${namesText(state.order)}${rarely(state)},"steps":{`;
  let isFirst = true;
  for (const name in state.steps) {
    text += `${isFirst ? '' : ','}"${name}":${stepText(state.steps[name]!, input)}`;
    isFirst = false;
  }
  return `${text}}}`;
}
/** What never changes. */
function headOf({ name, version, key, tags, traceparent, tracestate, input, ownKey, startedAt }: SagaState): string {
  let text = `{"name":${JSON.stringify(name)},"version":${version},"startedAt":${startedAt},"input":${textOf(input)}`;
  if (key !== null) text += `,"key":${JSON.stringify(key)}`;
  if (!isEmpty(tags)) text += `,"tags":${JSON.stringify(tags)}`;
  if (ownKey) text += ',"ownKey":true';
  if (traceparent !== null) text += `,"traceparent":${JSON.stringify(traceparent)}`;
  if (traceparent !== null && tracestate !== undefined) text += `,"tracestate":${JSON.stringify(tracestate)}`;
  return text;
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
function stepText(at: StepState, input: Json): string {
  let text = `{"outcome":"${at.outcome}","startedAt":${at.startedAt}`;
  if (at.settledAt !== undefined) text += `,"settledAt":${at.settledAt}`;
  if (at.action) text += `,"action":${commandText(at.action, input)}`;
  if (at.fence) text += `,"fence":${commandText(at.fence, input)}`;
  if (at.undo) text += `,"undo":${commandText(at.undo, input)}`;
  if (at.undone) text += `,"undone":"${at.undone}"`;
  if (at.undoneAt !== undefined) text += `,"undoneAt":${at.undoneAt}`;
  if (at.reply !== undefined) text += `,"reply":${textOf(at.reply)}`;
  if (at.unusable !== undefined) text += `,"unusable":${JSON.stringify(at.unusable)}`;
  if (at.code !== undefined) text += `,"code":${JSON.stringify(at.code)}`;
  if (at.message !== undefined) text += `,"message":${JSON.stringify(at.message)}`;
  if (at.fault) text += `,"fault":${JSON.stringify(at.fault)}`;
  return `${text}}`;
}

/** A request that is the saga's input is said to be it, instead of being there a second time. */
const THE_INPUT = '"requestIs":"input"';

function commandText(command: CommandState, input: Json): string {
  const { execution, attempt, tries, firstSentAt, cause, lastError, status } = command;
  const request = command.request === input ? THE_INPUT : `"request":${textOf(command.request)}`;
  let text = `{"execution":${execution},"attempt":${attempt},"tries":${tries},${request},"firstSentAt":${firstSentAt},"cause":"${cause}"`;
  if (lastError) text += `,"lastError":${JSON.stringify(lastError)}`;
  text += `,"status":"${status}"`;
  switch (command.status) {
    case 'settled':
      break;
    case 'inFlight':
      text += `,"sentAt":${command.sentAt},"timeoutAt":${command.timeoutAt},"resendAt":${command.resendAt},"gapMs":${command.gapMs}`;
      break;
    case 'backingOff':
      text += `,"retryAt":${command.retryAt},"again":"${command.again}"`;
      break;
    case 'stuck':
      text += `,"message":${JSON.stringify(command.message)},"since":${command.since},"again":"${command.again}"`;
      if (command.resendAt !== undefined) text += `,"resendAt":${command.resendAt}`;
      if (command.gapMs !== undefined) text += `,"gapMs":${command.gapMs}`;
      break;
  }
  return `${text}}`;
}

/** Steps' names need no escaping. */
function namesText(names: readonly string[]): string {
  return names.length === 0 ? '[]' : `["${names.join('","')}"]`;
}

type ReadState = Omit<SagaState, 'id' | keyof typeof UNSAID>;
/** The state of a row. */
export function readState(id: string, text: string): SagaState {
  const said = JSON.parse(text) as ReadState;
  const steps: Record<string, StepState> = {};
  for (const name in said.steps) steps[name] = withRequests(said.steps[name]!, said.input);
  return copyOfState({ id, ...UNSAID, ...said, steps });
}
function withRequests(at: StepState, input: Json): StepState {
  return stepWith(at, {
    action: at.action && withRequest(at.action, input),
    undo: at.undo && withRequest(at.undo, input),
    fence: at.fence && withRequest(at.fence, input),
  });
}
function withRequest(command: CommandState & { readonly requestIs?: 'input' }, input: Json): CommandState {
  if (command.requestIs === undefined) return command;
  const { requestIs: _input, ...rest } = command;
  return { ...rest, request: input };
}

export function isEmpty(record: object): boolean {
  for (const _any in record) return false;
  return true;
}
