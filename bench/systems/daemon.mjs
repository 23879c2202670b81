// A daemon process: what `backstep serve` puts together, with the type of the queues chosen, and with a count of what its sweep of timers
// cost and of the sagas that have ended here. It answers every message of its parent with these.
import { createDaemon } from '../../dist/src/main/daemon.js';
import { createLogger } from '../../dist/src/main/log.js';
import { openSagas } from '../../dist/src/main/sagas.js';
import { connect } from '../../dist/src/postgres/connect.js';
import { PostgresSagaStore } from '../../dist/src/postgres/postgres-saga-store.js';
import { fileURLToPath } from 'node:url';
import { NAME } from '../lib/servers.mjs';
import { openTransport } from './transport.mjs';

const option = (name) => process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const logger = createLogger('warn', (line) => process.stderr.write(line));
const { plans } = await openSagas([fileURLToPath(new URL('./sagas', import.meta.url))], logger);
const store = new PostgresSagaStore(await connect({ url: option('db'), namespace: NAME, logger }));
const sweeps = counted(store);
let ended = 0;
const daemon = await createDaemon({
  plans,
  store,
  transport: openTransport(option('queue'), logger),
  logger,
  http: { host: '127.0.0.1', port: 0, isOwnProcess: true },
  settings: { namespace: NAME },
  observer: { sagaEnded: () => (ended += 1) },
});
console.log(`${daemon.url} READY`);
process.on('message', () => process.send({ ...sweeps, ended }));
process.once('SIGTERM', stop);
// Whoever started it is gone.
process.once('disconnect', stop);

function stop() {
  setTimeout(() => process.exit(1), 15_000).unref();
  void daemon.stop().finally(() => process.exit(0));
}

/**
 * CPU of this process between the beginning and the end of each look at due sagas, and how many sagas were due. While nothing else goes on
 * that is what the sweep costs; beside other work it is too much.
 */
function counted(swept) {
  const found = { looks: 0, sagas: 0, cpuSeconds: 0 };
  const commitDue = swept.commitDue.bind(swept);
  swept.commitDue = async (limit, versions, decide) => {
    const before = process.cpuUsage();
    try {
      return await commitDue(limit, versions, (loaded) => {
        found.sagas += loaded.sagas.size;
        return decide(loaded);
      });
    } finally {
      const { user, system } = process.cpuUsage(before);
      found.looks++;
      found.cpuSeconds += (user + system) / 1e6;
    }
  };
  return found;
}
