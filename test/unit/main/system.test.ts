import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SystemClock } from '../../../src/main/system.js';

const DAY = 86_400_000;

describe("the machine's clock", () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('[F3] does not fire a timer of more than 24.8 days at once, but when it is due', () => {
    const fired: string[] = [];
    const clock = new SystemClock();
    clock.after(60 * DAY, () => fired.push('long'));
    const forgotten = clock.after(60 * DAY, () => fired.push('cancelled'));
    jest.advanceTimersByTime(59 * DAY);
    expect(fired).toEqual([]);
    forgotten.cancel();
    jest.advanceTimersByTime(DAY);
    expect(fired).toEqual(['long']);
  });
});
