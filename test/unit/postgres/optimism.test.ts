import { describe, expect, it } from '@jest/globals';
import { Optimism } from '../../../src/postgres/optimism.js';

describe('deciding without locks', () => {
  const tries = (optimism: Optimism, count: number) => Array.from({ length: count }, () => optimism.now() !== undefined);

  it('needs to know what time it is at the database', () => {
    const optimism = new Optimism();
    expect(optimism.now()).toBeUndefined();
    optimism.read([]);
    optimism.read([{ now: 0 }]);
    expect(optimism.now()).toBeUndefined();
    optimism.read([{ now: 1_700_000_000_000.7 }]);
    const now = optimism.now()!;
    expect(Number.isInteger(now)).toBe(true);
    expect(now).toBeGreaterThanOrEqual(1_700_000_000_000);
    expect(now).toBeLessThan(1_700_000_002_001);
  });

  it('pauses twice as long after each time it was for nothing, and less after many times in a row that it was not', () => {
    const optimism = new Optimism();
    optimism.read([{ now: 1_700_000_000_000 }]);
    expect(optimism.isDoubtful).toBe(false);
    optimism.disappointed();
    expect(optimism.isDoubtful).toBe(true);
    expect(tries(optimism, 2)).toEqual([false, true]);
    expect(optimism.isDoubtful).toBe(false);
    optimism.disappointed();
    expect(tries(optimism, 3)).toEqual([false, false, true]);
    for (let n = 0; n < 20; n++) optimism.disappointed();
    expect(tries(optimism, 65).indexOf(true)).toBe(64);
    for (let n = 0; n < 31; n++) optimism.justified();
    optimism.disappointed();
    expect(tries(optimism, 65).indexOf(true)).toBe(64);
    for (let n = 0; n < 32 * 7; n++) optimism.justified();
    optimism.disappointed();
    expect(tries(optimism, 2)).toEqual([false, true]);
    optimism.never();
    // That is for want of a client that can, not because of what is remembered.
    expect(optimism.isDoubtful).toBe(false);
    expect(tries(optimism, 1_000)).not.toContain(true);
  });
});
