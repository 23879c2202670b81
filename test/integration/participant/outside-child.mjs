// @ts-nocheck: it runs against the build, as a user would
// A participant in a process of its own, whose handler charges a card at a "gateway" and then never returns: killed in the middle.
import pg from 'pg';
import { command, contract, typed } from '../../../dist/src/index.js';
import { hostParticipants, participant, pgInbox } from '../../../dist/src/participant.js';

const [postgresUrl, rabbitmq, namespace] = process.argv.slice(2);
const Payments = contract('payments', {
  charge: command({ request: typed(), reply: typed(), rejections: ['card-declined'] }),
  refund: command({ request: typed() }),
  capture: command({ request: typed(), reply: typed(), rejections: ['card-declined'] }),
  giveBack: command({ request: typed() }),
});
const pool = new pg.Pool({ connectionString: postgresUrl });
const never = async () => {};
const capture = async (_request, { commandId }) => {
  await pool.query('insert into gateway values ($1)', [commandId]);
  process.stdout.write('called\n');
  await new Promise(() => {});
};
const outside = (handle) => ({ effects: 'outside', handle });
await hostParticipants({ inbox: pgInbox(pool), rabbitmq, namespace })
  .add(participant(Payments, { charge: never, refund: never, capture: outside(capture), giveBack: outside(never) }))
  .start();
