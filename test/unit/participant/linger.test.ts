import { describe, expect, it } from '@jest/globals';
import { Linger } from '../../../src/participant/linger.js';
import { ManualClock } from '../../support/manual-clock.js';

const settings = { maxLingerMs: 5, groupSize: 50 };

describe('Linger', () => {
  it('lets nobody wait when little comes', () => {
    const clock = new ManualClock();
    const linger = new Linger(clock, settings, () => {});
    for (let i = 0; i < 20; i++) {
      clock.leap(20);
      linger.arrived(1);
      expect(linger.mustWait(1)).toBe(false);
    }
    expect(clock.waiting).toBe(0);
  });

  it('lets a small group wait while much comes, once and not for long', async () => {
    const clock = new ManualClock();
    let over = 0;
    const linger = new Linger(clock, settings, () => {
      over++;
      expect(linger.mustWait(3)).toBe(false);
    });
    for (let i = 0; i < 200; i++) {
      clock.leap(1);
      linger.arrived(2);
      if (i < 199) linger.mustWait(1_000);
    }
    expect(linger.mustWait(2)).toBe(true);
    expect(linger.mustWait(2)).toBe(true);
    expect(linger.mustWait(50)).toBe(false);
    await clock.advance(5);
    expect(over).toBe(1);
  });

  it('lets nobody wait when enough is there', () => {
    const clock = new ManualClock();
    const linger = new Linger(clock, settings, () => {});
    for (let i = 0; i < 200; i++) {
      clock.leap(1);
      linger.arrived(2);
    }
    expect(linger.mustWait(40)).toBe(false);
  });
});
