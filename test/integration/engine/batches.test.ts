import { expect, it } from '@jest/globals';
import pg from 'pg';
import { BATCH_CONTENT } from '../../../src/core/wire.js';
import { command, contract, Saga, SagaDefinition, typed } from '../../../src/index.js';
import { hostParticipants, participant, pgInbox, type CommandContext } from '../../../src/participant.js';
import type { Started } from '../../../src/engine/service.js';
import type { Outgoing, Transport } from '../../../src/ports/transport.js';
import { RabbitMqTransport } from '../../../src/rabbitmq/rabbitmq-transport.js';
import { planOf } from '../../../src/saga/plan-of.js';
import { realClock, recordingLogger } from '../../contract/transport-parts.js';
import { closeAtEnd } from '../../support/closing.js';
import { Installation } from '../../support/engine-servers.js';
import { eventually } from '../../support/eventually.js';
import { amqpUrl } from '../../support/servers.js';

interface Order {
  number: number;
}
const commands = {
  act: command({ request: typed<Order>(), reply: typed<{ from: number }>(), rejections: ['declined'] }),
  undo: command({ request: typed<Order>() }),
};
/** Takes many in one message, the other one each alone. */
const Stock = contract('stock', commands, { batch: 20 });
const Cards = contract('cards', commands);

@Saga({ name: 'together', version: 1 })
class Together extends SagaDefinition<Order> {
  pick = this.step(Stock.act, {
    request: ({ input }) => input,
    compensate: { command: Stock.undo, request: ({ input }) => input },
  });
  pay = this.step(Cards.act, {
    request: ({ input }) => input,
    compensate: { command: Cards.undo, request: ({ input }) => input },
  });
  pack = this.step(Stock.act, {
    request: ({ input }) => input,
    compensate: { command: Stock.undo, request: ({ input }) => input },
  });
}

/** What a transport publishes from now on. */
function spyOn(transport: Transport): Outgoing[] {
  const seen: Outgoing[] = [];
  const publish = transport.publish.bind(transport);
  transport.publish = (batch) => {
    seen.push(...batch);
    return publish(batch);
  };
  return seen;
}

it('sagas whose participants take several commands in one message end as they would otherwise, with fewer messages', async () => {
  const installation = await Installation.open();
  const pool = new pg.Pool({ connectionString: installation.databaseUrl, max: 8 });
  closeAtEnd(() => pool.end());
  await pool.query('create table effect (kind text not null, step text not null, number int not null)');
  const transport = new RabbitMqTransport({
    urls: [amqpUrl()],
    clock: realClock,
    random: { next: () => 0.5 },
    logger: recordingLogger(),
    reconnectMs: { first: 50, longest: 500 },
  });
  closeAtEnd(() => transport.close());
  const answers = spyOn(transport);
  const handlers = (of: typeof Stock | typeof Cards) =>
    participant(of, {
      act: async ({ number }: Order, { tx, saga }: CommandContext<pg.PoolClient>) => {
        await tx.query('insert into effect values ($1, $2, $3)', ['act', saga.step, number]);
        if (saga.step === 'pack' && number % 5 === 0) throw of.act.rejection('declined');
        return { from: number };
      },
      undo: async ({ number }: Order, { tx, saga }: CommandContext<pg.PoolClient>) => {
        await tx.query('insert into effect values ($1, $2, $3)', ['undo', saga.step, number]);
      },
    });
  const host = await hostParticipants({
    transport,
    namespace: installation.names.namespace,
    inbox: pgInbox(pool, { schema: 'shop' }),
  })
    .add(handlers(Stock))
    .add(handlers(Cards))
    .start();
  closeAtEnd(() => host.stop());
  const { engine, store, transport: engines } = await installation.engine([planOf(new Together())]);
  const sent = spyOn(engines);

  const count = 200;
  const started = await engine.startMany(Array.from({ length: count }, (_, number) => ({ name: 'together', input: { number } })));
  await eventually(async () => (await store.versionsInFlight()).length === 0, { withinMs: 20_000 });

  for (const [number, one] of started.entries()) {
    const { state } = (await store.find((one as Started).id))!;
    expect(`${number} ${state.end}`).toBe(`${number} ${number % 5 === 0 ? 'compensated' : 'completed'}`);
  }
  const { rows } = await pool.query<{ kind: string; step: string; n: number; different: number }>(
    'select kind, step, count(*)::int n, count(distinct number)::int different from effect group by 1, 2 order by 1, 2',
  );
  expect(rows.map(({ kind, step, n, different }) => `${kind} ${step} ${n} ${different}`)).toEqual([
    'act pack 160 160',
    'act pay 200 200',
    'act pick 200 200',
    'undo pay 40 40',
    'undo pick 40 40',
  ]);
  const to = (participant: string) => sent.filter(({ routingKey }) => routingKey === participant);
  const isTogether = ({ message }: Outgoing) => message.contentType === BATCH_CONTENT;
  // 440 commands each way.
  expect(to('stock').length).toBeLessThan(220);
  expect(to('stock').filter(isTogether).length).toBeGreaterThan(0);
  expect(to('cards').filter(isTogether)).toEqual([]);
  expect(to('cards').length).toBeGreaterThanOrEqual(240);
  expect(answers.filter(isTogether).length).toBeGreaterThan(0);
  await eventually(async () => (await installation.waiting(['stock', 'cards'])) === 0);
}, 60_000);
