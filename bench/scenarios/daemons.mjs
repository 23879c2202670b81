// One daemon process against four on the same cores: what they cost each other.
import { installed } from '../lib/installation.mjs';
import { warmUp } from '../lib/load.mjs';
import { startMeter } from '../lib/meter.mjs';
import { startAsNdjson } from '../lib/starts.mjs';
import { updatesOf } from '../lib/servers.mjs';

const NUMBERS = [1, 4];
const WINDOW = 2_000;
/** Each of four is a process that gets a quarter of the sagas to become warm with. */
const COUNT = 40_000;
const LOOK_MS = 50;

export const title = 'daemons: completed sagas a second of one and of four daemon processes';
export async function run(bench) {
  const { options } = bench;
  const { count = COUNT } = options;
  for (const participants of options.participants ?? ['none'])
    for (let turn = 1; turn <= options.repetitions; turn++)
      for (const number of NUMBERS)
        await bench.measure(
          { scenario: 'daemons', system: `backstep-${participants}`, variant: `${number} daemon${number > 1 ? 's' : ''}`, turn },
          () => installed({ ...options, participants }, (installation) => complete(installation, { ...options, number, count })),
        );
}

async function complete(installation, { number, count, payload: bytes, limit }) {
  for (let n = 0; n < number; n++) await installation.startDaemon();
  await installation.startParticipants();
  const urls = installation.daemons.map(({ url }) => url);
  const start = (amount) => startAsNdjson({ urls, count: amount, clients: 4, bytes });
  const giveUpAt = performance.now() + limit * 1_000;
  await keepBusy(installation, start, number * warmUp(count), giveUpAt);
  const meter = startMeter({ ...(await installation.processes()), clients: process.pid });
  const updatesBefore = await updatesOf(installation.url);
  await keepBusy(installation, start, count, giveUpAt);
  const measured = meter.stop(count);
  const counts = await installation.counts();
  if (Object.keys(counts).join() !== 'completed') throw new Error(`not every saga has completed: ${JSON.stringify(counts)}`);
  const { updates } = await updatesOf(installation.url);
  return { ...measured, figures: { updates: updates - updatesBefore.updates } };
}

/** Keeps about so many sagas in flight, until `count` have been started and none is open. */
async function keepBusy(installation, start, count, giveUpAt) {
  const before = await installation.ended();
  let started = 0;
  for (;;) {
    const open = started - ((await installation.ended()) - before);
    const more = Math.min(count - started, WINDOW - open);
    if (more > 0) await start(more);
    started += Math.max(0, more);
    if (started >= count && more <= 0 && open === 0) return;
    if (performance.now() > giveUpAt) throw new Error(`${count - started + open} of ${count} sagas had not ended within the limit`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
