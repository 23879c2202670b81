import { describe, expect, it } from '@jest/globals';
import { LIMITS, toJson, type Json } from '../../../src/core/json.js';
import { planFrom } from '../../support/plans.js';
import { Scenario } from '../../support/scenario.js';

/** Undoing takes 100 kB for each step. */
const undoRequest = () => ({ why: 'x'.repeat(100_000) });
const names = ['one', 'two', 'three', 'four'];

/** A saga as full as this, with one step to go. */
function full(roomLeft: number, bytesOfFour = 0): Scenario {
  const request = () => ({ text: 'y'.repeat(bytesOfFour) });
  const saga = new Scenario(planFrom({ steps: names.map((name) => ({ name, undoRequest, ...(name === 'four' ? { request } : {}) })) }));
  saga.state = { ...saga.state, bytes: LIMITS.rowBytes - roomLeft };
  for (const name of ['one', 'two', 'three']) saga.reply(name, { body: null, bytes: 4 });
  return saga;
}

describe('[C9] a saga that has grown to its limit', () => {
  it('turns back at the reply that does not fit, and undoes everything', () => {
    const saga = full(50_000);
    saga.reply('four', { body: { text: 'z'.repeat(60_000) }, bytes: 60_011 });
    expect(saga.state.steps['four']!.unusable).toBe('the saga would grow beyond 16777216 bytes');
    expect(saga.state.steps['four']!.reply).toBeUndefined();
    for (const name of names.toReversed()) {
      expect(saga.lastSent).toEqual([`${name}.c.1#1`]);
      saga.undone(name);
    }
    expect(saga.status).toBe('compensated');
  });

  it('is stuck at the request that does not fit, and undone when a person cancels it', () => {
    const saga = full(10_000, 50_000);
    expect(saga.status).toBe('stuck');
    expect(saga.state.steps['four']!.fault!.message).toContain('the saga would grow beyond 16777216 bytes');
    saga.operator('cancel');
    for (const name of ['three', 'two', 'one']) saga.undone(name);
    expect(saga.status).toBe('compensated');
  });

  it('can be stored at any time: payloads are bounded, and no row takes more than its limit and what undoing adds', () => {
    const saga = full(50_000);
    saga.reply('four', { body: { text: 'z'.repeat(60_000) }, bytes: 60_011 });
    for (const name of names.toReversed()) saga.undone(name);
    const { ok } = toJson(saga.state as unknown as Json, 'state', {
      ...LIMITS,
      payloadBytes: LIMITS.rowBytes + names.length * LIMITS.payloadBytes,
    });
    expect(ok).toBe(true);
    expect(saga.state.bytes).toBeLessThanOrEqual(LIMITS.rowBytes + names.length * LIMITS.payloadBytes);
  });
});
