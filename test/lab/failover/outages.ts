// Databases that stop and start again and again, or stay away for long; a database that is restored to what it was some time ago.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { postgresBinaries, startPrivatePostgres, startPrivateRabbit } from '../../support/private-servers.mjs';
import { Chance } from '../kit/chance.js';
import { ask } from '../kit/http.js';
import { query } from '../kit/installation.js';
import { disposing, Gathered, rateOf } from './gathered.js';
import type { Experiment, Form } from './outcome.js';
import { answersSince, deadLetters, eventCounts, rates } from './progress.js';
import { serversAt, Stage } from './stage.js';
import { ofLostSagas } from './verdict.js';

const STORM = 'restart storm: first progress after PostgreSQL accepts connections';
const STORM_S: Readonly<Record<Form, number>> = { ci: 20, short: 30, long: 120 };

export const storm: Experiment = {
  name: 'storm',
  about: 'PostgreSQL is killed and started again every 5 to 10 s (E2)',
  inCi: false,
  run: async (given) => {
    const gathered = new Gathered();
    const chance = new Chance(`${given.seed}/storm`);
    await using rabbit = disposing(await startPrivateRabbit());
    await using postgres = disposing(await startPrivatePostgres());
    await using stage = await Stage.open(given, { servers: serversAt(postgres.it.url, rabbit.it.url) });
    stage.load(rateOf(given));
    await stage.flows(100);
    const begun = Date.now();
    let restarts = 0;
    while (Date.now() - begun < STORM_S[given.form] * 1_000) {
      await delay(chance.between(5_000, 10_000));
      const end = await stage.nemesis.begin('restart-postgres', ['E2']);
      await postgres.it.kill();
      await delay(chance.between(0, 2_000));
      await postgres.it.start();
      const acceptsAt = Date.now();
      await end();
      gathered.add(STORM, (await stage.progressAfter(acceptsAt)) - acceptsAt);
      restarts++;
    }
    gathered.series['answers per second, restart storm'] = rates(await answersSince(stage.place, begun), begun, Date.now(), 500);
    await gathered.conclude(stage);
    return gathered.outcome({ E2: `${restarts} restarts in ${STORM_S[given.form]} s` }, { [STORM]: { target: 5_000 } });
  },
};

const AWAY_S: Readonly<Record<Form, number>> = { ci: 20, short: 20, long: 90 };
const LONG_DATABASE = 'PostgreSQL away for long: first progress after it accepts connections';
const LONG_BROKER = 'RabbitMQ away for long: first progress after it accepts connections';

export const outage: Experiment = {
  name: 'outage',
  about: 'the database, then the broker, is away for minutes (E3, D2)',
  inCi: false,
  run: async (given) => {
    const gathered = new Gathered();
    await using rabbit = disposing(await startPrivateRabbit());
    await using postgres = disposing(await startPrivatePostgres());
    await using stage = await Stage.open(given, { servers: serversAt(postgres.it.url, rabbit.it.url) });
    // Whoever asks during the outage asks again to the end of it.
    stage.load(rateOf(given), { giveUpAfterMs: 2_000 * AWAY_S[given.form] + 60_000 });
    await stage.flows(100);
    for (const [name, server, rows] of [
      [LONG_DATABASE, postgres.it, ['E3']],
      [LONG_BROKER, rabbit.it, ['D2']],
    ] as const) {
      const end = await stage.nemesis.begin('long-outage', rows, { seconds: AWAY_S[given.form] });
      await server.kill();
      await delay(AWAY_S[given.form] * 500);
      const started = await ask(`${stage.lab.api[0]!}/api/v1/sagas`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'bank-transfer', input: { from: 'rich-1', to: 'till-1', letterTo: 'nobody', cents: 1 }, tags: {} }),
        timeoutMs: 30_000,
      });
      const wanted = name === LONG_DATABASE ? 503 : 201;
      if (started.status !== wanted)
        gathered.failures.push(
          `a start while ${name === LONG_DATABASE ? 'PostgreSQL' : 'RabbitMQ'} was away was answered ${started.status}, not ${wanted}: ${started.text.slice(0, 200)}`,
        );
      await delay(AWAY_S[given.form] * 500);
      await server.start();
      const acceptsAt = Date.now();
      await end();
      gathered.add(name, (await stage.progressAfter(acceptsAt)) - acceptsAt);
      await stage.flows(50);
    }
    await gathered.conclude(stage);
    return gathered.outcome(
      { E3: `away for ${AWAY_S[given.form]} s`, D2: `away for ${AWAY_S[given.form]} s` },
      { [LONG_DATABASE]: { target: 5_000 }, [LONG_BROKER]: { target: 10_000 } },
    );
  },
};

/** How much is lost: five minutes in the catalogue. */
const BACK_S: Readonly<Record<Form, number>> = { ci: 5, short: 10, long: 60 };

export const restored: Experiment = {
  name: 'restored',
  about: "the daemons' database is restored to what it was some time ago; the participants' is not (E13)",
  inCi: false,
  run: async (given) => {
    const gathered = new Gathered();
    await using rabbit = disposing(await startPrivateRabbit());
    await using postgres = disposing(await startPrivatePostgres());
    await using participants = disposing(await startPrivatePostgres());
    await using stage = await Stage.open(given, {
      servers: serversAt(postgres.it.url, rabbit.it.url),
      participantsUrl: participants.it.url,
    });
    stage.load(rateOf(given));
    await stage.flows(100);
    const dumpedAt = Date.now();
    const dump = join(stage.directory, 'store.dump');
    await run('pg_dump', ['-Fc', '-n', stage.lab.namespace, '-f', dump, '-d', stage.place.url]);
    await delay(BACK_S[given.form] * 1_000);
    const end = await stage.nemesis.begin('restore', ['E13'], { seconds: BACK_S[given.form] });
    // Answers to sagas that nobody will know any more wait in the queue.
    for (const daemon of stage.lab.daemons) daemon.pause();
    await delay(500);
    for (const daemon of stage.lab.daemons) await daemon.kill();
    await query(stage.place.url, `drop schema ${stage.lab.namespace} cascade`);
    await run('pg_restore', ['-d', stage.place.url, dump]);
    const restoredAt = Date.now();
    await Promise.all(stage.lab.daemons.map((daemon) => stage.lab.run(daemon)));
    await end();
    gathered.add('restored database: first progress after the daemons are back', (await stage.progressAfter(restoredAt)) - restoredAt);
    await delay(3_000);
    const report = await gathered.conclude(stage, ofLostSagas);
    const letters = await deadLetters(stage.place);
    const events = await eventCounts(stage.place, restoredAt);
    const v1 = report.invariants.find(({ id }) => id === 'V1')?.violationCount ?? 0;
    const early = stage.answered().filter(({ at }) => at < dumpedAt - 1_000).length;
    gathered.facts['starts answered after the dump, and so lost'] = v1;
    gathered.facts['replies of unknown sagas among the dead letters'] = letters['unknown saga'] ?? 0;
    gathered.facts['commands sent again by timers, for sagas that the dump knew'] = (events['resent'] ?? 0) + (events['timed-out'] ?? 0);
    if (!letters['unknown saga']) gathered.failures.push(`no reply of a lost saga is among the dead letters: ${JSON.stringify(letters)}`);
    if (v1 === 0) gathered.failures.push('nothing was lost by restoring: nothing was proved');
    if (early === 0) gathered.failures.push('no start was answered before the dump');
    return gathered.outcome({ E13: `restored to ${BACK_S[given.form]} s ago` }, {});
  },
};

async function run(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(join(postgresBinaries() ?? '', program), [...args]);
}
