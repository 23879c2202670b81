import { alone, apart, elementText, putTogether, readBatch, type Head, type Single, type WireFault, type Writing } from './codec-batch.js';
import { integerHeader, printable, readJsonBody, shorten, textHeader } from './codec-text.js';
import type { Checked, Json } from './json.js';
import { parseCommandId, PHASE_NAMES, type CommandRef } from './state.js';
import {
  BATCH_CONTENT,
  FENCE_TYPE,
  HEADER,
  JSON_CONTENT,
  type Addressed,
  type CommandMessage,
  type Headers,
  type Message,
  type Names,
  type SenderFacts,
} from './wire.js';

/** A command that was read, with its request. */
export interface DecodedCommand extends CommandMessage {
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
  const commands: DecodedCommand[] = [];
  const faults: WireFault[] = [];
  const take = (read: CommandReading, single: () => Message) => {
    const reason = read.ok ? whyNot(read.command) : read.reason;
    if (reason !== undefined) faults.push({ reason, message: single() });
    else if (read.ok) commands.push(read.command);
  };
  if (message.contentType !== BATCH_CONTENT) take(decodeCommand(message, participant), () => message);
  else {
    const batch = readBatch(message, 'the request');
    if (!batch.ok) return { commands, faults: [{ reason: batch.reason, message }] };
    for (const element of batch.elements)
      take(
        readCommand(element.head, participant, () => element.body ?? NO_REQUEST),
        () => apart(message, element),
      );
  }
  return { commands, faults };
}
const NO_REQUEST: Checked = { ok: false, faults: ['the request is missing'] };

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
      replyTo: names.replies,
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
  return readCommand(message, participant, () => readJsonBody(message, 'the request'));
}

function readCommand(message: Head, participant: string, read: () => Checked): CommandReading {
  const id = message.messageId || message.correlationId;
  const ref = parseCommandId(id);
  if (!ref) return not(`"${shorten(printable(id), 100)}" is not a command id`);
  const facts = factsOf(message, ref, participant);
  if (typeof facts === 'string') return not(facts);
  const body = read();
  if (!body.ok) return not(body.faults.join('; '));
  const { type, expirationMs } = message;
  return { ok: true, command: { id, type, ...facts, body: body.text, expirationMs, request: body.value } };
}

/** What the headers and the type say; a sentence where they say nothing usable. */
function factsOf(message: Head, ref: CommandRef, participant: string): Facts | string {
  const { headers } = message;
  const target = participantOf(message.type, participant);
  if (target === undefined) return `"${shorten(printable(message.type), 100)}" is not the type of a command`;
  if (participant !== '' && target !== participant) return `the command is for ${target}, not for ${participant}`;
  const sagaName = textHeader(headers, HEADER.sagaName);
  const sagaVersion = integerHeader(headers, HEADER.sagaVersion);
  const attempt = integerHeader(headers, HEADER.attempt);
  const firstSentAt = integerHeader(headers, HEADER.firstSent);
  if (sagaName === undefined) return missing(HEADER.sagaName);
  if (sagaVersion === undefined) return missing(HEADER.sagaVersion);
  if (attempt === undefined) return missing(HEADER.attempt);
  if (firstSentAt === undefined) return missing(HEADER.firstSent);
  const phase = textHeader(headers, HEADER.phase);
  if (phase !== undefined && phase !== PHASE_NAMES[ref.phase])
    return `the id says ${PHASE_NAMES[ref.phase]}, the header ${HEADER.phase} something else`;
  if ((ref.phase === 'f') !== (message.type === FENCE_TYPE))
    return `a ${PHASE_NAMES[ref.phase]} cannot have the type ${shorten(message.type, 100)}`;
  const action = ref.phase === 'a' ? undefined : actionOf(headers);
  if (typeof action === 'string') return action;
  return {
    participant: target,
    sagaId: ref.sagaId,
    sagaName,
    sagaVersion,
    sagaKey: textHeader(headers, HEADER.key),
    step: ref.step,
    phase: ref.phase,
    attempt,
    execution: ref.execution,
    firstSentAt,
    action,
    traceparent: textHeader(headers, HEADER.traceparent),
    tracestate: textHeader(headers, HEADER.tracestate),
    payloadKey: textHeader(headers, HEADER.payloadKey),
  };
}
type Facts = Omit<CommandMessage, 'id' | 'type' | 'body' | 'expirationMs'>;

function actionOf(headers: Headers): NonNullable<CommandMessage['action']> | string {
  const id = textHeader(headers, HEADER.actionId);
  const outcome = textHeader(headers, HEADER.actionOutcome);
  const firstSentAt = integerHeader(headers, HEADER.actionFirstSent);
  if (id === undefined || parseCommandId(id)?.phase !== 'a') return missing(HEADER.actionId);
  if (outcome !== 'success' && outcome !== 'unknown') return missing(HEADER.actionOutcome);
  if (firstSentAt === undefined) return missing(HEADER.actionFirstSent);
  return { id, outcome, firstSentAt };
}

/** The part of `<participant>.<command>` before the dot. */
function participantOf(type: string, participant: string): string | undefined {
  if (type === FENCE_TYPE) return participant;
  const match = /^([A-Za-z][A-Za-z0-9_-]{0,99})\.[A-Za-z][A-Za-z0-9_.-]{0,149}$/.exec(type);
  return match?.[1];
}

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
