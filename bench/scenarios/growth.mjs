// Throughput beside millions of finished sagas, turn by turn with empty tables.
import { seedFinished } from '../lib/seed.mjs';
import { dropDatabase, NAME } from '../lib/servers.mjs';
import { backstepRun } from './versus.mjs';

const DATABASE = `${NAME}_finished`;

export const title = 'growth: throughput beside finished sagas';
export async function run(bench) {
  const { options, say } = bench;
  for (const participants of options.participants ?? ['inbox']) {
    say(`  making ${options.finished.toLocaleString('en')} finished sagas, participants ${participants}`);
    const since = performance.now();
    const { megabytes } = await seedFinished({ ...options, say, database: DATABASE, participants });
    say(`  ${megabytes.toLocaleString('en')} MB, made in ${Math.round((performance.now() - since) / 1_000)} s`);
    try {
      await interleaved(bench, participants, megabytes);
    } finally {
      await dropDatabase(DATABASE);
    }
  }
}
async function interleaved(bench, participants, megabytes) {
  const { repetitions, finished, count = 10_000 } = bench.options;
  for (let turn = 1; turn <= repetitions; turn++) {
    // The first of a turn meets what the last one left of caches and write-back: each is first in every other turn.
    const variants = ['empty', `${finished} finished`];
    for (const variant of turn % 2 === 1 ? variants : variants.toReversed()) {
      const database = variant === 'empty' ? undefined : DATABASE;
      await backstepRun(bench, { scenario: 'throughput', kind: 'growth', participants, variant, turn, count, database });
    }
  }
  bench.say(`  the full database began with ${megabytes.toLocaleString('en')} MB`);
}
