import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isSealed, NotOpened, type Sealed } from '../../../src/core/sealing.js';
import { statusOf, stuckSteps } from '../../../src/core/state.js';
import type { Json } from '../../../src/core/json.js';
import type { Message } from '../../../src/core/wire.js';
import { sagaView, storedView } from '../../../src/http/saga-view.js';
import { InMemoryInbox } from '../../../src/memory/in-memory-inbox.js';
import { InProcessTransport } from '../../../src/memory/in-process-transport.js';
import { Host, type HostParts } from '../../../src/participant/host.js';
import type { PayloadSealing } from '../../../src/ports/sealing.js';
import type { SignatureFault } from '../../../src/ports/signing.js';
import { handlersOf } from '../../../src/saga/handlers.js';
import { participant } from '../../../src/saga/participant.js';
import { planOf } from '../../../src/saga/plan-of.js';
import { EngineWorld, until } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { Bank, CANARY, ORDER, payloadKey, Post, sealingWith, PersonalOrder, SealedOrder } from '../../support/sealing.js';

const KEYS = sealingWith(payloadKey('k1'));
const PLAN = planOf(SealedOrder);
const PERSONAL = planOf(PersonalOrder);
const text = (message: Message) => Buffer.from(message.body).toString('utf8');
const reads = (value: Json | undefined, name: string) => (value as Record<string, Json | undefined>)[name];

/** A daemon and the bank and post beside it, each with keys of its own, in memory. */
class Town {
  readonly first = new EngineWorld({ plans: [] });
  readonly inbox = new InMemoryInbox(this.first.clock);
  readonly refused: (SignatureFault | undefined)[] = [];
  /** Everything that went over the broker. */
  readonly sent: Message[] = [];
  readonly asked: unknown[] = [];
  world = this.first;
  host: Host | undefined;
  post: () => void = () => undefined;
  /** Stands between the bank and the broker. */
  onReply: (message: Message) => Message = (message) => message;
  private readonly observer = { deadLettered: ({ fault }: { readonly fault?: SignatureFault | undefined }) => this.refused.push(fault) };

  async daemon(sealing: PayloadSealing | undefined): Promise<void> {
    await this.ended(this.world.engine.stop());
    this.world = new EngineWorld({
      plans: [PLAN, PERSONAL],
      beside: this.first,
      observer: this.observer,
      sealing,
      settings: { sweepMs: 10_000 },
    });
    this.world.onPublish = (batch, publish) => {
      this.sent.push(...batch.map(({ message }) => message));
      return publish();
    };
    await this.world.engine.run();
  }
  async participants(sealing: PayloadSealing | undefined): Promise<void> {
    await this.ended(this.host?.stop());
    const { clock, broker, logs: logger } = this.first;
    const transport = new InProcessTransport({ broker, clock, logger });
    const publish = transport.publish.bind(transport);
    transport.publish = (batch) => {
      const passed = batch.map((out) => ({ ...out, message: this.onReply(out.message) }));
      this.sent.push(...passed.map(({ message }) => message));
      return publish(passed);
    };
    const bank = participant(Bank, {
      charge: async (request) => {
        this.asked.push(request);
        return Promise.resolve({ paymentId: 'p-1', from: { iban: CANARY.iban } });
      },
      refund: async (request) => Promise.resolve(void this.asked.push(request)),
    });
    const post = participant(Post, {
      send: async (request) => {
        this.asked.push(request);
        return Promise.resolve(this.post());
      },
    });
    this.host = new Host({
      declarations: [handlersOf(bank), handlersOf(post)],
      store: this.inbox as HostParts['store'],
      transport,
      clock,
      logger,
      observer: this.observer,
      ...(sealing && { sealing }),
    });
    await this.host.start();
  }
  async open(sealing: PayloadSealing | undefined = KEYS): Promise<this> {
    await this.daemon(sealing);
    await this.participants(sealing);
    return this;
  }
  async start(input: object = ORDER, name = 'sealed-order'): Promise<string> {
    return (await this.world.engine.start({ name, input })).id;
  }
  async state(id: string) {
    return (await this.first.inner.find(id))!.state;
  }
  async status(id: string) {
    return statusOf(await this.state(id));
  }
  async becomes(id: string, status: string): Promise<void> {
    await until(async () => (await this.status(id)) === status, `it is ${status}`);
  }
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10_000) await this.first.clock.advance(10_000);
    await turns(20);
  }
  /** All that anybody but builders and handlers can see of a saga. */
  async seen(id: string): Promise<string> {
    const stored = (await this.first.inner.find(id))!;
    const history = await this.first.inner.history(id, 0, 1_000);
    const logs = [...this.first.logs.lines, ...this.world.logs.lines];
    const inbox = [...(this.inbox as unknown as { readonly rows: Map<string, unknown> }).rows.values()];
    const keys = [...(this.first.inner as unknown as { readonly keys: Map<string, unknown> }).keys.values()];
    return JSON.stringify([stored, history, sagaView(stored.state, PLAN), logs, inbox, keys, this.sent, this.sent.map(text)]);
  }
  async stop(): Promise<void> {
    await this.ended(Promise.all([this.world.engine.stop(), this.host?.stop()]));
  }
  private async ended(stopped: Promise<unknown> | undefined): Promise<void> {
    await this.first.clock.advance(20_000);
    await stopped;
  }
}

