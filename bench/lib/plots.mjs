// Plots and the figures of bench/README.md, made from files of results. The drawing itself is the laboratory's.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { barPlot, linePlot, writePlot } from '../../dist/test/lab/kit/plot.js';
import { readResults } from './results.mjs';
import { groups, summarize } from './statistics.mjs';
import { figure, markdownTable, nearPart, partsText, spreadText, targetRows } from './tables.mjs';
import { judge, nearness } from './targets.mjs';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const BEGIN = '<!-- figures: begin, made by `npm run bench -- --plots FILES` -->';
const END = '<!-- figures: end -->';

/** Writes bench/images and what stands between the marks of bench/README.md. */
export function makePlots(files, say) {
  const { runs, benches } = readResults(files);
  if (runs.length === 0) throw new Error(`there are no runs in ${files.join(', ')}`);
  const summaries = groups(runs).map(summarize);
  const parts = [
    ...benches.slice(-1).map(circumstancesText),
    ...targetsPart(runs),
    ...nearPart(nearness(runs)),
    ...SCENARIOS.flatMap(({ scenario, title, parts: make }) => {
      const own = summaries.filter((each) => each.scenario === scenario);
      if (own.length === 0) return [];
      const drawn = make(
        own,
        runs.filter((run) => run.scenario === scenario),
      ).filter(({ plot }) => plot !== undefined);
      for (const { name, plot } of drawn) writePlot(path.join(FOLDER, 'images', `${name}.svg`), plot);
      return [`### ${title}`, ...drawn.map(({ name, alt }) => `![${alt}](images/${name}.svg)`), tableOf(own)];
    }),
  ];
  const readme = path.join(FOLDER, 'README.md');
  fs.writeFileSync(readme, between(fs.readFileSync(readme, 'utf8'), parts.join('\n\n')));
  say(`bench/images and the figures of bench/README.md are made of ${runs.length} runs`);
}

