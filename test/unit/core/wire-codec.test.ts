import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { elementOf, meantBy } from '../../../src/core/codec-batch.js';
import { decodeCommand, decodeCommands, encodeCommand, encodeCommands } from '../../../src/core/codec-commands.js';
import { deadLetter, decodeDeadLetter } from '../../../src/core/codec-dead-letters.js';
import { decodeReplies, decodeReply, encodeReplies, encodeReply, readReplyText } from '../../../src/core/codec-replies.js';
import {
  decodeStart,
  decodeStartAnswer,
  encodeStart,
  encodeStartAnswer,
  type StartAnswer,
  type StartMessage,
} from '../../../src/core/codec-starts.js';
import { encodeText } from '../../../src/core/codec-text.js';
import { parseJson, type Json } from '../../../src/core/json.js';
import { parseCommandId, STATUSES } from '../../../src/core/state.js';
import {
  BATCH_CONTENT,
  FENCE_TYPE,
  HEADER,
  JSON_CONTENT,
  namesIn,
  type CommandMessage,
  type Headers,
  type Message,
  type ReplyMessage,
} from '../../../src/core/wire.js';
import { MAX_USEFUL_BYTES, refusalOf } from '../../../src/core/wire-limits.js';

const names = namesIn('backstep');
const facts = { appId: 'test', now: 1_800_000_000_000 };
const SAGA = '01980000-0000-7000-8000-000000000001';

const stepName = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,63}$/);
const wireName = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,40}$/);
const count = fc.integer({ min: 0, max: 999_999_999 });
const instant = fc.integer({ min: 0, max: 4_102_444_800_000 });
const json = fc.json({ maxDepth: 4 }).filter((body) => parseJson(body, 'it').ok);
const text = fc.string({ minLength: 1, maxLength: 60 });
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });

const anyCommand: fc.Arbitrary<CommandMessage> = fc
  .record({
    participant: wireName,
    command: wireName,
    sagaId: fc.uuid(),
    sagaName: wireName,
    sagaVersion: count,
    sagaKey: maybe(text),
    step: stepName,
    phase: fc.constantFrom('a', 'c', 'f'),
    element: maybe(count),
    attempt: count,
    execution: count,
    firstSentAt: instant,
    outcome: fc.constantFrom('success', 'unknown'),
    traceparent: maybe(text),
    body: json,
    expirationMs: maybe(count),
  })
  .map(({ command, element, outcome, ...rest }) => {
    const place = `${rest.sagaId}.${rest.step}${element === undefined ? '' : `.${element}`}`;
    return {
      ...rest,
      id: `${place}.${rest.phase}.${rest.execution}`,
      type: rest.phase === 'f' ? FENCE_TYPE : `${rest.participant}.${command}`,
      action: rest.phase === 'a' ? undefined : { id: `${place}.a.1`, outcome, firstSentAt: rest.firstSentAt },
    } as CommandMessage;
  });

const anyReply = fc.record<ReplyMessage>({
  commandId: anyCommand.map((command) => command.id),
  outcome: fc.constantFrom('success', 'rejected', 'error'),
  attempt: maybe(count),
  body: fc.oneof(json, fc.constant('')),
});

/** The request in the place of its text. */
const asRead = ({ body, ...head }: CommandMessage) => ({ ...head, request: JSON.parse(body) as Json });
const sendings = (commands: readonly CommandMessage[], mostTogether: number) => commands.map((command) => ({ command, mostTogether }));

