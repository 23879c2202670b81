// A calm run: all workloads, two daemons, no faults, and the checker. With --kill one daemon is killed in the middle and started again.
import { rmSync } from 'node:fs';
import { check } from '../checker/check.js';
import { PLAIN_START, tail } from '../checker/tail.js';
import { BankWatch } from './bank-watch.js';
import { flagsOf } from './flags.js';
import { Installation, openServers } from './installation.js';
import { Load } from './load.js';
import { NemesisLog } from './nemesis-log.js';
import { mixedStarts } from './starts.js';
import { until } from './waiting.js';
import { expectedEnd, type WorkloadName } from './workloads/all.js';

const WORKLOADS: readonly WorkloadName[] = ['bank', 'order', 'random', 'slow'];

const flags = flagsOf('calm', {
  sagas: 400,
  seed: 1,
  kill: false,
  /** Some sagas are scripted to end stuck. */
  stuck: false,
  directory: 'dist/lab/evidence/calm',
  build: '.',
  /** Servers that are there already; else private ones are started. */
  postgres: undefined,
  rabbitmq: undefined,
  /** How late 99 of 100 timers may be; a machine that others use too needs more than the second that is promised. */
  'lateness-ms': 1_000,
});
const { sagas: count, seed, directory } = flags;
const began = performance.now();
const tell = (text: string) => console.log(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${text}`);

rmSync(directory, { recursive: true, force: true });
const servers = await openServers({ postgresUrl: flags.postgres, rabbitmqUrl: flags.rabbitmq });
const lab = await Installation.open({ servers, directory, workloads: WORKLOADS, hosts: 2, build: flags.build });
try {
  await lab.start();
  tell('daemons and participants are up');
  const experiment = flags.kill ? 'calm --kill' : 'calm';
  lab.writeManifest({
    experiment,
    seed,
    endWithinMs: 60_000 + 60 * count,
    wanted: flags.kill ? ['fault kill-daemon', 'tombstones'] : ['tombstones'],
  });
  const bank = new BankWatch(lab.databaseUrl, directory).start();
  const starts = mixedStarts(seed, WORKLOADS, { count, stuck: flags.stuck });
  const load = new Load({ api: lab.api, directory, seed, starts, inFlight: 16 });
  const done = load.run();
  const nemesis = new NemesisLog(directory);
  if (flags.kill) {
    await until('half of the sagas are started', () => load.counts.ok >= count / 2, { everyMs: 5 });
    await nemesis.during('kill-daemon', ['A1'], () => lab.restart(lab.daemons[1]!));
    tell('a daemon was killed, and is back');
  }
  await done;
  await nemesis.close();
  tell(`started: ${JSON.stringify(load.counts)}`);
  const expectedStuck = [...load.begun].filter(([, start]) => expectedEnd(start) === 'stuck').map(([key]) => key);
  lab.writeManifest({ healedAt: new Date().toISOString(), expectedStuck });
  const api = lab.client();
  await until('most have ended', async () => (await api.sagas({ status: ['running', 'compensating'] })).length < 20, {
    withinMs: 60_000 + 60 * count,
    everyMs: 200,
  });
  await tail(lab.api, directory, PLAIN_START);
  await bank.stop();
  const report = await check(directory, { tell, latenessMs: flags['lateness-ms'] });
  process.exitCode = report.ok ? 0 : 1;
} finally {
  await lab.dispose();
  await servers.dispose();
  tell('everything is stopped');
}
