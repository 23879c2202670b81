import { afterEach, describe, expect, it } from '@jest/globals';
import type { Message } from '../../../src/core/wire.js';
import { repliesOfDaemons } from '../../../src/engine/topology.js';
import { InProcessTransport } from '../../../src/memory/in-process-transport.js';
import { EngineWorld, until } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { planFrom } from '../../support/plans.js';

const plan = planFrom({ steps: [{ name: 'one' }, { name: 'two' }, { name: 'three' }] });
const request = { name: 'test-saga', input: null };
const LOOK_MS = 5_000;

describe('several daemons and their reply queues', () => {
  const worlds: EngineWorld[] = [];
  const make = (beside?: EngineWorld, plans = [plan]) => {
    const world = new EngineWorld({ plans, ...(beside && { beside }) });
    worlds.push(world);
    return world;
  };
  const opened = async (beside?: EngineWorld) => make(beside).open([]);
  afterEach(async () => {
    for (const world of worlds.splice(0)) {
      const stopping = world.engine.stop();
      await world.clock.advance(60_000);
      await stopping;
    }
  });

  /** A participant that answers only when it is told to, each command where it wants its answer. */
  async function participant(at: EngineWorld): Promise<{ readonly asked: Message[]; readonly answer: () => Promise<void> }> {
    const asked: Message[] = [];
    const waiting: Message[] = [];
    await at.open([]);
    const own = new InProcessTransport({ broker: at.broker, clock: at.clock, logger: at.logs });
    await own.consume('backstep.commands.p', { prefetch: 100 }, (deliveries) => {
      for (const delivery of deliveries) {
        asked.push(delivery.message);
        waiting.push(delivery.message);
        delivery.settle('done');
      }
    });
    const answer = async () => {
      for (const { correlationId, replyTo } of waiting.splice(0)) await at.reply(correlationId, 'success', '', 1, 'p', replyTo);
      await turns(40);
    };
    return { asked, answer };
  }
  const wanted = (messages: readonly Message[]) => messages.map(({ replyTo }) => replyTo);
  const settledBy = ({ settled }: EngineWorld) =>
    settled.filter(({ verdict }) => verdict === 'done').map(({ message }) => message.correlationId);

  it('one alone uses the shared queue, and makes no other', async () => {
    const alone = make();
    const { asked, answer } = await participant(alone);
    await alone.clock.advance(3 * LOOK_MS);
    const { id } = await alone.engine.start(request);
    await until(() => asked.length === 1);
    await answer();
    expect(wanted(asked)).toEqual(['backstep.replies', 'backstep.replies']);
    expect(alone.broker.stateOf('backstep.replies.1')).toBeUndefined();
    expect(alone.engine.replyQueues).toEqual(['backstep.replies']);
    expect(settledBy(alone)).toEqual([`${id}.one.a.1`]);
  });

  it('one asks for answers in its own queue only once another one consumes that queue too', async () => {
    const first = make();
    const { asked } = await participant(first);
    const other = new InProcessTransport({ broker: first.broker, clock: first.clock, logger: first.logs });
    const ignore = () => {};
    await other.consume('backstep.replies', { prefetch: 1 }, ignore);
    await first.clock.advance(2 * LOOK_MS);
    await turns(40);
    expect(first.broker.stateOf('backstep.replies.1')?.consumers).toBe(1);
    await first.engine.start(request);
    await until(() => asked.length === 1);
    await other.consume('backstep.replies.1', { prefetch: 1 }, ignore);
    await first.clock.advance(LOOK_MS);
    await turns(40);
    await first.engine.start(request);
    await until(() => asked.length === 2);
    expect(wanted(asked)).toEqual(['backstep.replies', 'backstep.replies.1']);
  });

  it('one whose companion leaves asks in the shared queue again, and says so once', async () => {
    const first = make();
    const { asked } = await participant(first);
    const second = await opened(first);
    await first.clock.advance(2 * LOOK_MS);
    await turns(40);
    expect(queueOf(first)).toBe('backstep.replies.2');
    const stopping = second.engine.stop();
    await second.clock.advance(60_000);
    await stopping;
    await second.transport.close();
    await first.clock.advance(3 * LOOK_MS);
    await turns(40);
    await first.engine.start(request);
    await until(() => asked.length === 1);
    expect(wanted(asked.splice(0))).toEqual(['backstep.replies']);
    expect(first.logs.lines.filter(({ message }) => message.includes('no other daemon is left'))).toHaveLength(1);
    await opened(first);
    await first.clock.advance(2 * LOOK_MS);
    await turns(40);
    asked.splice(0);
    await first.engine.start(request);
    await until(() => asked.length === 1);
    expect(wanted(asked)).toEqual(['backstep.replies.2']);
  });

  it('one alone takes what came for daemons that are no more', async () => {
    const first = make();
    const { asked, answer } = await participant(first);
    const { id } = await first.engine.start(request);
    await until(() => asked.length === 1);
    await first.transport.declare(repliesOfDaemons(first.names));
    await first.reply(`${id}.one.a.1`, 'success', '', 1, 'p', 'backstep.replies.3');
    await first.engine.stop();
    await first.transport.close();
    const next = await opened(first);
    await until(() => asked.length === 2);
    for (let round = 0; round < 2; round++) await answer();
    await until(async () => (await first.inner.find(id))!.state.end !== null);
    expect(wanted(asked)).toEqual(['backstep.replies', 'backstep.replies', 'backstep.replies']);
    expect(next.engine.replyQueues).toHaveLength(5);
  });

  it('of two each gets the answers to what it has sent, also when there is much to do', async () => {
    const first = make();
    const { asked, answer } = await participant(first);
    const second = await opened(first);
    await first.clock.advance(LOOK_MS);
    await turns(40);
    const ids = await Promise.all(
      [first, second].map(async ({ engine }) => Promise.all(Array.from({ length: 20 }, () => engine.start(request)))),
    );
    await until(() => asked.length === 40);
    for (let round = 0; round < 3; round++) await answer();
    await until(async () => (await Promise.all(ids.flat().map(({ id }) => first.inner.find(id)))).every((saga) => saga?.state.end));
    expect(new Set(wanted(asked))).toEqual(new Set(['backstep.replies.1', 'backstep.replies.2']));
    const [one, two] = [first, second].map((world) => new Set(settledBy(world).map((commandId) => commandId.split('.')[0])));
    expect([one, two]).toEqual(ids.map((started) => new Set(started.map(({ id }) => id))));
    expect(first.logs.lines.filter(({ message }) => message.includes('other daemons are there'))).toHaveLength(1);
  });

  it('what comes for one that is gone is taken by the other at once, which goes on with the saga', async () => {
    const first = make();
    const { asked, answer } = await participant(first);
    const second = await opened(first);
    await first.clock.advance(LOOK_MS);
    await turns(40);
    const { id } = await second.engine.start(request);
    await until(() => asked.length === 1);
    expect(wanted(asked)).toEqual(['backstep.replies.1']);
    await second.transport.close();
    for (let round = 0; round < 3; round++) await answer();
    await until(async () => (await first.inner.find(id))!.state.end !== null);
    expect(wanted(asked)).toEqual(['backstep.replies.1', 'backstep.replies.2', 'backstep.replies.2']);
  });

  it('have the same queue again after the broker was away, and another one gets the next that is free', async () => {
    const first = make();
    await participant(first);
    const second = await opened(first);
    await first.clock.advance(LOOK_MS);
    await turns(40);
    const third = await opened(first);
    await first.clock.advance(LOOK_MS);
    await turns(40);
    const queues = () => [first, second, third].map(queueOf);
    // The first one notices only when it looks again.
    expect(queues()).toEqual(['backstep.replies.2', 'backstep.replies.1', 'backstep.replies.3']);
    first.broker.disconnect();
    await turns(40);
    first.broker.reconnect();
    await first.clock.advance(LOOK_MS);
    await turns(40);
    expect(queues()).toEqual(['backstep.replies.2', 'backstep.replies.1', 'backstep.replies.3']);
    await first.engine.stop();
    await first.transport.close();
    const fourth = await opened(first);
    await first.clock.advance(LOOK_MS);
    await turns(40);
    expect(queueOf(fourth)).toBe('backstep.replies.2');
    expect(['backstep.replies.1', 'backstep.replies.4'].map((queue) => first.broker.stateOf(queue)?.consumers)).toEqual([3, 3]);
  });
});

function queueOf({ logs }: EngineWorld): string | undefined {
  const said = logs.lines.filter(({ message }) => message.includes('other daemons are there'));
  return said.at(-1)?.fields['queue'] as string | undefined;
}
