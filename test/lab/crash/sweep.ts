// npm run test:crash: kills a daemon, a participant or a migration at every crash point, starts it again, and asks the checker.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ChannelModel } from 'amqplib';
import { openServers, type Servers } from '../kit/installation.js';
import { writeResult } from '../kit/results.js';
import { runMigrationTrial } from './migration.js';
import { nameOf, TARGETS } from './plan.js';
import { again, lineOf, resultOf, tableOf } from './report.js';
import { HALVES, halfOf, schedule, stops, type Chunk, type Half } from './schedule.js';
import { Site, SWEEP_WORKLOADS, type SweepWorkload } from './site.js';
import { becomeStranger, takeNumbers } from './strangers.js';
import { describe, runTrial, type Outcome, type TrialSpec } from './trial.js';

const USAGE = `npm run test:crash -- [--long [--either]] [--half even|odd|today] [--point NAME] [--workload ${SWEEP_WORKLOADS.join('|')}] [--seed N] [--jobs N] [--list]
  --long      every point with every workload that reaches it, at two hits, and killed twice at some
  --either    of the two hits one, taking turns: half the time
  --half      every second point: even, odd, or today's (they take turns from day to day)
  --point     only this one: a point (store.locked), a point of one process (daemon/store.locked), or G3
  --list      only says what would be run`;
const EVIDENCE = 'dist/lab/evidence/crash';

const options = readOptions();
const chunks = [...schedule(options), ...stops(options)];
if (options.isList) {
  for (const { workload, daemons, hosts, kind, trials } of chunks)
    console.log(
      `${workload}, ${daemons} daemons, ${hosts} hosts, ${kind}: ${trials.map(({ target, hit }) => `${nameOf(target)}:${hit}`).join(' ')}`,
    );
  process.exit(0);
}
process.exitCode = (await sweep()) ? 0 : 1;

async function sweep(): Promise<boolean> {
  const startedAt = new Date();
  const began = performance.now();
  const total = chunks.reduce((sum, { trials }) => sum + trials.length, 0);
  console.log(`seed ${options.seed}: ${total} trials on ${chunks.length} installations, ${options.jobs} at a time`);
  rmSync(EVIDENCE, { recursive: true, force: true });
  mkdirSync(EVIDENCE, { recursive: true });
  const servers = await openServers({ canaries: true });
  const outcomes: Outcome[] = [];
  const told = (outcome: Outcome) => {
    outcomes.push(outcome);
    console.log(lineOf(outcome));
    if (outcome.faults.length > 0) console.log(`       again: ${again(outcome, options.seed)}`);
  };
  try {
    const waiting = [...chunks.entries()];
    const job = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await runChunk(servers, next[1], next[0], told);
    };
    await Promise.all(Array.from({ length: options.jobs }, job));
  } finally {
    await servers.dispose();
  }
  const run = { outcomes, command: options.command, seed: options.seed, startedAt, seconds: (performance.now() - began) / 1_000 };
  const result = resultOf(run);
  writeResult(result);
  console.log(`\n${tableOf(run, result)}\n\n${result.passed} passed, ${result.failed} failed, ${result.seconds} s`);
  for (const failure of result.failures) console.log(failure);
  return result.failed === 0 && outcomes.length === total;
}

/** A site for each run of good trials: one on which a trial failed is left as it is, for who wants to look, and a new one made. */
async function runChunk(servers: Servers, chunk: Chunk, number: number, told: (outcome: Outcome) => void): Promise<void> {
  let left = chunk.trials;
  for (let site = 1; left.length > 0; site++) left = await runOnSite(servers, chunk, { left, number, site }, told);
}

