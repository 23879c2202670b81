// Participants are away while sagas go on being started; how long the backlog takes that is there when they come back.
import { setTimeout as delay } from 'node:timers/promises';
import { startPrivatePostgres, startPrivateRabbit } from '../../support/private-servers.mjs';
import { percentile } from '../kit/statistics.js';
import { disposing, Gathered, rateOf } from './gathered.js';
import type { Experiment, Form } from './outcome.js';
import { answersSince, rates, underWay } from './progress.js';
import { serversAt, Stage } from './stage.js';

const AWAY_S: Readonly<Record<Form, number>> = { ci: 15, short: 15, long: 120 };
const CAUGHT_UP = 'backlog: catching up after the participants are back, % of the time that they were away';

export const backlog: Experiment = {
  name: 'backlog',
  about: 'participants are away at steady load: recovery takes no longer than the outage did (I14)',
  inCi: false,
  run: async (given) => {
    const awayS = AWAY_S[given.form];
    const gathered = new Gathered();
    await using rabbit = disposing(await startPrivateRabbit());
    await using postgres = disposing(await startPrivatePostgres());
    await using stage = await Stage.open(given, { servers: serversAt(postgres.it.url, rabbit.it.url) });
    // A tenth of what two processors can do, so that the backlog is many times what is under way at rest.
    const load = stage.load(rateOf(given));
    await stage.flows(200);
    await delay(3_000);
    const usual = await underWay(stage.place);
    const before = percentile(load.latencies, 0.99);
    const begun = Date.now();
    const end = await stage.nemesis.begin('participants-away', ['I14'], { awayS });
    for (const host of stage.lab.hosts) await host.stop();
    const mark = load.latencies.length;
    const curve: (readonly [number, number])[] = [];
    const look = async () => {
      const open = await underWay(stage.place);
      curve.push([(Date.now() - begun) / 1_000, open]);
      return open;
    };
    for (const until = Date.now() + awayS * 1_000; Date.now() < until; await delay(500)) await look();
    await Promise.all(stage.lab.hosts.map((host) => stage.lab.run(host)));
    const backAt = Date.now();
    await end();
    const awayMs = backAt - begun;
    const most = await underWay(stage.place);
    const enough = Math.max(2 * usual, usual + 20);
    for (const giveUpAt = backAt + 2 * awayMs + 20_000; (await look()) > enough && Date.now() < giveUpAt;) await delay(250);
    const caughtUpAt = Date.now();
    const during = percentile(load.latencies.slice(mark), 0.99);
    gathered.add(CAUGHT_UP, ((caughtUpAt - backAt) / awayMs) * 100);
    gathered.facts['sagas under way at rest, and when the participants came back'] = `${usual}, ${most}`;
    gathered.facts['seconds that the participants were away, and until the backlog was gone'] =
      `${(awayMs / 1_000).toFixed(1)}, ${((caughtUpAt - backAt) / 1_000).toFixed(1)}`;
    gathered.facts['answers per second while the backlog was worked off'] = Math.round(
      ((await answersSince(stage.place, backAt)).length * 1_000) / (caughtUpAt - backAt),
    );
    gathered.facts['p99 of a start before, and from the outage to the end of the backlog, ms'] =
      `${Math.round(before)}, ${Math.round(during)}`;
    gathered.series['sagas under way, backlog'] = curve;
    gathered.series['answers per second, backlog'] = rates(await answersSince(stage.place, begun - 3_000), begun - 3_000, Date.now(), 500);
    await gathered.conclude(stage);
    return gathered.outcome({ I14: `participants away for ${awayS} s at steady load` }, { [CAUGHT_UP]: { unit: '%', target: 100 } });
  },
};
