import { Chance } from './chance.js';
import { WORKLOADS, type WorkloadName } from './workloads/all.js';
import type { InputOptions, Start } from './workloads/workload.js';

/** Starts of several workloads mixed, endlessly or so many; `weights` say how many of each (default: equally many). */
export function* mixedStarts(
  seed: number | string,
  workloads: readonly WorkloadName[],
  {
    count = Infinity,
    weights = {},
    ...options
  }: InputOptions & { readonly count?: number; readonly weights?: Partial<Record<WorkloadName, number>> } = {},
): Generator<Start> {
  const chance = new Chance(`${seed}/starts`);
  const bag = workloads.flatMap((name) => Array.from({ length: weights[name] ?? 1 }, () => name));
  const streams = Object.fromEntries(workloads.map((name) => [name, chance.fork(name)])) as Record<WorkloadName, Chance>;
  for (let n = 0; n < count; n++) {
    const name = chance.pick(bag);
    yield WORKLOADS[name].inputs(streams[name], 1, options)[0]!;
  }
}
