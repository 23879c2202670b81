import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { encodeCommand, encodeCommands } from '../../../src/core/codec-commands.js';
import { encodeReply } from '../../../src/core/codec-replies.js';
import { encodeStart } from '../../../src/core/codec-starts.js';
import { HEADER, namesIn, type Message } from '../../../src/core/wire.js';
import type { Judgement } from '../../../src/ports/signing.js';
import type { MessageSigning } from '../../../src/signing/message-signing.js';
import { clientKey, hmacKey, pairFor, pairKey, secretFor, signingOf, signingWith } from '../../support/signing.js';
import { commandOf } from '../participant/commands.js';

const names = namesIn('backstep');
const facts = { appId: 'test', now: 1_000 };
const [orchestrator, payments] = [{ orchestrator: true }, { participant: 'payments' }] as const;

/** Both sides with the same secret, and both sides with a pair each. */
const WAYS = [
  {
    what: 'HMAC',
    atOrchestrator: signingWith(hmacKey('payments'), hmacKey('mail'), clientKey('shop')),
    atPayments: signingWith(hmacKey('payments'), clientKey('shop')),
  },
  {
    what: 'Ed25519',
    atOrchestrator: signingWith(pairKey(orchestrator, 'o', true), pairKey(payments, 'p', false), hmacKey('mail'), clientKey('shop')),
    atPayments: signingWith(pairKey(orchestrator, 'o', false), pairKey(payments, 'p', true), clientKey('shop')),
  },
] as const;

const compensation = commandOf({ phase: 'c', traceparent: '00-a-b-01' });
const command = (signing: MessageSigning) => signing.signCommand(encodeCommand(compensation, names, facts), 'payments').message;
const reply = (signing: MessageSigning, attempt = 1) =>
  signing.signReply(
    encodeReply({ commandId: commandOf().id, outcome: 'success', attempt, body: '{"paymentId":"p"}' }, names, facts),
    'payments',
  ).message;
const start = (signing: MessageSigning, replyTo = 'shop.answers') => {
  const given = { name: 'place-order', version: 2, key: 'o-1', startId: 's-1', input: '{"total":1}', replyTo, traceparent: undefined };
  return signing.signStart(encodeStart(given, names, facts), 'shop').message;
};
const fine = (by?: string): Judgement => ({ ok: true, by });
const fault = (kind: string) => ({ ok: false, fault: kind });
const withHeader = (message: Message, name: string, value: string | number): Message => ({
  ...message,
  headers: { ...message.headers, [name]: value },
});
const without = (message: Message, ...gone: readonly string[]): Message => ({
  ...message,
  headers: Object.fromEntries(Object.entries(message.headers).filter(([name]) => !gone.includes(name))),
});

