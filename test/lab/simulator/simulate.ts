import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeResult } from '../kit/results.js';
import { drawCase, type CaseFile } from './case.js';
import { Counters } from './counters.js';
import { INVARIANTS, ROWS, WANTED } from './rows.js';
import { runCase } from './run-case.js';
import { runSeeds, type Chunk, type ChunkResult, type Failure } from './run-seeds.js';
import { shrink } from './shrink.js';

const USAGE = `npm run simulate -- [options]
  --seeds N         how many seeds; 2000
  --from N          the first seed; 1
  --seed N          this one alone, with its trace if it fails
  --sagas N         sagas a seed; 20
  --only N,N        of those of --seed, only these
  --workers N       processes; 2
  --minutes N       as many seeds as fit into so many minutes
  --replay FILE     a case that a failure has left, with its trace
  --trace           with --seed: prints the trace in any case
  --stop-at-first   ends at the first failure, without shrinking it
  --json            one object on the last line instead of prose`;
const FAILURES = 'dist/lab/failures';
const SHRINK_MS = 60_000;
const MOST_SHRUNK = 3;
/** Fewer seeds than this need not have seen everything. */
const ENOUGH_SEEDS = 2_000;
const CHUNK = 10;

interface Flags {
  readonly seeds: number;
  readonly from: number;
  readonly seed: number | undefined;
  readonly sagas: number;
  readonly only: readonly number[] | undefined;
  readonly workers: number;
  readonly minutes: number | undefined;
  readonly replay: string | undefined;
  readonly trace: boolean;
  readonly stopAtFirst: boolean;
  readonly json: boolean;
}

function readFlags(): Flags {
  const faults: string[] = [];
  const options = {
    seeds: { type: 'string' },
    from: { type: 'string' },
    seed: { type: 'string' },
    sagas: { type: 'string' },
    only: { type: 'string' },
    workers: { type: 'string' },
    minutes: { type: 'string' },
    replay: { type: 'string' },
    trace: { type: 'boolean' },
    'stop-at-first': { type: 'boolean' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ options }));
  } catch (error: unknown) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const whole = (name: string, text: string, least: number): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least) faults.push(`--${name} is '${text}'; it has to be a whole number of at least ${least}`);
    return value;
  };
  const flags: Flags = {
    seeds: whole('seeds', values.seeds ?? '2000', 1),
    from: whole('from', values.from ?? '1', 0),
    seed: values.seed === undefined ? undefined : whole('seed', values.seed, 0),
    sagas: whole('sagas', values.sagas ?? '20', 1),
    only: values.only?.split(',').map((text) => whole('only', text, 0)),
    workers: whole('workers', values.workers ?? '2', 1),
    minutes: values.minutes === undefined ? undefined : Number(values.minutes),
    replay: values.replay,
    trace: values.trace ?? false,
    stopAtFirst: values['stop-at-first'] ?? false,
    json: values.json ?? false,
  };
  if (flags.minutes !== undefined && !(flags.minutes > 0)) faults.push(`--minutes is '${values.minutes}'; it has to be a number above 0`);
  if (flags.only && flags.seed === undefined) faults.push('--only needs --seed');
  if (faults.length > 0) {
    console.error(`${faults.join('\n')}\n${USAGE}`);
    process.exit(2);
  }
  return flags;
}

// ---- one case

async function runOne(file: CaseFile, flags: Flags): Promise<number> {
  const result = await runCase(file, { trace: true });
  const isWrong = result.violations.length > 0;
  if (flags.json) console.log(JSON.stringify({ ok: !isWrong, ...result, lines: undefined }));
  else {
    if (isWrong || flags.trace || flags.replay !== undefined) console.log(result.lines!.join('\n'));
    const of = drawCase(file);
    console.log(
      `seed ${file.seed}: ${of.scripts.length} sagas, ${of.faults.length} faults, ${result.events} events, fingerprint ${result.fingerprint}`,
    );
    for (const { id, text } of result.violations) console.log(`${id}: ${text}`);
    console.log(isWrong ? `FAILED: ${result.violations.length} violations` : 'everything held');
  }
  return isWrong ? 1 : 0;
}

