import { describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';

describe('eventually', () => {
  it('gives what the check gives as soon as that is truthy', async () => {
    let asked = 0;
    await expect(eventually(() => (++asked === 3 ? 'there' : undefined), { everyMs: 1 })).resolves.toBe('there');
    expect(asked).toBe(3);
  });

  it('names the condition and keeps the last failure when time is up', async () => {
    const failure = new Error('still empty');
    const attempt = eventually(
      () => {
        throw failure;
      },
      { withinMs: 5, everyMs: 1, what: 'the inbox has a row' },
    );
    await expect(attempt).rejects.toMatchObject({ message: 'not within 5 ms: the inbox has a row', cause: failure });
  });

  it('names an unnamed condition by its source', async () => {
    const inbox: string[] = [];
    await expect(eventually(() => inbox.length > 0, { withinMs: 1 })).rejects.toThrow('inbox.length > 0');
  });
});
