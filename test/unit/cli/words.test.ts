import { describe, expect, it } from '@jest/globals';
import { effectWords, share } from '../../../src/cli/words.js';

describe('what the engine did, in words', () => {
  it('names the attempt of a command that is sent again', () => {
    expect(effectWords({ do: 'sent', step: 'charge', phase: 'action', execution: 1, attempt: 2 })).toBe('sent charge (attempt 2)');
    expect(effectWords({ do: 'sent', step: 'charge', phase: 'compensation', execution: 1, attempt: 1 })).toBe("sent charge's compensation");
  });
});

describe('a share, in words', () => {
  it.each([
    [null, ''],
    [0, '0 %'],
    [0.0004, '< 0.1 %'],
    [0.0123, '1.2 %'],
    [0.1, '10 %'],
    [0.126, '13 %'],
    [0.99996, '99.9 %'],
    [1, '100 %'],
  ])('%s is %s', (part, text) => {
    expect(share(part)).toBe(text);
  });
});
