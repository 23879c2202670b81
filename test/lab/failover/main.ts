// Servers that fail over or come back, what that costs, and how long it takes:
// `npm run failover -- [--ci | --long] [--only NAME] [--seed N] [--plots DIR]`.
import { join } from 'node:path';
import { writeResult, type Result } from '../kit/results.js';
import { backlog } from './backlog.js';
import { cluster } from './cluster.js';
import { asynchronous, readOnly, synchronous } from './database.js';
import { readWanted, type Wanted } from './flags.js';
import { outage, restored, storm } from './outages.js';
import { isMet, type Experiment, type Form, type Measure, type Outcome } from './outcome.js';
import { writePlots } from './plots.js';
import { halfOpen, recovery } from './recovery.js';
import { printTable, valueOf } from './report.js';
import { wipe } from './wipe.js';

const EXPERIMENTS: readonly Experiment[] = [
  cluster,
  recovery,
  wipe,
  synchronous,
  asynchronous,
  readOnly,
  halfOpen,
  backlog,
  restored,
  storm,
  outage,
];
/** Experiments side by side: as many servers of their own as two processors bear, and fewer where times are measured. */
const AT_A_TIME: Readonly<Record<Form, number>> = { ci: 3, short: 2, long: 2 };
const CI_SLACK = 2;

type Ran = Outcome & { readonly name: string };

async function main(): Promise<number> {
  const flags = readWanted(EXPERIMENTS);
  const startedAt = new Date();
  const begun = performance.now();
  const chosen = EXPERIMENTS.filter(({ name, inCi }) => (flags.only.length > 0 ? flags.only.includes(name) : flags.form !== 'ci' || inCi));
  const ran = await runAll(chosen, flags);
  const result = resultOf(ran, flags, startedAt, (performance.now() - begun) / 1_000);
  writeResult(result);
  if (flags.plots !== undefined) for (const path of writePlots(flags.plots, ran)) console.log(`written: ${path}`);
  printTable(ran.flatMap(({ measures }) => measures));
  for (const { name, facts } of ran) for (const [what, value] of Object.entries(facts)) console.log(`  ${name}: ${what}: ${value}`);
  for (const failure of result.failures) console.log(`FAILED ${failure}`);
  console.log(
    `${result.failed === 0 ? 'It holds' : 'It does not hold'}: ${result.passed} passed, ${result.failed} failed, seed ${flags.seed}`,
  );
  return result.failed === 0 ? 0 : 1;
}

/** Side by side where that disturbs nobody, since each has servers of its own; what is measured in tenths of a second is alone. */
async function runAll(chosen: readonly Experiment[], flags: Wanted): Promise<readonly Ran[]> {
  const ran: Ran[] = [];
  const together = chosen.filter(({ alone }) => alone === undefined || (alone === 'where measured' && flags.form === 'ci'));
  for (const experiment of chosen) if (!together.includes(experiment)) ran.push(await run(experiment, flags));
  const work = async () => {
    for (let experiment = together.shift(); experiment; experiment = together.shift()) ran.push(await run(experiment, flags));
  };
  await Promise.all(Array.from({ length: AT_A_TIME[flags.form] }, work));
  return chosen.map(({ name }) => ran.find((each) => each.name === name)!);
}

async function run(experiment: Experiment, { form, seed }: Wanted): Promise<Ran> {
  const { name } = experiment;
  const begun = performance.now();
  const say = (text: string) => console.log(`${name}: ${text}`);
  const directory = join('dist/lab/evidence/failover', name);
  try {
    const outcome = await experiment.run({ seed, form, directory, say });
    say(`done after ${Math.round((performance.now() - begun) / 1_000)} s`);
    return { ...outcome, measures: outcome.measures.map((measure) => (form === 'ci' ? withSlack(measure) : measure)), name };
  } catch (error: unknown) {
    say(`broke off: ${(error as Error).stack ?? String(error)}`);
    return {
      name,
      measures: [],
      facts: {},
      rows: {},
      failures: [`broke off: ${String(error).split('\n', 1)[0]} (evidence in ${directory})`],
    };
  }
}

/** In CI other experiments have the same two cores at the same time: the long form measures, this one only sees that nothing is far off. */
function withSlack(measure: Measure): Measure {
  if (measure.target === undefined) return measure;
  return { ...measure, target: measure.atLeast ? measure.target / CI_SLACK : measure.target * CI_SLACK };
}

function resultOf(ran: readonly Ran[], { form, seed, only }: Wanted, startedAt: Date, seconds: number): Result {
  const flags = [form === 'short' ? '' : ` --${form}`, ...only.map((name) => ` --only ${name}`), ` --seed ${seed}`].join('');
  const failures = ran.flatMap(({ name, measures, failures: own }) => [
    ...own.map((failure) => `${name}: ${failure}`),
    ...measures.filter((measure) => !isMet(measure)).map((measure) => `${name}: ${measure.name}: ${valueOf(measure)}`),
  ]);
  const passed = ran.filter(({ name }) => !failures.some((failure) => failure.startsWith(`${name}: `)));
  const rows: Record<string, { passed: number; failed: number; note?: string }> = {};
  for (const each of ran) {
    for (const [row, note] of Object.entries(each.rows)) {
      const holds = passed.includes(each);
      const before = rows[row] ?? { passed: 0, failed: 0 };
      rows[row] = {
        passed: before.passed + (holds ? 1 : 0),
        failed: before.failed + (holds ? 0 : 1),
        note: before.note ? `${before.note}; ${note}` : note,
      };
    }
  }
  return {
    experiment: 'failover',
    command: `npm run failover --${flags}`,
    seed,
    startedAt: startedAt.toISOString(),
    seconds: Math.round(seconds),
    passed: passed.length,
    failed: ran.length - passed.length,
    failures,
    figures: {
      form,
      ...Object.fromEntries(ran.flatMap(({ measures }) => measures).map((measure) => [measure.name, valueOf(measure)])),
      ...Object.fromEntries(ran.flatMap(({ name, facts }) => Object.entries(facts).map(([what, value]) => [`${name}: ${what}`, value]))),
    },
    rows,
    series: {
      ...Object.fromEntries(
        ran
          .flatMap(({ measures }) => measures)
          .map(({ name, samples }) => [name, samples.toSorted((a, b) => a - b).map((ms, i) => [i + 1, ms] as const)]),
      ),
      ...Object.assign({}, ...ran.map(({ series }) => series ?? {})),
    },
  };
}

process.exitCode = await main();
