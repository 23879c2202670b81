// One run of one system, printed as one line of JSON: node bench/run.mjs SYSTEM SCENARIO --count=N --participants=none|inbox
import { saturate, pace, percentile, round } from './lib/load.mjs';
import { cpuSeconds, difference, machineBusySeconds, samplePeakMemory } from './lib/processes.mjs';
import { serverProcesses } from './lib/servers.mjs';

const [system, scenario] = process.argv.slice(2);
const option = (name, fallback) => process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;
const SYSTEMS = { textbook: './textbook/textbook.mjs', backstep: './systems/backstep.mjs' };
if (!SYSTEMS[system] || !['throughput', 'compensate', 'latency'].includes(scenario)) {
  console.error(
    'usage: node bench/run.mjs textbook|backstep throughput|compensate|latency [--count=N] [--participants=none|inbox] [--rate=20] [--queue=quorum|classic] [--engine=JSON of EngineSettings]',
  );
  process.exit(2);
}
const count = Number(option('count', '5000'));
const rate = Number(option('rate', '20'));
const limit = setTimeout(
  () => {
    console.error(`${system} ${scenario}: still running after ${option('limit', '240')} s`);
    process.exit(3);
  },
  Number(option('limit', '240')) * 1_000,
);

const { up } = await import(SYSTEMS[system]);
const running = await up({
  participants: option('participants', 'none'),
  queue: option('queue', 'quorum'),
  engine: JSON.parse(option('engine', '{}')),
});
const fails = scenario === 'compensate';
const isPaced = scenario === 'latency';
const window = Number(option('window', String(running.settings.window)));
const warm = Number(option('warm', String(isPaced ? 60 : Math.min(1_000, Math.ceil(count / 5)))));
if (isPaced) await pace(running.start, warm, Math.max(rate, 20), fails);
else await saturate(running.start, warm, window, fails);

const processes = { ...(await serverProcesses()), engine: process.pid, ...running.processes };
const peak = samplePeakMemory({ engine: process.pid, ...running.processes });
const before = cpuSeconds(processes);
const busyBefore = machineBusySeconds();
const since = performance.now();
const took = isPaced ? await pace(running.start, count, rate, fails) : await saturate(running.start, count, window, fails);
const seconds = (performance.now() - since) / 1_000;
const cpu = difference(before, cpuSeconds(processes));
const busy = machineBusySeconds() - busyBefore;
const total = Object.values(cpu).reduce((sum, each) => sum + each, 0);
took.sort((a, b) => a - b);
const counts = await running.counts();
console.log(
  JSON.stringify({
    system,
    scenario,
    participants: option('participants', 'none'),
    sagas: count,
    seconds: round(seconds, 2),
    sagasPerSecond: round(count / seconds),
    latencyMs: { p50: round(percentile(took, 0.5)), p95: round(percentile(took, 0.95)), p99: round(percentile(took, 0.99)) },
    cpuSecondsPer1000: round((total * 1_000) / count, 3),
    cpuByProcess: Object.fromEntries(Object.entries(cpu).map(([name, value]) => [name, round((value * 1_000) / count, 3)])),
    peakMemoryMb: peak(),
    othersCores: round((busy - total) / seconds, 2),
    ...running.extra?.(),
    counts,
  }),
);
await running.down();
clearTimeout(limit);
process.exit(0);
