// `npm run mutants -- [--only M5,P3] [--rotate 6 --seed N] [--list]`: builds each deliberate bug and demands that the check that is there
// for it fails. Ends with 1 when one survives.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Chance } from '../kit/chance.js';
import { writeResult } from '../kit/results.js';
import { buildMutant } from './build.js';
import type { Catch, Mutant } from './mutant.js';
import { MUTANTS } from './mutants.js';

interface Outcome {
  readonly mutant: Mutant;
  readonly isCaught: boolean;
  /** What failed, or why nothing did. */
  readonly how: string;
  readonly seconds: number;
}

const USAGE = 'npm run mutants -- [--only M5,P3] [--rotate COUNT] [--seed N] [--jobs N] [--list]';
/** However badly a mutated build behaves. */
const LIMIT_MS = 180_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      rotate: { type: 'string' },
      seed: { type: 'string', default: String(Math.floor(Date.now() / 86_400_000)) },
      jobs: { type: 'string', default: '2' },
      list: { type: 'boolean', default: false },
    },
  });
  if (values.list) {
    for (const { id, bug, caughtBy } of MUTANTS) console.log(`${id.padEnd(4)} ${bug}\n     caught by ${wording(caughtBy)}`);
    return 0;
  }
  const chosen = choose(values.only, values.rotate, values.seed);
  const startedAt = new Date();
  const outcomes: Outcome[] = [];
  const waiting = [...chosen];
  const worker = async () => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const outcome = await tryMutant(mutant);
      outcomes.push(outcome);
      console.log(
        `${mutant.id.padEnd(4)} ${outcome.isCaught ? 'caught  ' : 'SURVIVED'} ${outcome.how} (${outcome.seconds.toFixed(0)} s): ${mutant.bug}`,
      );
    }
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, worker));
  const survivors = outcomes.filter(({ isCaught }) => !isCaught);
  writeResult({
    experiment: 'mutants',
    command: `npm run mutants${chosen.length < MUTANTS.length ? ` -- --only ${chosen.map(({ id }) => id).join(',')}` : ''}`,
    seed: values.seed,
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1_000,
    passed: outcomes.length - survivors.length,
    failed: survivors.length,
    failures: survivors.map(({ mutant, how }) => `${mutant.id} survived (${how}): ${mutant.bug}`),
    figures: { mutants: outcomes.length, caught: outcomes.length - survivors.length },
    rows: Object.fromEntries(
      // The protocol's naive readings are no rows of the catalogue.
      outcomes
        .filter(({ mutant }) => mutant.id.startsWith('M'))
        .map(({ mutant, isCaught, how }) => [mutant.id, { passed: isCaught ? 1 : 0, failed: isCaught ? 0 : 1, note: how }]),
    ),
  });
  console.log(`${outcomes.length - survivors.length} of ${outcomes.length} deliberate bugs caught`);
  return survivors.length === 0 ? 0 : 1;
}

function choose(only: string | undefined, rotate: string | undefined, seed: string): readonly Mutant[] {
  if (only !== undefined) {
    const names = only.split(',').map((name) => name.trim());
    const unknown = names.filter((name) => !MUTANTS.some(({ id }) => id === name));
    if (unknown.length > 0) throw new Error(`--only names ${unknown.join(', ')}; there are ${MUTANTS.map(({ id }) => id).join(', ')}`);
    return MUTANTS.filter(({ id }) => names.includes(id));
  }
  if (rotate === undefined) return MUTANTS;
  // Another six every day, and all of them within a week.
  const order = new Chance('rotation').shuffled(MUTANTS);
  const first = (Number(seed) * Number(rotate)) % order.length;
  return Array.from({ length: Math.min(Number(rotate), order.length) }, (_, index) => order[(first + index) % order.length]!);
}

async function tryMutant(mutant: Mutant): Promise<Outcome> {
  const began = performance.now();
  let folder: string;
  try {
    folder = buildMutant(mutant);
  } catch (error: unknown) {
    return { mutant, isCaught: false, how: error instanceof Error ? error.message : String(error), seconds: 0 };
  }
  const { isCaught, how } =
    mutant.caughtBy.by === 'simulator' ? await simulate(folder, mutant.caughtBy) : await runTests(folder, mutant.caughtBy);
  if (isCaught) rmSync(folder, { recursive: true, force: true });
  return { mutant, isCaught, how, seconds: (performance.now() - began) / 1_000 };
}

async function simulate(folder: string, { seeds, from = 1, invariants }: Extract<Catch, { by: 'simulator' }>) {
  const program = resolve(folder, 'dist/test/lab/simulator/simulate.js');
  const args = ['--seeds', String(seeds), '--from', String(from), '--workers', '1', '--stop-at-first', '--json'];
  // In a folder of its own: what it writes down is no result of ours.
  const { code, out } = await run([program, ...args], folder);
  const said = /^\{.*\}$/m.exec(out)?.[0];
  const violated = said === undefined ? [] : ((JSON.parse(said) as { invariants?: readonly string[] }).invariants ?? []);
  const named = invariants.filter((id) => violated.includes(id));
  if (named.length > 0) return { isCaught: true, how: `simulator: ${named.join(', ')}` };
  const why =
    code === 0
      ? `simulator: nothing wrong in ${seeds} seeds`
      : `simulator: ended with ${code}, violated ${violated.join(', ') || 'nothing that it named'}`;
  return { isCaught: false, how: why };
}

async function runTests(folder: string, { files, title }: Extract<Catch, { by: 'tests' }>) {
  const report = join(folder, 'tests.json');
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  const config = join(folder, 'test/jest.config.js');
  await run([...jest, '--config', config, '--json', '--outputFile', report, '--testPathPatterns', ...files]);
  const results = JSON.parse(readFileSync(report, 'utf8')) as {
    readonly numTotalTests: number;
    readonly testResults: readonly { readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[] }[];
  };
  const failed = results.testResults.flatMap(({ assertionResults }) => assertionResults.filter(({ status }) => status === 'failed'));
  const meant = failed.find(({ fullName }) => fullName.includes(title));
  if (meant) return { isCaught: true, how: `test: ${meant.fullName}` };
  const others = failed.map(({ fullName }) => fullName).slice(0, 3);
  return {
    isCaught: false,
    how: `no test whose title has '${title}' fails (${results.numTotalTests} ran${others.length > 0 ? `; failed: ${others.join(' | ')}` : ''})`,
  };
}

/** Runs Node to its end, or to the limit. */
function run(args: readonly string[], cwd = '.'): Promise<{ readonly code: number | null; readonly out: string }> {
  return new Promise((done) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.on('close', (code) => {
      clearTimeout(timer);
      done({ code, out });
    });
  });
}

function wording(caught: Catch): string {
  if (caught.by === 'simulator') return `the simulator: ${caught.invariants.join(' or ')} within ${caught.seeds} seeds`;
  return `a test of '${caught.title}' in ${caught.files.join(', ')}`;
}

try {
  process.exitCode = await main();
} catch (error: unknown) {
  console.error(`mutants: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 2;
}
