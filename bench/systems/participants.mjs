// Backstep's three participants in one process. `--participants=none`: no database. `inbox`: the SDK's inbox and an effect row for each
// command, in the participant's own schema and pool.
import 'reflect-metadata';
import pg from 'pg';
import { participant, hostParticipants, noInbox, pgInbox } from '../../dist/src/participant.js';
import { openRabbitMq } from '../../dist/src/main/rabbitmq.js';
import { createLogger } from '../../dist/src/main/log.js';
import { SystemClock } from '../../dist/src/main/system.js';
import { RABBITMQ_URL } from '../lib/servers.mjs';
import { contractsFor } from './bench-saga.mjs';

const option = (name) => process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const mode = option('participants');
const namespace = option('namespace');
const logger = createLogger('warn', (line) => process.stderr.write(line));
const transport = openRabbitMq({ url: RABBITMQ_URL, namespace, clock: new SystemClock(), logger });
const contracts = contractsFor(mode);
const hosts = [];
for (const [index, contract] of contracts.entries()) hosts.push(await serve(contract, ['order', 'stock', 'card'][index], index === 2));
console.log('READY');
process.once('SIGTERM', () => {
  void Promise.all(hosts.map((host) => host.stop()))
    .then(() => transport.close())
    .finally(() => process.exit(0));
});

async function serve(contract, name, mayDecline) {
  const answer = (request) => {
    if (mayDecline && request.fails) throw contract.act.rejection('declined');
    return { ref: `${name}-${request.orderId}` };
  };
  const common = { transport, namespace, logger };
  if (mode !== 'inbox') {
    const handlers = participant(contract, { act: async (request) => answer(request), undo: async () => {} });
    return hostParticipants({ ...common, inbox: noInbox() })
      .add(handlers)
      .start();
  }
  const pool = new pg.Pool({ connectionString: option('db'), max: 4 });
  await pool.query(
    `create schema bench_${name}; create table bench_${name}.effect (saga text, kind text, payload jsonb, at timestamptz default now())`,
  );
  const insert = (tx, kind, request, context) =>
    tx.query({
      name: 'effect',
      text: `insert into bench_${name}.effect (saga, kind, payload) values ($1, $2, $3)`,
      values: [context.saga.id, kind, JSON.stringify(request)],
    });
  const handlers = participant(contract, {
    act: async (request, context) => {
      const reply = answer(request);
      await insert(context.tx, 'act', request, context);
      return reply;
    },
    undo: async (request, context) => {
      await insert(context.tx, 'undo', request, context);
    },
  });
  return hostParticipants({ ...common, inbox: pgInbox(pool, { schema: `bench_${name}` }) })
    .add(handlers)
    .start();
}
