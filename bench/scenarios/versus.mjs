// What throughput, compensate and latency share: Backstep with each kind of participants, and the textbook, turn by turn.
import { runSystem } from '../lib/child-run.mjs';
import { warmUp } from '../lib/load.mjs';

/** The textbook is slower: with a quarter of the sagas its runs take about as long. */
const TEXTBOOK_SHARE = 4;

/** One run of Backstep for a turn. */
export async function backstepRun(bench, { scenario, kind = scenario, participants, variant = '', turn, count, ...given }) {
  const { options } = bench;
  const queue = given.queue ?? options.queue;
  const system = `backstep-${participants}${queue === 'classic' ? '-classic' : ''}`;
  return bench.measure({ scenario: kind, system, variant, turn }, () =>
    runSystem(
      'backstep',
      scenario,
      { payload: options.payload, parallel: options.parallel, ...given, queue, count, participants },
      options.limit,
    ),
  );
}
export async function textbookRun(bench, { scenario, participants, variant = '', turn, count, ...given }) {
  const { options } = bench;
  const system = `textbook-by-hand-${participants}`;
  return bench.measure({ scenario, system, variant, turn }, () =>
    runSystem('textbook', scenario, { payload: options.payload, ...given, count, participants }, options.limit),
  );
}

/** Whose database work the textbook can do like for like. */
export const textbookOf = (participants) => (participants === 'none' || participants === 'batch-none' ? 'none' : 'inbox');

/** Throughput and compensate: everybody once in each turn. */
export async function interleaved(bench, scenario, kinds) {
  const { options } = bench;
  const count = options.count ?? 10_000;
  const textbooks = options.alone || options.parallel ? [] : [...new Set(kinds.map(textbookOf))];
  for (let turn = 1; turn <= options.repetitions; turn++) {
    for (const participants of textbooks)
      await textbookRun(bench, { scenario, participants, turn, count: Math.ceil(count / TEXTBOOK_SHARE), warm: warmUp(count) });
    for (const participants of kinds) await backstepRun(bench, { scenario, participants, turn, count });
  }
}
