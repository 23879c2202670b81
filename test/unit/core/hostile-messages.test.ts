import { describe, expect, it } from '@jest/globals';
import { deadLetter } from '../../../src/core/codec-dead-letters.js';
import { decodeReply } from '../../../src/core/codec-replies.js';
import { encodeText } from '../../../src/core/codec-text.js';
import { HEADER, type Message } from '../../../src/core/wire.js';
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
