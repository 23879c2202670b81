import type { CaseFile } from './case.js';
import { Counters } from './counters.js';
import { drawCase } from './case.js';
import { runCase, type CaseResult } from './run-case.js';
import type { Violation } from './scene.js';

/** Seeds that one process runs, one after the other. */
export interface Chunk {
  readonly from: number;
  readonly count: number;
  readonly sagas: number;
}
export interface Failure {
  readonly file: CaseFile;
  readonly violations: readonly Violation[];
}
export interface ChunkResult {
  readonly seeds: number;
  readonly sagas: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly faults: number;
  readonly counters: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
  readonly repeated: number;
  readonly faultless: number;
}

/** Every so many seeds run a second time, which has to be the same to the last event. */
const REPEAT_EVERY = 20;
/** Every so many seeds also run without faults, where sagas with one possible end have to end alike. */
const FAULTLESS_EVERY = 10;

export async function runSeeds({ from, count, sagas }: Chunk, stopAtFirst: boolean): Promise<ChunkResult> {
  const counters = new Counters();
  const sums = { seeds: 0, sagas: 0, events: 0, virtualMs: 0, faults: 0, repeated: 0, faultless: 0 };
  const failures: Failure[] = [];
  for (let seed = from; seed < from + count; seed++) {
    const file = { seed, sagas };
    const result = await runCase(file);
    const violations = [...result.violations];
    sums.seeds++;
    sums.sagas += result.outcomes.length;
    sums.events += result.events;
    sums.virtualMs += result.virtualMs;
    sums.faults += drawCase(file).faults.length;
    counters.merge(result.counters);
    if (seed % REPEAT_EVERY === 0) {
      sums.repeated++;
      const again = await runCase(file);
      if (again.fingerprint !== result.fingerprint) {
        violations.push({
          id: 'V10',
          text: `the same seed gave ${result.fingerprint} and then ${again.fingerprint}: something in it is not decided by the seed`,
        });
      }
    }
    if (seed % FAULTLESS_EVERY === 0) {
      sums.faultless++;
      violations.push(...compared(result, await runCase({ ...file, faults: [] })));
    }
    if (violations.length > 0) failures.push({ file, violations });
    if (violations.length > 0 && stopAtFirst) break;
  }
  return { ...sums, counters: counters.toObject(), failures };
}

/** V16: what a saga comes to does not depend on what goes wrong on the way. */
function compared(faulty: CaseResult, calm: CaseResult): Violation[] {
  const violations: Violation[] = calm.violations.map(({ id, text }) => ({ id, text: `without any fault: ${text}` }));
  for (const { n, end, isUnique } of faulty.outcomes) {
    const other = calm.outcomes.find((outcome) => outcome.n === n);
    if (isUnique && other && other.end !== end)
      violations.push({ id: 'V16', text: `saga ${n} is ${end}, and ${other.end} without faults` });
  }
  return violations;
}
