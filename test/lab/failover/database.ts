// PostgreSQL fails over: to a synchronous standby (nothing answered is lost), to one that lags behind (something is, and it shows), and from a
// server that has only become read-only.
import { setTimeout as delay } from 'node:timers/promises';
import { startPostgresPair, type PostgresPair } from '../../support/private-clusters.mjs';
import { startPrivatePostgres, startPrivateRabbit } from '../../support/private-servers.mjs';
import { Api } from '../kit/api.js';
import { until } from '../kit/waiting.js';
import { disposing, Gathered, rateOf } from './gathered.js';
import type { Experiment, Given } from './outcome.js';
import { answersSince, deadLetters, longestGap, rates } from './progress.js';
import { serversAt, Stage } from './stage.js';
import { ofLostSagas } from './verdict.js';

const SYNCHRONOUS = 'synchronous standby: first progress after it is promoted';
const ASYNCHRONOUS = 'asynchronous standby: first progress after it is promoted';
const READ_ONLY = 'read-only primary: first progress after the other one is promoted';

/** How the primary dies; which of them comes first is the most ordinary. */
const DEATHS = ['killed', 'standby frozen for a moment before', 'standby cut off before'] as const;

export const synchronous: Experiment = {
  name: 'synchronous',
  about: 'the primary is killed, a synchronous standby takes over: no answered start is lost (E11)',
  inCi: true,
  run: async (given) => {
    const times = given.form === 'ci' ? 1 : given.form === 'short' ? DEATHS.length : 12;
    const gathered = new Gathered();
    await using rabbit = disposing(await startPrivateRabbit());
    for (let n = 0; n < times; n++) {
      const death = DEATHS[n % DEATHS.length]!;
      given.say(`failover ${n + 1} of ${times}: ${death}`);
      await failOver(given, rabbit.it.url, n, death, gathered);
    }
    return gathered.outcome({ E11: `primary killed ${times} times, synchronous standby promoted` }, { [SYNCHRONOUS]: { target: 5_000 } });
  },
};

async function failOver(given: Given, rabbitUrl: string, n: number, death: (typeof DEATHS)[number], to: Gathered): Promise<void> {
  await using pair = disposing(await startPostgresPair({ synchronous: true }));
  const { primary, standby } = pair.it;
  await using stage = await follow(given, pair.it, rabbitUrl, { part: `run-${n + 1}` });
  const state = await pair.it.syncState();
  if (state !== 'sync') throw new Error(`the standby is ${state ?? 'away'}, not 'sync': this would prove nothing`);
  stage.load(rateOf(given));
  await stage.flows(100);
  const loaded = Date.now();
  await delay(2_000);
  const end = await stage.nemesis.begin('failover-synchronous', ['E11'], { death });
  // What is committed from here on waits for the standby: nobody is told, and nobody can know what becomes of it.
  if (death === DEATHS[1]) await standby.pause();
  if (death === DEATHS[2]) await pair.it.unfollow();
  if (death !== DEATHS[0]) await delay(400);
  const killedAt = Date.now();
  await primary.kill();
  if (death === DEATHS[1]) await standby.resume();
  await pair.it.promote();
  const promotedAt = Date.now();
  await end();
  moveTo(stage, pair.it);
  to.add(SYNCHRONOUS, (await stage.progressAfter(promotedAt)) - promotedAt);
  await delay(3_000);
  const answers = await answersSince(stage.place, loaded);
  to.add('synchronous standby: longest time without progress', longestGap(answers, killedAt - 400, promotedAt + 3_000));
  // They are all alike; the first is enough for a plot.
  if (n === 0) to.series['answers per second, synchronous failover'] = rates(answers, loaded, promotedAt + 3_000);
  await to.conclude(stage);
}