// ---- many seeds

interface Sum {
  seeds: number;
  sagas: number;
  events: number;
  virtualMs: number;
  faults: number;
  repeated: number;
  faultless: number;
}

async function runMany(flags: Flags): Promise<number> {
  const startedAt = new Date();
  const begin = performance.now();
  const sum: Sum = { seeds: 0, sagas: 0, events: 0, virtualMs: 0, faults: 0, repeated: 0, faultless: 0 };
  const counters = new Counters();
  const failures: Failure[] = [];
  let next = flags.from;
  const end = flags.minutes === undefined ? flags.from + flags.seeds : Infinity;
  const isTimeUp = () => flags.minutes !== undefined && performance.now() - begin > flags.minutes * 60_000;
  const takeChunk = (): Chunk | undefined => {
    if (next >= end || isTimeUp() || (flags.stopAtFirst && failures.length > 0)) return undefined;
    const chunk = { from: next, count: Math.min(CHUNK, end - next), sagas: flags.sagas };
    next += chunk.count;
    return chunk;
  };
  const take = (result: ChunkResult) => {
    for (const name of Object.keys(sum) as (keyof Sum)[]) sum[name] += result[name];
    counters.merge(result.counters);
    for (const failure of result.failures) {
      failures.push(failure);
      if (!flags.json) for (const { id, text } of failure.violations.slice(0, 3)) console.log(`seed ${failure.file.seed}: ${id}: ${text}`);
    }
  };
  await work(flags, takeChunk, take);
  const seconds = (performance.now() - begin) / 1_000;
  const isLarge = sum.seeds >= ENOUGH_SEEDS;
  const missing = isLarge ? WANTED.filter((name) => counters.get(name) === 0) : [];
  const told = flags.stopAtFirst ? failures.map(plainly) : await shrinkAll(failures);
  report(flags, { startedAt, seconds, sum, counters, failures, missing, told });
  return failures.length > 0 || missing.length > 0 ? 1 : 0;
}

/** Hands chunks to processes of their own until there are none left. */
async function work(flags: Flags, takeChunk: () => Chunk | undefined, take: (result: ChunkResult) => void): Promise<void> {
  const self = fileURLToPath(import.meta.url);
  const children = new Set<ChildProcess>();
  const drive = () =>
    new Promise<void>((resolve, reject) => {
      const child = fork(self, [], { env: { ...process.env, BACKSTEP_SIMULATE_WORKER: flags.stopAtFirst ? 'first' : 'all' } });
      children.add(child);
      let isDone = false;
      const give = () => {
        const chunk = takeChunk();
        if (chunk) return void child.send(chunk);
        isDone = true;
        child.disconnect();
        children.delete(child);
        resolve();
      };
      child.on('message', (result: ChunkResult) => {
        take(result);
        give();
      });
      child.on('exit', (code, signal) => {
        if (!isDone) reject(new Error(`a worker ended with ${code ?? signal}`));
      });
      give();
    });
  await Promise.all(Array.from({ length: flags.workers }, drive));
}

interface Told {
  readonly seed: number;
  readonly lines: readonly string[];
}
function plainly({ file, violations }: Failure): Told {
  return {
    seed: file.seed,
    lines: [...violations.map(({ id, text }) => `${id}: ${text}`), `npm run simulate -- --seed ${file.seed} --sagas ${file.sagas}`],
  };
}