describe.each(WAYS)('messages signed with $what', ({ atOrchestrator, atPayments }) => {
  it('are genuine in both directions, and say whose they are', () => {
    expect(atPayments.judgeCommand(command(atOrchestrator), 'payments')).toEqual(fine());
    expect(atOrchestrator.judgeReply(reply(atPayments))).toEqual(fine('payments'));
    expect(atOrchestrator.judgeStart(start(atPayments))).toEqual(fine('shop'));
  });

  it('are so for whole batches, whose body is signed once', () => {
    const sendings = [1, 2, 3].map((execution) => ({ command: commandOf({ execution }), mostTogether: 10 }));
    const [{ addressed }] = encodeCommands(sendings, names, facts) as [ReturnType<typeof encodeCommands>[number]];
    const { message } = atOrchestrator.signCommand(addressed, 'payments');
    expect(atPayments.judgeCommand(message, 'payments')).toEqual(fine());
    const body = Buffer.from(Buffer.from(message.body).toString().replace('"amount":1', '"amount":2'));
    expect(atPayments.judgeCommand({ ...message, body }, 'payments')).toMatchObject(fault('mismatch'));
    expect(atPayments.judgeCommand({ ...message, contentType: 'application/json' }, 'payments')).toMatchObject(fault('mismatch'));
  });

  it('are so although a broker changed what nothing depends on', () => {
    const given = command(atOrchestrator);
    const message = {
      ...given,
      timestamp: 7,
      appId: 'x',
      expirationMs: undefined,
      headers: { 'x-delivery-count': 3, ...given.headers, traceparent: 'y' },
    };
    expect(atPayments.judgeCommand(message, 'payments')).toEqual(fine());
    const reversed = Object.fromEntries(Object.entries(given.headers).reverse());
    expect(atPayments.judgeCommand({ ...given, headers: reversed }, 'payments')).toEqual(fine());
  });

  it('are so when only the beginning of a long body was kept, with its hash', () => {
    const body = Buffer.alloc(2_000_000, 'x');
    const out = encodeReply({ commandId: commandOf().id, outcome: 'error', attempt: 1, body: body.toString() }, names, facts);
    const { message } = atPayments.signReply(out, 'payments');
    const whole = { bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') };
    expect(atOrchestrator.judgeReply({ ...message, body: body.subarray(0, 10), whole })).toEqual(fine('payments'));
    const other = { ...whole, sha256: whole.sha256.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) };
    expect(atOrchestrator.judgeReply({ ...message, body: body.subarray(0, 10), whole: other })).toMatchObject(fault('mismatch'));
    expect(atOrchestrator.judgeReply(message)).toEqual(fine('payments'));
  });

  it('[J1] without a signature, or with half of one, are not trusted', () => {
    const judge = (message: Message) => atPayments.judgeCommand(message, 'payments');
    const message = command(atOrchestrator);
    const signature = message.headers[HEADER.signature] as string;
    expect(judge(without(message, HEADER.signature, HEADER.signatureKey))).toMatchObject(fault('unsigned'));
    expect(judge(without(message, HEADER.signatureKey))).toMatchObject(fault('unknown-key'));
    expect(judge(without(message, HEADER.signature))).toMatchObject(fault('mismatch'));
    for (const other of [
      '',
      signature.slice(0, -1),
      `${signature}=`,
      `${signature}A`,
      signature.slice(0, 10),
      'A'.repeat(signature.length),
      '\u0000',
    ])
      expect(judge(withHeader(message, HEADER.signature, other))).toMatchObject(fault('mismatch'));
    expect(judge(withHeader(message, HEADER.signatureKey, 'nobody-7'))).toMatchObject(fault('unknown-key'));
    expect(judge(withHeader(message, HEADER.signatureKey, '__proto__'))).toMatchObject(fault('unknown-key'));
  });

  it('[J2] are judged by the algorithm of their key, whatever they say', () => {
    const judge = (message: Message) => atPayments.judgeCommand(message, 'payments');
    const message = command(atOrchestrator);
    for (const algorithm of ['none', 'hmac-sha256', 'ed25519'])
      expect(judge(withHeader(message, 'saga-signature-algorithm', algorithm))).toMatchObject(fault('mismatch'));
    // The public half of a pair taken for a secret: everybody has it.
    const confused = signingWith(hmacKey('payments', 'o', { secret: pairFor('o').publicKey }));
    expect(judge(command(confused))).toMatchObject({ ok: false });
  });

  it('[J5] that a participant made of its own are no commands, and its key is none for starts', () => {
    const mail = signingWith(hmacKey('mail'));
    const forged = mail.signCommand(encodeCommand(compensation, names, facts), 'mail').message;
    expect(atPayments.judgeCommand(forged, 'payments')).toMatchObject(fault('unknown-key'));
    // Where it knows the key, it is still of somebody who sends no commands to payments.
    const knowing = signingWith(hmacKey('payments'), hmacKey('mail'));
    expect(knowing.judgeCommand(forged, 'payments')).toMatchObject(fault('misattributed'));
    expect(atOrchestrator.judgeStart(without(reply(atPayments)))).toMatchObject(fault('misattributed'));
    expect(atOrchestrator.judgeReply(start(atPayments))).toMatchObject(fault('misattributed'));
  });

  it('[J6] count in their own queue and installation only', () => {
    const message = command(atOrchestrator);
    const elsewhere = signingOf({ keys: [...KEYS_OF_PAYMENTS] }, 'staging');
    expect(elsewhere.judgeCommand(message, 'payments')).toMatchObject({ ok: false });
    expect(atOrchestrator.judgeReply(message)).toMatchObject({ ok: false });
    expect(atPayments.judgeCommand(reply(atPayments), 'payments')).toMatchObject({ ok: false });
  });

  it('[J7] cannot be taken for the answer to another attempt', () => {
    expect(atOrchestrator.judgeReply(withHeader(reply(atPayments, 1), HEADER.attempt, 2))).toMatchObject(fault('mismatch'));
    expect(atOrchestrator.judgeReply(without(reply(atPayments, 1), HEADER.attempt))).toMatchObject(fault('mismatch'));
  });

  it('[J6] go to another saga, or with other words, only under another signature', () => {
    const message = reply(atPayments);
    const other = message.correlationId.replace('0001', '0002');
    expect(atOrchestrator.judgeReply({ ...message, correlationId: other })).toMatchObject(fault('mismatch'));
  });

  describe('[J3] of which something was exchanged', () => {
    const signedHeaders = Object.values(HEADER).filter((name) => name.startsWith('saga-') && !name.startsWith('saga-signature'));
    const kinds = {
      command: [command(atOrchestrator), (message: Message) => atPayments.judgeCommand(message, 'payments')],
      reply: [reply(atPayments), (message: Message) => atOrchestrator.judgeReply(message)],
      start: [start(atPayments), (message: Message) => atOrchestrator.judgeStart(message)],
    } as const;
    const every = Object.keys(kinds) as (keyof typeof kinds)[];

    it.each(['messageId', 'correlationId', 'type', 'replyTo', 'contentType'] as const)('are not trusted: %s', (field) => {
      for (const kind of every) {
        const [message, judge] = kinds[kind];
        for (const value of [`${message[field] ?? ''}x`, (message[field] ?? 'x').slice(1), field === 'replyTo' ? undefined : ''])
          if ((value ?? '') !== (message[field] ?? '')) expect(judge({ ...message, [field]: value })).toMatchObject(fault('mismatch'));
      }
    });

    it.each(signedHeaders)('are not trusted: the header %s', (name) => {
      for (const kind of every) {
        const [message, judge] = kinds[kind];
        const value = message.headers[name];
        const others = value === undefined ? ['x', 1] : [`${value}x`, typeof value === 'number' ? value + 1 : 1, ''];
        for (const other of others) expect(judge(withHeader(message, name, other))).toMatchObject(fault('mismatch'));
        if (value !== undefined) expect(judge(without(message, name))).toMatchObject(fault('mismatch'));
      }
    });

    it('are not trusted: a single bit of the body, or a byte more or less', () => {
      fc.assert(
        fc.property(fc.constantFrom(...every), fc.nat(), fc.integer({ min: 0, max: 7 }), (kind, at, bit) => {
          const [message, judge] = kinds[kind];
          const body = Buffer.from(message.body);
          body[at % body.length]! ^= 1 << bit;
          expect(judge({ ...message, body })).toMatchObject(fault('mismatch'));
          expect(judge({ ...message, body: message.body.subarray(0, at % body.length) })).toMatchObject(fault('mismatch'));
        }),
      );
    });

    it('are not trusted: any character of any signed text, any header more, any shift between neighbours', () => {
      const fields = ['messageId', 'correlationId', 'type', 'replyTo', 'contentType'] as const;
      fc.assert(
        fc.property(
          fc.constantFrom(...every),
          fc.constantFrom(...fields),
          fc.nat(),
          fc.string({ minLength: 1, maxLength: 3 }),
          (kind, field, at, text) => {
            const [message, judge] = kinds[kind];
            const before = message[field] ?? '';
            const cut = at % (before.length + 1);
            expect(judge({ ...message, [field]: before.slice(0, cut) + text + before.slice(cut) })).toMatchObject(fault('mismatch'));
            expect(judge(withHeader(message, `saga-${/^[a-z0-9-]+$/.test(text) ? text : 'more'}`, text))).toMatchObject(fault('mismatch'));
            const [one, other] = [message.messageId, message.correlationId];
            if (cut > 0 && cut < one.length)
              expect(judge({ ...message, messageId: one.slice(0, cut), correlationId: one.slice(cut) + other })).toMatchObject(
                fault('mismatch'),
              );
          },
        ),
      );
    });

    it('are not trusted: any character of the signature', () => {
      fc.assert(
        fc.property(fc.constantFrom(...every), fc.nat(), fc.constantFrom(...'ABCwxyz019-_=+/ '.split('')), (kind, at, character) => {
          const [message, judge] = kinds[kind];
          const signature = message.headers[HEADER.signature] as string;
          const place = at % signature.length;
          if (signature[place] !== character)
            expect(
              judge(withHeader(message, HEADER.signature, signature.slice(0, place) + character + signature.slice(place + 1))),
            ).toMatchObject(fault('mismatch'));
        }),
      );
    });
  });
});
const KEYS_OF_PAYMENTS = [hmacKey('payments'), pairKey(orchestrator, 'o', false)];