async function runOnSite(
  servers: Servers,
  chunk: Chunk,
  { left, number, site: n }: { readonly left: readonly TrialSpec[]; readonly number: number; readonly site: number },
  told: (outcome: Outcome) => void,
): Promise<readonly TrialSpec[]> {
  const directory = join(EVIDENCE, `${number + 1}-${chunk.workload}${n > 1 ? `-${n}` : ''}`);
  let site: Site | undefined;
  let numbers: ChannelModel | undefined;
  let isGood = true;
  let at = 0;
  try {
    const { workload, daemons, hosts, kind } = chunk;
    site = await Site.open({ servers, directory, workload, daemons, hosts, withoutKeys: kind === 'strangers' });
    site.lab.writeManifest({ experiment: 'crash', seed: Number(options.seed), endWithinMs: 60_000, ...site.manifest });
    if (kind === 'strangers') numbers = await takeNumbers(site.lab);
    await begin(site, chunk);
    for (; at < left.length && isGood; at++) {
      const spec = left[at]!;
      // The checker looks at everything on the site. In the long form it does after every trial, so that a fault has one that it came with.
      const isJudged = options.isLong || at === left.length - 1;
      const outcome =
        chunk.kind === 'migrate'
          ? await runMigrationTrial(site, spec)
          : await runTrial(site, spec, { number: at + 1, seed: `${options.seed}/${number}/${nameOf(spec.target)}`, isJudged });
      isGood = outcome.faults.length === 0;
      told(isGood ? outcome : { ...outcome, faults: [...outcome.faults, ...whereToLook(directory, left.slice(0, at), options.isLong)] });
    }
  } catch (error: unknown) {
    isGood = false;
    const spec = left[at++]!;
    const { workload, daemons } = chunk;
    told({
      name: nameOf(spec.target),
      spec,
      workload,
      daemons,
      isHit: false,
      faults: [describe(error), `evidence: ${directory}`],
      recovery: undefined,
      sagas: 0,
      checked: 0,
      parts: {},
      ms: 0,
    });
  } finally {
    await site?.dispose();
    await numbers?.close();
  }
  if (isGood) rmSync(directory, { recursive: true, force: true });
  return left.slice(at);
}

function whereToLook(directory: string, before: readonly TrialSpec[], isLong: boolean): string[] {
  const others = before.map(({ target }) => nameOf(target)).join(', ');
  return [
    `evidence: ${directory}`,
    ...(isLong || others === '' ? [] : [`the trials before it on this site, which may be to blame: ${others}`]),
  ];
}

async function begin({ lab }: Site, { kind }: Chunk): Promise<void> {
  if (kind === 'migrate') return;
  if (kind === 'fresh') await Promise.all(lab.daemons.map((daemon) => lab.run(daemon)));
  else await lab.start();
  if (kind !== 'strangers') return;
  await becomeStranger(lab.daemons[1]!);
  lab.writeManifest({ api: lab.api.slice(0, 1) });
}

function isHalf(text: string): text is Half {
  return (HALVES as readonly string[]).includes(text);
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        long: { type: 'boolean', default: false },
        either: { type: 'boolean', default: false },
        half: { type: 'string' },
        point: { type: 'string' },
        workload: { type: 'string' },
        seed: { type: 'string', default: '1' },
        jobs: { type: 'string', default: '2' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const { point, workload, seed } = values;
    const half = values.half === 'today' ? halfOf(new Date()) : values.half;
    const points = new Set([...TARGETS.map(({ point: name }) => name), ...TARGETS.map(nameOf), 'G3']);
    const faults = [
      ...(point === undefined || points.has(point) ? [] : [`--point ${point} is no point; there are ${[...points].sort().join(', ')}`]),
      ...(half === undefined || isHalf(half) ? [] : ['--half is even, odd or today']),
      ...(workload === undefined || isWorkload(workload) ? [] : [`--workload is one of ${SWEEP_WORKLOADS.join(', ')}`]),
      ...(/^\d+$/.test(seed) ? [] : ['--seed is a whole number']),
      ...(/^[1-9]\d?$/.test(values.jobs) ? [] : ['--jobs is a whole number from 1']),
    ];
    if (faults.length > 0) throw new Error(faults.join('\n'));
    const args = process.argv.slice(2);
    return {
      isLong: values.long,
      isEither: values.either,
      isList: values.list,
      half: half as Half | undefined,
      point,
      workload: workload as SweepWorkload | undefined,
      seed,
      jobs: Number(values.jobs),
      command: ['npm run test:crash', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    };
  } catch (error: unknown) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

function isWorkload(name: string): name is SweepWorkload {
  return (SWEEP_WORKLOADS as readonly string[]).includes(name);
}
