// Backstep's three participants in one process. `--participants=none`: no database. `inbox`: the SDK's inbox and an effect row for each
// command, in the participant's own schema and pool. `batch`: the same for several commands in one message, with one statement for the
// effects of all of them. `batch-none`: several commands in one message, no database. `--delay=MS`: they are slow. `--signing=HOW`: signed.
import 'reflect-metadata';
import pg from 'pg';
import { participant, hostParticipants, noInbox, pgInbox } from '../../dist/src/participant.js';
import { createLogger } from '../../dist/src/main/log.js';
import { NAME, PARTICIPANT_NAMES } from '../lib/servers.mjs';
import { contractsFor } from './bench-saga.mjs';
import { keysFor } from './signing.mjs';
import { openTransport } from './transport.mjs';

const option = (name) => process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const mode = option('participants');
const delayMs = Number(option('delay') ?? 0);
const logger = createLogger('warn', (line) => process.stderr.write(line));
const transport = openTransport(option('queue'), logger);
const hosts = [];
const pools = [];
for (const [index, contract] of contractsFor(mode).entries()) hosts.push(await serve(contract, PARTICIPANT_NAMES[index], index === 2));
console.log('READY');
process.once('SIGTERM', stop);
// Whoever started it is gone.
process.once('disconnect', stop);

function stop() {
  setTimeout(() => process.exit(1), 15_000).unref();
  void Promise.all(hosts.map((host) => host.stop()))
    .then(() => transport.close())
    .then(() => Promise.all(pools.map((pool) => pool.end())))
    .finally(() => process.exit(0));
}

async function serve(contract, name, mayDecline) {
  const isDeclined = (request) => mayDecline && request.fails;
  const reply = (request) => ({ ref: `${name}-${request.orderId}` });
  const signingKeys = keysFor(option('signing'), 'participants');
  const common = { transport, namespace: NAME, logger, ...(signingKeys && { signingKeys }) };
  if (mode === 'none' || mode === 'batch-none') {
    const act = async (request) => {
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
      if (isDeclined(request)) throw contract.act.rejection('declined');
      return reply(request);
    };
    return hostParticipants({ ...common, inbox: noInbox() })
      .add(participant(contract, { act, undo: async () => {} }))
      .start();
  }
  const pool = new pg.Pool({ connectionString: option('db'), max: 4 });
  pools.push(pool);
  const schema = `bench_${name}`;
  await pool.query(
    `create schema if not exists ${schema};
     create table if not exists ${schema}.effect (saga text, kind text, payload jsonb, at timestamptz default now())`,
  );
  const outcome = (request) => (isDeclined(request) ? contract.act.rejection('declined') : reply(request));
  const handlers = (mode === 'batch' ? setBased : oneByOne)(contract, schema, outcome);
  return hostParticipants({ ...common, inbox: pgInbox(pool, { schema }) })
    .add(handlers)
    .start();
}

/** One statement for the effects of a whole group. */
function setBased(contract, schema, outcome) {
  const insertAll = (tx, kind, commands) =>
    tx.query({
      name: 'effects',
      // One parameter: of an array the driver would escape every quote, and PostgreSQL read it twice.
      text: `insert into ${schema}.effect (saga, kind, payload) select saga, $1, payload from jsonb_to_recordset($2::jsonb) as done (saga text, payload jsonb)`,
      values: [kind, JSON.stringify(commands.map(({ saga, request }) => ({ saga: saga.id, payload: request })))],
    });
  return participant(contract, {
    act: {
      many: true,
      handle: async (commands, { tx }) => {
        const outcomes = commands.map(({ request }) => outcome(request));
        const done = commands.filter((_, at) => !(outcomes[at] instanceof Error));
        if (done.length > 0) await insertAll(tx, 'act', done);
        return outcomes;
      },
    },
    undo: {
      many: true,
      handle: async (commands, { tx }) => {
        await insertAll(tx, 'undo', commands);
        return commands.map(() => undefined);
      },
    },
  });
}

function oneByOne(contract, schema, outcome) {
  const insert = (tx, kind, request, context) =>
    tx.query({
      name: 'effect',
      text: `insert into ${schema}.effect (saga, kind, payload) values ($1, $2, $3)`,
      values: [context.saga.id, kind, JSON.stringify(request)],
    });
  return participant(contract, {
    act: async (request, context) => {
      const answer = outcome(request);
      if (answer instanceof Error) throw answer;
      await insert(context.tx, 'act', request, context);
      return answer;
    },
    undo: async (request, context) => {
      await insert(context.tx, 'undo', request, context);
    },
  });
}
