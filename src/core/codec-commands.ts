import {
  alone,
  apart,
  elementText,
  putTogether,
  readBatch,
  type Element,
  type Head,
  type Single,
  type WireFault,
  type Writing,
} from './codec-batch.js';
import { headerInteger, headerText, printable, readJsonBody, shorten } from './codec-text.js';
import type { Json } from './json.js';
import { parseCommandId, PHASE_NAMES, type CommandRef } from './state.js';
import {
  BATCH_CONTENT,
  FENCE_TYPE,
  HEADER,
  JSON_CONTENT,
  type Addressed,
  type CommandHead,
  type CommandMessage,
  type Headers,
  type Message,
  type Names,
  type SenderFacts,
} from './wire.js';

/** A command that was read, with its request. */
export interface DecodedCommand extends CommandHead {
  /** The body, parsed and within the limits; not yet checked against a schema. */
  readonly request: Json;
}
export type CommandReading =
  | { readonly ok: true; readonly command: DecodedCommand }
  /** For the dead letters: one sentence. */
  | { readonly ok: false; readonly reason: string };
/** What one message held: commands, and what is wrong with each element that is none. */
export interface DecodedCommands {
  readonly commands: readonly DecodedCommand[];
  readonly faults: readonly WireFault[];
}
/** One message and the commands in it. */
export interface CarriedCommands {
  readonly addressed: Addressed;
  readonly commands: readonly CommandMessage[];
}

/** A command that is to be sent, and how many its participant takes in one message. */
export interface Sending {
  readonly command: CommandMessage;
  readonly mostTogether: number;
}

/** The messages that carry these commands, each once; those that go one by one stay in their order. */
export function encodeCommands(sendings: readonly Sending[], names: Names, facts: SenderFacts): CarriedCommands[] {
  const messages: CarriedCommands[] = [];
  const together = new Map<string, { readonly most: number; readonly commands: CommandMessage[] }>();
  for (const { command, mostTogether: most } of sendings) {
    if (most <= 1) {
      messages.push({ addressed: encodeCommand(command, names, facts), commands: [command] });
      continue;
    }
    // What is in one message may be dropped together.
    const key = `${command.participant} ${command.expirationMs}`;
    const group = together.get(key);
    if (group) group.commands.push(command);
    else together.set(key, { most, commands: [command] });
  }
  const writing: Writing<CommandMessage> = { single: (command) => singleOf(command, names, facts), element: commandElement };
  for (const { most, commands } of together.values())
    for (const { addressed, of } of putTogether(commands, most, writing)) messages.push({ addressed, commands: of });
  return messages;
}

/**
 * The commands in a message, whether one or a batch. `participant`: the one whose queue it came from; a command for another one is a fault,
 * and a fence, whose type does not name a participant, is its own. `whyNot`: a sentence for one that is not wanted here.
 */
export function decodeCommands(
  message: Message,
  participant = '',
  whyNot: (command: DecodedCommand) => string | undefined = () => undefined,
): DecodedCommands {
  if (message.contentType !== BATCH_CONTENT) {
    const read = judged(decodeCommand(message, participant), whyNot);
    return read.ok ? { commands: [read.command], faults: [] } : { commands: [], faults: [{ reason: read.reason, message }] };
  }
  const batch = readBatch(message, 'the request');
  if (!batch.ok) return { commands: [], faults: [{ reason: batch.reason, message }] };
  const commands: DecodedCommand[] = [];
  const faults: WireFault[] = [];
  for (const element of batch.elements) {
    const read = judged(readCommand(element.head, participant, requestOf, element), whyNot);
    if (read.ok) commands.push(read.command);
    else faults.push({ reason: read.reason, message: apart(message, element) });
  }
  return { commands, faults };
}

function judged(read: CommandReading, whyNot: (command: DecodedCommand) => string | undefined): CommandReading {
  const reason = read.ok ? whyNot(read.command) : undefined;
  return reason === undefined ? read : not(reason);
}

/** One command as one message. */
export function encodeCommand(command: CommandMessage, names: Names, facts: SenderFacts): Addressed {
  return alone(singleOf(command, names, facts));
}

