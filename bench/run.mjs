// One run of one system, printed as one line of JSON: node bench/run.mjs SYSTEM SCENARIO --count=N --participants=none
import { pace, pacedWarmUp, REST_MS, saturate, warmUp } from './lib/load.mjs';
import { startMeter } from './lib/meter.mjs';
import { startProfile } from './lib/profiling.mjs';
import { PARTICIPANTS, SIGNINGS } from './lib/options.mjs';
import { serverProcesses } from './lib/servers.mjs';
import { percentile, round } from './lib/statistics.mjs';

const SYSTEMS = { textbook: './textbook/textbook.mjs', backstep: './systems/backstep.mjs' };
const OPTIONS = [
  'count',
  'participants',
  'rate',
  'queue',
  'payload',
  'parallel',
  'database',
  'window',
  'warm',
  'limit',
  'engine',
  'signing',
  'profile',
];
const USAGE = `usage: node bench/run.mjs ${Object.keys(SYSTEMS).join('|')} throughput|compensate|latency [--count=N]
  [--participants=${PARTICIPANTS.join('|')}] [--rate=20] [--queue=quorum|classic] [--payload=BYTES] [--parallel=N]
  [--database=NAME: one that is there, and stays] [--window=N] [--warm=N] [--limit=SECONDS] [--engine=JSON of EngineSettings]
  [--signing=${SIGNINGS.join('|')}: messages of Backstep are signed]
  [--profile=DIR: leaves CPU profiles there, of the engine and of the participants; read them with bench/profile.mjs]`;

const [system, scenario, ...rest] = process.argv.slice(2);
const given = Object.fromEntries(rest.map((arg) => /^--(\w+)=(.*)$/s.exec(arg)?.slice(1) ?? [arg, '']));
const unknown = Object.keys(given).filter((name) => !OPTIONS.includes(name));
if (!SYSTEMS[system] || !['throughput', 'compensate', 'latency'].includes(scenario) || unknown.length > 0) {
  console.error(unknown.length > 0 ? `not understood: ${unknown.join(' ')}\n${USAGE}` : USAGE);
  process.exit(2);
}
if (given.signing && !SIGNINGS.includes(given.signing)) {
  console.error(`--signing is one of ${SIGNINGS.join(', ')}\n${USAGE}`);
  process.exit(2);
}
const number = (name, otherwise) => Number(given[name] ?? otherwise);
const count = number('count', 5_000);
const rate = number('rate', 20);
const bytes = number('payload', 300);

if (given.profile) process.env.BACKSTEP_BENCH_PROFILE = given.profile;
const { up } = await import(SYSTEMS[system]);
/** Once it is up. */
let running = undefined;
let isEnding = false;
const limit = setTimeout(
  () => void giveUp(`${system} ${scenario}: still running after ${given.limit ?? 240} s`, 3),
  number('limit', 240) * 1_000,
);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void giveUp(`${system} ${scenario}: ${signal}`, 130));
// The bench holds the other end of this pipe as long as it lives.
if (process.env.BACKSTEP_BENCH_WATCHED)
  process.stdin.resume().once('close', () => void giveUp(`${system} ${scenario}: the bench is gone`, 1));

running = await up({
  participants: given.participants ?? 'none',
  queue: given.queue ?? 'quorum',
  ...(given.parallel && { parallel: number('parallel') }),
  ...(given.database && { database: given.database }),
  ...(given.signing && { signing: given.signing }),
  engine: JSON.parse(given.engine ?? '{}'),
});
const fails = scenario === 'compensate';
const isPaced = scenario === 'latency';
const window = number('window', running.settings.window);
const warm = number('warm', isPaced ? pacedWarmUp(count, rate) : warmUp(count));
const run = (sagas, atRate) =>
  isPaced
    ? pace(running.start, { count: sagas, rate: atRate, fails, bytes })
    : saturate(running.start, { count: sagas, window, fails, bytes });
await run(warm, Math.max(rate, 20));
await new Promise((resolve) => setTimeout(resolve, REST_MS));

const meter = startMeter({ ...(await serverProcesses()), engine: process.pid, ...running.processes });
const profile = given.profile ? startProfile(given.profile, 'engine') : undefined;
const took = await run(count, rate);
profile?.stop();
const measured = meter.stop(count);
took.sort((a, b) => a - b);
const figures = running.figures?.();
clearTimeout(limit);
isEnding = true;
await running.stop();
const verified = await running.verify();
await running.remove();
console.log(
  JSON.stringify({
    ...measured,
    latencyMs: { p50: round(percentile(took, 0.5)), p95: round(percentile(took, 0.95)), p99: round(percentile(took, 0.99)) },
    figures: { ...figures, ...verified.figures },
    counts: verified.counts,
    started: warm + count,
  }),
);
process.exit(0);

/** Leaves nothing behind, unless that takes too long. */
async function giveUp(reason, code) {
  console.error(reason);
  setTimeout(() => process.exit(code), 15_000).unref();
  if (!isEnding && running)
    await running
      .stop()
      .then(() => running.remove())
      .catch((error) => console.error(error));
  process.exit(code);
}
