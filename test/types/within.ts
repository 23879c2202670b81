import type { Pool, PoolClient } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { connect, sagaNamed, within } from '../../src/client.js';
import { PlaceOrder } from './place-order.saga.js';

declare const manager: EntityManager;
declare const client: PoolClient;
declare const pool: Pool;
declare const dataSource: DataSource;

declare const order: Parameters<typeof startIt>[0];
async function startIt(input: PlaceOrder['~input']['sent']): Promise<string | null> {
  const { id, name, key } = await within(manager).start(PlaceOrder, input, { key: 'k', tags: { shop: 'nord' } });
  await connect({ url: '' }).within(client, { namespace: 'shop' }).start(sagaNamed<PlaceOrder>('place-order'), input);
  return key ?? id + name;
}
void startIt(order);

// @ts-expect-error another input
void within(manager).start(PlaceOrder, { orderId: 1 });
// @ts-expect-error another input of a saga by name
void within(client).start(sagaNamed<PlaceOrder>('place-order'), { nothing: true });
// @ts-expect-error no input
void within(client).start(PlaceOrder);
// @ts-expect-error a tag that is no text
void within(client).start(PlaceOrder, order, { tags: { n: 1 } });
// @ts-expect-error a pool is no transaction
within(pool);
// @ts-expect-error nor is a data source
within(dataSource);
// @ts-expect-error a reference is not a handle: nobody can wait for what has not started
void within(manager).start(PlaceOrder, order).then((saga) => saga.outcome()); // prettier-ignore
