// What is told at the end of a bench. Pure.
import { groups, ratio, round, summarize } from './statistics.mjs';
import { spreadText } from './tables.mjs';

/** Backstep's floors over the textbook of bench/textbook, in completed sagas. */
const FLOORS = { none: 4, inbox: 2.5 };

/** How many times as many sagas as the textbook, for each kind of participants. */
export function versusTextbook(runs) {
  return ratios(runs).map(({ scenario, participants, value, textbook }) => {
    const floor = scenario === 'throughput' ? FLOORS[participants] : undefined;
    const verdict = floor === undefined ? '' : ` (at least ${floor} wanted: ${value.median >= floor ? 'met' : 'MISSED'})`;
    return `${scenario}, participants ${participants}: ${spreadText(value)} times as many sagas as ${textbook}${verdict}`;
  });
}
function ratios(runs) {
  return groups(runs.filter((run) => run.scenario === 'throughput' || run.scenario === 'compensate')).flatMap((own) => {
    const { scenario, system } = own[0];
    const participants = /^backstep-(.*?)(-classic)?$/.exec(system)?.[1];
    if (participants === undefined) return [];
    const textbook = `textbook-by-hand-${participants === 'none' || participants === 'batch-none' ? 'none' : 'inbox'}`;
    const value = ratio(
      own,
      runs.filter((run) => run.scenario === scenario && run.system === textbook),
      (run) => run.sagasPerSecond,
    );
    return value ? [{ scenario, participants, value, textbook }] : [];
  });
}

/** The last line of `--json`: the first figures by themselves, then everything. */
export function lineForPrograms(runs, targets, near) {
  const summaries = groups(runs).map(summarize);
  const first = summaries.find(({ system, sagasPerSecond }) => system.startsWith('backstep') && sagasPerSecond);
  const quiet = summaries.find(({ system, scenario }) => system.startsWith('backstep') && scenario === 'latency');
  const latency = quiet?.latencyMs && Object.fromEntries(Object.entries(quiet.latencyMs).map(([part, each]) => [part, each.median]));
  const textbook = ratios(runs)[0];
  return {
    sagasPerSecond: first?.sagasPerSecond?.median,
    ratio: textbook && round(textbook.value.median, 2),
    latencyMs: latency,
    cpuSecondsPer1000: first?.cpuSecondsPer1000?.median,
    peakMemoryMb: first?.peakMemoryMb,
    results: summaries,
    targets: targets.map(({ measure, against, value, sense, floor, verdict }) => ({ measure, against, value, sense, floor, verdict })),
    bareDesign: near.map((each) => ({
      measure: each.measure,
      against: each.against,
      prototype: each.prototype,
      value: each.value,
      near: each.near,
      sense: each.sense,
      floor: each.floor,
    })),
  };
}
