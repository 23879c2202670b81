import { Chance } from '../kit/chance.js';
import { mixedStarts } from '../kit/starts.js';
import type { Start } from '../kit/workloads/workload.js';
import type { Kind } from './sagas/contracts.js';
import { CROSSING, type SweepWorkload } from './site.js';

/** Of a hundred crossings; naps hold up the others, so there are few. */
const SHARES: readonly (readonly [Kind, number])[] = [
  ['fine', 40],
  ['refused', 16],
  ['clash', 14],
  ['never', 12],
  ['fenced', 14],
  ['asleep', 4],
];
/** Handlers of the slow workload take at most this share of 30 s: a trial is to end soon. */
const SLOW_FACTOR = 0.03;

/** Starts of one workload, endlessly. */
export function startsOf(workload: SweepWorkload, seed: string): Iterable<Start> {
  return workload === CROSSING.name
    ? crossings(seed)
    : mixedStarts(seed, [workload as Exclude<SweepWorkload, 'crossing'>], { factor: SLOW_FACTOR });
}

function* crossings(seed: string): Generator<Start> {
  const chance = new Chance(`${seed}/crossings`);
  const bag = SHARES.flatMap(([kind, share]) => Array.from({ length: share }, () => kind));
  // One of each first: a trial that waits for one kind gets it soon.
  const first = chance.shuffled(SHARES.map(([kind]) => kind));
  for (let n = 1; ; n++) {
    const kind = first.pop() ?? chance.pick(bag);
    yield { saga: CROSSING.name, input: { crossing: `${seed}-${n}`, kind } };
  }
}
