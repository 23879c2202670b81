import type { WireFault } from '../../../src/core/codec-batch.js';
import { decodeCommands, encodeCommand, type DecodedCommand } from '../../../src/core/codec-commands.js';
import { deadLetter, decodeDeadLetter } from '../../../src/core/codec-dead-letters.js';
import { decodeReplies, readReplyText, type DecodedReply } from '../../../src/core/codec-replies.js';
import { decodeStart, decodeStartAnswer } from '../../../src/core/codec-starts.js';
import { LIMITS } from '../../../src/core/json.js';
import { refusalOf } from '../../../src/core/wire-limits.js';
import { BATCH_CONTENT, namesIn, type Message } from '../../../src/core/wire.js';
import { parkedFrom, repliedFrom, repliedFromParked } from '../../../src/engine/replied.js';
import type { Chance } from '../kit/chance.js';
import { must, never, type Entrance, type Findings } from './entrance.js';
import { anyMessage, messageOf, type Template, type WireCase } from './message.js';
import { mustBeReason, mustBeStorable, mustEqual } from './oracle.js';
import { batchTemplate, commandTemplate, replyTemplate, startTemplate } from './templates.js';
import { NO_SAGA } from './values.js';

const names = namesIn('backstep');
const NOW = Date.UTC(2026, 0, 1);
const FACTS = { appId: 'fuzz', now: NOW };

