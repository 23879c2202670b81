import { describe, expect, it } from '@jest/globals';
import { leaveOneByOne, mayLeaveWhole, type Held, type Kept } from '../../../src/postgres/leaving.js';
import { LEAST_RETENTION_MS } from '../../../src/saga/policy.js';
import { FEED_REACH_MS } from '../../../src/ports/history-feed.js';

const DAY_MS = 86_400_000;
const week = { label: '2026_11_16', at: 0, endsAt: 7 * DAY_MS, from: '0', to: '1' };
const kept = (completed: number | null, compensated: number | null, name = `${completed} ${compensated}`): Kept => ({
  name,
  version: 1,
  retention: { completedMs: completed && completed * DAY_MS, compensatedMs: compensated && compensated * DAY_MS },
});
const held = (over: Partial<Held>): Held => ({ week, isOpen: false, kept: [], ...over });
const kinds = (one: Held, days: number) => leaveOneByOne(one, days * DAY_MS).map(({ name, status }) => `${name} ${status}`);
const whole = (one: Held, days: number) => mayLeaveWhole(one, days * DAY_MS);

describe('who leaves a week, and how', () => {
  it('goes as a whole when the longest retention in it is over', () => {
    const one = held({ kept: [kept(30, 90), kept(30, 30)] });
    expect([whole(one, 96.9), whole(one, 97)]).toEqual([false, true]);
    expect(whole({ ...one, isOpen: true }, 1_000)).toBe(false);
    expect(whole(held({ kept: [kept(30, 30), kept(30, null)] }), 1_000)).toBe(false);
    expect([whole(held({}), 13.9), whole(held({}), 14)]).toEqual([false, true]);
  });

  it('lets those that are outlived leave before, and the others wait for it', () => {
    const one = held({ kept: [kept(30, 90), kept(60, 60)] });
    expect(kinds(one, 29)).toEqual([]);
    expect(kinds(one, 30)).toEqual(['30 90 completed']);
    expect(kinds(one, 95)).toEqual(['30 90 completed', '60 60 completed', '60 60 compensated']);
  });

  it('lets nobody wait for what may never be over, or is late', () => {
    expect(kinds(held({ kept: [kept(30, null)] }), 31)).toEqual(['30 null completed']);
    expect(kinds(held({ kept: [kept(30, 30)], isOpen: true }), 31)).toHaveLength(2);
    expect(kinds(held({ kept: [kept(30, 30)] }), 43)).toEqual([]);
    expect(kinds(held({ kept: [kept(30, 30)] }), 44)).toHaveLength(2);
  });

  it('keeps nothing shorter than the feed of events can be gone on from', () => {
    expect(LEAST_RETENTION_MS).toBe(FEED_REACH_MS);
  });
});
