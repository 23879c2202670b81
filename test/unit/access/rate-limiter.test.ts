import { describe, expect, it } from '@jest/globals';
import { RateLimiter } from '../../../src/access/rate-limiter.js';

describe('a limit of calls', () => {
  let now = 0;
  const clock = { monotonic: () => now };

  it('[I11] lets so many through at once, then one after the other, each caller by itself', () => {
    const limiter = new RateLimiter(10, 3, clock);
    expect([1, 2, 3, 4].map(() => limiter.take('a'))).toEqual([0, 0, 0, 100]);
    expect(limiter.take('b')).toBe(0);
    now += 60;
    expect(limiter.take('a')).toBe(40);
    now += 40;
    expect([limiter.take('a'), limiter.take('a')]).toEqual([0, 100]);
    now += 60_000;
    expect([1, 2, 3, 4].map(() => limiter.take('a'))).toEqual([0, 0, 0, 100]);
  });

  it('remembers only so many callers', () => {
    const limiter = new RateLimiter(1, 1, clock);
    for (let n = 0; n < 10_000; n++) limiter.take(`c${n}`);
    expect(limiter.take('c0')).toBeGreaterThan(0);
    limiter.take('one more');
    // The one that had not called for longest was forgotten.
    expect([limiter.take('c2'), limiter.take('c1')]).toEqual([1_000, 0]);
  });
});