function singleOf(command: CommandMessage, names: Names, facts: SenderFacts): Single {
  return {
    exchange: names.commandExchange,
    routingKey: command.participant,
    text: command.body,
    head: {
      messageId: command.id,
      correlationId: command.id,
      type: command.type,
      replyTo: facts.replyTo ?? names.replies,
      contentType: JSON_CONTENT,
      timestamp: facts.now,
      appId: facts.appId,
      expirationMs: command.expirationMs,
      headers: commandHeaders(command),
    },
  };
}

/** One message that is one command; see {@link decodeCommands}. */
export function decodeCommand(message: Message, participant = ''): CommandReading {
  return readCommand(message, participant, requestIn, message);
}

/** A body, or what is wrong with it. */
type Body = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly faults: readonly string[] };

function requestIn(message: Message): Body {
  return readJsonBody(message, 'the request');
}
function requestOf({ content, faults }: Element): Body {
  if (content === undefined) return NO_REQUEST;
  return faults.length > 0 ? { ok: false, faults } : { ok: true, value: content as Json };
}
const NO_REQUEST: Body = { ok: false, faults: ['the request is missing'] };

function readCommand<Source>(head: Head, participant: string, bodyIn: (source: Source) => Body, source: Source): CommandReading {
  const id = head.messageId || head.correlationId;
  const ref = parseCommandId(id);
  if (!ref) return not(`"${shorten(printable(id), 100)}" is not a command id`);
  const command = commandOf(head, id, ref, participant);
  if (typeof command === 'string') return not(command);
  const body = bodyIn(source);
  if (!body.ok) return not(body.faults.join('; '));
  command.request = body.value;
  return { ok: true, command };
}

/** What the headers and the type say, with the request still to come; a sentence where they say nothing usable. */
function commandOf(head: Head, id: string, ref: CommandRef, participant: string): (DecodedCommand & { request: Json }) | string {
  const { headers, type } = head;
  const target = participantOf(type, participant);
  if (target === undefined) return `"${shorten(printable(type), 100)}" is not the type of a command`;
  if (participant !== '' && target !== participant) return `the command is for ${target}, not for ${participant}`;
  const sagaName = headerText(headers[HEADER.sagaName]);
  const sagaVersion = headerInteger(headers[HEADER.sagaVersion]);
  const attempt = headerInteger(headers[HEADER.attempt]);
  const firstSentAt = headerInteger(headers[HEADER.firstSent]);
  if (sagaName === undefined) return missing(HEADER.sagaName);
  if (sagaVersion === undefined) return missing(HEADER.sagaVersion);
  if (attempt === undefined) return missing(HEADER.attempt);
  if (firstSentAt === undefined) return missing(HEADER.firstSent);
  const phase = headerText(headers[HEADER.phase]);
  if (phase !== undefined && phase !== PHASE_NAMES[ref.phase])
    return `the id says ${PHASE_NAMES[ref.phase]}, the header ${HEADER.phase} something else`;
  if ((ref.phase === 'f') !== (type === FENCE_TYPE)) return `a ${PHASE_NAMES[ref.phase]} cannot have the type ${shorten(type, 100)}`;
  const action = ref.phase === 'a' ? undefined : actionOf(headers);
  if (typeof action === 'string') return action;
  return {
    id,
    participant: target,
    type,
    sagaId: ref.sagaId,
    sagaName,
    sagaVersion,
    sagaKey: headerText(headers[HEADER.key]),
    step: ref.step,
    phase: ref.phase,
    attempt,
    execution: ref.execution,
    firstSentAt,
    action,
    traceparent: headerText(headers[HEADER.traceparent]),
    tracestate: headerText(headers[HEADER.tracestate]),
    payloadKey: headerText(headers[HEADER.payloadKey]),
    expirationMs: head.expirationMs,
    request: null,
  };
}

