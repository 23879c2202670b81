import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { connect, sagaNamed, within, type OwnTransaction, type StartWithinOptions } from '../../../src/client.js';
import { command, contract, Saga, SagaDefinition, typed } from '../../../src/index.js';

const P = contract('p', { charge: command({ request: typed<{ cents: number }>() }) });
const Order = z.object({ orderId: z.string(), cents: z.coerce.number().int().positive(), note: z.string().optional() });
type Order = z.infer<typeof Order>;

@Saga({ name: 'order', version: 3, input: Order, key: ({ orderId }) => orderId })
class PlaceOrder extends SagaDefinition<Order, z.input<typeof Order>> {
  charge = this.step(P.charge, { request: ({ input }) => ({ cents: input.cents }), compensate: 'none' });
}
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** A transaction that takes everything, and what it was asked. */
function transaction(over: object = {}) {
  const asked: { readonly sql: string; readonly values: unknown[] }[] = [];
  const tx = { query: async (sql: string, values: unknown[]) => void asked.push({ sql, values }), ...over };
  return { asked, tx: tx as unknown as OwnTransaction };
}
const refusal = (promise: Promise<unknown>) => promise.then(() => undefined, (error: unknown) => error as { code: string; faults: string[] }); // prettier-ignore

describe('a start within a transaction', () => {
  it('is one statement that writes it down as it was given and tells the daemons', async () => {
    const { asked, tx } = transaction();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const started = await within(tx).start(
      PlaceOrder,
      { orderId: 'o-1', cents: '5' },
      { tags: { shop: 'nord' }, traceparent, tracestate: 'vendor=a' },
    );
    expect(started).toEqual({ id: expect.stringMatching(UUID_V7), name: 'order', key: 'o-1' });
    const input = '{"orderId":"o-1","cents":"5"}';
    expect(asked).toEqual([
      {
        sql: expect.stringMatching(/insert into "backstep"\.incoming_start .*pg_notify/s),
        values: [started.id, 'order', 3, 'o-1', '{"shop":"nord"}', input, traceparent, 'vendor=a', 'backstep_incoming'],
      },
    ]);
  });

  it('goes to the namespace of the client, and tells nobody where that is not wanted', async () => {
    const { asked, tx } = transaction();
    const client = connect({ url: 'http://127.0.0.1:1', namespace: 'shop' });
    await client.within(tx, { notify: false }).start(PlaceOrder, { orderId: 'o-1', cents: 5 });
    await client.within(tx, { namespace: 'other' }).start(PlaceOrder, { orderId: 'o-1', cents: 5 });
    expect(asked.map(({ sql }) => [/"\w+"/.exec(sql)![0], sql.includes('notify')])).toEqual([
      ['"shop"', false],
      ['"other"', true],
    ]);
    expect(await refusal(within(tx, { namespace: 'x"; drop' }).start(PlaceOrder, { orderId: 'o', cents: 5 }))).toMatchObject({
      code: 'SAGA_CONFIG_INVALID',
    });
  });

  it('keeps no state of a trace that it is not of', async () => {
    const { asked, tx } = transaction();
    const start = (options: StartWithinOptions) => within(tx).start(sagaNamed<PlaceOrder>('order'), { orderId: 'o', cents: 5 }, options);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    for (const options of [
      { traceparent },
      { tracestate: 'a=b' },
      { traceparent: 'odd', tracestate: 'a=b' },
      { traceparent, tracestate: 'ä' },
    ])
      await start(options);
    expect(asked.map(({ values }) => values.slice(6, 8))).toEqual([[traceparent, null], [null, null], [null, null], [traceparent, null]]); // prettier-ignore
  });

  it('says what to do where the table is one of before', async () => {
    const { tx } = transaction({ query: () => Promise.reject(Object.assign(new Error('no column'), { code: '42703' })) });
    const refused = await refusal(within(tx).start(PlaceOrder, { orderId: 'o-1', cents: 5 }));
    expect(refused).toMatchObject({ code: 'SAGA_SCHEMA_OUTDATED', message: expect.stringContaining('backstep migrate') });
  });

  it('of a saga by name leaves version and key to the daemon, unless they are given', async () => {
    const { asked, tx } = transaction();
    const order = { orderId: 'o-1', cents: 5 };
    expect(await within(tx).start(sagaNamed<PlaceOrder>('order'), order)).toMatchObject({ name: 'order', key: null });
    await within(tx).start(sagaNamed<PlaceOrder>('order', { version: 2 }), order, { key: 'k' });
    expect(asked.map(({ values }) => values.slice(1, 4))).toEqual([
      ['order', null, null],
      ['order', 2, 'k'],
    ]);
  });

  it('with faults says all of them, and asks the database nothing', async () => {
    const { asked, tx } = transaction();
    const wrong = { orderId: 7, cents: -1 } as never;
    expect(await refusal(within(tx).start(PlaceOrder, wrong))).toMatchObject({ code: 'SAGA_INPUT_INVALID', faults: [/orderId/, /cents/].map(matching) }); // prettier-ignore
    const long = { orderId: 'ä'.repeat(101), cents: 1 };
    expect(await refusal(within(tx).start(PlaceOrder, long))).toMatchObject({ faults: ['key has 202 bytes; the limit is 200'] });
    const tags = { good: 'yes', ['x'.repeat(201)]: 'long' };
    const named = sagaNamed<PlaceOrder>('order');
    expect((await refusal(within(tx).start(named, { a: 2n, b: '\u0000' } as never, { tags })))!.faults).toHaveLength(3);
    expect(await refusal(within(tx).start(named, 'x'.repeat(262_144) as never))).toMatchObject({ code: 'SAGA_INPUT_INVALID' });
    for (const nameless of [sagaNamed<PlaceOrder>('no name'), sagaNamed<PlaceOrder>('order', { version: 2 ** 31 })])
      expect(await refusal(within(tx).start(nameless, {} as never))).toMatchObject({ code: 'SAGA_UNKNOWN_DEFINITION' });
    class Undeclared extends SagaDefinition<Order> {}
    expect(await refusal(within(tx).start(Undeclared, long))).toMatchObject({ code: 'SAGA_DEFINITION_INVALID' });
    expect(asked).toEqual([]);
  });

  it.each([
    ['nothing', undefined, 'has no'],
    ['no transaction', { query: 1 }, 'has no'],
    ['a pool', { totalCount: 1 }, 'a pool'],
    ['a data source', { createQueryRunner: () => {} }, 'a data source'],
    ['a query runner', { manager: {} }, 'give its manager'],
    ['an idle client', { getTransactionStatus: () => 'I' }, 'in no transaction'],
    ['a failed transaction', { getTransactionStatus: () => 'E' }, 'has failed'],
    ['a manager without a transaction', { getRepository: () => {} }, 'in no transaction'],
    ['a manager whose transaction is over', { getRepository: () => {}, queryRunner: { isTransactionActive: false } }, 'in no transaction'],
    ['a manager of another database', { getRepository: () => {}, dataSource: { options: { type: 'mysql' } } }, 'a mysql database'],
  ])('needs one: %s is refused', async (_what, over, message) => {
    const { asked, tx } = transaction(over);
    const given = over === undefined ? (undefined as never) : tx;
    expect(await refusal(within(given).start(PlaceOrder, { orderId: 'o-1', cents: 5 }))).toMatchObject({
      code: 'SAGA_TRANSACTION_INVALID',
      message: expect.stringContaining(message),
    });
    expect(asked).toEqual([]);
  });

  it('takes open ones, of any driver', async () => {
    for (const over of [
      {},
      { getTransactionStatus: () => 'T' },
      { getRepository: () => {}, queryRunner: { isTransactionActive: true }, dataSource: { options: { type: 'postgres' } } },
    ]) {
      const { asked, tx } = transaction(over);
      await within(tx).start(PlaceOrder, { orderId: 'o-1', cents: 5 });
      expect(asked).toHaveLength(1);
    }
  });

  it('explains what the database says where only Backstep can, and leaves the rest as it is', async () => {
    const failing = (code: string) => transaction({ query: () => Promise.reject(Object.assign(new Error('no'), { code })) }).tx;
    const start = (code: string) => refusal(within(failing(code)).start(PlaceOrder, { orderId: 'o-1', cents: 5 }));
    expect(await start('42P01')).toMatchObject({ code: 'SAGA_SCHEMA_OUTDATED', message: expect.stringContaining('backstep migrate') });
    expect(await start('42501')).toMatchObject({ code: 'SAGA_TRANSACTION_INVALID', message: expect.stringContaining('grant usage') });
    expect(await start('25P02')).toMatchObject({ code: '25P02', message: 'no' });
  });
});

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
