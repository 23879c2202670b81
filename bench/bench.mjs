// npm run bench: Backstep against the textbook, interleaved run by run, so that both meet the same machine.
// Options: --participants none|inbox|both  --repetitions N  --count N  --scenario throughput|compensate|all  --queue quorum|classic  --no-latency  --json
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median, round } from './lib/load.mjs';
import { NODE_FLAGS } from './lib/processes.mjs';

const RUN = fileURLToPath(new URL('./run.mjs', import.meta.url));
const args = process.argv.slice(2);
const known = ['participants', 'repetitions', 'count', 'scenario', 'queue', 'no-latency', 'json', 'help'];
const given = new Map();
for (let at = 0; at < args.length; at++) {
  const [name, inline] = args[at].replace(/^--/, '').split('=');
  if (!known.includes(name) || !args[at].startsWith('--'))
    fail(`unknown option ${args[at]}; there are ${known.map((each) => `--${each}`).join(' ')}`);
  const isFlag = ['no-latency', 'json', 'help'].includes(name);
  given.set(name, isFlag ? true : (inline ?? args[++at]));
}
if (given.has('help')) {
  console.log(
    'npm run bench -- [--participants none|inbox|both] [--repetitions 3] [--count 10000] [--scenario throughput|compensate|all] [--queue quorum|classic] [--no-latency] [--json]',
  );
  process.exit(0);
}
const participants = oneOf('participants', ['none', 'inbox', 'both'], 'both');
const scenario = oneOf('scenario', ['throughput', 'compensate', 'all'], 'throughput');
const queue = oneOf('queue', ['quorum', 'classic'], 'quorum');
const repetitions = wholeNumber('repetitions', 3);
const count = wholeNumber('count', 10_000);
const isJson = given.has('json');

/** Backstep's floors over the textbook, measured in the same run. */
const FLOORS = { none: 4, inbox: 2.5 };
const results = [];
for (const mode of participants === 'both' ? ['none', 'inbox'] : [participants]) {
  for (const each of scenario === 'all' ? ['throughput', 'compensate'] : [scenario]) results.push(compare(mode, each));
}
const latency = given.has('no-latency') ? undefined : latencyOf(participants === 'inbox' ? 'inbox' : 'none');
const first = results[0];
if (isJson) {
  console.log(
    JSON.stringify({
      sagasPerSecond: first.backstep.sagasPerSecond,
      ratio: first.ratio,
      latencyMs: latency?.backstep.latencyMs,
      cpuSecondsPer1000: first.backstep.cpuSecondsPer1000,
      peakMemoryMb: first.backstep.peakMemoryMb,
      results,
      latency,
    }),
  );
}

function compare(mode, what) {
  const runs = { textbook: [], backstep: [] };
  for (let turn = 1; turn <= repetitions; turn++) {
    for (const system of Object.keys(runs)) {
      const result = run(system, what, ['--count', system === 'textbook' ? Math.ceil(count / 4) : count], mode);
      runs[system].push(result);
      say(`  ${what}, participants ${mode}, ${system} ${turn} of ${repetitions}: ${result.sagasPerSecond} sagas/s`);
    }
  }
  const textbook = middle(runs.textbook);
  const backstep = middle(runs.backstep);
  const ratio = round(backstep.sagasPerSecond / textbook.sagasPerSecond, 2);
  table(`${what}, participants ${mode}`, { textbook, backstep });
  const floor = what === 'throughput' ? FLOORS[mode] : undefined;
  say(
    `  Backstep completes ${ratio} times as many sagas${floor ? ` (at least ${floor} wanted: ${ratio >= floor ? 'met' : 'MISSED'})` : ''}\n`,
  );
  return { scenario: what, participants: mode, ratio, textbook, backstep };
}
function latencyOf(mode) {
  const textbook = run('textbook', 'latency', ['--count', 200], mode);
  const backstep = run('backstep', 'latency', ['--count', 200], mode);
  table(`latency at 20 sagas/s, participants ${mode}`, { textbook, backstep });
  return { textbook, backstep };
}
function run(system, what, options, mode) {
  const pairs = options.map((each, at) => (at % 2 === 0 ? `${each}=${options[at + 1]}` : undefined)).filter(Boolean);
  const child = spawnSync(process.execPath, [...NODE_FLAGS, RUN, system, what, ...pairs, `--participants=${mode}`, `--queue=${queue}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = child.stdout?.trim().split('\n').at(-1);
  if (child.status !== 0 || !line?.startsWith('{'))
    fail(`${system} ${what} failed with exit ${child.status}: is PostgreSQL and RabbitMQ there? (npm run services)\n${child.stdout ?? ''}`);
  const result = JSON.parse(line);
  const wanted = what === 'compensate' ? 'compensated' : 'completed';
  const others = Object.entries(result.counts).filter(([status]) => status !== wanted);
  if (others.length > 0) fail(`${system} ${what}: not every saga has ${wanted}: ${JSON.stringify(result.counts)}`);
  return result;
}
function middle(runs) {
  const of = (pick) => round(median(runs.map(pick)), 3);
  return {
    sagasPerSecond: of((each) => each.sagasPerSecond),
    spread: [Math.min(...runs.map((each) => each.sagasPerSecond)), Math.max(...runs.map((each) => each.sagasPerSecond))],
    cpuSecondsPer1000: of((each) => each.cpuSecondsPer1000),
    cpuByProcess: Object.fromEntries(Object.keys(runs[0].cpuByProcess).map((name) => [name, of((each) => each.cpuByProcess[name])])),
    peakMemoryMb: Object.fromEntries(
      Object.keys(runs[0].peakMemoryMb).map((name) => [name, Math.max(...runs.map((each) => each.peakMemoryMb[name]))]),
    ),
    latencyMs: { p50: of((each) => each.latencyMs.p50), p95: of((each) => each.latencyMs.p95), p99: of((each) => each.latencyMs.p99) },
  };
}
function table(title, systems) {
  say(`\n${title}`);
  say('  system     sagas/s          p50 ms   p95 ms   p99 ms   CPU s/1,000   peak MB (engine, participants)');
  for (const [name, each] of Object.entries(systems)) {
    const spread = each.spread ? ` [${Math.round(each.spread[0])}-${Math.round(each.spread[1])}]` : '';
    const cells = [
      `${Math.round(each.sagasPerSecond)}${spread}`.padEnd(17),
      ...[each.latencyMs.p50, each.latencyMs.p95, each.latencyMs.p99].map((ms) => String(round(ms)).padEnd(9)),
      String(each.cpuSecondsPer1000).padEnd(14),
    ];
    say(`  ${name.padEnd(10)} ${cells.join('')}${each.peakMemoryMb.engine}, ${each.peakMemoryMb.participants}`);
  }
}
function say(text) {
  // With --json the last line is for programs; people still see what is going on.
  (isJson ? process.stderr : process.stdout).write(`${text}\n`);
}
function oneOf(name, allowed, fallback) {
  const value = given.get(name) ?? fallback;
  if (!allowed.includes(value)) fail(`--${name} is one of ${allowed.join(', ')}, not ${value}`);
  return value;
}
function wholeNumber(name, fallback) {
  const value = Number(given.get(name) ?? fallback);
  if (!Number.isInteger(value) || value < 1) fail(`--${name} is a whole number from 1, not ${given.get(name)}`);
  return value;
}
function fail(text) {
  console.error(text);
  process.exit(2);
}