/** The text with what stands between the marks replaced; throws where they are missing. */
export function between(text, generated) {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`bench/README.md lacks the lines ${BEGIN} and ${END}`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${generated}\n\n${text.slice(end)}`;
}

function circumstancesText({ at, commit, cores, cpu, memoryGb, node, postgres }) {
  return `${at.slice(0, 10)}, commit ${commit}: ${cores} cores of ${cpu}, ${memoryGb} GB, Node ${node}, PostgreSQL ${postgres}. Medians of runs that were not
disturbed, with the least and the most in brackets.`;
}
function targetsPart(runs) {
  const judged = judge(runs).filter(({ verdict }) => verdict !== 'not measured');
  if (judged.length === 0) return [];
  const { head, rows } = targetRows(judged);
  return [
    '### Targets',
    markdownTable(
      head,
      rows.map((row) => [...row.slice(0, -1), row.at(-1) === 'met' ? 'met' : `**${row.at(-1)}**`]),
    ),
  ];
}

/** The same columns for every scenario; those that say nothing are left out. */
function tableOf(summaries) {
  const columns = [
    ['system', ({ system, variant }) => (variant === '' ? system : `${system}, ${variant}`)],
    ['sagas/s', ({ sagasPerSecond }) => spreadText(sagasPerSecond)],
    [
      'p50 / p95 / p99, ms',
      ({ latencyMs }) => (latencyMs ? ['p50', 'p95', 'p99'].map((part) => figure(latencyMs[part].median)).join(' / ') : '-'),
    ],
    ['CPU s/1,000', ({ cpuSecondsPer1000 }) => spreadText(cpuSecondsPer1000)],
    ['of which', ({ cpuByProcess }) => partsText(cpuByProcess) || '-'],
    ['peak MB', ({ peakMemoryMb }) => partsText(peakMemoryMb) || '-'],
    ['HOT updates', ({ figures }) => (figures.hotPart ? `${figure(figures.hotPart.median * 100)} %` : '-')],
    ['runs', ({ used, disturbed }) => `${used}${disturbed > 0 ? ` (${disturbed} disturbed)` : ''}`],
  ];
  const cells = columns.map(([head, cell]) => [head, summaries.map(cell)]).filter(([, all]) => all.some((each) => each !== '-'));
  return markdownTable(
    cells.map(([head]) => head),
    summaries.map((_, row) => cells.map(([, all]) => all[row])),
  );
}

const nameOf = ({ system, variant }) => (variant === '' ? system : `${system}, ${variant}`);
const rateOf = ({ variant }) => Number(/^([\d.]+)\/s$/.exec(variant)?.[1]);

function speeds(name, title) {
  return (summaries) => ({
    name,
    alt: title,
    plot: barPlot(
      summaries.map((each) => ({
        name: nameOf(each),
        parts: [{ name: 'sagas/s', value: each.sagasPerSecond.median }],
        spread: [each.sagasPerSecond.min, each.sagasPerSecond.max],
      })),
      { title, x: 'sagas a second: median, least and most' },
    ),
  });
}
function costs(name, title) {
  return (summaries) => ({
    name,
    alt: title,
    plot: barPlot(
      summaries.map((each) => ({
        name: nameOf(each),
        parts: Object.entries(each.cpuByProcess).map(([part, value]) => ({ name: part, value })),
      })),
      { title, x: 'CPU seconds for 1,000 sagas' },
    ),
  });
}
function latencies(summaries) {
  const at = summaries.filter((each) => each.latencyMs && rateOf(each) > 0);
  return [...new Set(at.map(({ system }) => system))].map((system) => {
    const own = at.filter((each) => each.system === system).sort((a, b) => rateOf(a) - rateOf(b));
    const title = `Latency of ${system} by rate`;
    const series = ['p50', 'p95', 'p99'].map((part) => ({
      name: part,
      points: own.map((each) => [rateOf(each), each.latencyMs[part].median]),
    }));
    return { name: `latency-${system}`, alt: title, plot: linePlot(series, { title, x: 'sagas a second', y: 'ms', yFrom: 0 }) };
  });
}
function backlogPlots(_, runs) {
  return runs.flatMap(({ system, variant, samples = [] }) => {
    const line = (name, pick) => ({ name, points: samples.map((sample) => [sample.seconds, sample[pick]]) });
    const which = `${system}, ${variant}`;
    const name = `backlog-${system}-${variant.split(' ').at(-1)}`;
    const [memory, cpu] = [`Memory with the backlog: ${which}`, `CPU of the daemon with the backlog: ${which}`];
    const x = 'seconds since all sagas were started';
    return [
      { name: `${name}-memory`, alt: memory, plot: linePlot([line('daemon', 'daemonMb')], { title: memory, x, y: 'MB', yFrom: 0 }) },
      {
        name: `${name}-cpu`,
        alt: cpu,
        plot: linePlot([line('sweep', 'sweepCores'), line('all', 'daemonCores')], { title: cpu, x, y: 'cores', yFrom: 0 }),
      },
    ];
  });
}

/** In the order of the page. `parts`: what is drawn of its summaries and runs. */
const SCENARIOS = [
  { scenario: 'peers-throughput', title: 'Completed sagas, all systems in the same turns', own: 'peers-throughput' },
  { scenario: 'peers-compensate', title: 'Compensated sagas, all systems in the same turns', own: 'peers-compensate' },
  { scenario: 'throughput', title: 'Throughput', own: 'throughput' },
  { scenario: 'compensate', title: 'Compensation', own: 'compensate' },
].map(({ scenario, title, own }) => ({
  scenario,
  title,
  parts: (summaries) => [speeds(own, title)(summaries), costs(`${own}-cpu`, `${title}: CPU`)(summaries)],
}));
SCENARIOS.push(
  { scenario: 'peers-latency', title: 'Latency at 20 sagas a second, all systems in the same turns', parts: () => [] },
  { scenario: 'latency', title: 'Latency by rate', parts: latencies },
  { scenario: 'growth', title: 'Growth', parts: (summaries) => [speeds('growth', 'Throughput beside finished sagas')(summaries)] },
  {
    scenario: 'start',
    title: 'Starts, with the first command sent',
    parts: (summaries) => [speeds('start', 'Starts a second')(summaries)],
  },
  { scenario: 'backlog', title: 'Backlog', parts: backlogPlots },
  {
    scenario: 'daemons',
    title: 'One daemon and four',
    parts: (summaries) => [speeds('daemons', 'Throughput of one and of four daemons')(summaries)],
  },
);
