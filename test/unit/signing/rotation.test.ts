import { afterEach, describe, expect, it } from '@jest/globals';
import { statusOf } from '../../../src/core/state.js';
import { InMemoryInbox } from '../../../src/memory/in-memory-inbox.js';
import { InProcessTransport } from '../../../src/memory/in-process-transport.js';
import { Host, type HostParts } from '../../../src/participant/host.js';
import type { SignatureFault } from '../../../src/ports/signing.js';
import { command, contract } from '../../../src/saga/contract.js';
import { handlersOf } from '../../../src/saga/handlers.js';
import { participant } from '../../../src/saga/participant.js';
import { typed } from '../../../src/saga/schema.js';
import { EngineWorld, until } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { planFrom } from '../../support/plans.js';
import { hmacKey, pairKey, signingOf, type KeyText } from '../../support/signing.js';

const STEPS = ['charge', 'ship', 'mail'];
const PLAN = planFrom({ steps: STEPS.map((name) => ({ name })) });
const anything = () => command({ request: typed<{ do: string }>(), reply: typed<object>() });
const P = contract('p', { charge: anything(), ship: anything(), mail: anything() });
const [old, fresh] = ['p-old', 'p-new'] as const;
const state = (id: string, of: KeyText['state']) => hmacKey('p', id, { state: of! });

/** What the processes have at each step of docs/signing.md: daemon and participant. */
type Stage = readonly [daemon: readonly KeyText[], participant: readonly KeyText[]];
const same = (...keys: readonly KeyText[]): Stage => [keys, keys];
const pair = (forDaemon: boolean, of: KeyText['state']): readonly KeyText[] => [
  { ...pairKey({ orchestrator: true }, 'o', forDaemon), state: of! },
  { ...pairKey({ participant: 'p' }, 'pp', !forDaemon), state: of! },
];
const withPairs = (secret: KeyText['state'], pairs: KeyText['state']): Stage => [
  [state(old, secret), ...pair(true, pairs)],
  [state(old, secret), ...pair(false, pairs)],
];
const ROTATIONS: readonly (readonly [string, readonly Stage[]])[] = [
  [
    'one secret for another',
    [
      same(state(old, 'active')),
      same(state(old, 'active'), state(fresh, 'accepted')),
      same(state(old, 'accepted'), state(fresh, 'active')),
      same(state(old, 'revoked'), state(fresh, 'active')),
    ],
  ],
  [
    'a secret for key pairs',
    [same(state(old, 'active')), withPairs('active', 'accepted'), withPairs('accepted', 'active'), withPairs('revoked', 'active')],
  ],
];

/** A daemon and a host of `p` on one broker, each of which is replaced while sagas are under way. */
class Installation {
  readonly refused: (SignatureFault | undefined)[] = [];
  readonly ids: string[] = [];
  private readonly first = new EngineWorld({ plans: [PLAN] });
  private readonly inbox = new InMemoryInbox(this.first.clock);
  world: EngineWorld = this.first;
  private host: Host | undefined;

  async daemon(keys: readonly KeyText[]): Promise<void> {
    await this.world.engine.stop();
    const observer = { deadLettered: ({ fault }: { readonly fault?: SignatureFault | undefined }) => this.refused.push(fault) };
    this.world = new EngineWorld({ plans: [PLAN], beside: this.first, observer, signing: signingOf({ keys }) });
    await this.world.engine.run();
  }
  async participant(keys: readonly KeyText[]): Promise<void> {
    await this.host?.stop();
    const { clock, broker, logs: logger } = this.first;
    const handlers = participant(P, Object.fromEntries(STEPS.map((name) => [name, async () => Promise.resolve({})])) as never);
    this.host = new Host({
      declarations: [handlersOf(handlers)],
      store: this.inbox as HostParts['store'],
      transport: new InProcessTransport({ broker, clock, logger }),
      clock,
      logger,
      signing: signingOf({ keys }),
      observer: { deadLettered: ({ fault }) => this.refused.push(fault) },
    });
    await this.host.start();
  }
  async load(count: number): Promise<void> {
    const started = await Promise.all(Array.from({ length: count }, () => this.world.engine.start({ name: 'test-saga', input: {} })));
    this.ids.push(...started.map(({ id }) => id));
  }
  /** Nothing is under way any more. */
  async drained(): Promise<void> {
    const open = async () =>
      (await Promise.all(this.ids.map((id) => this.first.inner.find(id)))).filter((saga) => saga!.state.end === null);
    await until(async () => {
      await this.first.clock.advance(100);
      return (await open()).length === 0;
    }, 'all sagas have ended');
  }
  async ends(): Promise<ReadonlySet<string>> {
    return new Set(await Promise.all(this.ids.map(async (id) => statusOf((await this.first.inner.find(id))!.state))));
  }
  async stop(): Promise<void> {
    const stopped = Promise.all([this.world.engine.stop(), this.host?.stop()]);
    await this.first.clock.advance(20_000);
    await stopped;
  }
}

describe('[J8] keys that are exchanged while sagas are under way', () => {
  let installation: Installation;
  afterEach(() => installation.stop());

  it.each(ROTATIONS)('%s: no genuine message is refused, whoever is restarted first', async (_, stages) => {
    installation = new Installation();
    for (const [at, [daemon, participant]] of stages.entries()) {
      // Before a key is revoked the queues are empty.
      if (at === stages.length - 1) await installation.drained();
      const both = [() => installation.daemon(daemon), () => installation.participant(participant)];
      for (const restart of at % 2 === 0 ? both : both.toReversed()) {
        // Some are in the middle of it, others only begin.
        if (at > 0) await installation.load(5);
        await turns(6);
        if (at > 0) await installation.load(5);
        await restart();
      }
    }
    await installation.load(5);
    await installation.drained();
    expect(installation.ids.length).toBeGreaterThan(60);
    expect(await installation.ends()).toEqual(new Set(['completed']));
    expect(installation.refused).toEqual([]);
  });

  it('are refused where the order is not kept: the new one signs before it is known', async () => {
    installation = new Installation();
    await installation.daemon([state(fresh, 'active')]);
    await installation.participant([state(old, 'active')]);
    await installation.load(1);
    await until(() => installation.refused.length > 0);
    expect(installation.refused).toEqual(['unknown-key']);
    // Nothing is lost: the command is signed anew when it is sent again.
    await installation.participant([state(fresh, 'active')]);
    await installation.drained();
    expect(await installation.ends()).toEqual(new Set(['completed']));
  });
});
