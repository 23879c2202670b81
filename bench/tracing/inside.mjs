// What tracing costs, without servers and without other processes: an engine, three participants, a store and a transport in this process, the
// SDK registered in every other round. node bench/tracing/inside.mjs [--rounds=12] [--count=500]
import 'reflect-metadata';
import { context, trace } from '@opentelemetry/api';
import { createHash } from 'node:crypto';
import { Container } from 'inversify';
import { namesIn } from '../../dist/src/core/wire.js';
import { Orchestrator } from '../../dist/src/engine/orchestrator.js';
import { createLogger } from '../../dist/src/main/log.js';
import { SystemClock, SystemRandom, UuidV7Ids } from '../../dist/src/main/system.js';
import { InMemorySagaStore } from '../../dist/src/memory/in-memory-saga-store.js';
import { InProcessTransport } from '../../dist/src/memory/in-process-transport.js';
import { InProcessBroker } from '../../dist/src/memory/transport-broker.js';
import { hostParticipants, noInbox, participant } from '../../dist/src/participant.js';
import { loadDefinitions } from '../../dist/src/saga/load.js';
import { SagaTracing } from '../../dist/src/telemetry/saga-tracing.js';
import { round } from '../lib/statistics.mjs';
import { contractsFor, sagaFor } from '../systems/bench-saga.mjs';

const option = (name, otherwise) => Number(process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise);
const rounds = option('rounds', 12);
const count = option('count', 500);
const clock = new SystemClock();
const logger = createLogger('warn', (line) => process.stderr.write(line));
const broker = new InProcessBroker(clock);
const transport = new InProcessTransport({ broker, clock, logger });
const contracts = contractsFor('none');
for (const contract of contracts)
  await hostParticipants({ transport, namespace: 'bench', logger, inbox: noInbox() })
    .add(participant(contract, { act: async ({ orderId }) => ({ ref: orderId }), undo: async () => {} }))
    .start();
const waiting = new Map();
const engine = new Orchestrator({
  plans: loadDefinitions(new Container(), [sagaFor(contracts, {})]).plans,
  store: new InMemorySagaStore(clock),
  transport,
  clock,
  random: new SystemRandom(),
  ids: new UuidV7Ids(),
  logger,
  hash: (text) => createHash('sha256').update(text).digest('hex'),
  settings: { namespace: 'bench' },
  tracing: new SagaTracing({ names: namesIn('bench'), logger, transport }),
  observer: { sagaEnded: ({ id }) => waiting.get(id)?.() },
});
await engine.run();

await import('./otel.mjs');
const provider = trace.getTracerProvider().getDelegate();
const without = [];
const withSdk = [];
for (let at = -4; at < 2 * rounds; at++) {
  const isOn = at % 2 !== 0;
  trace.disable();
  if (isOn) trace.setGlobalTracerProvider(provider);
  const cpu = await runOnce();
  if (at >= 0) (isOn ? withSdk : without).push(cpu);
}
trace.disable();
context.disable();
const looks = 1e6;
const before = process.cpuUsage();
const tracing = new SagaTracing({ names: namesIn('bench'), logger, transport });
for (let at = 0; at < looks; at++) tracing.active();
const look = process.cpuUsage(before);
console.log(
  JSON.stringify({
    sagasPerRound: count,
    rounds,
    cpuSecondsPer1000: { without: spread(without), with: spread(withSdk), more: round(part(withSdk, 0.25) - part(without, 0.25), 4) },
    nanosecondsOfALookWithoutSdk: Math.round(((look.user + look.system) * 1e3) / looks),
  }),
);
process.exit(0);

/** CPU seconds for a thousand sagas. */
async function runOnce() {
  const from = process.cpuUsage();
  await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const { id } = await engine.start({ name: 'bench', input: { orderId: `o-${at}`, fails: false, text: '' } });
      await new Promise((resolve) => waiting.set(id, resolve));
      waiting.delete(id);
    }),
  );
  // The processor's timer comes within the round that it belongs to.
  if (trace.getTracerProvider().getDelegate?.() === provider) await provider.forceFlush();
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1e3 / count;
}
function part(values, of) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * of)];
}
/** What others do on the machine only adds to a round, so that the lower quarter says more than the middle. */
function spread(values) {
  return { least: round(part(values, 0), 4), quarter: round(part(values, 0.25), 4), median: round(part(values, 0.5), 4) };
}
