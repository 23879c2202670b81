import { textOf } from '../core/json-text.js';
import type { Json } from '../core/json.js';
import { copyOfState, type CommandFacts, type CommandProgress, type CommandState, type SagaState, type StepState } from '../core/state.js';

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

/** What is left out has not happened. */
type Said = Partial<Omit<SagaState, 'id' | 'steps'>> &
  Pick<SagaState, 'name' | 'version' | 'startedAt' | 'input' | 'direction' | 'order' | 'seq' | 'eventAt' | 'bytes'> & {
    readonly steps: Readonly<Record<string, SaidStep>>;
  };
type SaidStep = Omit<StepState, 'action' | 'fence' | 'undo'> & { readonly [K in 'action' | 'fence' | 'undo']?: SaidCommand };
/** `requestIs`: how rows of before said that the request is the input. */
type SaidCommand = Pick<CommandFacts, 'firstSentAt' | 'cause'> & Partial<CommandFacts & CommandProgress> & { readonly requestIs?: 'input' };

/** The state of a row. Field by field, so that what is read has the shape of what is decided: a sweep of a backlog reads a hundred thousand. */
export function readState(id: string, text: string): SagaState {
  const at = text.indexOf(BREAK);
  const said = JSON.parse(at < 0 ? text : text.slice(at + 1)) as Said;
  // Of it only what never changes counts: the head of a row of before is the whole state that it had then.
  const head = at < 0 ? said : (JSON.parse(text.slice(0, at)) as Said);
  const steps: Record<string, StepState> = {};
  for (const name in said.steps) steps[name] = readStep(said.steps[name]!, head.input);
  return copyOfState({
    id,
    name: head.name,
    version: head.version,
    key: head.key ?? null,
    tags: head.tags ?? NOTHING,
    traceparent: head.traceparent ?? null,
    tracestate: head.tracestate as string,
    ownKey: head.ownKey as true,
    input: head.input,
    startedAt: head.startedAt,
    direction: said.direction,
    end: said.end ?? null,
    endedAt: said.endedAt ?? null,
    reason: said.reason ?? null,
    suspended: said.suspended ?? null,
    pendingCancel: said.pendingCancel ?? null,
    deadlineAt: said.deadlineAt ?? null,
    steps,
    order: said.order,
    attention: said.attention ?? NONE,
    seq: said.seq,
    eventAt: said.eventAt,
    noted: said.noted ?? NOTHING,
    bytes: said.bytes,
  });
}
const NOTHING = {};
const NONE: readonly never[] = [];

function readStep(said: SaidStep, input: Json): StepState {
  const { action, fence, undo } = said;
  return {
    outcome: said.outcome,
    startedAt: said.startedAt,
    settledAt: said.settledAt,
    action: action && readCommand(action, input),
    fence: fence && readCommand(fence, input),
    undo: undo && readCommand(undo, input),
    undone: said.undone,
    undoneAt: said.undoneAt,
    reply: said.reply,
    unusable: said.unusable,
    code: said.code,
    message: said.message,
    fault: said.fault,
  };
}
function readCommand(said: SaidCommand, input: Json): CommandState {
  const { execution = USUAL.execution, attempt = USUAL.attempt, tries = USUAL.tries, status = USUAL.status } = said;
  const { firstSentAt, cause, lastError } = said;
  const request = said.request === undefined ? input : said.request;
  let command: CommandState;
  if (status === 'settled') command = { execution, attempt, tries, request, firstSentAt, cause, status };
  else if (status === 'inFlight') {
    const { sentAt, timeoutAt, resendAt, gapMs } = said as Extract<CommandProgress, { status: 'inFlight' }>;
    command = { execution, attempt, tries, request, firstSentAt, cause, status, sentAt, timeoutAt, resendAt, gapMs };
  } else {
    const { requestIs: _input, ...rest } = said;
    command = { ...rest, execution, attempt, tries, request } as CommandState;
  }
  return lastError ? { ...command, lastError } : command;
}

export function isEmpty(record: object): boolean {
  for (const _any in record) return false;
  return true;
}
