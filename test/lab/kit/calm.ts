// A calm run: all workloads, two daemons, no faults, and the checker; with --kill one daemon is killed in the middle and started again.
import { parseArgs } from 'node:util';
import { Installation, openServers } from './installation.js';
import { Load } from './load.js';
import { NemesisLog } from './nemesis-log.js';
import { mixedStarts } from './starts.js';
import { until } from './waiting.js';
import type { WorkloadName } from './workloads/all.js';

const { values } = parseArgs({
  options: {
    sagas: { type: 'string', default: '400' },
    seed: { type: 'string', default: '1' },
    kill: { type: 'boolean', default: false },
    directory: { type: 'string', default: 'dist/lab/evidence/calm' },
    build: { type: 'string', default: '.' },
    postgres: { type: 'string' },
    rabbitmq: { type: 'string' },
  },
});
const count = Number(values.sagas);
const seed = Number(values.seed);
const workloads: readonly WorkloadName[] = ['bank', 'order', 'random', 'slow'];
const began = performance.now();
const servers = await openServers({ postgresUrl: values.postgres, rabbitmqUrl: values.rabbitmq });
const lab = await Installation.open({ servers, directory: values.directory, workloads, hosts: 2, build: values.build });
try {
  await lab.start();
  console.log(`up after ${Math.round(performance.now() - began)} ms`);
  lab.writeManifest({ experiment: 'calm', seed, endWithinMs: 60_000 });
  const load = new Load({ api: lab.api, directory: values.directory, seed, starts: mixedStarts(seed, workloads, { count }) });
  const done = load.run();
  if (values.kill) {
    const nemesis = new NemesisLog(values.directory);
    await until('half of the sagas are started', () => load.counts.ok >= count / 2);
    await nemesis.during('kill-daemon', ['A1'], () => lab.restart(lab.daemons[1]!));
    await nemesis.close();
  }
  console.log(await done);
  lab.writeManifest({ healedAt: new Date().toISOString() });
  const api = lab.client();
  await until('all have ended', async () => (await api.sagas({ status: ['running', 'compensating'] })).length === 0, {
    withinMs: 30_000,
    everyMs: 300,
  });
  const ends: Record<string, number> = {};
  for (const { status } of await api.sagas()) ends[status] = (ends[status] ?? 0) + 1;
  console.log(ends, `${Math.round(performance.now() - began)} ms`);
} finally {
  await lab.dispose();
  await servers.dispose();
}