/** Every message through every decoder: whoever sends may choose the queue. */
export const decode: Entrance<WireCase> = {
  name: 'decode',
  about: 'the wire decoders: commands, replies, starts, their answers, dead letters, headers',
  share: 480,
  batch: 200,
  rows: ['C3', 'C4', 'C5', 'C6', 'C7', 'C8', 'C13'],
  make: makeMessage,
  open: () =>
    Promise.resolve({
      feed: (cases, found) => {
        for (const one of cases) look(one, found);
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    }),
};

interface Kind {
  readonly command: string;
  readonly step: string;
  readonly phase: 'a' | 'c' | 'f';
  readonly type: string;
  readonly body: unknown;
}
const SINGLE: readonly ((kind: Kind) => Template)[] = [
  ({ command, body }) => replyTemplate(command, body),
  ({ command, body }) => replyTemplate(command, { code: 'card-declined', message: 'no', details: body }, 'rejected'),
  ({ command, body }) => replyTemplate(command, { code: 'card-declined', message: 'no', details: body }, 'error'),
  ({ body }) => startTemplate('start-1', body, { key: 'k-1', replyTo: 'answers' }),
  ({ step, phase, type, body }) => commandTemplate({ sagaId: NO_SAGA, step, phase, type, firstSentAt: NOW }, body),
  () => replyTemplate('start-1', { id: NO_SAGA, status: 'running', created: true }),
];

function makeMessage(chance: Chance): WireCase {
  const step = chance.pick(['reserve', 'charge', 'ship', 'nothing']);
  const phase = chance.pick(['a', 'a', 'c', 'f'] as const);
  const command = `${NO_SAGA}.${step}.${phase}.1`;
  const type = phase === 'f' ? 'backstep.fence' : `payments.${step}`;
  const body = { orderId: 'o-1', amount: 12, lines: [{ sku: 'a', quantity: 2 }], note: null, deep: { a: [1, 2.5, true] } };
  const single = () => chance.pick(SINGLE)({ command, step, phase, type, body });
  return anyMessage(chance, chance.is(0.25) ? batchTemplate(Array.from({ length: chance.between(1, 4) }, single)) : single());
}
function look(one: WireCase, found: Findings): void {
  const message = never('reading a message', () => messageOf(one));
  lookAtCommands(message, found);
  lookAtReplies(message, found);
  lookAtStart(message, found);
  lookAtDeadLetter(message, 'some reason', found);
  const answer = never('decodeStartAnswer', () => decodeStartAnswer(message));
  if (!answer.ok) mustBeReason(answer.reason, 'decodeStartAnswer');
}

function lookAtCommands(message: Message, found: Findings): void {
  const { commands, faults } = never('decodeCommands', () => decodeCommands(message, 'payments'));
  must(commands.length + faults.length >= 1, 'neither read nor refused', () => `${commands.length} commands, ${faults.length} faults`);
  lookAtFaults(faults, 'decodeCommands', found);
  for (const command of commands) {
    found.count('commands read');
    must(command.participant === 'payments', 'command of another participant', () => `it is for ${command.participant}`);
    mustFit(command.request, message, 'the request');
    lookAgain(command);
  }
}

/** What is put aside of a batch has to get to the dead letters like a message of its own. */
function lookAtFaults(faults: readonly WireFault[], where: string, found: Findings): void {
  for (const { reason, message } of faults.slice(0, 5)) {
    mustBeReason(reason, where);
    if (message.contentType === BATCH_CONTENT) continue;
    found.count('elements put aside');
    lookAtDeadLetter(message, reason, found);
  }
}

/** What was read is written and read again as the same. */
function lookAgain(command: DecodedCommand): void {
  const out = never('encodeCommand', () => encodeCommand({ ...command, body: JSON.stringify(command.request) }, names, FACTS));
  if (refusalOf(out) !== undefined) return;
  const again = decodeCommands(out.message, 'payments').commands[0];
  mustEqual(again, command, 'command differs when it is written and read again', 'a command');
}

function lookAtReplies(message: Message, found: Findings): void {
  const { replies, faults } = never('decodeReplies', () => decodeReplies(message));
  must(replies.length + faults.length >= 1, 'neither read nor refused', () => `${replies.length} replies, ${faults.length} faults`);
  lookAtFaults(faults, 'decodeReplies', found);
  for (const reply of replies) {
    found.count('replies read');
    mustBeStorable({ ...reply, text: undefined }, 'a reply');
    if (reply.unusable === undefined) mustFit(reply.body, message, 'the reply');
    else mustBeReason(reply.unusable, 'a reply that cannot be used');
    lookAtParked(reply);
  }
}

/** A reply that was parked means the same as one that was not. */
function lookAtParked(reply: DecodedReply): void {
  const { body, unusable, code, message, details } = reply;
  const read = never('readReplyText', () => readReplyText(reply.outcome, reply.text));
  mustEqual(readBack(read), readBack({ body, unusable, code, message, details }), 'a parked reply reads otherwise', 'a parked reply');
  if (reply.ref.element !== undefined) return;
  const parked = parkedFrom(reply, false);
  mustBeStorable(parked, 'a parked reply');
  const again = repliedFromParked(JSON.parse(JSON.stringify(parked)) as typeof parked);
  mustEqual(readBack(again), readBack(repliedFrom(reply, false)), 'a parked reply means something else', 'a parked reply');
}

function lookAtStart(message: Message, found: Findings): void {
  const read = never('decodeStart', () => decodeStart(message, names));
  const to = read.answerTo?.queue ?? '';
  must(!to.startsWith('backstep.'), 'answer to a queue of the installation', () => `the answer would go to ${to}`);
  if (!read.ok) return mustBeReason(read.reason, 'decodeStart');
  found.count('starts read');
  mustBeStorable(read.start.startId ?? '', 'a start id');
  mustBeStorable(read.start.key ?? '', 'a key');
  mustFit(read.start.input, message, 'the input');
}

function lookAtDeadLetter(message: Message, reason: string, found: Findings): void {
  const letter = never('deadLetter', () => deadLetter(message, names.replies, reason, NOW));
  const refusal = refusalOf({ exchange: '', routingKey: names.deadLetters, message: letter });
  must(refusal === undefined, 'dead letter that cannot be sent', () => refusal ?? '');
  for (const one of [letter, message]) {
    const read = never('decodeDeadLetter', () => decodeDeadLetter(one));
    mustBeStorable(read, 'a dead letter', 6);
    must(read.reason !== '', 'no reason', () => 'a dead letter without a reason');
    must(read.body.length <= LIMITS.payloadBytes * 2, 'dead letter without end', () => `its body has ${read.body.length} characters`);
    found.count('dead letters read');
  }
}

function mustFit(value: unknown, { body, whole, contentType }: Message, what: string): void {
  const bytes = contentType === BATCH_CONTENT ? Buffer.byteLength(JSON.stringify(value)) : (whole?.bytes ?? body.byteLength);
  must(bytes <= LIMITS.payloadBytes, 'too large and taken', () => `${what} has ${bytes} bytes`);
  mustBeStorable(value, what, LIMITS.depth);
}

/** As it is after having been stored: without -0 and without fields that are not there. */
function readBack(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
