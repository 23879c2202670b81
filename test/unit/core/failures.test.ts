import { describe, expect, it } from '@jest/globals';
import { failureId, normalised } from '../../../src/core/failures.js';

describe('a message in general', () => {
  it.each([
    ['order 17 of 2026-11-29T12:00:00.5Z is 12.50 too much', 'order … of …-…-…T…Z is … too much'],
    ['no row 0198f0aa-1111-7222-8333-444455556666', 'no row …'],
    ['at deadbeef01 and 0xDEADBEEF0', 'at … and …'],
    ['connect  ECONNREFUSED 10.0.0.7:5432\n', 'connect ECONNREFUSED …'],
    ['mail is down', 'mail is down'],
  ])('%j is %j', (message, expected) => {
    expect(normalised(message)).toBe(expected);
  });

  it('is cut, and never within a character', () => {
    expect(normalised(`${'x'.repeat(298)}🎈🎈`)).toHaveLength(300);
    expect(normalised('🎈'.repeat(400)).isWellFormed()).toBe(true);
  });

  it('has an id that says which', () => {
    const failure = { name: 'order', step: 'charge', phase: 'a', code: null, message: 'no' } as const;
    expect(failureId(failure)).toMatch(/^[0-9a-f]{16}$/);
    expect(failureId({ ...failure, code: 'no' })).not.toBe(failureId(failure));
  });
});
