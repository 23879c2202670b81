// Backstep and other systems, every one once in a turn, so that all of them meet the same machine. The others are run as programs, by the
// runner in the folder that --peers names.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { backstepRun } from '../scenarios/versus.mjs';
import { countAt } from '../scenarios/latency.mjs';
import { runForJson } from './child-run.mjs';
import { chosen, COMPARED, DATABASES, orderOf, PACED, PEERS, QUEUES, SHARES } from './compared.mjs';
import { warmUp } from './load.mjs';
import { networkOfItsOwn, postgresWithin } from './network.mjs';
import { preparePeers } from './peers-folder.mjs';
import { deleteQueues, dropDatabase, POSTGRES_URL } from './servers.mjs';

const RATE = 20;
/** The rate at which the others do not keep up; Backstep alone is held to a limit there. */
const HIGH_RATE = 1_000;

export async function comparePeers(bench) {
  const { options, say } = bench;
  const folder = preparePeers(options.peers, say);
  const isolation = options.only.some((name) => PEERS[name].system === 'restate') ? networkOfItsOwn() : [];
  const bridge = await postgresWithin();
  try {
    for (let turn = 1; turn <= options.repetitions; turn++) await oneTurn(bench, turn, { folder, isolation, env: bridge.env });
  } finally {
    bridge.close();
    await removePeersLeftovers();
  }
}

async function oneTurn(bench, turn, runner) {
  const { options } = bench;
  const { count = 10_000 } = options;
  // The same for everybody, whatever their share.
  const warm = warmUp(count);
  for (const { scenario, theirs, ours, participants, peers } of COMPARED) {
    for (const { peer, ours: each } of orderOf(chosen(peers, options.only), participants, turn)) {
      const shared = { turn, warm, count: Math.ceil(count * (peer ? PEERS[peer].share : (SHARES[each] ?? 1))) };
      if (peer) await peerRun(bench, runner, { scenario, theirs, name: peer, ...shared });
      else await backstepRun(bench, { scenario: ours, kind: scenario, participants: each, ...shared });
    }
  }
  const latency = { scenario: PACED.scenario, variant: `${RATE}/s`, turn, count: countAt(RATE, count) };
  for (const name of chosen(PACED.peers, options.only)) await peerRun(bench, runner, { ...latency, theirs: 'latency', name });
  for (const queue of ['classic', 'quorum'])
    await backstepRun(bench, { ...latency, scenario: 'latency', kind: latency.scenario, participants: 'none', rate: RATE, queue });
  if (options.scenarios.includes('latency') && options.rates.includes(HIGH_RATE)) return;
  for (const participants of ['none', 'batch'])
    await backstepRun(bench, {
      scenario: 'latency',
      participants,
      variant: `${HIGH_RATE}/s`,
      rate: HIGH_RATE,
      turn,
      count: countAt(HIGH_RATE, count),
      queue: 'quorum',
    });
}

async function peerRun(bench, { folder, isolation, env }, { scenario, theirs, name, variant = '', turn, count, warm }) {
  const { system, with: given } = PEERS[name];
  const { limit } = bench.options;
  const isIsolated = system === 'restate';
  const command = [...(isIsolated ? isolation : []), process.execPath, 'run.mjs', system, theirs, String(count), ...given];
  return bench.measure({ scenario, system: name, variant, turn }, async () => {
    const said = await runForJson(command[0], [...command.slice(1), ...(warm ? [`--warm=${warm}`] : []), '--quiet=0', `--limit=${limit}`], {
      what: `${name} ${theirs}`,
      limit: limit + 30,
      cwd: folder,
      env: { PERF_PG_PORT: new URL(POSTGRES_URL).port || '5432', ...(isIsolated && env) },
    });
    assertEnded(name, theirs, count, said.verify);
    return asRun(said);
  });
}

/** Their statuses have other names: a saga that was undone is a success to some. What counts is that all of them ended. */
function assertEnded(name, scenario, count, verify) {
  const counts = Array.isArray(verify) ? Object.fromEntries(verify.map(({ status, n }) => [status, n])) : verify;
  const ended = ['completed', 'compensated', 'SUCCESS'].reduce((sum, status) => sum + (counts[status] ?? 0), 0);
  const all = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const wrong = counts[scenario === 'fail' ? 'completed' : 'compensated'] ?? 0;
  if (ended !== all || ended < count || wrong > 0)
    throw new Error(`${name} ${scenario}: not every saga has ended as it should: ${JSON.stringify(counts)}`);
}

const NAMES = { pg: 'postgres', driver: 'engine', service: 'participants', restate: 'server' };
/** What they print in our words. */
function asRun({ n, secs, sagas_s: sagasPerSecond, ms, cpu_s_per_1000: cpuSecondsPer1000, cpu, rss_mb: rss, foreign_cores: othersCores }) {
  const renamed = (record) => Object.fromEntries(Object.entries(record).map(([name, value]) => [NAMES[name] ?? name, value]));
  const { total: _total, pg: _pg, ...resident } = rss;
  return {
    sagas: n,
    seconds: secs,
    sagasPerSecond,
    latencyMs: { p50: ms.p50, p95: ms.p95, p99: ms.p99 },
    cpuSecondsPer1000,
    cpuByProcess: renamed(Object.fromEntries(Object.entries(cpu).filter(([, value]) => value > 0))),
    peakMemoryMb: renamed(resident),
    othersCores: Math.max(0, othersCores),
  };
}

/** What their runner has made; it does not remove it itself. */
export async function removePeersLeftovers() {
  for (const database of DATABASES) await dropDatabase(database);
  await deleteQueues(QUEUES);
  for (const name of ['peers-restate', 'peers-restate.log']) fs.rmSync(path.join(os.tmpdir(), name), { recursive: true, force: true });
}
