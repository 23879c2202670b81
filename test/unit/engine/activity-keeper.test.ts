import { describe, expect, it } from '@jest/globals';
import { Activity } from '../../../src/engine/activity.js';
import { ActivityKeeper } from '../../../src/engine/activity-keeper.js';
import type { SagaState } from '../../../src/core/state.js';
import { InMemoryActivityLog } from '../../../src/memory/in-memory-activity-log.js';
import { LogBook } from '../../support/engine.js';
import { ManualClock } from '../../support/manual-clock.js';

const saga = (startedAt: number) => ({ name: 'order', startedAt }) as SagaState;

describe('the activity of several daemons', () => {
  const open = (log = new InMemoryActivityLog()) => {
    const clock = new ManualClock();
    const start = (id: string) => {
      const activity = new Activity(clock.now());
      const keeper = new ActivityKeeper(activity, log, id, { clock, logger: new LogBook() });
      keeper.start();
      return { activity, keeper };
    };
    const startedIn = async ({ keeper }: { readonly keeper: ActivityKeeper }) =>
      (await keeper.read(clock.now())).minutes.reduce((sum, { started }) => sum + started, 0);
    return { clock, log, start, startedIn };
  };

  it('is told by each of them: its own at once, that of the others within seconds', async () => {
    const { clock, start, startedIn } = open();
    const [one, other] = [start('one'), start('other')];
    one.activity.sagaStarted(saga(clock.now()));
    expect([await startedIn(one), await startedIn(other)]).toEqual([1, 0]);
    await clock.advance(5_000);
    expect([await startedIn(one), await startedIn(other)]).toEqual([1, 1]);
    await Promise.all([one.keeper.stop(), other.keeper.stop()]);
  });

  it('outlives the daemons: what one did last is told as it stops', async () => {
    const { clock, start, startedIn } = open();
    const one = start('one');
    one.activity.sagaStarted(saga(clock.now()));
    await one.keeper.stop();
    const later = start('later');
    expect(await startedIn(later)).toBe(1);
    await later.keeper.stop();
  });

  it('is written again when it could not be', async () => {
    const { clock, log, start, startedIn } = open();
    const write = log.write.bind(log);
    log.write = () => Promise.reject(new Error('the database is away'));
    const [one, other] = [start('one'), start('other')];
    one.activity.sagaStarted(saga(clock.now()));
    await clock.advance(5_000);
    expect(await startedIn(other)).toBe(0);
    log.write = write;
    await clock.advance(5_000);
    expect(await startedIn(other)).toBe(1);
    await Promise.all([one.keeper.stop(), other.keeper.stop()]);
  });
});