const anyHeaders: fc.Arbitrary<Headers> = fc.dictionary(
  fc.oneof(
    fc.constantFrom(...Object.values(HEADER), 'CC', 'BCC', 'x-death', 'x-first-death-reason', '__proto__', 'constructor'),
    fc.string(),
  ),
  fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.double()),
);
const anyMessage: fc.Arbitrary<Message> = fc.record({
  messageId: fc.oneof(fc.string({ unit: 'binary' }), fc.constant(`${SAGA}.pay.a.1`)),
  correlationId: fc.oneof(fc.string({ unit: 'binary' }), fc.constant(`${SAGA}.pay.a.1`)),
  type: fc.oneof(fc.string(), fc.constantFrom('payments.charge', FENCE_TYPE, 'place-order')),
  replyTo: maybe(fc.string()),
  contentType: fc.oneof(fc.string(), fc.constantFrom(JSON_CONTENT, BATCH_CONTENT)),
  timestamp: maybe(fc.double()),
  appId: maybe(fc.string()),
  expirationMs: maybe(fc.double()),
  headers: anyHeaders,
  body: fc.oneof(fc.uint8Array(), fc.json().map(encodeText), fc.constant(new Uint8Array())),
});

function message(changes: Partial<Message>): Message {
  return {
    messageId: '',
    correlationId: '',
    type: '',
    replyTo: undefined,
    contentType: JSON_CONTENT,
    timestamp: undefined,
    appId: undefined,
    expirationMs: undefined,
    headers: {},
    body: new Uint8Array(),
    ...changes,
  };
}

