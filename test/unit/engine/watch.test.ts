import { beforeEach, describe, expect, it } from '@jest/globals';
import { Watch } from '../../../src/engine/watch.js';
import type { Concern, SagaStore } from '../../../src/ports/saga-store.js';
import { LogBook } from '../../support/engine.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('the watch over clocks and database', () => {
  let clock: ManualClock;
  let logs: LogBook;
  let skewMs: number;
  let answerMs: number;
  let concerns: readonly Concern[];
  let watch: Watch;
  beforeEach(() => {
    clock = new ManualClock();
    logs = new LogBook();
    [skewMs, answerMs, concerns] = [0, 0, []];
    const now = () => {
      clock.leap(answerMs / 2);
      const theirs = clock.now() + skewMs;
      clock.leap(answerMs / 2);
      return Promise.resolve(theirs);
    };
    const store = { now, concerns: () => Promise.resolve(concerns) } as unknown as SagaStore;
    watch = new Watch({ store, clock, logger: logs });
  });
  const told = () => logs.lines.splice(0).map(({ level, fields }) => [level, fields]);

  it('[F1] [F2] tells of clocks that differ by more than a second, of every jump, and when it is over; each once', async () => {
    skewMs = 900;
    await watch.look();
    expect(told()).toEqual([]);
    skewMs = -3_600_000;
    await watch.look();
    await watch.look();
    expect(told()).toEqual([['warn', { skewMs: -3_600_000 }]]);
    skewMs = 600_000;
    await watch.look();
    expect(told()).toEqual([['warn', { skewMs: 600_000, beforeMs: -3_600_000 }]]);
    skewMs = 0;
    await watch.look();
    await watch.look();
    expect(told()).toEqual([['info', { skewMs: 0 }]]);
  });

  it('does not take a slow answer for a difference', async () => {
    answerMs = 5_000;
    skewMs = 2_000;
    await watch.look();
    expect(told()).toEqual([]);
    skewMs = 4_000;
    await watch.look();
    expect(told()).toHaveLength(1);
  });

  it('[E15] [E17] tells of what the store has to say, once, and when it is over', async () => {
    concerns = [{ about: 'table saga', text: 'full of dead rows' }];
    await watch.look();
    concerns = [{ about: 'table saga', text: 'fuller' }];
    await watch.look();
    expect(told()).toEqual([['warn', { about: 'table saga' }]]);
    concerns = [];
    await watch.look();
    await watch.look();
    expect(told()).toEqual([['info', { about: 'table saga' }]]);
  });
});
