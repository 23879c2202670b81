import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ActivityLog, ActivityMinute } from '../../src/ports/activity-log.js';

const MINUTE = 60_000;
const [ADA, BOB, EVE] = ['a', 'b', 'e'].map((letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000`) as [string, string, string];
const took = { completed: { order: [[3, 1]], '"odd\\ name"': [[256, 2]] }, compensated: {} } as const;
const minute = (at: number, started: number): ActivityMinute => ({ at, started, completed: 3, compensated: 0, took });

/** What every log must do. `open` gives an empty one. */
export function describeActivityLog(name: string, open: () => Promise<ActivityLog>): void {
  describe(`ActivityLog: ${name}`, () => {
    const now = Math.floor(Date.now() / MINUTE) * MINUTE;
    let log: ActivityLog;
    beforeAll(async () => {
      log = await open();
    });
    const read = async (since: number, except: string) =>
      (await log.read(since, except)).toSorted((one, other) => one.at - other.at || one.started - other.started);

    it('gives what the others did, as it was written last', async () => {
      await log.write(ADA, []);
      await log.write(ADA, [minute(now - 2 * MINUTE, 1), minute(now - MINUTE, 2)]);
      await log.write(ADA, [minute(now - MINUTE, 5)]);
      await log.write(BOB, [minute(now - MINUTE, 7), minute(now, 8)]);
      expect(await read(now - 2 * MINUTE, EVE)).toEqual([
        minute(now - 2 * MINUTE, 1),
        minute(now - MINUTE, 5),
        minute(now - MINUTE, 7),
        minute(now, 8),
      ]);
      expect(await read(now - MINUTE, BOB)).toEqual([minute(now - MINUTE, 5)]);
    });
  });
}