describe('the codec', () => {
  it('gives back every command that it wrote', () => {
    fc.assert(
      fc.property(anyCommand, (command) => {
        const out = encodeCommand(command, names, facts);
        expect(refusalOf(out)).toBeUndefined();
        const read = decodeCommand(out.message, command.participant);
        expect(read).toEqual({ ok: true, command: asRead(command) });
        expect(out.message.headers[HEADER.element]).toBe(parseCommandId(command.id)!.element);
      }),
    );
  });

  it('gives back every reply that it wrote', () => {
    fc.assert(
      fc.property(anyReply, (sent) => {
        const out = encodeReply(sent, names, facts);
        expect(out).toMatchObject({ exchange: '', routingKey: 'backstep.replies' });
        const read = decodeReply(out.message);
        if (!read.ok) throw new Error(read.reason);
        expect(read.reply).toMatchObject({ commandId: sent.commandId, outcome: sent.outcome, attempt: sent.attempt, text: sent.body });
        const hasBody = sent.outcome === 'success' && sent.body !== '';
        expect(read.reply.body).toEqual(hasBody ? JSON.parse(sent.body) : null);
        expect(read.reply).toMatchObject(readReplyText(sent.outcome, read.reply.text));
      }),
    );
  });

  it('gives back every start and every answer that it wrote', () => {
    const start = fc.record<StartMessage>({
      name: wireName,
      version: maybe(count),
      key: maybe(text.map((key) => `k${key}`)),
      startId: text,
      input: json,
      replyTo: maybe(wireName),
      traceparent: maybe(text),
    });
    const answer: fc.Arbitrary<StartAnswer> = fc.oneof(
      fc.record({ outcome: fc.constant('success' as const), id: fc.uuid(), status: fc.constantFrom(...STATUSES), created: fc.boolean() }),
      fc.record({ outcome: fc.constantFrom('rejected' as const, 'error' as const), code: text, message: text, faults: fc.array(text) }),
    );
    fc.assert(
      fc.property(start, answer, ({ input, replyTo, ...rest }, sent) => {
        const read = decodeStart(encodeStart({ ...rest, input, replyTo }, names, facts).message, names);
        expect(read).toEqual({
          ok: true,
          answerTo: replyTo === undefined ? undefined : { queue: replyTo, correlationId: rest.startId },
          start: { ...rest, input: JSON.parse(input) as unknown },
        });
        const out = encodeStartAnswer({ queue: 'mine', correlationId: rest.startId }, sent, facts);
        expect(decodeStartAnswer(out.message)).toEqual({ ok: true, correlationId: rest.startId, answer: sent });
      }),
    );
  });

  it('[C3 C4 C5] never throws, whatever comes', () => {
    fc.assert(
      fc.property(anyMessage, (hostile) => {
        for (const { commands, faults } of [decodeCommands(hostile), decodeCommands(hostile, 'payments')])
          expect(commands.length + faults.length).toBeGreaterThanOrEqual(1);
        const { replies, faults } = decodeReplies(hostile);
        expect(replies.length + faults.length).toBeGreaterThanOrEqual(1);
        decodeStart(hostile, names);
        decodeStartAnswer(hostile);
        const dead = deadLetter(hostile, 'q', 'why', 1);
        expect(dead.replyTo).toBeUndefined();
        expect(refusalOf({ exchange: '', routingKey: names.deadLetters, message: dead })).toBeUndefined();
        expect(decodeDeadLetter(dead)).toMatchObject({ queue: 'q', reason: expect.stringMatching(/why$/), at: 1 });
        decodeDeadLetter(hostile);
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('writes one message for a command, to the exchange of commands, where its participant takes one at a time', () => {
    const commands = fc.sample(anyCommand, { numRuns: 3, seed: 1 });
    const messages = encodeCommands(sendings(commands, 1), names, facts);
    expect(messages.map(({ commands: carried }) => carried)).toEqual(commands.map((command) => [command]));
    expect(messages[0]!.addressed).toMatchObject({
      exchange: 'backstep.commands',
      routingKey: commands[0]!.participant,
      message: { replyTo: 'backstep.replies', appId: 'test' },
    });
  });
});

describe('a command id', () => {
  const GRAMMAR =
    /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.([A-Za-z][A-Za-z0-9]{0,63})(?:\.(\d{1,9}))?\.([acf])\.(\d{1,9})$/;
  const byGrammar = (id: string) => {
    const match = GRAMMAR.exec(id);
    const element = match?.[3] === undefined ? {} : { element: Number(match[3]) };
    return match ? { sagaId: match[1], step: match[2], ...element, phase: match[4], execution: Number(match[5]) } : undefined;
  };
  const sagaId = fc.oneof({ weight: 5, arbitrary: fc.uuid() }, { weight: 1, arbitrary: fc.stringMatching(/^[0-9a-gA-F-]{35,37}$/) });
  const part = fc.stringMatching(/^[a-zA-Z0-9_é-]{0,3}$/);
  const step = fc.oneof(fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,65}$/), part);
  const digits = fc.oneof(fc.stringMatching(/^\d{1,10}$/), part);
  const phase = fc.oneof(fc.constantFrom('a', 'c', 'f'), part);

  it('has the parts that the grammar gives it, or is none', () => {
    fc.assert(
      fc.property(
        sagaId,
        step,
        fc.option(digits),
        phase,
        digits,
        fc.constantFrom('', '', '.', '\n', ' '),
        (id, name, element, letter, count, end) => {
          const text = [id, name, ...(element === null ? [] : [element]), letter, count].join('.') + end;
          expect(parseCommandId(text)).toEqual(byGrammar(text));
        },
      ),
      { numRuns: 2_000 },
    );
    for (const text of ['', '.', '...', '0'.repeat(36), `${'0'.repeat(36)}.a.1`]) expect(parseCommandId(text)).toBeUndefined();
  });
});

describe('a batch', () => {
  const forOne = (count: number) =>
    fc
      .array(anyCommand, { minLength: 1, maxLength: count })
      .map((all) =>
        all.map((command) => ({ ...command, participant: 'payments', type: command.phase === 'f' ? FENCE_TYPE : 'payments.charge' })),
      );

  it('gives back every command that was put into it, once, and never holds more than was asked for', () => {
    fc.assert(
      fc.property(forOne(60), fc.integer({ min: 1, max: 20 }), (commands, most) => {
        const messages = encodeCommands(sendings(commands, most), names, facts);
        const read = messages.flatMap(({ addressed, commands: carried }) => {
          expect(refusalOf(addressed)).toBeUndefined();
          expect(addressed.message.contentType).toBe(carried.length > 1 ? BATCH_CONTENT : JSON_CONTENT);
          expect(carried.length).toBeLessThanOrEqual(most);
          expect(new Set(carried.map(({ expirationMs }) => expirationMs)).size).toBe(1);
          const decoded = decodeCommands(addressed.message, 'payments');
          expect(decoded.faults).toEqual([]);
          expect(decoded.commands.map(({ id }) => id)).toEqual(carried.map(({ id }) => id));
          return decoded.commands;
        });
        const byText = (all: readonly object[]) => all.map((one) => JSON.stringify(one)).toSorted();
        expect(byText(read.map(sortedFields))).toEqual(byText(commands.map(asRead).map(sortedFields)));
      }),
    );
  });

  it('holds the commands of one participant, in their order', () => {
    const [one] = fc.sample(forOne(1), { numRuns: 1, seed: 3 })[0]!;
    const of = (participant: string, execution: number) => ({
      ...one!,
      participant,
      type: `${participant}.charge`,
      phase: 'a' as const,
      action: undefined,
      execution,
      id: `${SAGA}.pay.a.${execution}`,
    });
    const commands = [of('payments', 1), of('stock', 2), of('payments', 3), of('alone', 4), of('payments', 5), of('stock', 6)];
    const messages = encodeCommands(
      commands.map((command) => ({ command, mostTogether: command.participant === 'alone' ? 1 : 2 })),
      names,
      facts,
    );
    expect(
      messages.map(({ addressed, commands: carried }) => [addressed.routingKey, ...carried.map(({ execution }) => execution)]),
    ).toEqual([
      ['alone', 4],
      ['payments', 1, 3],
      ['payments', 5],
      ['stock', 2, 6],
    ]);
  });

  it('is never longer than a reader takes, however long the requests', () => {
    const [one] = fc.sample(forOne(1), { numRuns: 1, seed: 3 })[0]!;
    const body = JSON.stringify('ß'.repeat(100_000));
    const twelve = Array.from({ length: 12 }, () => ({ ...one!, body }));
    const messages = encodeCommands(sendings(twelve, 50), names, facts);
    expect(messages.length).toBeGreaterThan(1);
    for (const { addressed } of messages) expect(addressed.message.body.byteLength).toBeLessThanOrEqual(MAX_USEFUL_BYTES);
    expect(messages.flatMap(({ addressed }) => decodeCommands(addressed.message).commands)).toHaveLength(12);
  });

  it('is answered in the queue that it asks for, if that is one for replies', () => {
    const replies = [0, 1].map((n) => ({ commandId: `c-${n}`, outcome: 'success' as const, attempt: 1, body: '' }));
    const queueOf = (replyTo: string) => encodeReplies(replies, names, { ...facts, replyTo }).map(({ routingKey }) => routingKey);
    expect(['backstep.replies', 'backstep.replies.1', 'backstep.replies.12'].flatMap(queueOf)).toEqual([
      'backstep.replies',
      'backstep.replies.1',
      'backstep.replies.12',
    ]);
    const others = [
      '',
      'backstep.starts',
      'backstep.replies.',
      'backstep.replies.x',
      'backstep.replies.1.2',
      'backstep.repliesx1',
      'other.replies.1',
    ];
    for (const other of others) expect(queueOf(other)).toEqual(['backstep.replies']);
  });

  it('gives back every reply that was put into it', () => {
    fc.assert(
      fc.property(fc.array(anyReply, { minLength: 2, maxLength: 30 }), (replies) => {
        const [out, ...more] = encodeReplies(replies, names, facts);
        expect(more).toEqual([]);
        const { replies: read, faults } = decodeReplies(out!.message);
        expect(faults).toEqual([]);
        expect(read).toEqual(replies.map((reply) => decodeReplies(encodeReply(reply, names, facts).message).replies[0]));
      }),
    );
  });

  const [good] = fc.sample(forOne(1), { numRuns: 1, seed: 5 })[0]!;
  const inBatch = (...elements: readonly unknown[]) =>
    message({ contentType: BATCH_CONTENT, body: encodeText(JSON.stringify(elements)), headers: { carrier: 'x' } });
  const element = {
    properties: { message_id: good!.id, correlation_id: good!.id, type: good!.type },
    headers: encodeCommand(good!, names, facts).message.headers,
    body: { a: 1 },
  };

  it.each([
    ['no object', 7, /"" is not a command id/],
    ['without an id', { ...element, properties: {} }, /"" is not a command id/],
    ['without a body', { ...element, body: undefined }, /the request is missing/],
    ['with a NUL', { ...element, body: { text: '\u0000' } }, /NUL/],
    ['nested too deeply', { ...element, body: JSON.parse('['.repeat(70) + ']'.repeat(70)) as unknown }, /nested deeper than 64/],
    ['that is too large', { ...element, body: 'x'.repeat(262_144) }, /262146 bytes; the limit is 262144/],
    [
      'for somebody else',
      { ...element, properties: { ...element.properties, type: 'stock.reserve' } },
      /the command is for stock|cannot have the type/,
    ],
    [
      'with a header that is none',
      { ...element, headers: { ...element.headers, [HEADER.attempt]: { not: 'text' } } },
      /saga-attempt is missing/,
    ],
  ])('[C3 C4 C5] with an element %s has a fault for that one alone', (_what, bad, reason) => {
    const { commands, faults } = decodeCommands(inBatch(element, bad, element), 'payments');
    expect(commands.map(({ request }) => request)).toEqual([{ a: 1 }, { a: 1 }]);
    expect(faults).toEqual([{ reason: expect.stringMatching(reason), message: expect.objectContaining({ contentType: JSON_CONTENT }) }]);
    // What is put aside can be sent again, and is then judged as it was here.
    expect(decodeCommands({ ...faults[0]!.message }, 'payments').commands).toEqual([]);
  });

  it('[C13] whose element is not wanted has that one put aside, as the message that it would have been', () => {
    const { commands, faults } = decodeCommands(inBatch(element), 'payments', () => 'not here');
    expect(commands).toEqual([]);
    expect(faults).toHaveLength(1);
    expect(decodeCommands({ ...faults[0]!.message }, 'payments').commands).toMatchObject([{ id: good!.id, request: { a: 1 } }]);
  });

  it.each([
    ['no JSON', encodeText('[{'), /the batch is not JSON/],
    ['no array', encodeText('{}'), /not a JSON array/],
    ['nothing', encodeText('[]'), /the batch is empty/],
    ['no text', new Uint8Array([0xff]), /not UTF-8/],
    ['too many elements', encodeText(JSON.stringify(Array.from({ length: 1_001 }, () => 0))), /1001 elements; the limit is 1000/],
    ['too many bytes', new Uint8Array(MAX_USEFUL_BYTES + 1), /1048577 bytes; the limit is 1048576/],
  ])('[C3 C4] that holds %s is put aside as a whole', (_what, body, reason) => {
    const whole = message({ contentType: BATCH_CONTENT, body });
    for (const { faults } of [decodeCommands(whole), decodeReplies(whole)]) {
      expect(faults).toEqual([{ reason: expect.stringMatching(reason), message: whole }]);
    }
  });

  it('gives an element of a signed one as the whole, which names it, unless that cannot be kept', () => {
    const bad = (count: number, body: string) => {
      const elements = Array.from({ length: count }, (_, at) => ({ properties: { correlation_id: `odd ${at}` }, body }));
      return message({ contentType: BATCH_CONTENT, body: encodeText(JSON.stringify(elements)), headers: { [HEADER.signature]: 's' } });
    };
    const signed = bad(3, 'x');
    const { faults } = decodeReplies(signed);
    expect(faults.map(({ message: put }) => put)).toEqual(
      [0, 1, 2].map((at) => ({ ...signed, headers: { ...signed.headers, [HEADER.batchElement]: at } })),
    );
    expect(decodeReplies(faults[1]!.message).faults).toEqual([faults[1]]);
    expect(decodeCommands(faults[1]!.message).faults).toHaveLength(1);
    expect(meantBy(faults[1]!.message)).toMatchObject({ correlationId: 'odd 1', contentType: 'application/json', headers: {} });
    const [large] = decodeReplies(bad(2, 'x'.repeat(200_000))).faults;
    expect(large!.message).toMatchObject({ correlationId: 'odd 0', headers: {} });
  });

  it('[B22] gives a reply as the message that it would have been alone', () => {
    const replies: ReplyMessage[] = ['a', 'b'].map((body, at) => ({
      commandId: `${SAGA}.pay.a.${at + 1}`,
      outcome: 'success',
      attempt: 1,
      body: JSON.stringify(body),
    }));
    const [out] = encodeReplies(replies, names, facts);
    const read = decodeReplies(out!.message).replies[1]!;
    expect(decodeReply({ ...elementOf(out!.message, read.commandId) })).toEqual({ ok: true, reply: read });
  });
});

function sortedFields(value: object): object {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
}

describe('a command', () => {
  const [plain] = fc.sample(
    anyCommand.filter((command) => command.phase === 'a'),
    { numRuns: 1, seed: 7 },
  );
  const sent = encodeCommand(plain!, names, facts).message;
  const without = (header: string): Message => ({
    ...sent,
    headers: Object.fromEntries(Object.entries(sent.headers).filter(([name]) => name !== header)),
  });

  it.each([
    ['an id that is none', { ...sent, messageId: 'x', correlationId: 'x' }, /"x" is not a command id/],
    ['a type without a participant', { ...sent, type: 'charge' }, /not the type of a command/],
    ['a body that is not JSON', { ...sent, body: encodeText('{') }, /the request is not JSON/],
    ['a body that is not UTF-8', { ...sent, body: new Uint8Array([0x22, 0xff, 0x22]) }, /not UTF-8/],
    ['a body that is too large', { ...sent, body: encodeText(`"${'x'.repeat(262_144)}"`) }, /262146 bytes; the limit is 262144/],
    ['a NUL', { ...sent, body: encodeText('"\\u0000"') }, /NUL/],
    ['too much nesting', { ...sent, body: encodeText('['.repeat(10_000) + ']'.repeat(10_000)) }, /nested deeper than 64/],
    ['no attempt', without(HEADER.attempt), /saga-attempt is missing/],
    ['another phase in the header', { ...sent, headers: { ...sent.headers, [HEADER.phase]: 'compensation' } }, /the id says action/],
  ])('with %s is not understood', (_what, broken, reason) => {
    const read = decodeCommand(broken);
    expect(read.ok ? 'understood' : read.reason).toMatch(reason);
  });

  it('[B25] is refused by a participant whose it is not', () => {
    expect(decodeCommands(sent, 'others').faults[0]!.reason).toMatch(/is for .*, not for others/);
  });

  it('[C13] ignores headers that it does not know', () => {
    expect(decodeCommand({ ...sent, headers: { ...sent.headers, CC: 'x', 'x-death': 'y', other: 1 } })).toMatchObject({ ok: true });
  });
});

describe('a reply', () => {
  const id = `${SAGA}.charge.a.1`;
  const read = (body: string | Uint8Array, headers: Headers = {}) => {
    const got = decodeReply(message({ correlationId: id, headers, body: typeof body === 'string' ? encodeText(body) : body }));
    if (!got.ok) throw new Error(got.reason);
    return got.reply;
  };

  it('needs nothing but the correlation id', () => {
    expect(read('{"paid":true}')).toMatchObject({ commandId: id, outcome: 'success', attempt: undefined, body: { paid: true } });
    expect(read('')).toMatchObject({ outcome: 'success', body: null, text: '' });
  });

  it.each([
    ['not JSON', 'OK', /not JSON/],
    ['not UTF-8', new Uint8Array([0xff]), /not UTF-8/],
    ['too large', `"${'x'.repeat(262_144)}"`, /limit/],
    ['with NUL', '"\\u0000"', /NUL/],
    ['too deep', '['.repeat(100_000) + ']'.repeat(100_000), /nested/],
    ['with an integer that would change', '9007199254740993', /2\^53/],
  ])('counts although its body is %s', (_what, body, why) => {
    const reply = read(body);
    expect(reply).toMatchObject({ outcome: 'success', body: null, unusable: expect.stringMatching(why) as unknown });
    expect(readReplyText('success', reply.text)).toEqual({ body: null, unusable: reply.unusable });
  });

  it.each([
    ['{"code":"card-declined","message":"no","details":{"a":1}}', { code: 'card-declined', message: 'no', details: { a: 1 } }],
    ['{"code":404}', { code: '404' }],
    ['{"error":"x"}', {}],
    ['"it broke"', { message: 'it broke' }],
    ['[1]', {}],
    ['', {}],
  ])('that is an error may say %s', (body, expected) => {
    const { code, message: text, details } = read(body, { [HEADER.outcome]: 'error', [HEADER.attempt]: '3' });
    expect({ code, message: text, details }).toEqual({ code: undefined, message: undefined, details: undefined, ...expected });
  });

  it('takes the attempt as number or digits, and anything else as none', () => {
    for (const [given, attempt] of [
      [2, 2],
      ['2', 2],
      ['two', undefined],
      [-1, undefined],
      [1.5, undefined],
    ] as const) {
      expect(read('1', { [HEADER.attempt]: given }).attempt).toBe(attempt);
    }
  });

  it('is not understood with an unknown outcome, without a command id, or as a batch that is none', () => {
    const faults = [
      message({ correlationId: id, headers: { [HEADER.outcome]: 'ok' } }),
      message({ correlationId: 'nonsense' }),
      message({ correlationId: id, contentType: BATCH_CONTENT }),
    ].map((one) => decodeReplies(one).faults[0]?.reason);
    expect(faults).toEqual([
      expect.stringContaining('"ok" is not an outcome'),
      expect.stringContaining('"nonsense"'),
      expect.stringContaining('the batch is not JSON'),
    ]);
  });
});

describe('a start', () => {
  const sent = message({ type: 'place-order', messageId: 'm-1', replyTo: 'mine', body: encodeText('{}') });

  it('needs a message id or a key', () => {
    expect(decodeStart({ ...sent, messageId: '' }, names)).toMatchObject({
      ok: false,
      answerTo: { queue: 'mine' },
      reason: expect.stringContaining('twice') as unknown,
    });
    expect(decodeStart({ ...sent, messageId: '', headers: { [HEADER.key]: 'k' } }, names)).toMatchObject({
      ok: true,
      start: { startId: undefined, key: 'k' },
    });
  });

  it('is answered under its correlation id, or else its message id', () => {
    expect(decodeStart(sent, names).answerTo).toEqual({ queue: 'mine', correlationId: 'm-1' });
    expect(decodeStart({ ...sent, correlationId: 'c-1' }, names).answerTo).toEqual({ queue: 'mine', correlationId: 'c-1' });
  });

  it.each(['backstep.replies', 'backstep.replies.3', 'backstep.starts', 'backstep.dead-letters', 'backstep.commands.payments'])(
    '[C13] is not answered into %s',
    (replyTo) => {
      expect(decodeStart({ ...sent, replyTo }, names)).toMatchObject({ ok: true, answerTo: undefined });
    },
  );
});

describe('a dead letter', () => {
  it('[C13] copies no header that a broker acts upon', () => {
    const headers = { CC: 'a', BCC: 'b', 'x-death': 'c', 'saga-id': 'd', [HEADER.deadReason]: 'forged' };
    expect(deadLetter(message({ headers, replyTo: 'x' }), 'q', 'bad', 5)).toMatchObject({
      replyTo: undefined,
      headers: { 'saga-id': 'd', [HEADER.deadReason]: 'bad', [HEADER.deadQueue]: 'q', [HEADER.deadAt]: 5 },
    });
    expect(Object.keys(deadLetter(message({ headers }), 'q', 'bad', 5).headers)).toHaveLength(4);
  });

  it('keeps a body that is no text as base64, and cuts a long one between characters', () => {
    expect(decodeDeadLetter(message({ body: new Uint8Array([0xff, 0]) }))).toMatchObject({ body: '/wA=', encoding: 'base64' });
    const long = encodeText('€'.repeat(100_000));
    const read = decodeDeadLetter(message({ body: long }));
    expect(read.encoding).toBe('text');
    expect(read.body).toBe('€'.repeat(87_381));
    expect(read.whole).toBeUndefined();
  });

  it('can be sent whatever the original was', () => {
    const unreadable = '\ufffd'.repeat(255);
    const many = Object.fromEntries(Array.from({ length: 9_000 }, (_, index) => [`h${index}`, index]));
    for (const headers of [many, { [unreadable]: unreadable }, { '\u0001': '\u0001'.repeat(16_000) }]) {
      const original = message({ messageId: unreadable, correlationId: unreadable, type: unreadable, appId: unreadable, headers });
      const dead = deadLetter({ ...original, contentType: unreadable }, 'q', unreadable.repeat(100), 1);
      expect(refusalOf({ exchange: '', routingKey: names.deadLetters, message: dead })).toBeUndefined();
      expect(dead.messageId).toBe('\ufffd'.repeat(85));
    }
  });

  it('says how long a body was of which only the beginning was kept, and lets nobody say what cannot be stored', () => {
    const whole = { bytes: 20_000_000, sha256: 'a'.repeat(64) };
    const cut = message({ body: encodeText('€').subarray(0, 2), whole });
    expect(decodeDeadLetter({ ...deadLetter(cut, 'q', 'why', 1), whole: undefined as never })).toMatchObject({
      whole,
      body: '',
      encoding: 'text',
      headers: {},
    });
    const forged = { [HEADER.deadBytes]: 2 ** 31, [HEADER.deadSha256]: whole.sha256 };
    expect(decodeDeadLetter(message({ headers: forged })).whole).toBeUndefined();
    expect(decodeReplies({ ...cut, correlationId: '01980000-0000-7000-8000-000000000000.charge.a.1' }).replies[0]).toMatchObject({
      unusable: 'the reply has 20000000 bytes; the limit is 262144',
    });
  });

  it('says what the broker said of those that the broker put aside', () => {
    const headers = { 'x-first-death-reason': 'delivery_limit', 'x-first-death-queue': 'backstep.starts' };
    expect(decodeDeadLetter(message({ headers }))).toMatchObject({
      queue: 'backstep.starts',
      reason: 'the broker gave up on it: delivery_limit',
    });
  });
});

describe('a message that can never be sent', () => {
  const out = (changes: Partial<Message>) => ({ exchange: '', routingKey: 'q', message: message(changes) });
  it.each([
    ['a long message id', { messageId: 'ü'.repeat(128) }, 'message id has 256 bytes'],
    ['a large body', { body: new Uint8Array(16_777_217) }, 'body has 16777217 bytes'],
    ['large headers', { headers: { big: 'x'.repeat(60_000) } }, 'headers have'],
    ['a fraction in a header', { headers: { part: 0.5 } }, 'neither text nor an integer'],
    ['copies elsewhere', { headers: { CC: 'other' } }, 'copies elsewhere'],
  ])('has %s', (_what, changes, why) => {
    expect(refusalOf(out(changes))).toContain(why);
  });
  it('is not one with ids of 255 bytes', () => {
    expect(refusalOf(out({ messageId: 'x'.repeat(255) }))).toBeUndefined();
  });
});
