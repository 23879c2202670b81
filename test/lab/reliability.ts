// `npm run reliability -- [--ci] [--only NAME,NAME] [--list]`: the whole laboratory, one experiment after the other; with `--ci` the short
// forms, as many side by side as two cores bear; in the long form what only computes has what the others leave. The very last line sums it up;
// ends with 1 when anything failed.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { COUNTS, type Experiment, EXPERIMENTS } from './experiments.js';
import { RESULTS, type Result } from './kit/results.js';

interface Ended {
  readonly experiment: Experiment;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
}

const LOGS = 'dist/lab/logs';
const SUMMARY = 'dist/lab/summary.json';
const USAGE = 'npm run reliability -- [--ci] [--only NAME,NAME] [--list]';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { ci: { type: 'boolean', default: false }, only: { type: 'string' }, list: { type: 'boolean', default: false } },
  });
  const form = values.ci ? 'short' : 'long';
  const chosen = choose(values.only);
  if (values.list) {
    for (const { name, short, long, what } of chosen)
      console.log(`${name.padEnd(10)} ${what}\n           short: ${short.join(' ')}\n           long:  ${long.join(' ')}`);
    return 0;
  }
  mkdirSync(LOGS, { recursive: true });
  if (values.only === undefined) rmSync(RESULTS, { recursive: true, force: true });
  const ended: Ended[] = [];
  const lanes = values.ci
    ? lanesOf(chosen)
    : [true, false].map((patient) => chosen.filter(({ isPatient = false }) => isPatient === patient));
  await Promise.all(
    lanes.map(async (lane) => {
      for (const experiment of lane) ended.push(await run(experiment, form));
    }),
  );
  // Seeds and inputs by the thousand would drown the rest: an experiment counts as one check, tests as many as they are.
  const isTests = ({ experiment }: Ended) => experiment.name in COUNTS;
  const failed = ended.reduce((sum, each) => sum + (isTests(each) ? each.failed : Math.min(1, each.failed)), 0);
  const passed = ended.reduce((sum, each) => sum + (isTests(each) ? each.passed : each.failed === 0 ? 1 : 0), 0);
  writeFileSync(SUMMARY, `${JSON.stringify({ passed, failed })}\n`);
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function choose(only: string | undefined): readonly Experiment[] {
  if (only === undefined) return EXPERIMENTS;
  const names = only.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !EXPERIMENTS.some((experiment) => experiment.name === name));
  if (unknown.length > 0)
    throw new Error(`--only names ${unknown.join(', ')}; there are ${EXPERIMENTS.map(({ name }) => name).join(', ')}`);
  return EXPERIMENTS.filter(({ name }) => names.includes(name));
}

function lanesOf(chosen: readonly Experiment[]): readonly (readonly Experiment[])[] {
  return [...new Set(chosen.map(({ lane }) => lane))].map((lane) => chosen.filter((experiment) => experiment.lane === lane));
}

async function run(experiment: Experiment, form: 'short' | 'long'): Promise<Ended> {
  const { name, limitMinutes } = experiment;
  const began = performance.now();
  console.log(`== ${name}: ${experiment[form].join(' ')}`);
  const isPatient = form === 'long' && experiment.isPatient === true;
  const { code, out } = await spawned(experiment[form], limitMinutes[form] * 60_000, isPatient);
  writeFileSync(join(LOGS, `${name}.log`), out);
  const seconds = (performance.now() - began) / 1_000;
  const { passed, failed } = countsOf(experiment, code);
  const failures = failed > 0 ? `\n${out.trimEnd().split('\n').slice(-60).join('\n')}` : '';
  console.log(
    `== ${name}: ${failed === 0 ? 'passed' : 'FAILED'}, ${seconds.toFixed(0)} s, ${passed} passed, ${failed} failed; its log is ${LOGS}/${name}.log${failures}`,
  );
  return { experiment, passed, failed, seconds };
}

/** One that ended badly has failed, whatever it counted. */
function countsOf({ name }: Experiment, code: number | null): { readonly passed: number; readonly failed: number } {
  const counts = COUNTS[name] ?? fromResult;
  const { passed, failed } = counts(name);
  return { passed, failed: code === 0 ? failed : Math.max(1, failed) };
}
function fromResult(name: string): { readonly passed: number; readonly failed: number } {
  const file = join(RESULTS, `${name}.json`);
  if (!existsSync(file)) return { passed: 0, failed: 1 };
  return JSON.parse(readFileSync(file, 'utf8')) as Result;
}

function spawned(
  [command, ...args]: readonly string[],
  limitMs: number,
  isPatient: boolean,
): Promise<{ readonly code: number | null; readonly out: string }> {
  return new Promise((resolve) => {
    const child = spawn(command === 'node' ? process.execPath : command!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    if (isPatient && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    let out = '';
    const hear = (chunk: Buffer) => void (out += chunk.toString());
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    // It ends what it has started when it is asked to; if it does not, it is past asking.
    const overdue = setTimeout(() => child.kill('SIGTERM'), limitMs);
    const hopeless = setTimeout(() => child.kill('SIGKILL'), limitMs + 15_000);
    child.on('close', (code) => {
      clearTimeout(overdue);
      clearTimeout(hopeless);
      resolve({ code, out: code === null ? `${out}\nnot done within ${limitMs / 60_000} minutes` : out });
    });
  });
}

try {
  process.exitCode = await main();
} catch (error: unknown) {
  console.error(`reliability: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 2;
}
