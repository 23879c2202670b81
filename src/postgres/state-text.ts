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

/** What never changes: written once, when the saga starts, and left alone by every step. */
export function headText({ name, version, key, tags, traceparent, tracestate, input, ownKey, startedAt }: SagaState): string {
  let text = `{"name":${JSON.stringify(name)},"version":${version},"startedAt":${startedAt},"input":${textOf(input)}`;
  if (key !== null) text += `,"key":${JSON.stringify(key)}`;
  if (!isEmpty(tags)) text += `,"tags":${JSON.stringify(tags)}`;
  if (ownKey) text += ',"ownKey":true';
  if (traceparent !== null) text += `,"traceparent":${JSON.stringify(traceparent)}`;
  if (traceparent !== null && tracestate !== undefined) text += `,"tracestate":${JSON.stringify(tracestate)}`;
  return `${text}}`;
}

/**
 * The rest, as every step writes it anew. Written field by field: most of it is numbers and words of ours, which need no escaping, and payloads
 * whose text is known. What is as it mostly is goes without saying.
 */
export function stateText(state: SagaState): string {
  const { direction, seq, eventAt, bytes, input } = state;
  let text = `{"direction":"${direction}","seq":${seq},"eventAt":${eventAt},"bytes":${bytes}`;
  text += `,"order":${namesText(state.order)}${rarely(state)},"steps":{`;
  let isFirst = true;
  for (const name in state.steps) {
    text += `${isFirst ? '' : ','}"${name}":${stepText(state.steps[name]!, input)}`;
    isFirst = false;
  }
  return `${text}}}`;
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

/** Of a command about which a row says nothing else. A request that is the saga's input is not there a second time. */
const USUAL = { execution: 1, attempt: 1, tries: 1, status: 'settled' } as const;

function commandText(command: CommandState, input: Json): string {
  const { execution, attempt, tries, firstSentAt, cause, lastError } = command;
  let text = `{"firstSentAt":${firstSentAt},"cause":"${cause}"`;
  if (command.request !== input) text += `,"request":${textOf(command.request)}`;
  if (execution !== USUAL.execution) text += `,"execution":${execution}`;
  if (attempt !== USUAL.attempt) text += `,"attempt":${attempt}`;
  if (tries !== USUAL.tries) text += `,"tries":${tries}`;
  if (lastError) text += `,"lastError":${JSON.stringify(lastError)}`;
  switch (command.status) {
    case 'settled':
      break;
    case 'inFlight':
      text += `,"status":"inFlight","sentAt":${command.sentAt},"timeoutAt":${command.timeoutAt},"resendAt":${command.resendAt},"gapMs":${command.gapMs}`;
      break;
    case 'backingOff':
      text += `,"status":"backingOff","retryAt":${command.retryAt},"again":"${command.again}"`;
      break;
    case 'stuck':
      text += `,"status":"stuck","message":${JSON.stringify(command.message)},"since":${command.since},"again":"${command.again}"`;
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

/** Between the head and the rest where both come as one text: JSON text holds no line feed, it escapes them. */
const BREAK = '\n';
/** SQL for what {@link readState} reads. A row that was last written before heads were kept apart has all of it in its state. */
export const WHOLE_STATE = `case when head is null then state else head || chr(${BREAK.charCodeAt(0)}) || state end`;

type Head = Pick<SagaState, 'name' | 'version' | 'startedAt' | 'input' | 'tracestate' | 'ownKey'> &
  Partial<Pick<SagaState, 'key' | 'tags' | 'traceparent'>>;
type Rest = Omit<SagaState, 'id' | keyof Head | keyof typeof UNSAID>;
/** The state of a row. */
export function readState(id: string, text: string): SagaState {
  const at = text.indexOf(BREAK);
  const head = at < 0 ? undefined : headOf(JSON.parse(text.slice(0, at)) as Head);
  const said = { ...head, ...(JSON.parse(at < 0 ? text : text.slice(at + 1)) as Rest) } as Head & Rest;
  const steps: Record<string, StepState> = {};
  for (const name in said.steps) steps[name] = withRequests(said.steps[name]!, said.input);
  return copyOfState({ id, ...UNSAID, ...said, steps });
}
/** Nothing else: the head of a row of before is the state that it had then. */
function headOf({ name, version, key, tags, traceparent, tracestate, input, ownKey, startedAt }: Head): Head {
  const head = { name, version, input, startedAt, tracestate, ownKey };
  return { ...head, ...(key !== undefined && { key }), ...(tags && { tags }), ...(traceparent !== undefined && { traceparent }) } as Head;
}
function withRequests(at: StepState, input: Json): StepState {
  return stepWith(at, {
    action: at.action && asItWas(at.action, input),
    undo: at.undo && asItWas(at.undo, input),
    fence: at.fence && asItWas(at.fence, input),
  });
}
/** `requestIs`: how rows of before said that the request is the input. */
function asItWas(command: CommandState & { readonly requestIs?: 'input' }, input: Json): CommandState {
  const { requestIs: _input, ...said } = command as Partial<typeof command>;
  return { ...USUAL, request: input, ...said } as CommandState;
}

export function isEmpty(record: object): boolean {
  for (const _any in record) return false;
  return true;
}
