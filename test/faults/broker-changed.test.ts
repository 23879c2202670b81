import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import amqp, { type Channel, type ChannelModel, type Options } from 'amqplib';
import type { SagaError } from '../../src/core/errors.js';
import { Installation } from '../support/engine-servers.js';
import { eventually } from '../support/eventually.js';
import { privateRabbit, type PrivateRabbit } from '../support/servers.js';
import { AS_DEPLOYED, expectEnds, Flow, measured, plan, script } from './parts.js';

/** A command that was lost is sent again when its attempt times out, after three seconds; the rest is slack for a busy machine. */
const LOST_MS = 20_000;

describe('a broker that somebody changes under load', () => {
  let rabbit: PrivateRabbit;
  let admin: ChannelModel;
  let channel: Channel;
  beforeAll(async () => {
    rabbit = await privateRabbit();
  }, 150_000);
  let at: Installation;
  afterEach(async () => {
    await admin.close().catch(() => {});
    await at.close();
  }, 30_000);

  async function adminConnects(): Promise<void> {
    admin = await amqp.connect(rabbit.url);
    admin.on('error', () => {});
    channel = await admin.createChannel();
  }
  /** Whether somebody consumes from the queue, if it is there. */
  async function isConsumed(queue: string): Promise<boolean> {
    const asking = await admin.createChannel();
    asking.on('error', () => {});
    const count = await asking.checkQueue(queue).then(({ consumerCount }) => consumerCount, () => 0); // prettier-ignore
    await asking.close().catch(() => {});
    return count > 0;
  }

  async function underLoad({ everyMs = 80, brokerUrl = rabbit.url, hasParticipant = true } = {}) {
    await adminConnects();
    at = await Installation.open({ brokerUrl });
    const flow = new Flow(everyMs);
    const opened = await at.engine([plan], { transport: AS_DEPLOYED, observer: flow.observer });
    const participate = () => at.participant('p', script, AS_DEPLOYED);
    flow.run(opened.engine);
    if (hasParticipant) {
      await participate();
      await flow.untilNextEnd();
    }
    const over = async () => {
      await flow.stop();
      expect(flow.refused).toEqual([]);
      const from = performance.now();
      await expectEnds(opened.store, flow.ids, LOST_MS);
      await eventually(async () => (await at.waiting(['p'])) === 0, { withinMs: 10_000 });
      await eventually(async () => (await opened.engine.problems()).length === 0);
      return performance.now() - from;
    };
    return { ...opened, flow, over, participate };
  }

  it('[D5] queues are deleted under their consumers: declared and consumed again, and every saga ends', async () => {
    const { flow, over } = await underLoad();
    for (const queue of [at.names.replies, at.names.commands('p'), at.names.starts, at.names.deadLetters]) {
      await channel.deleteQueue(queue);
      await flow.untilNextEnd();
      await eventually(() => isConsumed(queue), { withinMs: 10_000 });
    }
    measured('D5', 'ms until all had ended', await over());
  }, 150_000);

  it('[D6] queues are emptied: what was lost is sent again, and every saga ends', async () => {
    const { flow, over, participate } = await underLoad({ everyMs: 10, hasParticipant: false });
    const purge = async (queue: string) => (await channel.purgeQueue(queue)).messageCount;
    // Nobody takes commands yet: they wait in the queue.
    let lost = 0;
    await eventually(async () => (lost += await purge(at.names.commands('p'))) > 20, { withinMs: 20_000 });
    await participate();
    const deadline = performance.now() + 2_000;
    while (performance.now() < deadline) for (const queue of [at.names.replies, at.names.commands('p')]) lost += await purge(queue);
    await flow.untilNextEnd();
    measured('D6', `ms until all had ended, of ${lost} messages lost`, await over());
  }, 150_000);

  it('[D7] the exchange is deleted: declared again, and every saga ends', async () => {
    const { flow, over } = await underLoad();
    for (let round = 0; round < 3; round++) {
      await channel.deleteExchange(at.names.commandExchange);
      await flow.untilNextEnd();
    }
    measured('D7', 'ms until all had ended', await over());
  }, 150_000);

  it('[D7] a binding is gone: commands stay in flight, the log says whose, and they are sent when it is back', async () => {
    const { flow, logs, over } = await underLoad();
    await channel.unbindQueue(at.names.commands('p'), at.names.commandExchange, 'p');
    await eventually(() => logs.count('no queue for participant p: is it running? The command stays in flight and is sent again') === 1);
    // It is one of the bindings that the engine itself wants, so it makes it again.
    await flow.untilNextEnd();
    measured('D7', 'ms until all had ended', await over());
  }, 150_000);

  it('[D11] a full queue that refuses messages: they wait and are sent again when there is room', async () => {
    const { logs, flow, over, participate } = await underLoad({ hasParticipant: false });
    await rabbit.ctl('set_policy', 'full', at.names.commands('p'), '{"max-length":1,"overflow":"reject-publish"}', '--apply-to', 'queues');
    await eventually(() => logs.count('commands may not have been sent; their timers send them again') > 0, { withinMs: 20_000 });
    expect(JSON.stringify(logs.lines)).toContain('the outcome of publishing stayed unknown');
    await rabbit.ctl('clear_policy', 'full');
    await participate();
    await flow.untilNextEnd();
    measured('D11', 'ms until all had ended', await over());
  }, 150_000);

  it.each<[string, string, 'replies' | 'starts', Options.AssertQueue, string]>([
    ['D8', 'of another type', 'replies', { durable: true }, 'its x-queue-type is none, wanted quorum'],
    ['D15', 'that is lost with the broker', 'replies', { durable: false }, 'its durable is false, wanted true'],
    ['D15', 'that goes with its consumer', 'replies', { durable: true, autoDelete: true }, 'its auto_delete is true, wanted false'],
    [
      'D17',
      'of starts without dead letters',
      'starts',
      { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 20 } },
      'its x-dead-letter-exchange is none, wanted ',
    ],
    [
      'D17',
      'of starts that may drop dead letters',
      'starts',
      {
        durable: true,
        arguments: {
          'x-queue-type': 'quorum',
          'x-delivery-limit': 20,
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': 'dead',
          'x-overflow': 'reject-publish',
        },
      },
      'its x-dead-letter-',
    ],
  ])(
    '[%s] a queue %s keeps an engine from starting, and the difference is named',
    async (_, __, queue, options, difference) => {
      await adminConnects();
      at = await Installation.open({ brokerUrl: rabbit.url });
      const dead = at.names.deadLetters;
      const given = options.arguments as Record<string, unknown> | undefined;
      const changed = given?.['x-dead-letter-routing-key'] === 'dead' ? { ...given, 'x-dead-letter-routing-key': dead } : given;
      await channel.assertQueue(at.names[queue], { ...options, arguments: changed });
      const error = await at.engine([plan]).then(() => undefined, (caught: SagaError) => caught); // prettier-ignore
      expect(error).toMatchObject({ code: 'SAGA_TOPOLOGY_CONFLICT' });
      expect(error!.faults).toEqual([expect.stringContaining(`queue ${at.names[queue]}: ${difference}`)]);
      await at.close();
      // No crash loop: once it is mended the same start works.
      await channel.deleteQueue(at.names[queue]);
      await at.engine([plan]);
    },
    120_000,
  );

  it('[D16] permissions are taken away: said as what it is, nothing is lost, and it goes on when they are back', async () => {
    const user = { name: 'keeper', password: 'secret-1' };
    await rabbit.ctl('add_user', user.name, user.password);
    await rabbit.ctl('set_permissions', user.name, '.*', '.*', '.*');
    const url = new URL(rabbit.url);
    [url.username, url.password] = [user.name, user.password];
    const { engine, flow, logs, over } = await underLoad({ brokerUrl: url.href });

    // A channel remembers what it was allowed to do; new ones ask again.
    await rabbit.ctl('set_permissions', user.name, '^$', '^$', '^$');
    await rabbit.ctl('close_all_connections', 'because');
    await eventually(async () => (await engine.problems()).join().includes('ACCESS_REFUSED'), { withinMs: 20_000 });
    // Who may not declare uses what is there, so it is publishing that is refused.
    expect(logs.count('The channel for publishing is replaced')).toBeGreaterThan(0);
    expect(logs.count('exist with other arguments')).toBe(0);
    await rabbit.ctl('set_permissions', user.name, '.*', '.*', '.*');
    const back = await flow.untilNextEnd();
    measured('D16', 'ms from permissions that are back to the next saga that ends', back);
    expect(back).toBeLessThan(LOST_MS);

    // Another password: connections stay until they are cut, then nobody gets in.
    await rabbit.ctl('change_password', user.name, 'secret-2');
    await rabbit.ctl('close_all_connections', 'because');
    await eventually(async () => (await engine.problems()).join().includes('user or password is wrong'), { withinMs: 20_000 });
    expect(JSON.stringify(logs.lines)).not.toMatch(/secret-\d/);
    await rabbit.ctl('change_password', user.name, user.password);
    const again = await flow.untilNextEnd();
    measured('D16', 'ms from the right password to the next saga that ends', again);
    expect(again).toBeLessThan(LOST_MS);
    // What the refused declaration said is looked at again after half a minute; the sagas have ended long before.
    await flow.stop();
    expect(flow.refused).toEqual([]);
    await eventually(async () => (await engine.problems()).length === 0, { withinMs: 40_000, everyMs: 200 });
    await over();
  }, 120_000);
});
