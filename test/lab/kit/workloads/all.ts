import { bank } from './bank/inputs.js';
import { order } from './order/inputs.js';
import { random } from './random/inputs.js';
import { slow } from './slow/inputs.js';
import type { ExpectedEnd, Start, Workload } from './workload.js';

/** Every workload, by name. */
export const WORKLOADS = { bank, order, random, slow } as const satisfies Readonly<Record<string, Workload>>;
export type WorkloadName = keyof typeof WORKLOADS;

/** The workload that a saga belongs to; `undefined` for one that is not of the laboratory. */
export function workloadOf(saga: string): Workload | undefined {
  return Object.values(WORKLOADS).find(({ sagas }) => sagas.includes(saga));
}

/** `either` for sagas that nobody knows. */
export function expectedEnd(start: Start): ExpectedEnd {
  return workloadOf(start.saga)?.expectedEnd(start) ?? 'either';
}
