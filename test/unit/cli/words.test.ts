import { describe, expect, it } from '@jest/globals';
import { effectWords } from '../../../src/cli/words.js';

describe('what the engine did, in words', () => {
  it('names the attempt of a command that is sent again', () => {
    expect(effectWords({ do: 'sent', step: 'charge', phase: 'action', execution: 1, attempt: 2 })).toBe('sent charge (attempt 2)');
    expect(effectWords({ do: 'sent', step: 'charge', phase: 'compensation', execution: 1, attempt: 1 })).toBe("sent charge's compensation");
  });
});
