import { describe, expect, it } from '@jest/globals';
import { sizeLimitIn } from '../../../src/rabbitmq/broker-errors.js';

describe('the size that a broker says it takes', () => {
  it.each([
    ['PRECONDITION_FAILED - message size 60013 is larger than configured max size 50000', 50_000],
    ['PRECONDITION_FAILED - message size 20971520 is larger than max size 16777216', 16_777_216],
    ["NOT_FOUND - no exchange 'x' in vhost '/'", undefined],
    ['the connection went before the confirm', undefined],
  ])('%s', (text, bytes) => expect(sizeLimitIn(text)).toBe(bytes));
});
