// From start to end of a saga as the caller sees it, sagas coming at fixed rates.
import { backstepRun, textbookOf, textbookRun } from './versus.mjs';

/** Beyond this the textbook does not keep up on two cores, and its latency would be the length of the run. */
const TEXTBOOK_RATE = 100;
const SECONDS = 10;

export const title = 'latency: from start to end, by rate';
export async function run(bench) {
  const { options } = bench;
  const kinds = options.participants ?? ['none', 'batch'];
  for (let turn = 1; turn <= options.repetitions; turn++) {
    for (const rate of options.rates) {
      const given = { scenario: 'latency', variant: `${rate}/s`, turn, rate, count: countAt(rate, options.count) };
      const textbooks = options.alone || options.parallel || rate > TEXTBOOK_RATE ? [] : [...new Set(kinds.map(textbookOf))];
      for (const participants of textbooks) await textbookRun(bench, { ...given, participants });
      for (const participants of kinds) await backstepRun(bench, { ...given, participants });
    }
  }
}
/** Enough for a 99th percentile, and for about ten seconds. */
export function countAt(rate, most = Infinity) {
  return Math.max(1, Math.min(most, Math.max(200, Math.round(rate * SECONDS))));
}
