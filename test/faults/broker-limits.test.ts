import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Started } from '../../src/engine/service.js';
import type { Transport } from '../../src/ports/transport.js';
import { rabbitMqAt, Stage, Step } from '../integration/participant/stage.js';
import { Installation } from '../support/engine-servers.js';
import { eventually } from '../support/eventually.js';
import { planFrom } from '../support/plans.js';
import { RawPublisher } from '../support/raw-publish.js';
import { closeAtEnd } from '../support/closing.js';
import { privateRabbit, uniqueNamespace, type PrivateRabbit } from '../support/servers.js';

let broker: PrivateRabbit;
beforeAll(async () => {
  broker = await privateRabbit();
}, 90_000);

/** Sets a limit of the broker that is no setting of a queue; for channels that are opened from now on. */
const set = (name: string, value: number) => broker.ctl('eval', `application:set_env(rabbit, ${name}, ${value}).`);

/** The same transport; says how many messages came in. */
function telling(transport: Transport, arrived: (count: number) => void): Transport {
  return new Proxy(transport, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'consume') return (value as (...all: unknown[]) => unknown).bind(target);
      const consume: Transport['consume'] = (queue, options, deliver) =>
        target.consume(queue, options, (deliveries) => {
          arrived(deliveries.length);
          return deliver(deliveries);
        });
      return consume;
    },
  });
}

describe('a broker that', () => {
  it('[B18] waits too briefly for an acknowledgement: the command comes again while it is handled, and has one effect', async () => {
    // The broker looks every minute otherwise.
    await set('channel_tick_interval', 500);
    await set('consumer_timeout', 1_500);
    const stage = await Stage.open({ namespace: uniqueNamespace('slow'), connect: () => rabbitMqAt(broker.url) });
    let deliveries = 0;
    let calls = 0;
    let arrived = (_count: number) => {};
    const copyHasCome = new Promise<void>((resolve) => {
      arrived = (count) => {
        deliveries += count;
        if (deliveries > 1) resolve();
      };
    });
    stage.script.capture = async () => {
      calls++;
      await copyHasCome;
    };
    const returned: number[] = [];
    for (let host = 0; host < 2; host++)
      await stage.host({
        settings: { lockWaitMs: 10_000 },
        transport: telling(stage.wiring.connect(), (count) => arrived(count)),
        observer: { answered: () => void returned.push(host) },
      });
    const step = new Step('capture');
    await stage.send(step.action);
    expect(await stage.answer(step.action, 1)).toBe(JSON.stringify({ paymentId: step.action.id }));
    // The host whose channel was closed answers as well as the one that got the copy.
    expect(await stage.answer(step.action, 2)).toBe(JSON.stringify({ paymentId: step.action.id }));
    expect([calls, await stage.effects()]).toEqual([1, [`capture ${step.action.id}`]]);
    expect(returned.length).toBeGreaterThan(1);
    await set('consumer_timeout', 1_800_000);
    await set('channel_tick_interval', 60_000);
  }, 150_000);

  it('[C10] takes smaller messages than we send: that step times out and its saga turns back, the others complete', async () => {
    await set('max_message_size', 50_000);
    const request = ({ input }: { input: unknown }) => input;
    const small = { name: 'small' };
    const plan = planFrom({ steps: [small, { name: 'large', request, attempts: 1, timeoutMs: 4_000 }, { name: 'last' }] });
    const installation = await Installation.open({ brokerUrl: broker.url });
    const { engine, logs } = await installation.engine([plan]);
    await installation.participant('p', () => ({}));
    const inputs = Array.from({ length: 60 }, (_, i) => (i === 30 ? 'x'.repeat(60_000) : `small ${i}`));
    const started = await engine.startMany(inputs.map((input) => ({ name: 'test-saga', input })));
    const ends = await Promise.all(started.map(async (one) => (await engine.waitUntilFinal((one as Started).id, 40_000)).state.end));
    expect(ends).toEqual(inputs.map((_, i) => (i === 30 ? 'compensated' : 'completed')));
    expect(logs.count('channel for publishing is replaced')).toBeGreaterThan(0);
    await set('max_message_size', 134_217_728);
  }, 90_000);

  it('[C14] lets everything in our queues expire at once: it is sent again, and the sagas end when the policy is gone', async () => {
    const plan = planFrom({ steps: [{ name: 'one' }, { name: 'two' }] });
    const installation = await Installation.open({ brokerUrl: broker.url });
    const { engine } = await installation.engine([plan]);
    const { namespace } = installation.names;
    await broker.ctl('set_policy', 'hasty', `^${namespace}\\.`, '{"message-ttl":0}', '--apply-to', 'queues');
    const started = await engine.startMany(Array.from({ length: 20 }, () => ({ name: 'test-saga', input: null })));
    // Nobody consumes yet, so that all of it expires.
    const publisher = await RawPublisher.open(broker.url);
    closeAtEnd(() => publisher.close());
    await installation.participant('nobody', () => undefined);
    await eventually(async () => (await installation.waiting([])) === 0);
    await broker.ctl('clear_policy', 'hasty');
    const received = await installation.participant('p', () => ({}));
    const ends = await Promise.all(started.map(async (one) => (await engine.waitUntilFinal((one as Started).id, 40_000)).state.end));
    expect(new Set(ends)).toEqual(new Set(['completed']));
    expect(received.filter(({ step }) => step === 'one').length).toBeGreaterThanOrEqual(20);
  }, 90_000);
});
