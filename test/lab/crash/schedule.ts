import { Chance } from '../kit/chance.js';
import { isRare, nameOf, TARGETS, type Need, type Target } from './plan.js';
import { CROSSING, SWEEP_WORKLOADS, type SweepWorkload } from './site.js';
import type { TrialSpec } from './trial.js';

/** Trials that share a site, one after the other. */
export interface Chunk {
  readonly workload: SweepWorkload;
  readonly daemons: number;
  readonly hosts: number;
  /** `fresh`: the participants have never run. `strangers`: the second daemon knows none of the sagas. `migrate`: there is no schema yet. */
  readonly kind: 'plain' | 'fresh' | 'strangers' | 'migrate';
  readonly trials: readonly TrialSpec[];
}
export const HALVES = ['even', 'odd'] as const;
export type Half = (typeof HALVES)[number];
/** They take turns from day to day, so that two days have had every point. */
export function halfOf(day: Date): Half {
  return HALVES[Math.floor(day.getTime() / 86_400_000) % 2]!;
}
export interface ScheduleOptions {
  readonly seed: string;
  readonly isLong: boolean;
  /** In the long form one of a point's hits with each workload, taking turns. */
  readonly isEither: boolean;
  /** Every second point, the ones or the others. */
  readonly half?: Half | undefined;
  /** Only this point. */
  readonly point: string | undefined;
  readonly workload: SweepWorkload | undefined;
}

const OWN = [CROSSING.name] as const;
/** Workloads in which a need is met. */
const REACHED_BY: Readonly<Record<Need, readonly SweepWorkload[]>> = {
  load: SWEEP_WORKLOADS,
  boot: SWEEP_WORKLOADS,
  undo: SWEEP_WORKLOADS,
  timers: ['order', 'random', 'slow', CROSSING.name],
  tombstone: OWN,
  outside: ['slow', CROSSING.name],
  again: OWN,
  fence: OWN,
  conflict: OWN,
  // Nothing is promised of how a saga ends that a person has cancelled, and the other workloads' inputs say how they end.
  operator: OWN,
  stranger: OWN,
  rubbish: SWEEP_WORKLOADS,
};
/** A site for each workload is enough for all its trials when each is run once. */
const CHUNK = 12;
/** Later hits of the long run; the first is the first. */
const LATER = [3, 12] as const;
const STOP_MS = [2_500, 12_000] as const;

/** What is run, in chunks that several jobs take one by one; the same options give the same. */
export function schedule(options: ScheduleOptions): Chunk[] {
  const chance = new Chance(`${options.seed}/schedule`);
  const targets = TARGETS.filter(
    (target, at) =>
      (options.point === undefined || target.point === options.point || nameOf(target) === options.point) &&
      (options.half === undefined || HALVES[at % 2] === options.half),
  );
  const bins = new Map<SweepWorkload, TrialSpec[]>(SWEEP_WORKLOADS.map((name) => [name, []]));
  const special: Chunk[] = [];
  let taken = 0;
  for (const target of chance.shuffled(targets)) {
    const kind = kindOf(target);
    if (kind === 'migrate') continue;
    const possible = REACHED_BY[target.need]
      .filter((name) => options.workload === undefined || name === options.workload)
      // Whose time limits are so short that nothing at all is done when the participants come seconds late.
      .filter((name) => kind !== 'fresh' || name !== 'slow');
    // The one that has least to do, so that they take turns.
    const [least] = possible.toSorted((a, b) => bins.get(a)!.length - bins.get(b)!.length);
    const workloads = options.isLong ? possible : least === undefined ? [] : [least];
    for (const workload of workloads) {
      const every = trialsOf(target, { ...options, chance });
      const trials = options.isLong && options.isEither ? [every[taken++ % every.length]!] : every;
      if (kind === 'plain') bins.get(workload)!.push(...trials);
      else special.push(...trials.map((trial) => ({ kind, workload, daemons: 2, hosts: 1, trials: [trial] })));
    }
  }
  const migrations = targets.filter(({ victim }) => victim === 'migrate');
  if (migrations.length > 0)
    special.push({ kind: 'migrate', workload: 'bank', daemons: 1, hosts: 1, trials: migrations.map((target) => ({ target, hit: 1 })) });
  let turn = chance.between(0, 1);
  const plain = [...bins].flatMap(([workload, trials]) =>
    cut(trials, CHUNK).map((some): Chunk => {
      turn += 1;
      return { kind: 'plain', workload, daemons: 2 - (turn % 2), hosts: 1 + ((turn >> 1) % 2), trials: some };
    }),
  );
  // The long ones first, so that no job is left alone with one at the end.
  return [...plain, ...special].toSorted((a, b) => b.trials.length - a.trials.length);
}

function trialsOf(target: Target, { isLong, chance }: { readonly isLong: boolean; readonly chance: Chance }): TrialSpec[] {
  if (!isLong) return [{ target, hit: 1 }];
  const trials: TrialSpec[] = [{ target, hit: 1 }];
  if (target.need !== 'boot') trials.push({ target, hit: isRare(target.need) ? 2 : chance.pick(LATER) });
  // A12; at some points only, or the sweep would take twice as long.
  if (chance.is(0.2)) trials.push({ target, hit: 1, times: 2 });
  return trials;
}

/** G3: a daemon is stopped between reading and committing, for less and for more time than a lock lasts. */
export function stops({ seed, isLong, point, workload }: ScheduleOptions): Chunk[] {
  if (point !== undefined && point !== 'G3') return [];
  const targets = TARGETS.filter(({ victim, point: name }) => victim === 'daemon' && (name === 'store.locked' || name === 'store.decided'));
  const workloads = (isLong ? SWEEP_WORKLOADS : [new Chance(`${seed}/stops`).pick(['bank', 'order'] as const)]).filter(
    (name) => workload === undefined || name === workload,
  );
  const times = isLong ? STOP_MS : STOP_MS.slice(0, 1);
  return workloads.map((name) => ({
    kind: 'plain',
    workload: name,
    daemons: 2,
    hosts: 1,
    trials: (isLong ? targets : targets.slice(0, 1)).flatMap((target) => times.map((stopMs) => ({ target, hit: 2, stopMs }))),
  }));
}

function kindOf({ victim, need }: Target): Chunk['kind'] {
  if (victim === 'migrate') return 'migrate';
  if (need === 'stranger') return 'strangers';
  return need === 'boot' && victim === 'participant' ? 'fresh' : 'plain';
}

function cut<T>(list: readonly T[], size: number): T[][] {
  const count = Math.ceil(list.length / size);
  return Array.from({ length: count }, (_, n) => list.filter((_one, at) => at % count === n));
}
