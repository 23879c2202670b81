import { Counters } from '../lab/simulator/counters.js';
import { DatabaseClock } from '../lab/simulator/database-clock.js';
import { Life, Machine } from '../lab/simulator/life.js';
import { VirtualTime } from '../lab/simulator/virtual-time.js';
import { closeAtEnd } from '../support/closing.js';

/** A process of the simulator to which nothing happens, in a virtual time that follows the real one until the suite is over. */
export function simulatedLife(): { readonly life: Life; readonly time: VirtualTime; readonly clock: DatabaseClock } {
  const time = new VirtualTime(Date.now());
  const end = time.followRealTime();
  closeAtEnd(async () => Promise.resolve(end()));
  const around = { time, counters: new Counters(), trace: () => undefined, crashed: () => undefined };
  const machine = new Machine('calm', around, async () => Promise.resolve());
  return { life: new Life(machine), time, clock: new DatabaseClock(time) };
}
