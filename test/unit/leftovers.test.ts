import { describe, expect, it } from '@jest/globals';
import { isOld } from '../support/leftovers.mjs';
import { uniqueNamespace } from '../support/servers.js';

describe('what tests leave on servers that others use too', () => {
  const nowS = 1_800_000_000;
  const madeAt = (seconds: number) => `backstep_run${seconds.toString(36)}00abc_0a1b2c3d`;

  it('is old after six hours, not before', () => {
    expect(isOld(madeAt(nowS - 6 * 3_600 - 1), nowS)).toBe(true);
    expect(isOld(madeAt(nowS - 6 * 3_600), nowS)).toBe(false);
  });

  it.each(['postgres', 'backstep', 'backstep.replies', 'a_run_of_luck_1'])('never includes %s, which no test made', (name) => {
    expect(isOld(name, nowS)).toBe(false);
  });

  it('carries names that are fit for schemas and queues', () => {
    const name = uniqueNamespace('seventeen_letters');
    expect(name).toMatch(/^seventeen_letters_run[0-9a-z]{11}_[0-9a-f]{8}$/);
    expect(name.length).toBeLessThanOrEqual(41); // what BACKSTEP_NAMESPACE may have
  });
});