/** The first few are made small; each leaves a file. */
async function shrinkAll(failures: readonly Failure[]): Promise<Told[]> {
  const told: Told[] = [];
  for (const [index, failure] of failures.entries()) {
    const rule = failure.violations[0]!.id;
    if (index >= MOST_SHRUNK) {
      told.push(plainly(failure));
      continue;
    }
    const { file, result, runs } = await shrink(failure.file, rule, SHRINK_MS);
    const path = join(FAILURES, `simulate-${file.seed}.json`);
    mkdirSync(FAILURES, { recursive: true });
    writeFileSync(path, `${JSON.stringify(file, undefined, 2)}\n`);
    told.push({
      seed: file.seed,
      lines: [
        ...result.violations.map(({ id, text }) => `${id}: ${text}`),
        `shrunk to ${file.only?.length ?? file.sagas} sagas and ${file.faults?.length ?? 'all'} faults in ${runs} runs; see it again with`,
        `npm run simulate -- --replay ${path}`,
      ],
    });
  }
  return told;
}

interface Summary {
  readonly startedAt: Date;
  readonly seconds: number;
  readonly sum: Sum;
  readonly counters: Counters;
  readonly failures: readonly Failure[];
  readonly missing: readonly string[];
  readonly told: readonly Told[];
}

function report(flags: Flags, { startedAt, seconds, sum, counters, failures, missing, told }: Summary): void {
  const broken = new Map<string, number>();
  for (const { violations } of failures) for (const { id } of violations) broken.set(id, (broken.get(id) ?? 0) + 1);
  const rows = Object.fromEntries([
    ...INVARIANTS.map((id) => [id, { passed: sum.seeds, failed: broken.get(id) ?? 0 }] as const),
    ...Object.entries(ROWS).flatMap(([row, names]) => {
      const times = names.reduce((total, name) => total + counters.get(name), 0);
      return times === 0 ? [] : [[row, { passed: times, failed: 0, note: 'times in the simulator' }] as const];
    }),
  ]);
  const failed = failures.length + missing.length;
  const lines = [...told.flatMap((one) => [`seed ${one.seed}`, ...one.lines]), ...missing.map((name) => `V23: it never happened: ${name}`)];
  const figures = {
    seeds: sum.seeds,
    sagas: sum.sagas,
    faults: sum.faults,
    transitions: sum.events,
    'virtual hours': Math.round(sum.virtualMs / 3_600_000),
    'crashes of processes': counters.get('crash'),
    'seeds run twice, equal': sum.repeated,
    'seeds run without faults, ends equal': sum.faultless,
    'seeds per second': Number((sum.seeds / seconds).toFixed(1)),
  };
  writeResult({
    experiment: 'simulate',
    command: `npm run simulate -- --seeds ${sum.seeds} --from ${flags.from}`,
    seed: `${flags.from} to ${flags.from + sum.seeds - 1}`,
    startedAt: startedAt.toISOString(),
    seconds: Math.round(seconds),
    passed: sum.seeds - failures.length,
    failed,
    failures: lines,
    figures,
    rows,
  });
  if (flags.json) {
    const invariants = [...broken.keys()].toSorted();
    console.log(JSON.stringify({ ok: failed === 0, invariants, figures, failures: lines, missing, counters: counters.toObject() }));
    return;
  }
  for (const line of lines) console.log(line);
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(40)} ${value}`);
  console.log(
    failed === 0
      ? `everything held, in ${Math.round(seconds)} s`
      : `FAILED: ${failures.length} seeds, ${missing.length} things that never happened`,
  );
}

// ---- entry

const worker = process.env['BACKSTEP_SIMULATE_WORKER'];
if (worker !== undefined && process.send) {
  process.on('message', (chunk: Chunk) => {
    void runSeeds(chunk, worker === 'first').then((result) => process.send!(result));
  });
  // Whoever asked has ended: nobody is told any more.
  process.on('disconnect', () => process.exit());
} else {
  const flags = readFlags();
  const single: CaseFile | undefined =
    flags.replay !== undefined
      ? (JSON.parse(readFileSync(flags.replay, 'utf8')) as CaseFile)
      : flags.seed !== undefined
        ? { seed: flags.seed, sagas: flags.sagas, ...(flags.only ? { only: flags.only } : {}) }
        : undefined;
  process.exitCode = single ? await runOne(single, flags) : await runMany(flags);
}
