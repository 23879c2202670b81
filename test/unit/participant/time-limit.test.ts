import { describe, expect, it } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { Ending } from '../../../src/participant/ending.js';
import { resolveHostSettings } from '../../../src/participant/settings.js';
import { within } from '../../../src/participant/time-limit.js';
import { ManualClock } from '../../support/manual-clock.js';

const parts = { clock: new ManualClock(), settings: resolveHostSettings(), ending: new Ending() };

describe('a handler whose lock was lost before it began', () => {
  it('is told so from the start', async () => {
    const lost = AbortSignal.abort(new Error('the lock is gone'));
    const seen = await within(parts, async (signal) => Promise.resolve(signal.aborted), { lost });
    expect(seen).toBe(true);
  });
});

describe('a handler that does not heed the signal', () => {
  it('is told of once its time is up, and waited for', async () => {
    let told = 0;
    let end = (): void => {};
    const running = within(parts, () => new Promise<string>((resolve) => (end = () => resolve('done'))), { overdue: () => told++ });
    await parts.clock.advance(parts.settings.handlerTimeoutMs - 1);
    expect(told).toBe(0);
    await parts.clock.advance(1);
    expect(told).toBe(1);
    end();
    expect(await running).toBe('done');
  });
});

describe('a handler that has ended', () => {
  it('listens to nothing any more', async () => {
    const { signal: lost } = new AbortController();
    expect(await within(parts, async () => Promise.resolve(getEventListeners(lost, 'abort').length), { lost })).toBe(1);
    expect(getEventListeners(lost, 'abort')).toEqual([]);
  });
});
