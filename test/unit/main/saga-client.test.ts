import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Container } from 'inversify';
import { connect, sagaNamed, SagaStillRunningError, type Client } from '../../../src/client.js';
import { command, contract, Saga, SagaDefinition, typed } from '../../../src/index.js';
import { openServer, type HttpServer } from '../../../src/http/server.js';
import { loadDefinitions } from '../../../src/saga/load.js';
import { succeeds } from '../../support/engine.js';
import { Api } from '../http/api.js';

const P = contract('p', {
  charge: command({ request: typed<{ total: number }>(), reply: typed<{ paymentId: string }>(), rejections: ['card-declined'] }),
  refund: command({ request: typed<{ total: number }>() }),
});
interface Order {
  readonly orderId: string;
  readonly total: number;
}
@Saga<undefined>({ name: 'order', version: 1 })
class PlaceOrder extends SagaDefinition<Order> {
  charge = this.step(P.charge, {
    request: ({ input }) => ({ total: input.total }),
    compensate: { command: P.refund, request: ({ own }) => ({ total: own.request.total }) },
  });
}

let api: Api;
let server: HttpServer;
let client: Client;
beforeAll(async () => {
  api = await new Api(loadDefinitions(new Container(), [PlaceOrder]).plans).open();
  server = await openServer((request) => api.app.fetch(request), { host: '127.0.0.1', port: 0 });
  client = connect({ url: server.url, name: 'shop' });
});
afterEach(() => {
  api.world.script = succeeds;
});
afterAll(async () => {
  await server.stop(1_000);
  await api.world.engine.stop();
});

describe('the client', () => {
  it('starts a saga by its class and gives the replies of its steps, typed', async () => {
    api.world.script = () => ({ body: '{"paymentId":"pay-1"}' });
    const saga = await client.start(PlaceOrder, { orderId: 'o-1', total: 3 }, { tags: { shop: 'north' } });
    const outcome = await saga.outcome({ wait: '5s' });
    expect(outcome).toEqual({ status: 'completed', id: saga.id, replies: { charge: { paymentId: 'pay-1' } } });
    if (outcome.status === 'completed') outcome.replies.charge.paymentId satisfies string;
  });

  it('gives the reason, typed by step and code, when it was undone', async () => {
    api.world.script = ({ phase }) => (phase === 'a' ? { outcome: 'rejected', body: '{"code":"card-declined"}' } : {});
    const outcome = await (await client.start(sagaNamed<PlaceOrder>('order'), { orderId: 'o-2', total: 3 })).outcome({ wait: '5s' });
    expect(outcome).toMatchObject({ status: 'compensated', reason: { kind: 'rejected', step: 'charge', code: 'card-declined' } });
    if (outcome.status === 'compensated' && outcome.reason.kind === 'rejected') outcome.reason.code satisfies 'card-declined';
  });

  it('finds a saga by its key, which also makes starting it again safe', async () => {
    const started = await client.start(PlaceOrder, { orderId: 'o-3', total: 3 }, { key: 'k-3' });
    expect((await client.start(PlaceOrder, { orderId: 'o-3', total: 3 }, { key: 'k-3' })).id).toBe(started.id);
    expect(await client.saga(PlaceOrder, { key: 'k-3' }).outcome({ wait: '5s' })).toMatchObject({ id: started.id, status: 'completed' });
    await expect(client.saga(PlaceOrder, { key: 'none' }).outcome()).rejects.toMatchObject({ code: 'SAGA_NOT_FOUND' });
    await expect(client.start(PlaceOrder, { orderId: 'o-3', total: 4 }, { key: 'k-3' })).rejects.toMatchObject({ code: 'SAGA_KEY_REUSED' });
  });

  it('says where the saga is when the time is up', async () => {
    api.world.script = () => undefined;
    const saga = await client.start(PlaceOrder, { orderId: 'o-4', total: 3 });
    const error: unknown = await saga.outcome({ wait: '0s' }).catch((late: unknown) => late);
    expect(error).toBeInstanceOf(SagaStillRunningError);
    expect(error).toMatchObject({ code: 'SAGA_STILL_RUNNING', id: saga.id, status: 'running' });
  });

  it('finds sagas', async () => {
    api.world.script = ({ phase }) => (phase === 'a' ? undefined : {});
    const saga = await client.start(PlaceOrder, { orderId: 'o-6', total: 3 }, { tags: { shop: 'a=b' } });
    const filter = { name: 'order', status: ['running'], tags: { shop: 'a=b' }, waitingFor: 'p', step: 'charge' } as const;
    expect(await client.find({ ...filter, startedAfter: new Date(0), limit: 5 })).toEqual({
      sagas: [expect.objectContaining({ id: saga.id })],
    });
    expect(await client.find({ ...filter, startedBefore: new Date(0) })).toEqual({ sagas: [] });
  });

  it('cancels in its own name', async () => {
    api.world.script = ({ phase }) => (phase === 'a' ? undefined : {});
    const saga = await client.start(PlaceOrder, { orderId: 'o-5', total: 3 });
    await client.saga(PlaceOrder, { id: saga.id }).cancel('changed my mind');
    expect((await api.get(`/api/v1/sagas/${saga.id}`)).body).toMatchObject({ reason: { by: 'shop', text: 'changed my mind' } });
  });

  it('says that the server cannot be reached', async () => {
    const nowhere = connect({ url: 'http://127.0.0.1:64999' });
    await expect(nowhere.start(PlaceOrder, { orderId: 'o', total: 1 })).rejects.toMatchObject({ code: 'SAGA_UNAVAILABLE' });
  });

  it('does not compile with the input of another saga, nor for the id of one that is found by key', () => {
    const wrong = async () => {
      // @ts-expect-error -- the input of another saga
      await client.start(PlaceOrder, { orderId: 1 });
      // @ts-expect-error -- the same by name
      await client.start(sagaNamed<PlaceOrder>('order'), { total: 'x' });
      // @ts-expect-error -- found by key, its id is not known yet
      client.saga(PlaceOrder, { key: 'k' }).id satisfies string;
    };
    expect(typeof wrong).toBe('function');
  });
});
