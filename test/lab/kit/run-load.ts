// The load generator as a process of its own, for a system that somebody else has started:
// node dist/test/lab/kit/run-load.js --api http://127.0.0.1:7420 --directory DIR --workloads bank,order --sagas 1000
import { closeConnections } from './http.js';
import { flagsOf } from './flags.js';
import { Load } from './load.js';
import { mixedStarts } from './starts.js';
import { summary } from './statistics.js';
import { WORKLOADS, type WorkloadName } from './workloads/all.js';

const flags = flagsOf(
  'run-load',
  {
    /** Daemons, with commas between them. */
    api: 'http://127.0.0.1:7420',
    /** Where `client.jsonl` is written. */
    directory: '.',
    workloads: 'bank,order,random',
    sagas: 1_000,
    seed: 1,
    'in-flight': 32,
    /** Starts per second; 0: as fast as they are answered. */
    rate: 0,
  },
  ({ workloads }) =>
    workloads
      .split(',')
      .flatMap((name) => (name in WORKLOADS ? [] : [`there is no workload '${name}'; there are ${Object.keys(WORKLOADS).join(', ')}`])),
);
const load = new Load({
  api: flags.api.split(','),
  directory: flags.directory,
  seed: flags.seed,
  starts: mixedStarts(flags.seed, flags.workloads.split(',') as WorkloadName[], { count: flags.sagas }),
  inFlight: flags['in-flight'],
  ...(flags.rate > 0 ? { ratePerSecond: flags.rate } : {}),
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => load.stop());
console.log(JSON.stringify(await load.run()));
console.log(`answers: ${summary(load.latencies)}`);
closeConnections();