describe('a signed message', () => {
  const both = WAYS[0];

  it('[J1] of a revoked key is not trusted; of an accepted one it is', () => {
    const at = (state: 'accepted' | 'revoked') =>
      signingWith(hmacKey('payments', 'payments-1', { state }), hmacKey('payments', 'payments-2'));
    const message = command(both.atOrchestrator);
    expect(at('accepted').judgeCommand(message, 'payments')).toEqual(fine());
    expect(at('revoked').judgeCommand(message, 'payments')).toMatchObject(fault('revoked-key'));
  });

  it('[J4] counts only where its participant was asked', () => {
    const { atOrchestrator } = both;
    expect(atOrchestrator.strangerFault('payments', 'payments')).toBeUndefined();
    expect(atOrchestrator.strangerFault('mail', 'payments')).toMatchObject({ fault: 'misattributed' });
    expect(atOrchestrator.strangerFault(undefined, 'payments')).toMatchObject({ fault: 'unsigned' });
  });

  it('[J2] of a participant with a pair of its own cannot be a command, not even to itself', () => {
    const own = signingWith(pairKey(payments, 'p', true), pairKey(orchestrator, 'o', false));
    const out = encodeCommand(compensation, names, facts);
    const forged = { ...own.signReply(out, 'payments').message };
    expect(own.judgeCommand(forged, 'payments')).toMatchObject(fault('misattributed'));
  });

  it('keeps an address that RabbitMQ puts another one in the place of', () => {
    const message = start(both.atPayments, 'amq.rabbitmq.reply-to');
    expect(both.atOrchestrator.judgeStart({ ...message, replyTo: 'amq.rabbitmq.reply-to.g1hkABC.123==' })).toEqual(fine('shop'));
    expect(both.atOrchestrator.judgeStart({ ...message, replyTo: 'other.queue' })).toMatchObject(fault('mismatch'));
  });

  it('need not be signed while its participant is brought over', () => {
    const migrating = signingOf({ keys: [hmacKey('payments')], unsignedAllowed: { participants: ['mail'], starts: true } });
    const unsigned = without(reply(both.atPayments), HEADER.signature, HEADER.signatureKey);
    expect(migrating.judgeReply(unsigned)).toEqual(fine());
    expect(migrating.strangerFault(undefined, 'mail')).toBeUndefined();
    expect(migrating.strangerFault(undefined, 'payments')).toMatchObject({ fault: 'unsigned' });
    expect(migrating.judgeStart(without(start(both.atPayments), HEADER.signature, HEADER.signatureKey))).toEqual(fine());
    expect(migrating.judgeCommand(unsigned, 'mail')).toEqual(fine());
    expect(migrating.judgeCommand(unsigned, 'payments')).toMatchObject(fault('unsigned'));
    // What is signed is judged all the same.
    expect(migrating.judgeReply(withHeader(reply(both.atPayments), HEADER.attempt, 9))).toMatchObject(fault('mismatch'));
  });

  it('is left as it is for a participant without a key that may go without', () => {
    const migrating = signingOf({ keys: [hmacKey('payments')], unsignedAllowed: { participants: ['mail'] } });
    const out = encodeCommand(commandOf(), names, facts);
    expect(migrating.signCommand(out, 'mail')).toBe(out);
  });

  it('tells of a foreign key in one line that can be stored', () => {
    const judged = both.atPayments.judgeCommand(
      withHeader(command(both.atOrchestrator), HEADER.signatureKey, `\u0000${'k'.repeat(10_000)}`),
      'payments',
    );
    if (judged.ok) throw new Error('it was trusted');
    expect(judged.reason.length).toBeLessThan(200);
    expect(judged.reason).not.toContain('\u0000');
    expect(judged.reason).not.toContain(secretFor('payments-1'));
  });
});