describe('sagas with sensitive payloads', () => {
  let town: Town;
  beforeEach(() => {
    town = new Town();
  });
  afterEach(() => town.stop());

  it('[V19] are seen by builders and handlers, and nowhere else', async () => {
    await town.open();
    const id = await town.start();
    await town.becomes(id, 'completed');
    expect(town.asked).toEqual([{ card: CANARY.card, amount: 5 }, { lines: [{ to: CANARY.name, what: 'p-1' }] }]);
    expect(await town.seen(id)).not.toContain('canary');
    const { input, steps } = await town.state(id);
    expect(input).toMatchObject({ orderId: 'o-1', amount: 5 });
    expect(isSealed(reads(input, 'customer'))).toBe(true);
    expect(isSealed(reads(steps['charge']!.reply, 'from'))).toBe(true);
    // The test could see them: without keys they are all over the place.
    await town.daemon(undefined);
    await town.participants(undefined);
    const open = await town.start({ ...ORDER, orderId: 'o-2' });
    await town.becomes(open, 'completed');
    const all = await town.seen(open);
    for (const canary of Object.values(CANARY)) expect(all).toContain(canary);
  });

  it('are undone with what they were done with', async () => {
    await town.open();
    town.post = () => {
      throw Post.send.rejection('moved');
    };
    const id = await town.start();
    await town.becomes(id, 'compensated');
    expect(town.asked.at(-1)).toEqual({ card: CANARY.card, iban: CANARY.iban });
    expect(await town.seen(id)).not.toContain('canary');
  });

  it('are sent again with the same bytes, also by another daemon and after the keys were exchanged', async () => {
    await town.daemon(KEYS);
    const id = await town.start();
    await town.pass(10_000);
    await town.daemon(sealingWith(payloadKey('k2'), payloadKey('k1', 'accepted')));
    await town.pass(10_000);
    const bodies = town.sent.filter(({ type }) => type === 'bank.charge').map(text);
    expect(bodies.length).toBeGreaterThan(2);
    expect(new Set(bodies).size).toBe(1);
    await town.participants(sealingWith(payloadKey('k1'), payloadKey('k2', 'accepted')));
    await town.pass(60_000);
    expect(await town.status(id)).toBe('completed');
    expect(JSON.stringify((await town.state(id)).steps)).toContain('"kid":"k2"');
  });

  it('have one saga for one key and input, also after the keys were exchanged, and another input is refused', async () => {
    await town.open();
    const id = await town.start();
    expect(await town.start()).toBe(id);
    await town.daemon(sealingWith(payloadKey('k2'), payloadKey('k1', 'accepted')));
    expect(await town.start()).toBe(id);
    const other = { ...ORDER, customer: { ...ORDER.customer, card: 'canary-5' } };
    await expect(town.start(other)).rejects.toMatchObject({ code: 'SAGA_KEY_REUSED' });
  });

  it('take a reply in plain text from a participant that cannot seal, and store it sealed', async () => {
    await town.daemon(KEYS);
    const id = await town.start();
    await until(() => town.sent.some(({ type }) => type === 'bank.charge'));
    await town.world.reply(`${id}.charge.a.1`, 'success', JSON.stringify({ paymentId: 'p-2', from: { iban: CANARY.iban } }), 1, 'bank');
    await until(async () => (await town.state(id)).steps['charge']!.outcome === 'succeeded');
    expect(await town.seen(id)).not.toContain('canary');
  });

  it.each([
    ['in plain text', () => ({ iban: CANARY.iban })],
    ['sealed, as it is shown', (id: string) => KEYS.vaultFor(id).seal({ iban: CANARY.iban }, 'charge.a.reply/from')],
  ])('take what an operator gives %s, and store it sealed', async (_, from) => {
    await town.daemon(KEYS);
    const id = await town.start();
    await until(() => town.sent.some(({ type }) => type === 'bank.charge'));
    const by = { by: 'ada', text: 'the bank said so' };
    const reply = { paymentId: 'p-3', from: from(id) };
    await town.world.engine.operate(id, { kind: 'settle', step: 'charge', outcome: 'success', reply, ...by });
    const { steps } = await town.state(id);
    const stored = reads(steps['charge']!.reply, 'from') as unknown as Sealed;
    expect(KEYS.vaultFor(id).open(stored, 'charge.a.reply/from')).toEqual({ iban: CANARY.iban });
    expect(await town.seen(id)).not.toContain('canary');
  });

  describe('[J10] whose ciphertext was touched', () => {
    const flipped = (body: string) => body.replace(/"data":"(.)/, (_, first: string) => `"data":"${first === 'A' ? 'B' : 'A'}`);
    const altered = (message: Message, change: (body: string) => string): Message => ({
      ...message,
      body: Buffer.from(change(text(message))),
    });

    it('a reply that was altered is put aside, and the genuine one that comes on asking again counts', async () => {
      await town.open();
      let hits = 0;
      town.onReply = (message) => (message.correlationId.includes('.charge.a.') && hits++ === 0 ? altered(message, flipped) : message);
      const id = await town.start();
      await until(() => town.refused.length > 0);
      expect(town.refused).toEqual(['broken-seal']);
      expect((await town.state(id)).steps['charge']!.outcome).toBe('open');
      await town.pass(60_000);
      expect(await town.status(id)).toBe('completed');
    });

    it('a request that was altered is put aside by the participant, and nothing is done', async () => {
      await town.open();
      let hits = 0;
      town.world.onPublish = (batch, publish) => {
        if (hits++ > 0 || batch.every(({ message }) => message.type !== 'bank.charge')) return publish();
        for (const out of batch) Object.assign(out, { message: altered(out.message, flipped) });
        return publish();
      };
      const id = await town.start();
      await until(() => town.refused.length > 0);
      expect(town.refused).toEqual(['broken-seal']);
      expect(town.asked).toEqual([]);
      await town.pass(60_000);
      expect(await town.status(id)).toBe('completed');
    });

    it('a request that was altered among others in one message is put aside alone', async () => {
      await town.open();
      let hits = 0;
      town.world.onPublish = (batch, publish) => {
        for (const out of batch)
          if (text(out.message).includes('bank.charge') && hits++ === 0) Object.assign(out, { message: altered(out.message, flipped) });
        return publish();
      };
      const inputs = ['o-1', 'o-2', 'o-3'].map((orderId) => ({ name: 'sealed-order', input: { ...ORDER, orderId } }));
      await town.world.engine.startMany(inputs);
      await until(() => town.refused.length > 0);
      expect(town.refused).toEqual(['broken-seal']);
      await until(() => town.asked.filter((request) => 'card' in (request as object)).length === 2);
      expect(hits).toBe(1);
    });

    it('a value of another saga, or of another place of the same, is put aside', async () => {
      await town.open();
      const other = await town.start({ ...ORDER, orderId: 'o-2' });
      await town.becomes(other, 'completed');
      const { steps, input } = await town.state(other);
      const moved = steps['charge']!.reply!;
      town.onReply = (message) => (message.correlationId.includes('.charge.a.') ? altered(message, () => JSON.stringify(moved)) : message);
      const id = await town.start();
      await until(() => town.refused.length > 0);
      const misplaced = { paymentId: 'p', from: reads(input, 'customer') };
      await town.world.reply(`${id}.charge.a.1`, 'success', JSON.stringify(misplaced), 1, 'bank');
      await until(() => town.refused.length > 1);
      expect(town.refused).toEqual(['broken-seal', 'broken-seal']);
      expect((await town.state(id)).steps['charge']!.outcome).toBe('open');
    });

    it('a value that was exchanged in the database leaves its step stuck, with the reason', async () => {
      await town.daemon(KEYS);
      const other = await town.start({ ...ORDER, orderId: 'o-2' });
      const foreign = (await town.state(other)).input;
      const id = await town.start();
      await town.first.inner.commit([id], (loaded) => {
        const { state, version: fromVersion } = loaded.sagas.get(id)!;
        return { starts: [], updates: [{ state: { ...state, input: foreign }, fromVersion, wakeAt: undefined, history: [] }], result: 0 };
      });
      await town.world.reply(`${id}.charge.a.1`, 'success', JSON.stringify({ paymentId: 'p', from: { iban: '' } }), 1, 'bank');
      await town.becomes(id, 'stuck');
      const message =
        'the request of post.send could not be built: input/customer cannot be opened: it was altered, or sealed for another saga or place';
      expect(stuckSteps(await town.state(id))).toEqual([{ step: 'send', phase: 'a', message }]);
    });
  });

  describe('[J10] whose key is missing', () => {
    const NEW = sealingWith(payloadKey('k2'));
    const BOTH = sealingWith(payloadKey('k1'), payloadKey('k2', 'accepted'));
    /** Longer than all attempts of a step together. */
    const LONG = 150_000;

    it('at the participant: it is asked again and again, which counts as no try, until somebody has the key', async () => {
      await town.daemon(KEYS);
      await town.participants(NEW);
      const id = await town.start();
      await town.pass(LONG);
      const { direction, steps } = await town.state(id);
      expect({ direction, outcome: steps['charge']!.outcome, tries: steps['charge']!.action!.tries }).toMatchObject({
        direction: 'forward',
        outcome: 'open',
      });
      expect(steps['charge']!.action!.lastError).toMatchObject({
        code: 'payload-key-missing',
        message: expect.stringContaining("'k1'") as unknown,
      });
      expect({ asked: town.asked, refused: town.refused }).toEqual({ asked: [], refused: [] });
      await town.participants(BOTH);
      await town.pass(120_000);
      expect(await town.status(id)).toBe('completed');
    });

    it('at the orchestrator: replies are kept and clocks stand still, until a daemon has the key', async () => {
      await town.open();
      await town.participants(sealingWith(payloadKey('k2'), payloadKey('k1', 'accepted')));
      const id = await town.start();
      await until(async () => (await town.first.inner.find(id))!.parked.length > 0);
      await town.pass(LONG);
      expect(await town.status(id)).toBe('running');
      expect((await town.first.inner.find(id))!.parked).toHaveLength(1);
      expect((await town.state(id)).steps['charge']!.outcome).toBe('open');
      expect(town.world.logs.count('sagas wait for a payload key')).toBeGreaterThan(1);
      expect(town.refused).toEqual([]);
      await town.daemon(BOTH);
      await town.pass(120_000);
      expect(await town.status(id)).toBe('completed');
    });

    it('at a daemon without any keys: nothing is undone, decisions are refused with the reason, and it goes on with them', async () => {
      await town.daemon(KEYS);
      const id = await town.start();
      await until(() => town.sent.some(({ type }) => type === 'bank.charge'));
      await town.daemon(undefined);
      await town.world.reply(`${id}.charge.a.1`, 'success', JSON.stringify({ paymentId: 'p', from: { iban: 'plain' } }), 1, 'bank');
      await until(async () => (await town.first.inner.find(id))!.parked.length > 0);
      await town.pass(LONG);
      expect(await town.status(id)).toBe('running');
      const settle = {
        kind: 'settle',
        step: 'charge',
        outcome: 'success',
        reply: { paymentId: 'p', from: { iban: 'x' } },
        by: 'ada',
        text: 'x',
      } as const;
      await expect(town.world.engine.operate(id, settle)).rejects.toMatchObject({ code: 'SAGA_PAYLOAD_KEY_MISSING' });
      await town.daemon(KEYS);
      await town.participants(KEYS);
      await town.pass(120_000);
      expect(await town.status(id)).toBe('completed');
    });
  });

  describe('of a subject, with keys of their own', () => {
    const personal = (orderId: string) => town.start({ ...ORDER, orderId }, 'personal-order');
    const view = async (id: string) => JSON.stringify(storedView((await town.first.inner.find(id))!, PERSONAL));

    it('[V19] go to their end at daemons and participants with the keys of the installation, and are seen nowhere', async () => {
      await town.open();
      town.post = () => {
        throw Post.send.rejection('moved');
      };
      const id = await personal('a-1');
      await town.becomes(id, 'compensated');
      expect(town.asked.at(-1)).toEqual({ card: CANARY.card, iban: CANARY.iban });
      expect(await town.seen(id)).not.toContain('canary');
      const kids = [...JSON.stringify(await town.state(id)).matchAll(/"kid":"(\w+)"/g)].map(([, kid]) => kid);
      expect(kids.length).toBeGreaterThan(3);
      expect(new Set(kids)).toEqual(new Set(['own']));
    });

    it('are unreadable once it is shredded, with states and histories as they were, and those of others are not touched', async () => {
      await town.open();
      const [one, two, other] = [await personal('a-1'), await personal('a-2'), await personal('b-1')];
      for (const id of [one, two, other]) await town.becomes(id, 'completed');
      const [before, history] = [await town.state(one), await town.first.inner.history(one, 0, 100)];
      expect(await view(one)).not.toContain('(shredded)');
      expect(await town.first.inner.shred('customer of a')).toBe(2);
      expect(await town.first.inner.shred('customer of a')).toBe(0);
      expect(await town.state(one)).toEqual(before);
      expect(await town.first.inner.history(one, 0, 100)).toEqual(history);
      for (const id of [one, two]) {
        expect(await view(id)).toContain('"customer":"(shredded)"');
        expect(await view(id)).not.toContain('$sealed');
      }
      expect(await view(other)).toContain('$sealed');
      const { ownKey } = (await town.first.inner.find(one))!;
      const customer = reads(before.input, 'customer') as unknown as Sealed;
      for (const key of [ownKey, undefined, (await town.first.inner.find(other))!.ownKey])
        expect(() => KEYS.vaultFor(one, key).open(customer, 'input/customer')).toThrow(NotOpened);
      expect(
        KEYS.vaultFor(other, (await town.first.inner.find(other))!.ownKey).open(
          reads((await town.state(other)).input, 'customer') as unknown as Sealed,
          'input/customer',
        ),
      ).toEqual(ORDER.customer);
    });

    it('that are under way when it is shredded are stuck with the reason, and undo nothing that they cannot undo', async () => {
      await town.daemon(KEYS);
      const id = await personal('a-1');
      await until(() => town.sent.some(({ type }) => type === 'bank.charge'));
      await town.world.engine.operate(id, { kind: 'suspend', by: 'ada', text: 'wait' });
      await town.world.reply(`${id}.charge.a.1`, 'success', JSON.stringify({ paymentId: 'p', from: { iban: 'plain' } }), 1, 'bank');
      await until(async () => (await town.state(id)).steps['charge']!.outcome === 'succeeded');
      expect(await town.first.inner.shred('customer of a')).toBe(1);
      await town.world.engine.operate(id, { kind: 'resume', by: 'ada', text: 'go' });
      await town.becomes(id, 'stuck');
      const why = 'input/customer cannot be read or written any more: the key of its saga was shredded';
      expect(stuckSteps(await town.state(id))).toEqual([
        { step: 'send', phase: 'a', message: `the request of post.send could not be built: ${why}` },
      ]);
    });

    it('whose commands are on their way when it is shredded turn back in the end, and do not wait for a key that is gone', async () => {
      await town.daemon(KEYS);
      const id = await personal('a-1');
      await town.first.inner.shred('customer of a');
      // What waits at the broker has its key with it still; what is sent again has none.
      await town.pass(100_000);
      const { steps, direction } = await town.state(id);
      expect({ direction, outcome: steps['charge']!.outcome }).toEqual({ direction: 'backward', outcome: 'unknown' });
      expect(await town.status(id)).toBe('stuck');
      expect(stuckSteps(await town.state(id))[0]!.message).toContain('was shredded');
    });

    it('[J10] wait where the key with which their own is sealed is missing, and go on when it is there', async () => {
      await town.daemon(KEYS);
      const id = await personal('a-1');
      await until(() => town.sent.some(({ type }) => type === 'bank.charge'));
      await town.daemon(sealingWith(payloadKey('k2')));
      await town.participants(KEYS);
      await until(async () => (await town.first.inner.find(id))!.parked.length > 0);
      await town.pass(150_000);
      expect(await town.status(id)).toBe('running');
      await town.daemon(sealingWith(payloadKey('k2'), payloadKey('k1', 'accepted')));
      await town.pass(120_000);
      expect(await town.status(id)).toBe('completed');
    });
  });
});
