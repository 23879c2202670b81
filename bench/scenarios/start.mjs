// Starts a second until the first command of each is in its queue: over HTTP from several clients, as NDJSON, as messages.
import { installed } from '../lib/installation.mjs';
import { startMeter } from '../lib/meter.mjs';
import { countCommands, startAsNdjson, startOverHttp, startOverTheWire } from '../lib/starts.mjs';

const CLIENTS = { http: 32, ndjson: 4, wire: 1 };
const START = { http: startOverHttp, ndjson: startAsNdjson, wire: startOverTheWire };
const WARM = 500;

export const title = 'start: starts with the first command sent, one daemon process';
export async function run(bench) {
  const { options } = bench;
  const [participants = 'none'] = options.participants ?? [];
  const { count = 10_000 } = options;
  for (let turn = 1; turn <= options.repetitions; turn++)
    for (const via of Object.keys(START))
      await bench.measure({ scenario: 'start', system: `backstep-${participants}`, variant: via, turn }, () =>
        installed({ ...options, participants }, (installation) => starts(installation, { ...options, via, count })),
      );
}

async function starts(installation, { via, count, payload: bytes, limit }) {
  await installation.startDaemon();
  const urls = installation.daemons.map(({ url }) => url);
  const commands = await countCommands('order');
  try {
    const start = (amount) => START[via]({ urls, count: amount, clients: CLIENTS[via], bytes });
    const warm = Math.min(WARM, Math.ceil(count / 5));
    await start(warm);
    await commands.until(warm, limit * 1_000);
    const meter = startMeter({ ...(await installation.processes()), clients: process.pid });
    await start(count);
    await commands.until(warm + count, limit * 1_000);
    return meter.stop(count);
  } finally {
    await commands.close();
  }
}
