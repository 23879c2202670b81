import { describe, expect, it } from '@jest/globals';
import { Ending } from '../../../src/participant/ending.js';
import { resolveHostSettings } from '../../../src/participant/settings.js';
import { within } from '../../../src/participant/time-limit.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('a handler whose lock was lost before it began', () => {
  it('is told so from the start', async () => {
    const parts = { clock: new ManualClock(), settings: resolveHostSettings(), ending: new Ending() };
    const lost = AbortSignal.abort(new Error('the lock is gone'));
    const seen = await within(parts, async (signal) => Promise.resolve(signal.aborted), { lost });
    expect(seen).toBe(true);
  });
});
