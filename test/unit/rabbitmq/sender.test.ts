import { describe, expect, it } from '@jest/globals';
import type { ConfirmChannel } from 'amqplib';
import { encodeReply } from '../../../src/core/codec-replies.js';
import { namesIn } from '../../../src/core/wire.js';
import { senderOn } from '../../../src/rabbitmq/sender.js';

const out = encodeReply({ commandId: 'c-1', outcome: 'success', attempt: 2, body: '{"a":1}' }, namesIn('backstep'), {
  appId: 'me',
  now: 5_000,
});
const confirmed = () => {};

describe('a sender', () => {
  it('gives the client library what its own publish makes of a message', () => {
    const given: unknown[] = [];
    const channel = {
      sendMessage: (method: object, properties: object, content: Buffer) => given.push({ ...method }, { ...properties }, content) > 3,
      pushConfirmCallback: (callback: unknown) => given.push(callback),
    };
    expect(senderOn(channel as unknown as ConfirmChannel)(out, confirmed)).toBe(false);
    const fields = {
      exchange: '',
      routingKey: 'backstep.replies',
      mandatory: true,
      immediate: false,
      deliveryMode: 2,
      messageId: 'c-1#success',
      correlationId: 'c-1',
      contentType: 'application/json',
      appId: 'me',
      timestamp: 5,
      headers: { 'saga-outcome': 'success', 'saga-attempt': 2 },
    };
    expect(given).toEqual([expect.objectContaining(fields), expect.objectContaining(fields), Buffer.from('{"a":1}'), confirmed]);
  });

  it('leaves it to that publish where the library has nothing else', () => {
    const given: unknown[] = [];
    const channel = { publish: (...all: unknown[]) => given.push(...all) > 0 };
    expect(senderOn(channel as unknown as ConfirmChannel)(out, confirmed)).toBe(true);
    const options = expect.objectContaining({
      mandatory: true,
      persistent: true,
      messageId: 'c-1#success',
      headers: out.message.headers,
    }) as unknown;
    expect(given).toEqual(['', 'backstep.replies', Buffer.from('{"a":1}'), options, confirmed]);
  });

  it('takes no confirm for a message that the library throws at', () => {
    const channel = {
      sendMessage: () => {
        throw new TypeError('no');
      },
      pushConfirmCallback: () => {
        throw new Error('never');
      },
    };
    expect(() => senderOn(channel as unknown as ConfirmChannel)(out, confirmed)).toThrow('no');
  });
});
