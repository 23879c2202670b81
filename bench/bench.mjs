// npm run bench: parses what is wanted, has it measured, prints tables. bench/README.md says how to use it.
import { assertGoesOn, interrupt } from './lib/child-run.mjs';
import { waitQuiet } from './lib/processes.mjs';
import { helpText, readOptions } from './lib/options.mjs';
import { circumstances, openResults } from './lib/results.mjs';
import { claimServers, removeLeftovers } from './lib/servers.mjs';
import { groups, isDisturbed, summarize } from './lib/statistics.mjs';
import { figure, NEAR_LEGEND, NEAR_TITLE, nearRows, summaryRows, targetRows, textTable } from './lib/tables.mjs';
import { judge, nearness } from './lib/targets.mjs';
import { lineForPrograms, versusTextbook } from './lib/report.mjs';

const args = process.argv.slice(2);
const { options, faults } = readOptions(args);
if (faults.length > 0) {
  console.error(`${faults.join('\n')}\n(--help lists what there is)`);
  process.exit(2);
}
if (options.help) {
  console.log(helpText());
  process.exit(0);
}
if (options.plots.length > 0) {
  const { makePlots } = await import('./lib/plots.mjs');
  await orExplain(() => makePlots(options.plots, say));
  process.exit(0);
}

const results = openResults(options.out);
const MOST_FAILURES = 3;
const failed = [];
let failedInARow = 0;
const bench = { options, say, measure };
await orExplain(async () => {
  const release = await claimServers().catch((error) => {
    throw new Error(`${error.message || error.code}\nIs PostgreSQL there? (npm run services)`);
  });
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => {
      say('\nending: what was begun is removed first');
      void interrupt()
        .then(removeEverything)
        .catch((error) => console.error(error.message))
        .finally(() => process.exit(130));
    });
  try {
    await removeLeftovers();
    results.note(await circumstances(args));
    await measureAll();
  } finally {
    await removeLeftovers();
    await release();
  }
});
process.exit(0);

async function removeEverything() {
  if (options.peers !== undefined) await (await import('./lib/peers.mjs')).removePeersLeftovers();
  await removeLeftovers();
}

async function measureAll() {
  const attempt = async (title, work) => {
    say(`\n${title}`);
    const before = results.runs.length;
    try {
      await work();
    } catch (error) {
      fail(title.split(':')[0], error);
    }
    tell(results.runs.slice(before));
  };
  if (options.peers !== undefined) {
    const { comparePeers } = await import('./lib/peers.mjs');
    await attempt('peers: every system once in a turn', () => comparePeers(bench));
  }
  if (options.scenarios.length > 0) {
    const { scenarios } = await import('./scenarios/index.mjs');
    for (const name of options.scenarios) await attempt(scenarios[name].title, () => scenarios[name].run(bench));
  }
  const judged = judge(results.runs).filter(({ verdict }) => options.peers !== undefined || verdict !== 'not measured');
  if (judged.length > 0) {
    const { head, rows } = targetRows(judged);
    say(`\ntargets, with the least and the most that a single turn gave\n${textTable(head, rows)}`);
  }
  const near = nearness(results.runs);
  if (near.length > 0) {
    const { head, rows } = nearRows(near);
    say(`\n${NEAR_TITLE.toLowerCase()}: ${NEAR_LEGEND}\n${textTable(head, rows)}`);
  }
  if (options.json) console.log(JSON.stringify(lineForPrograms(results.runs, judged, near)));
  if (failed.length > 0) throw new Error(`\nthis could not be measured:\n${failed.join('\n')}`);
}

/**
 * One run: waits for a quiet machine, measures, tells and keeps what came of it. One that fails is told, and the others go on, as long as
 * it does not look as if all of them will.
 */
async function measure({ scenario, system, variant, turn }, work) {
  const title = `${turn}. ${system}${variant === '' ? '' : ` ${variant}`} (${scenario})`;
  assertGoesOn();
  await waitQuiet(options.quiet);
  let measured;
  try {
    assertGoesOn();
    measured = await work();
  } catch (error) {
    failedInARow++;
    fail(title, error);
    if (failedInARow >= MOST_FAILURES)
      throw new Error(`${failedInARow} runs have failed one after the other; this part is given up`, { cause: error });
    return;
  }
  failedInARow = 0;
  const run = results.add({ scenario, system, variant, turn, ...measured });
  const speed = run.sagasPerSecond === undefined ? '' : `${figure(run.sagasPerSecond)} sagas/s, `;
  const p99 = run.latencyMs === undefined ? '' : `p99 ${figure(run.latencyMs.p99)} ms, `;
  const others = `others ${figure(run.othersCores)} cores${isDisturbed(run) ? ': DISTURBED' : ''}`;
  say(`  ${title}: ${speed}${p99}CPU ${figure(run.cpuSecondsPer1000)} s/1,000, ${others}`);
}
function fail(what, error) {
  failed.push(`${what}: ${error.message}`);
  say(`  FAILED: ${what}: ${error.message}`);
}

function tell(runs) {
  const summaries = groups(runs).map(summarize);
  for (const scenario of new Set(runs.map((run) => run.scenario))) {
    const { head, rows } = summaryRows(summaries.filter((each) => each.scenario === scenario));
    say(`\n  ${scenario}\n${textTable(head, rows)}`);
  }
  for (const line of versusTextbook(runs)) say(`  ${line}`);
}

/** With --json the last line is for programs; people still see what is going on. */
function say(text) {
  (options.json ? process.stderr : process.stdout).write(`${text}\n`);
}

async function orExplain(work) {
  try {
    await work();
  } catch (error) {
    console.error(process.env.DEBUG ? error : error.message);
    process.exit(1);
  }
}