function actionOf(headers: Headers): NonNullable<CommandMessage['action']> | string {
  const id = headerText(headers[HEADER.actionId]);
  const outcome = headerText(headers[HEADER.actionOutcome]);
  const firstSentAt = headerInteger(headers[HEADER.actionFirstSent]);
  if (id === undefined || parseCommandId(id)?.phase !== 'a') return missing(HEADER.actionId);
  if (outcome !== 'success' && outcome !== 'unknown') return missing(HEADER.actionOutcome);
  if (firstSentAt === undefined) return missing(HEADER.actionFirstSent);
  return { id, outcome, firstSentAt };
}

/** The part of `<participant>.<command>` before the dot. */
function participantOf(type: string, participant: string): string | undefined {
  if (type === FENCE_TYPE) return participant;
  if (!COMMAND_TYPE.test(type)) return undefined;
  const dot = type.indexOf('.');
  return dot === participant.length && type.startsWith(participant) ? participant : type.slice(0, dot);
}
const COMMAND_TYPE = /^[A-Za-z][A-Za-z0-9_-]{0,99}\.[A-Za-z][A-Za-z0-9_.-]{0,149}$/;

/** Under `each` the id has one more part than the step alone gives it. */
function elementOf(command: CommandMessage): number | undefined {
  const plain = command.sagaId.length + command.step.length + String(command.execution).length + '.'.length * 3 + 1;
  return command.id.length === plain ? undefined : parseCommandId(command.id)?.element;
}

function missing(header: string): string {
  return `the header ${header} is missing or unusable`;
}
function not(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}

/** The same as {@link commandHeaders} in a {@link singleOf}, written at once: names of ours and ids need no escaping. */
function commandElement(command: CommandMessage): string {
  const { id, type, sagaId, sagaVersion, step, phase, attempt, execution, firstSentAt, action } = command;
  const rare = command.sagaKey ?? command.tracestate ?? command.payloadKey;
  // Some of these are texts of other people.
  if (rare !== undefined) return elementText(id, id, type, JSON.stringify(commandHeaders(command)), command.body);
  let headers = `{"${HEADER.sagaId}":"${sagaId}","${HEADER.sagaName}":${JSON.stringify(command.sagaName)},"${HEADER.sagaVersion}":${sagaVersion}`;
  headers += `,"${HEADER.step}":"${step}","${HEADER.phase}":"${PHASE_NAMES[phase]}","${HEADER.attempt}":${attempt}`;
  headers += `,"${HEADER.execution}":${execution},"${HEADER.firstSent}":${firstSentAt}`;
  const element = elementOf(command);
  if (element !== undefined) headers += `,"${HEADER.element}":${element}`;
  if (action) headers += `,"${HEADER.actionId}":"${action.id}","${HEADER.actionOutcome}":"${action.outcome}"`;
  if (action) headers += `,"${HEADER.actionFirstSent}":${action.firstSentAt}`;
  if (command.traceparent !== undefined) headers += `,"${HEADER.traceparent}":${JSON.stringify(command.traceparent)}`;
  return elementText(id, id, type, `${headers}}`, command.body);
}

function commandHeaders(command: CommandMessage): Headers {
  const headers: Record<string, string | number> = {
    [HEADER.sagaId]: command.sagaId,
    [HEADER.sagaName]: command.sagaName,
    [HEADER.sagaVersion]: command.sagaVersion,
    [HEADER.step]: command.step,
    [HEADER.phase]: PHASE_NAMES[command.phase],
    [HEADER.attempt]: command.attempt,
    [HEADER.execution]: command.execution,
    [HEADER.firstSent]: command.firstSentAt,
  };
  const element = elementOf(command);
  if (element !== undefined) headers[HEADER.element] = element;
  if (command.sagaKey !== undefined) headers[HEADER.key] = command.sagaKey;
  if (command.action) {
    headers[HEADER.actionId] = command.action.id;
    headers[HEADER.actionOutcome] = command.action.outcome;
    headers[HEADER.actionFirstSent] = command.action.firstSentAt;
  }
  if (command.traceparent !== undefined) headers[HEADER.traceparent] = command.traceparent;
  if (command.tracestate !== undefined) headers[HEADER.tracestate] = command.tracestate;
  if (command.payloadKey !== undefined) headers[HEADER.payloadKey] = command.payloadKey;
  return headers;
}
