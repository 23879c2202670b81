// How long it takes until work goes on: after a daemon, the database, the broker or a link has gone.
import { setTimeout as delay } from 'node:timers/promises';
import { startPrivatePostgres, startPrivateRabbit } from '../../support/private-servers.mjs';
import { disposing, Gathered, rateOf } from './gathered.js';
import { HalfOpen } from './half-open.js';
import { quantile, type Experiment, type Form } from './outcome.js';
import { answersSince, answerTimes, nextEvents, rates } from './progress.js';
import { serversAt, Stage } from './stage.js';

const REPLIES = 'one of two daemons killed: time from effect to stored answer around the kill, beyond the p99 before it';
const CLAIMED = 'one of two daemons killed: next progress of each saga under way, beyond the p99 before it';
const SINGLE = 'the only daemon killed and started again: first progress after its start';
const POSTGRES = 'PostgreSQL killed and started again: first progress after it accepts connections';
const RABBITMQ = 'RabbitMQ killed and started again: first progress after it accepts connections';
const HALF_OPEN = 'link to the broker half open: first progress';
const HALF_OPEN_DATABASE = 'link to the database half open: first progress';

/** Sagas that begin just before a daemon is killed. */
const BURST = 40;
/** Repetitions, and how long a server stays away: backoffs are at their longest after ten seconds. */
const TIMES: Readonly<Record<Form, number>> = { ci: 1, short: 2, long: 6 };
const AWAY_MS: Readonly<Record<Form, number>> = { ci: 2_000, short: 5_000, long: 12_000 };

export const recovery: Experiment = {
  name: 'recovery',
  about: 'a daemon, the database, the broker is killed: time to the first progress (A1, D2, E2)',
  inCi: true,
  alone: 'always',
  run: async (given) => {
    const gathered = new Gathered();
    await using rabbit = disposing(await startPrivateRabbit());
    await using postgres = disposing(await startPrivatePostgres());
    await using stage = await Stage.open(given, { servers: serversAt(postgres.it.url, rabbit.it.url) });
    stage.load(rateOf(given));
    await stage.flows(100);
    const begun = Date.now();
    for (let n = 0; n < TIMES[given.form]; n++) {
      given.say(`round ${n + 1} of ${TIMES[given.form]}`);
      await killOneOfTwo(stage, n, gathered);
      await killTheOnly(stage, gathered);
      await restart(stage, postgres.it, POSTGRES, ['E2'], AWAY_MS[given.form], gathered);
      await restart(stage, rabbit.it, RABBITMQ, ['D2'], AWAY_MS[given.form], gathered);
    }
    gathered.series['answers per second, recovery'] = rates(await answersSince(stage.place, begun), begun, Date.now(), 500);
    await gathered.conclude(stage);
    return gathered.outcome(
      {
        A1: `daemons killed ${2 * TIMES[given.form]} times`,
        D2: `killed ${TIMES[given.form]} times`,
        E2: `killed ${TIMES[given.form]} times`,
      },
      {
        [REPLIES]: { target: 1_000, by: 'p99' },
        [CLAIMED]: { target: 5_000 },
        [SINGLE]: { target: 3_000 },
        [POSTGRES]: { target: 5_000 },
        [RABBITMQ]: { target: 10_000 },
      },
    );
  },
};

export const halfOpen: Experiment = {
  name: 'half-open',
  about: 'a link goes dead without a word: how long until work goes on (D14)',
  inCi: false,
  run: async (given) => {
    const gathered = new Gathered();
    await using rabbit = disposing(await startPrivateRabbit());
    await using postgres = disposing(await startPrivatePostgres());
    await using broker = await HalfOpen.open(rabbit.it.url);
    await using database = await HalfOpen.open(postgres.it.url);
    await using stage = await Stage.open(given, {
      servers: serversAt(postgres.it.url, rabbit.it.url),
      // One daemon, so that nobody else does its work.
      daemons: 1,
      via: (process) => (process.startsWith('daemon') ? { rabbitmq: broker.url, postgres: database.url } : {}),
    });
    stage.load(rateOf(given));
    await stage.flows(100);
    for (let n = 0; n < (given.form === 'long' ? 3 : 1); n++) {
      for (const [name, link, rows] of [
        [HALF_OPEN, broker, ['D14']],
        [HALF_OPEN_DATABASE, database, ['E6']],
      ] as const) {
        await delay(2_000);
        const end = await stage.nemesis.begin('half-open', rows);
        const deadAt = Date.now();
        if (link.deaden() === 0) throw new Error('there was no connection to deaden');
        // What was on its way when the link died is not progress after it.
        const progress = (await stage.progressAfter(deadAt + 1_000)) - deadAt;
        await end();
        gathered.add(name, progress);
        given.say(`${name}: ${Math.round(progress)} ms`);
      }
    }
    await gathered.conclude(stage);
    return gathered.outcome(
      { D14: 'all connections of the only daemon went dead', E6: 'the same for the database' },
      { [HALF_OPEN]: { target: 25_000 }, [HALF_OPEN_DATABASE]: { target: 25_000 } },
    );
  },
};

async function killOneOfTwo(stage: Stage, n: number, to: Gathered): Promise<void> {
  const daemon = stage.lab.daemons[n % 2]!;
  await delay(2_000);
  const end = await stage.nemesis.begin('kill-daemon', ['A1']);
  await stage.burst(BURST);
  const killedAt = Date.now();
  await daemon.kill();
  // Long enough for a start whose command was not sent: its timer is the slowest that there is.
  await delay(7_000);
  const { participants } = stage.lab;
  const calm = {
    answers: quantile(await answerTimes(stage.place, participants, killedAt - 2_000, killedAt - 500), 0.99) || 0,
    events: quantile(await nextEvents(stage.place, killedAt - 1_000), 0.99) || 0,
  };
  const beyond = (samples: readonly number[], usual: number) => samples.map((ms) => Math.max(0, ms - usual));
  to.add(REPLIES, ...beyond(await answerTimes(stage.place, participants, killedAt - 200, killedAt + 300), calm.answers));
  to.add(CLAIMED, ...beyond(await nextEvents(stage.place, killedAt), calm.events));
  await stage.lab.run(daemon);
  await end();
}

async function killTheOnly(stage: Stage, to: Gathered): Promise<void> {
  const [first, other] = stage.lab.daemons;
  await other!.stop();
  await stage.flows(5);
  const end = await stage.nemesis.begin('kill-only-daemon', ['A1']);
  await first!.kill();
  const startedAt = Date.now();
  await stage.lab.run(first!);
  to.add(SINGLE, (await stage.progressAfter(startedAt)) - startedAt);
  await stage.lab.run(other!);
  await end();
}

async function restart(
  stage: Stage,
  server: { kill(): Promise<void>; start(): Promise<void> },
  name: string,
  rows: readonly string[],
  awayMs: number,
  to: Gathered,
): Promise<void> {
  await stage.flows(20);
  const end = await stage.nemesis.begin('restart-server', rows, { name, awayMs });
  await server.kill();
  await delay(awayMs);
  await server.start();
  const acceptsAt = Date.now();
  await end();
  to.add(name, (await stage.progressAfter(acceptsAt)) - acceptsAt);
  await delay(1_500);
}
