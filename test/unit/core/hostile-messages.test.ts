import { describe, expect, it } from '@jest/globals';
import { deadLetter } from '../../../src/core/codec-dead-letters.js';
import { decodeReply } from '../../../src/core/codec-replies.js';
import { decodeStart } from '../../../src/core/codec-starts.js';
import { encodeText } from '../../../src/core/codec-text.js';
import { messageOf } from '../../../src/core/errors.js';
import { parseJson, toJson } from '../../../src/core/json.js';
import { HEADER, namesIn, type Message } from '../../../src/core/wire.js';
import { refusalOf } from '../../../src/core/wire-limits.js';
import { planFrom } from '../../support/plans.js';
import { SAGA, Scenario } from '../../support/scenario.js';

const message = (body: Uint8Array): Message => ({
  messageId: 'm',
  correlationId: `${SAGA}.one.a.1`,
  type: '',
  replyTo: undefined,
  contentType: 'application/json',
  timestamp: undefined,
  appId: undefined,
  expirationMs: undefined,
  headers: {},
  body,
});

describe('what is kept of why a reply cannot be used', () => {
  it('[C8] is short and can be stored, whatever the names of its fields', () => {
    const read = decodeReply(message(encodeText(JSON.stringify({ [`\u0000${'k'.repeat(100_000)}`]: '\u0000' }))));
    if (!read.ok) throw new Error(read.reason);
    expect(read.reply.unusable!.length).toBeLessThanOrEqual(2_000);
    expect(read.reply.unusable).not.toContain('\u0000');
    expect(read.reply.text.length).toBeLessThanOrEqual(2_001);
  });
  it('is short also when a schema says it', () => {
    const readReply = () => ({ ok: false as const, faults: ['f'.repeat(100_000)] });
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', readReply }] }));
    saga.reply('one');
    expect(saga.state.steps['one']!.unusable).toHaveLength(2_000);
  });
});

describe('a dead letter of a message that no broker would take back', () => {
  it('is its beginning, and says so', () => {
    const letter = deadLetter(message(new Uint8Array(20_000_000)), 'q', 'too large', 5);
    expect(refusalOf({ exchange: '', routingKey: 'dead', message: letter })).toBeUndefined();
    expect(letter.headers[HEADER.deadReason]).toBe('too large (only the beginning of 20000000 bytes is kept)');
  });
});

describe('faults that name a place', () => {
  it('are short where the names of fields are long', () => {
    const long = 'k'.repeat(200_000);
    for (const read of [parseJson(`{"${long}":1e400}`, 'the request'), toJson({ [long]: { [long]: Number.NaN } }, 'the request')]) {
      if (read.ok) throw new Error('it was taken');
      expect(read.faults[0]).toMatch(/^the request\.k+…k+ is (?:Infinity|NaN), which JSON cannot say$/);
      expect(read.faults[0]!.length).toBeLessThan(300);
    }
  });
  it('are told of a value that throws when it is read', () => {
    const trap = Object.defineProperty({}, 'a', {
      enumerable: true,
      get: () => {
        throw new Error('sprung');
      },
    });
    expect(toJson(trap, 'the reply')).toEqual({ ok: false, faults: ['the reply cannot be read: sprung'] });
  });
});

describe('the address for the answer to a start', () => {
  const start = (fields: Partial<Message>) =>
    decodeStart({ ...message(encodeText('{}')), type: 'saga', ...fields }, namesIn('backstep')).answerTo;
  it('is none where no message can carry it: bytes that are no UTF-8 are more as text', () => {
    expect(start({ replyTo: 'answers' })).toEqual({ queue: 'answers', correlationId: `${SAGA}.one.a.1` });
    expect(start({ replyTo: '\ufffd'.repeat(86) })).toBeUndefined();
    expect(start({ replyTo: 'answers', correlationId: '\ufffd'.repeat(86) })).toBeUndefined();
  });
});

describe('what a thrown value says', () => {
  it('is a text, whatever was thrown', () => {
    const odd = Object.assign(new Error('x'), { message: undefined });
    const trapped = new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error('sprung');
        },
      },
    );
    expect(messageOf(odd)).toBe('Error without a message');
    expect(messageOf(Object.assign(new Error('x'), { message: Symbol('m') }))).toBe('Error without a message');
    expect(messageOf(Object.create(null))).toBe('a thrown value that cannot be shown');
    expect(messageOf(trapped)).toBe('a thrown value that cannot be shown');
    expect(messageOf(undefined)).toBe('thrown value: undefined');
  });
});
