import { describe, expect, it } from '@jest/globals';
import { isMet, judged, quantile, type Measure } from '../../lab/failover/outcome.js';
import { firstAfter, longestGap, rates } from '../../lab/failover/progress.js';
import { valueOf } from '../../lab/failover/report.js';
import { ofLostSagas, violationsIn } from '../../lab/failover/verdict.js';
import type { Report } from '../../lab/kit/evidence.js';

describe('what the experiments about failover make of what they measure', () => {
  const measure = (samples: readonly number[], more: Partial<Measure> = {}): Measure => ({ name: 'm', samples, target: 100, ...more });

  it('takes quantiles by nearest rank', () => {
    expect([0.5, 0.99, 1].map((share) => quantile([4, 1, 3, 2], share))).toEqual([2, 4, 4]);
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('misses a target by one sample, by none at all, or from below', () => {
    expect(isMet(measure([99, 100]))).toBe(true);
    expect(isMet(measure([99, 101]))).toBe(false);
    expect(isMet(measure([99, 99, 101], { by: 'p50' }))).toBe(true);
    expect(isMet(measure([]))).toBe(false);
    expect(isMet(measure([120], { atLeast: true }))).toBe(true);
    expect(isMet(measure([80], { atLeast: true }))).toBe(false);
    expect(judged(measure([5, 7]))).toBe(7);
    expect(valueOf(measure([101]))).toBe('101 ms (target: at most 100 ms; 101 ms misses it)');
    expect(valueOf(measure([]))).toContain('not measured');
  });

  it('finds the first answer after a moment, and the longest time without any, also at the edges', () => {
    expect(firstAfter([10, 20, 30], [5, 20, 30])).toEqual([5, 10]);
    expect(longestGap([10, 20, 50], 0, 60)).toBe(30);
    expect(longestGap([], 0, 60)).toBe(60);
    expect(longestGap([1], 0, 60)).toBe(59);
  });

  it('counts rates from the first moment on', () => {
    expect(rates([0, 100, 499, 500, 1_700], 0, 1_000, 500)).toEqual([
      [0, 6],
      [0.5, 2],
    ]);
  });

  it('passes nothing over that the checker has found, but what lost sagas leave', () => {
    const report = (id: string, violations: readonly string[]): Report => ({
      experiment: 'failover',
      seed: 1,
      ok: false,
      counters: {},
      ends: {},
      sagas: 1,
      invariants: [{ id, text: 't', checked: 1, violations, violationCount: violations.length }],
    });
    const lost = 's (bank-transfer, key k-1) was answered and is not there';
    expect(violationsIn(report('V1', [lost]))).toHaveLength(1);
    expect(violationsIn(report('V1', [lost]), ofLostSagas)).toEqual([]);
    expect(violationsIn(report('V1', [lost, 's has not ended']), ofLostSagas)).toEqual([expect.stringContaining('s has not ended')]);
    expect(violationsIn(report('V4', ['s took effect twice']), ofLostSagas)).toHaveLength(1);
    expect(violationsIn(report('V8', ['the sum is off by 5']), ofLostSagas)).toHaveLength(1);
  });
});
