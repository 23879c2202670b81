// npm run soak -- --minutes 30: an even load at 70 % of what is possible, an analyst's transaction open for most of it, and a look at
// everything that must not grow.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { check } from '../checker/check.js';
import { PLAIN_START, tail } from '../checker/tail.js';
import { BankWatch } from '../kit/bank-watch.js';
import type { ResourceLine } from '../kit/evidence.js';
import { Journal } from '../kit/files.js';
import { flagsOf } from '../kit/flags.js';
import { Installation, openServers, type Servers } from '../kit/installation.js';
import { Load } from '../kit/load.js';
import { usageOf } from '../kit/resources.js';
import { writeResult } from '../kit/results.js';
import { mixedStarts } from '../kit/starts.js';
import { median, round } from '../kit/statistics.js';
import type { WorkloadName } from '../kit/workloads/all.js';
import { plotAll } from './plots.js';
import { Room } from './room.js';
import { Sampler } from './sampler.js';
import { ratesOf, type Points } from './trend.js';
import { demands, type Measures, type Span } from './verdict.js';

const flags = flagsOf(
  'soak',
  {
    minutes: 30,
    seed: 1,
    /** Where the plots go. */
    plots: 'docs/images',
    directory: 'dist/lab/evidence/soak',
    /** Sagas per second; 0: 70 % of what a short run as fast as possible finds. */
    rate: 0,
    /** V15: how late 99 of 100 timers may be. */
    'lateness-ms': 1_000,
  },
  ({ minutes }) => (minutes >= 1 ? [] : [`--minutes is ${minutes}; below 1 there is nothing to see`]),
);
const { minutes, seed, directory } = flags;
const WORKLOADS: readonly WorkloadName[] = ['bank', 'order', 'random'];
/** Requests under way at a time; their connections count among the daemons' files. */
const IN_FLIGHT = 24;
/** Sagas under way at a time where the peak is looked for: many of them wait for a retry, and so many that the others fill groups. */
const OPEN_AT_PEAK = 1_500;
/** Of the peak. */
const PART = 0.7;
/** The analyst's time, as parts of the run. */
const ANALYST = { from: 0.15, to: 0.75 };

const command = `npm run soak -- --minutes ${minutes} --seed ${seed}`;
const began = performance.now();
const startedAt = new Date();
const tell = (text: string) => process.stdout.write(`${((performance.now() - began) / 1_000).toFixed(1).padStart(7)} s  ${text}\n`);

rmSync(directory, { recursive: true, force: true });
// A nap of 5 seconds instead of a minute, so that a run of a few minutes sees autovacuum at work at all.
const servers = await openServers({ settings: { autovacuum_naptime: '5s' } });
try {
  const peak = flags.rate > 0 ? flags.rate / PART : await peakRate(servers);
  const rate = peak * PART;
  tell(`${round(peak)} sagas/s are possible; the soak runs at ${round(rate)}/s for ${minutes} min`);
  process.exitCode = await soak(servers, rate, peak);
} finally {
  await servers.dispose();
  tell('everything is stopped');
}

/**
 * Sagas that end in a second when a new one is begun for each that ends. Not as many as are answered: what is started faster than it ends
 * only queues, and a machine that has just started its processes would seem slow.
 */
async function peakRate(on: Servers): Promise<number> {
  const folder = join(directory, 'peak');
  const lab = await Installation.open({ servers: on, directory: folder, workloads: WORKLOADS, hosts: 2 });
  try {
    await lab.start();
    const open = async () => {
      const [row] = await lab.query<{ n: number }>(`select count(*)::float8 as n from ${lab.namespace}.saga where ended_at is null`);
      return row!.n;
    };
    const room = new Room(open, OPEN_AT_PEAK);
    const load = new Load({
      api: lab.api,
      directory: folder,
      seed,
      starts: mixedStarts(seed, WORKLOADS),
      inFlight: IN_FLIGHT,
      mayBegin: () => room.available(),
    });
    const done = load.run();
    const seconds = Math.min(60, minutes * 20);
    const ended = async () => ({ at: performance.now(), n: load.counts.begun - (await open()) });
    await delay(seconds * 500);
    const first = await ended();
    await delay(seconds * 500);
    const last = await ended();
    load.stop();
    room.close();
    await done;
    return ((last.n - first.n) * 1_000) / (last.at - first.at);
  } finally {
    await lab.dispose();
  }
}

async function soak(on: Servers, rate: number, peak: number): Promise<number> {
  const lab = await Installation.open({ servers: on, directory, workloads: WORKLOADS, hosts: 2 });
  try {
    await lab.start();
    lab.writeManifest({ experiment: 'soak', seed, endWithinMs: 120_000 });
    const sampler = await Sampler.open(lab, on, Math.max(10_000, minutes * 1_000));
    const watching = new AbortController();
    const watch = sample(lab, sampler, watching.signal);
    const bank = new BankWatch(lab.databaseUrl, directory, 1_000).start();
    const load = new Load({
      api: lab.api,
      directory,
      seed,
      starts: mixedStarts(seed, WORKLOADS),
      ratePerSecond: rate,
      inFlight: IN_FLIGHT,
    });
    const done = load.run();
    const analysed = await analyse(lab, minutes * 60_000);
    load.stop();
    await done;
    tell(`started: ${JSON.stringify(load.counts)}`);
    watching.abort();
    await watch;
    await sampler.close();
    lab.writeManifest({ healedAt: new Date().toISOString() });
    await tail(lab.api, directory, PLAIN_START);
    await bank.stop();
    // V21 is judged below: with a snapshot held open, dead rows do grow.
    const report = await check(directory, { tell, latenessMs: flags['lateness-ms'], without: ['V21'] });
    const measures = read(join(directory, 'resources.jsonl'));
    plotAll(measures, { folder: flags.plots, analyst: analysed });
    return conclude(measures, analysed, {
      rate,
      peak,
      ok: report.ok,
      sagas: report.sagas,
      violations: report.invariants.flatMap((one) => one.violations.map((text) => `${one.id}: ${text}`)),
    });
  } finally {
    await lab.dispose();
  }
}

