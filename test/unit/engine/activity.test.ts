import { describe, expect, it } from '@jest/globals';
import { Activity, ACTIVITY_MINUTES, type Ending } from '../../../src/engine/activity.js';
import type { SagaState } from '../../../src/core/state.js';

const NOON = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;

const saga = (startedAt: number, end: Ending | null = null, tookMs = 0, name = 'order') =>
  ({ name, startedAt, end, endedAt: end ? startedAt + tookMs : null }) as SagaState;

describe('activity', () => {
  it('counts by the minute in which something happened, without a gap', () => {
    const activity = new Activity(NOON);
    activity.sagaStarted(saga(NOON + 1));
    activity.sagaStarted(saga(NOON + 2));
    activity.sagaEnded(saga(NOON + 1, 'completed', 2 * MINUTE));
    activity.sagaEnded(saga(NOON + 2, 'compensated', 2 * MINUTE));
    const { since, minutes } = activity.read(NOON + 3 * MINUTE);
    expect(since).toBe(NOON);
    expect(minutes).toEqual([
      { at: NOON, started: 2, completed: 0, compensated: 0 },
      { at: NOON + MINUTE, started: 0, completed: 0, compensated: 0 },
      { at: NOON + 2 * MINUTE, started: 0, completed: 1, compensated: 1 },
      { at: NOON + 3 * MINUTE, started: 0, completed: 0, compensated: 0 },
    ]);
  });

  it('keeps an hour, and forgets what is older, also where nothing came since', () => {
    const activity = new Activity(NOON);
    activity.sagaStarted(saga(NOON));
    activity.sagaEnded(saga(NOON, 'completed', 10));
    const later = activity.read(NOON + ACTIVITY_MINUTES * MINUTE);
    expect(later.minutes).toHaveLength(ACTIVITY_MINUTES);
    expect(later.minutes.every(({ started, completed }) => started + completed === 0)).toBe(true);
    expect([later.since, later.durations]).toEqual([NOON + MINUTE, []]);
  });

  it('leaves out what it is told of a minute whose place is taken', () => {
    const activity = new Activity(NOON);
    activity.sagaStarted(saga(NOON + ACTIVITY_MINUTES * MINUTE));
    activity.sagaStarted(saga(NOON));
    const { minutes } = activity.read(NOON + ACTIVITY_MINUTES * MINUTE);
    expect(minutes.reduce((sum, { started }) => sum + started, 0)).toBe(1);
  });

  it('gives percentiles by name and end, right within 5 %', () => {
    const activity = new Activity(NOON);
    for (let ms = 1; ms <= 1_000; ms++) activity.sagaEnded(saga(NOON, 'completed', ms));
    activity.sagaEnded(saga(NOON, 'compensated', 30_000));
    activity.sagaEnded(saga(NOON, 'completed', 0, 'bill'));
    const { durations } = activity.read(NOON);
    expect(durations.map(({ name, outcome, count }) => [name, outcome, count])).toEqual([
      ['bill', 'completed', 1],
      ['order', 'completed', 1_000],
      ['order', 'compensated', 1],
    ]);
    const within = (value: number, wanted: number) => expect(Math.abs(value / wanted - 1)).toBeLessThan(0.05);
    within(durations[1]!.p50Ms, 500);
    within(durations[1]!.p95Ms, 950);
    within(durations[1]!.p99Ms, 990);
    within(durations[2]!.p50Ms, 30_000);
  });

  it('adds up with what others did, for the whole hour although it began just now', () => {
    const [own, other] = [new Activity(NOON), new Activity(NOON - 30 * MINUTE)];
    own.sagaStarted(saga(NOON));
    own.sagaEnded(saga(NOON, 'completed', 100));
    other.sagaStarted(saga(NOON));
    other.sagaEnded(saga(NOON - 10 * MINUTE, 'completed', 10_000));
    other.sagaEnded(saga(NOON - 10 * MINUTE, 'compensated', 10, 'bill'));
    const long = { ...other.takeChanged()[0]!, at: NOON - 61 * MINUTE };
    const { since, minutes, durations } = own.read(NOON + 1, [
      ...other.read(NOON).minutes.map((minute) => ({ ...minute, took: none })),
      long,
    ]);
    expect([since, minutes.length, minutes[0]!.at]).toEqual([NOON - 59 * MINUTE, ACTIVITY_MINUTES, NOON - 59 * MINUTE]);
    expect(minutes.at(-1)).toEqual({ at: NOON, started: 2, completed: 1, compensated: 0 });
    expect(minutes.find(({ at }) => at === NOON - 10 * MINUTE)).toMatchObject({ completed: 1, compensated: 1 });
    // Without the others' classes only its own are known.
    expect(durations.map(({ name, count }) => [name, count])).toEqual([['order', 1]]);
  });

  it('gives what has changed once, and again where it could not be kept', () => {
    const activity = new Activity(NOON);
    expect(activity.takeChanged()).toEqual([]);
    activity.sagaStarted(saga(NOON));
    activity.sagaEnded(saga(NOON, 'completed', 1));
    const changed = activity.takeChanged();
    expect(changed).toEqual([
      { at: NOON, started: 1, completed: 1, compensated: 0, took: { completed: { order: [[0, 1]] }, compensated: {} } },
    ]);
    expect(activity.takeChanged()).toEqual([]);
    activity.giveBack(changed);
    activity.sagaStarted(saga(NOON + MINUTE));
    expect(activity.takeChanged().map(({ at, started }) => [at, started])).toEqual([
      [NOON, 1],
      [NOON + MINUTE, 1],
    ]);
  });
});
const none = { completed: {}, compensated: {} };
