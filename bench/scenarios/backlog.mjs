// Very many sagas in flight at participants that are away or slow: what holding them costs a daemon, and how fast they drain afterwards.
import { installed } from '../lib/installation.mjs';
import { startMeter } from '../lib/meter.mjs';
import { cpuSeconds, residentMb } from '../lib/processes.mjs';
import { round } from '../lib/statistics.mjs';
import { startAsNdjson } from '../lib/starts.mjs';
import { serverProcesses } from '../lib/servers.mjs';

/** Longer than any hold: a saga that turns back would be another load. */
const TIMEOUT = '12h';
const SLOW_MS = 20_000;
const SAMPLES = 120;

export const title = 'backlog: sagas in flight at participants that are away or slow';
export async function run(bench) {
  const { options } = bench;
  for (const participants of options.participants ?? ['none'])
    await bench.measure(
      { scenario: 'backlog', system: `backstep-${participants}`, variant: `${options.backlog} ${options.hold}`, turn: 1 },
      () => installed({ ...options, participants, timeout: TIMEOUT }, (installation) => holdAndDrain(bench, installation)),
    );
}

async function holdAndDrain({ options, say }, installation) {
  const { backlog, hold, payload: bytes } = options;
  await installation.startDaemon();
  const [daemon] = installation.daemons;
  if (hold === 'slow') await installation.startParticipants({ delayMs: SLOW_MS });
  await startAsNdjson({ urls: [daemon.url], count: backlog, clients: 4, bytes });
  say(`  ${backlog.toLocaleString('en')} sagas are started; they are held for ${options.minutes} min`);
  const held = await holding(daemon, options, installation);
  await installation.stopParticipants();
  const open = await installation.open();
  say(`  held: daemon ${held.figures.daemonMb} MB; now ${open.toLocaleString('en')} sagas drain`);
  await installation.startParticipants();
  const meter = startMeter(await installation.processes());
  await drained(installation, open, options.limit, say);
  const measured = meter.stop(Math.max(1, open));
  const counts = await installation.counts();
  if (Object.keys(counts).join() !== 'completed') throw new Error(`not every saga has completed: ${JSON.stringify(counts)}`);
  return { ...measured, ...held, figures: { ...held.figures, held: open, drainSeconds: measured.seconds } };
}

/** Samples the daemon while nothing is started. The sweep is the only thing that it does, besides sending again what is due for that. */
async function holding(daemon, { minutes, hold }, installation) {
  const lengthMs = minutes * 60_000;
  const everyMs = Math.max(250, lengthMs / SAMPLES);
  const { broker } = await serverProcesses();
  const begun = performance.now();
  const cpuAt = () => cpuSeconds({ daemon: daemon.pid }).daemon;
  const [cpuBefore, sweepsBefore] = [cpuAt(), await daemon.counts()];
  const samples = [];
  let last = { at: 0, cpu: cpuBefore, sweeps: sweepsBefore };
  while (performance.now() - begun < lengthMs) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(everyMs, Math.max(1, begun + lengthMs - performance.now()))));
    const now = { at: (performance.now() - begun) / 1_000, cpu: cpuAt(), sweeps: await daemon.counts() };
    const seconds = now.at - last.at;
    samples.push({
      seconds: round(now.at),
      daemonMb: residentMb(daemon.pid),
      ...(broker && { brokerMb: residentMb(broker) }),
      daemonCores: round((now.cpu - last.cpu) / seconds, 3),
      sweepCores: round((now.sweeps.cpuSeconds - last.sweeps.cpuSeconds) / seconds, 3),
      timers: now.sweeps.sagas - last.sweeps.sagas,
    });
    last = now;
  }
  const seconds = (performance.now() - begun) / 1_000;
  const quarter = Math.max(1, samples.length >> 2);
  const mean = (some) => some.reduce((sum, { daemonMb }) => sum + daemonMb, 0) / some.length;
  return {
    samples,
    figures: {
      daemonMb: Math.max(...samples.map(({ daemonMb }) => daemonMb)),
      daemonGrowth: round(mean(samples.slice(-quarter)) / mean(samples.slice(0, quarter)), 3),
      sweepCores: round((last.sweeps.cpuSeconds - sweepsBefore.cpuSeconds) / seconds, 4),
      daemonCores: round((last.cpu - cpuBefore) / seconds, 4),
      timers: last.sweeps.sagas - sweepsBefore.sagas,
      ...(hold === 'slow' && { endedMeanwhile: (await installation.counts()).completed ?? 0 }),
    },
  };
}

async function drained(installation, open, limit, say) {
  // A drain of a hundred thousand takes its time; it has failed when nothing ends any more.
  let least = open;
  let stalledAt = performance.now() + limit * 1_000;
  let toldAt = performance.now();
  for (let left = open; left > 0;) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    left = await installation.open();
    if (left < least) {
      least = left;
      stalledAt = performance.now() + limit * 1_000;
    }
    if (performance.now() > stalledAt) throw new Error(`${left} sagas are left, and for ${limit} s none has ended`);
    if (performance.now() - toldAt > 15_000) {
      toldAt = performance.now();
      say(`  ${left.toLocaleString('en')} are left`);
    }
  }
}
