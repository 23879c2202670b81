// The broker loses everything it had, and every saga still ends.
import { setTimeout as delay } from 'node:timers/promises';
import { startPrivatePostgres, startPrivateRabbit } from '../../support/private-servers.mjs';
import { disposing, Gathered, rateOf } from './gathered.js';
import type { Experiment } from './outcome.js';
import { answersSince, eventCounts, rates, underWayAt } from './progress.js';
import { serversAt, Stage } from './stage.js';

/** Of the workload's steps, as declared. */
const STEP_TIMEOUT_MS = 20_000;
const ENDED = 'wiped broker: time until a saga that was under way has ended';

export const wipe: Experiment = {
  name: 'wipe',
  about: 'the broker is killed, its data removed, and it starts empty: every saga still ends (D4)',
  inCi: false,
  run: async (given) => {
    const times = given.form === 'long' ? 3 : 1;
    const gathered = new Gathered();
    await using rabbit = disposing(await startPrivateRabbit());
    await using postgres = disposing(await startPrivatePostgres());
    await using stage = await Stage.open(given, { servers: serversAt(postgres.it.url, rabbit.it.url) });
    stage.load(rateOf(given));
    await stage.flows(100);
    const begun = Date.now();
    for (let n = 0; n < times; n++) {
      await delay(1_500);
      const end = await stage.nemesis.begin('wipe-broker', ['D4']);
      // Commands and answers gather in the queues, so that there is something to lose.
      for (const host of stage.lab.hosts) host.pause();
      await delay(1_500);
      for (const daemon of stage.lab.daemons) daemon.pause();
      const wipedAt = Date.now();
      await rabbit.it.kill();
      await rabbit.it.wipe();
      for (const process of [...stage.lab.hosts, ...stage.lab.daemons]) process.resume();
      await rabbit.it.start();
      const emptyAt = Date.now();
      await end();
      await stage.progressAfter(emptyAt);
      gathered.add('wiped broker: first progress after it is back', (await stage.progressAfter(emptyAt)) - emptyAt);
      // What the broker had is sent again by the timers in the database, and by nothing else.
      const left = await waitFor(stage, wipedAt, 3 * STEP_TIMEOUT_MS);
      const under = await underWayAt(stage.place, wipedAt);
      const ids = [...under.keys()];
      const events = await eventCounts(stage.place, wipedAt, ids);
      gathered.add(ENDED, ...[...under.values()].map((ended) => (ended ?? Date.now()) - wipedAt));
      gathered.count('sagas under way when the broker was wiped', ids.length);
      gathered.count('commands sent again by a timer afterwards', (events['resent'] ?? 0) + (events['timed-out'] ?? 0));
      if (left > 0) gathered.failures.push(`${left} of ${ids.length} sagas that were under way at the wipe have not ended`);
      if (ids.length === 0) gathered.failures.push('no saga was under way when the broker was wiped: nothing was proved');
      given.say(
        `${ids.length} sagas were under way; ${(events['resent'] ?? 0) + (events['timed-out'] ?? 0)} commands were sent again by timers`,
      );
    }
    gathered.series['answers per second, wiped broker'] = rates(await answersSince(stage.place, begun), begun, Date.now(), 500);
    await gathered.conclude(stage);
    return gathered.outcome({ D4: `wiped ${times} times under load` }, { [ENDED]: { target: 2 * STEP_TIMEOUT_MS, by: 'max' } });
  },
};

/** Waits until all that was under way at a moment has ended; gives what has not. */
async function waitFor(stage: Stage, moment: number, withinMs: number): Promise<number> {
  const open = async () => [...(await underWayAt(stage.place, moment)).values()].filter((ended) => ended === null).length;
  let left = await open();
  for (const giveUpAt = performance.now() + withinMs; left > 0 && performance.now() < giveUpAt; left = await open()) await delay(200);
  return left;
}
