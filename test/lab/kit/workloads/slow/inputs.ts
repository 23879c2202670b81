import type { Chance } from '../../chance.js';
import type { ExpectedEnd, Script, Start, Workload } from '../workload.js';

export interface Slow {
  scripts: { [step: string]: Script };
}
const STEPS = ['call', 'crawl', 'commit', 'settle', 'archive'];
const INSIDE = ['crawl', 'archive'];
/** The longest that a handler takes as it is written. */
const LONGEST_MS = 30_000;

/** W4: handlers that take 0 to 30 s (times the factor), effects outside, time limits of two seconds, long timers. */
export const slow: Workload = {
  name: 'slow',
  sagas: ['lab-slow'],
  participants: ['slow-outside', 'slow-inside'],
  inputs: (chance, count, { factor = 0.1 } = {}) =>
    Array.from({ length: count }, () => ({ saga: 'lab-slow', input: { scripts: scripts(chance, factor) } })),
  expectedEnd,
  skipped: () => [],
};

function scripts(chance: Chance, factor: number): Record<string, Script> {
  const refuses = chance.is(0.15) ? chance.pick(['call', 'crawl', 'commit']) : undefined;
  return Object.fromEntries(
    STEPS.map((step) => [
      step,
      {
        ...(step === refuses ? { reject: true } : {}),
        // Half of them quick; a handler in a transaction holds up its neighbours, one after the other, so it takes little: 60 ms at most at the default factor.
        delayMs: chance.is(0.5)
          ? chance.between(0, 10)
          : Math.round(chance.next() ** 2 * LONGEST_MS * factor * (INSIDE.includes(step) ? 0.002 : 1)),
        ...(step === 'archive' && chance.is(0.3) ? { errors: chance.between(1, 2) } : {}),
      },
    ]),
  );
}

/** With time limits as short as these any fault may turn a saga back; one that is refused never completes. */
function expectedEnd({ input }: Start): ExpectedEnd {
  return Object.values((input as Slow).scripts).some(({ reject }) => reject) ? 'compensated' : 'either';
}