/** Looks at everything every few seconds. A look that takes long (the machine is busy) is followed by the next, not by those it missed. */
async function sample(lab: Installation, sampler: Sampler, signal: AbortSignal): Promise<void> {
  const journal = new Journal(join(directory, 'resources.jsonl'));
  while (!signal.aborted) {
    const servers = await sampler.look().catch(() => []);
    const at = Date.now();
    const own = [...lab.daemons, ...lab.hosts]
      .filter(({ isRunning }) => isRunning)
      .map((process) => ({ process: process.name, run: process.starts, ...usageOf(process.pid) }));
    await Promise.all([...own, ...servers].map((line) => journal.append({ at, ...line })));
    await delay(minutes >= 10 ? 5_000 : 2_000, undefined, { signal }).catch(() => undefined);
  }
  await journal.close();
}

/** The time of the run, with a snapshot held open for most of it, as somebody with a long report would. */
async function analyse(lab: Installation, runMs: number): Promise<Span> {
  await delay(runMs * ANALYST.from);
  const client = new pg.Client({ connectionString: lab.databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin isolation level repeatable read');
  await client.query(`select count(*) from ${lab.namespace}.saga`);
  const from = Date.now();
  tell('the analyst has begun a transaction');
  await delay(runMs * (ANALYST.to - ANALYST.from));
  await client.query('commit');
  await client.end();
  const to = Date.now();
  tell('the analyst has ended it');
  await delay(runMs * (1 - ANALYST.to));
  return { from, to };
}

function read(file: string): Measures {
  const measures = new Map<string, [number, number][]>();
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const { at, process: name, run: _run, ...values } = JSON.parse(line) as ResourceLine & { readonly run?: number };
    for (const [measure, value] of Object.entries(values)) {
      if (typeof value !== 'number') continue;
      const key = `${name} ${measure}`;
      const points = measures.get(key);
      if (points) points.push([at, value]);
      else measures.set(key, [[at, value]]);
    }
  }
  return measures;
}

interface Outcome {
  readonly rate: number;
  readonly peak: number;
  readonly ok: boolean;
  readonly sagas: number;
  readonly violations: readonly string[];
}

function conclude(measures: Measures, analyst: Span, { rate, peak, ok, sagas, violations }: Outcome): number {
  const found = [
    ...demands(measures, { minutes, analyst }),
    { what: 'the checker', holds: ok, said: ok ? `${sagas} sagas, no violation` : violations.slice(0, 5).join('; ') },
  ];
  for (const { what, holds, said } of found) tell(`${holds ? 'ok    ' : 'FAILED'}  ${what}: ${said}`);
  const failures = found.filter(({ holds }) => !holds).map(({ what, said }) => `${what}: ${said}\nsee it again: ${command}`);
  const of = (name: string) => (measures.get(`servers ${name}`) ?? []).map(([, value]) => value);
  const held = (...names: readonly string[]) => {
    const own = found.filter(({ what }) => names.some((name) => what.includes(name)));
    const failed = own.filter(({ holds }) => !holds).length;
    return { passed: own.length - failed, failed };
  };
  writeResult({
    experiment: 'soak',
    command,
    seed,
    startedAt: startedAt.toISOString(),
    seconds: (performance.now() - began) / 1_000,
    passed: found.length - failures.length,
    failed: failures.length,
    failures,
    figures: {
      minutes,
      'sagas per second possible': round(peak),
      'sagas per second asked for': round(rate),
      'sagas per second, median': round(median(ratesOf(measures.get('servers sagasEnded') ?? []).map(([, value]) => value))),
      'from start to end, p50, ms (median)': round(median(of('p50Ms'))),
      'from start to end, p99, ms (median)': round(median(of('p99Ms'))),
      'hot updates, %': round(100 * (of('hotUpdates').at(-1) ?? 0)),
      'dead rows at most': Math.max(0, ...of('deadRows')),
      'dead rows at the end': of('deadRows').at(-1) ?? 0,
      'tables at the end, MiB': round(of('tablesMiB').at(-1) ?? 0),
      ...Object.fromEntries(found.map(({ what, said }) => [what, said])),
    },
    rows: {
      E15: { ...held('dead rows', 'throughput'), note: `a snapshot held open for ${Math.round((analyst.to - analyst.from) / 1_000)} s` },
      V21: held('memory', 'fds', 'onnections', 'Channels', 'dead rows'),
    },
    series: Object.fromEntries([...measures].map(([name, points]) => [name, seconds(points)])),
  });
  return failures.length === 0 ? 0 : 1;
}

function seconds(points: Points): [number, number][] {
  const first = points[0]?.[0] ?? 0;
  return points.map(([at, value]) => [round((at - first) / 1_000, 1), round(value, 2)]);
}