export const asynchronous: Experiment = {
  name: 'asynchronous',
  about: 'the same with a standby that lags behind: something answered is lost, no more than the lag, and it shows (E12)',
  inCi: false,
  run: async (given) => {
    const gathered = new Gathered();
    await using rabbit = disposing(await startPrivateRabbit());
    await using pair = disposing(await startPostgresPair({ synchronous: false }));
    // The participants' database loses nothing: else they would lose what they have answered for, and nobody could make up for that.
    await using participants = disposing(await startPrivatePostgres());
    await using stage = await follow(given, pair.it, rabbit.it.url, { participantsUrl: participants.it.url });
    stage.load(rateOf(given));
    await stage.flows(100);
    await delay(1_000);
    const end = await stage.nemesis.begin('failover-asynchronous', ['E12']);
    const cutAt = Date.now();
    await pair.it.unfollow();
    await delay(1_500);
    const lag = await pair.it.lagBytes();
    // Whoever asked for the lost sagas' commands is away for a moment, so that answers to sagas that nobody will know wait in the queue.
    for (const daemon of stage.lab.daemons) daemon.pause();
    await delay(300);
    await pair.it.primary.kill();
    await pair.it.promote();
    const promotedAt = Date.now();
    for (const daemon of stage.lab.daemons) daemon.resume();
    await end();
    moveTo(stage, pair.it);
    gathered.add(ASYNCHRONOUS, (await stage.progressAfter(promotedAt)) - promotedAt);
    await delay(2_000);
    const report = await gathered.conclude(stage, ofLostSagas);
    const lost = await lostStarts(stage);
    const outside = lost.filter(({ at }) => at < cutAt || at > promotedAt + 1_000);
    const letters = await deadLetters(stage.place);
    gathered.facts['bytes that the standby had not received'] = lag;
    gathered.facts['answered starts lost to the lag (asynchronous, as expected)'] = lost.length;
    gathered.facts['replies of unknown sagas among the dead letters'] = letters['unknown saga'] ?? 0;
    if (lost.length === 0)
      gathered.failures.push('an asynchronous standby that lagged behind has lost nothing: the experiment cannot see a loss');
    if (outside.length > 0)
      gathered.failures.push(
        `${outside.length} starts are lost that were answered before the lag began, e.g. ${outside[0]!.id}: not bounded by it`,
      );
    if (!letters['unknown saga'])
      gathered.failures.push(`no reply of a lost saga is among the dead letters (${JSON.stringify(letters)}): the loss goes unnoticed`);
    const v1 = report.invariants.find(({ id }) => id === 'V1');
    if (v1?.violationCount !== lost.length)
      gathered.failures.push(`the checker (V1) sees ${v1?.violationCount ?? 'no'} lost starts, not ${lost.length}: it would not notice`);
    return gathered.outcome({ E12: `${lost.length} starts lost within the lag, noticed` }, {});
  },
};

export const readOnly: Experiment = {
  name: 'read-only',
  about: 'the primary becomes read-only under those who are connected, and the standby takes over (E10)',
  inCi: false,
  run: async (given) => {
    const times = given.form === 'long' ? 10 : 2;
    const gathered = new Gathered();
    await using rabbit = disposing(await startPrivateRabbit());
    for (let n = 0; n < times; n++) {
      await using pair = disposing(await startPostgresPair({ synchronous: true }));
      await using stage = await follow(given, pair.it, rabbit.it.url, { part: `run-${n + 1}` });
      stage.load(rateOf(given));
      await stage.flows(100);
      await delay(1_000);
      const end = await stage.nemesis.begin('demote', ['E10']);
      await pair.it.makeReadOnly();
      await delay(1_000 + 1_000 * (n % 3));
      await until('the standby has everything', async () => (await pair.it.lagBytes()) === 0);
      await pair.it.promote();
      const promotedAt = Date.now();
      await end();
      moveTo(stage, pair.it);
      gathered.add(READ_ONLY, (await stage.progressAfter(promotedAt)) - promotedAt);
      await delay(2_000);
      const said = stage.lab.daemons.some(({ log }) => /read-only transaction/.test(log));
      if (!said) gathered.failures.push('no daemon has met 25006 (read-only transaction): nothing was proved');
      await gathered.conclude(stage);
    }
    return gathered.outcome({ E10: `demoted ${times} times under open connections` }, { [READ_ONLY]: { target: 5_000 } });
  },
};

/** Daemons and participants that know both servers. */
async function follow(
  given: Given,
  pair: PostgresPair,
  rabbitUrl: string,
  more: { readonly part?: string; readonly participantsUrl?: string } = {},
): Promise<Stage> {
  return Stage.open(given, { servers: serversAt(pair.primary.url, rabbitUrl), via: () => ({ postgres: pair.url }), ...more });
}

/** From here on the evidence is on the other server. */
function moveTo(stage: Stage, { standby }: PostgresPair): void {
  const url = new URL(stage.place.url);
  url.port = new URL(standby.url).port;
  stage.place = { ...stage.place, url: url.href };
}

/** Starts that were answered and that nobody knows. */
async function lostStarts(stage: Stage): Promise<readonly { readonly id: string; readonly at: number }[]> {
  const known = new Set((await new Api(stage.lab.running).sagas()).map(({ id }) => id));
  const lost = new Map(
    stage
      .answered()
      .filter(({ id }) => !known.has(id))
      .map((start) => [start.id, start]),
  );
  return [...lost.values()];
}
