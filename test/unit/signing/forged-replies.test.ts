import { afterEach, describe, expect, it } from '@jest/globals';
import { encodeReplies, encodeReply } from '../../../src/core/codec-replies.js';
import { decodeStartAnswer, encodeStart } from '../../../src/core/codec-starts.js';
import { statusOf } from '../../../src/core/state.js';
import { HEADER, namesIn, type Message } from '../../../src/core/wire.js';
import { DeadLetterOffice } from '../../../src/engine/dead-letter-office.js';
import type { EngineObserver } from '../../../src/engine/observer.js';
import { SIGNATURE_FAULTS, type SignatureFault } from '../../../src/ports/signing.js';
import type { Outgoing } from '../../../src/ports/transport.js';
import type { MessageSigning } from '../../../src/signing/message-signing.js';
import { lettersIn } from '../../support/dead-letters.js';
import { Metrics } from '../../../src/telemetry/metrics.js';
import { EngineWorld, hash, until } from '../../support/engine.js';
import { planFrom } from '../../support/plans.js';
import { clientKey, hmacKey, secretFor, signingOf, signingWith } from '../../support/signing.js';

const DAY_MS = 86_400_000;
const PLAN = planFrom({ steps: [{ name: 'charge' }, { name: 'ship' }] });
/** `q` is a participant too, but of other sagas. */
const KEYS = [hmacKey('p'), hmacKey('q'), clientKey('shop')];

/** A daemon that knows the keys of all, with a saga whose participant does not answer by itself. */
class Attack {
  readonly refused: (SignatureFault | undefined)[] = [];
  readonly reasons: string[] = [];
  readonly world: EngineWorld;
  id = '';

  constructor(signing: MessageSigning = signingWith(...KEYS), counting: EngineObserver = {}) {
    const observer: EngineObserver = {
      deadLettered: (letter) => {
        this.refused.push(letter.fault);
        this.reasons.push(letter.reason);
        counting.deadLettered?.(letter);
      },
    };
    this.world = new EngineWorld({ plans: [PLAN], observer, signing });
    this.world.script = () => undefined;
    this.world.participantSigning = signing;
  }

  async open(): Promise<this> {
    await this.world.open();
    ({ id: this.id } = await this.world.engine.start({ name: 'test-saga', input: null }));
    await until(() => this.world.received.length === 1);
    return this;
  }

  /** A reply to the saga's first command; `by`: unsigned when absent. */
  reply(by?: string, attempt = 1, signing = this.world.participantSigning!): Outgoing {
    const facts = { appId: 'test', now: this.world.clock.now() };
    const reply = encodeReply({ commandId: `${this.id}.charge.a.1`, outcome: 'success', body: '', attempt }, this.world.names, facts);
    return by === undefined ? reply : signing.signReply(reply, by);
  }
  /** Waits for so many to be put aside, and for them to be stored; letters about one message are one. */
  async letters(count: number): Promise<readonly string[]> {
    await until(() => this.reasons.length === count);
    await until(async () => (await lettersIn(this.world.inner)).length > 0);
    return this.reasons;
  }
  /** What an attack must not change: state, row version and history. */
  async trace(): Promise<unknown> {
    return [await this.world.inner.find(this.id), await this.world.inner.history(this.id, 0, 1_000), this.world.received.length];
  }
  async status(): Promise<string> {
    return statusOf((await this.world.inner.find(this.id))!.state);
  }
}

/** Replies of every kind that nobody should believe; the same ones every time. */
function forge(attack: Attack, count: number): readonly { readonly out: Outgoing; readonly fault: SignatureFault }[] {
  const stranger = signingWith(hmacKey('p', 'p-9'));
  const thief = signingWith(hmacKey('p', 'p-1', { secret: secretFor('guessed') }));
  const kinds: readonly (() => readonly [Outgoing, SignatureFault])[] = [
    () => [attack.reply(), 'unsigned'],
    () => [attack.reply('p', 1, stranger), 'unknown-key'],
    () => [attack.reply('p', 1, thief), 'mismatch'],
    () => [attack.reply('q'), 'misattributed'],
    () => {
      const out = attack.reply('p');
      return [{ ...out, message: { ...out.message, headers: { ...out.message.headers, [HEADER.outcome]: 'rejected' } } }, 'mismatch'];
    },
  ];
  return Array.from({ length: count }, (_, at) => {
    const [out, fault] = kinds[at % kinds.length]!();
    return { out, fault };
  });
}

describe('a daemon whose messages are signed', () => {
  let attack: Attack;
  afterEach(() => attack.world.engine.stop());
  const underAttack = async (signing?: MessageSigning) => (attack = await new Attack(signing).open());
  const completes = async () => {
    attack.world.script = () => ({});
    await attack.world.publish(attack.reply('p'));
    await until(async () => (await attack.status()) === 'completed');
  };

  it('lets each bad element of a batch be put back, and says of what has no signature why it cannot be', async () => {
    await underAttack();
    const { world, id } = attack;
    const facts = { appId: 'test', now: world.clock.now() };
    const elsewhere = (step: string) => `01900000-0000-7000-8000-000000000000.${step}.a.1`;
    const replies = [elsewhere('x'), `${id}.charge.a.1`, `${id}.nowhere.a.1`].map((commandId) => ({
      commandId,
      outcome: 'success' as const,
      body: '',
    }));
    const [batch] = encodeReplies(
      replies.map((reply) => ({ ...reply, attempt: 1 })),
      world.names,
      facts,
    );
    await world.publish(world.participantSigning!.signReply(batch!, 'p'), attack.reply());
    await until(() => attack.reasons.length === 3);
    await until(async () => (await lettersIn(world.inner)).length === 3);
    await until(() => world.received.length === 2);
    const letters = await lettersIn(world.inner);
    const about = (text: string) => letters.find(({ reason }) => reason.includes(text))!;
    expect(about('x.a.1')).toMatchObject({ reason: `element 0 of a batch (${elsewhere('x')}): unknown saga` });
    expect(about('nowhere').reason).toMatch(/^element 2 of a batch/);
    const before = await attack.trace();
    const office = new DeadLetterOffice({
      store: world.store,
      transport: world.transport,
      names: world.names,
      hash,
      signing: world.participantSigning!,
    });
    for (const each of ['x.a.1', 'nowhere']) {
      const known = attack.reasons.length;
      expect(office.whyNot(about(each))).toBeUndefined();
      await office.replay(about(each).id, { by: 'ada', reason: 'again' });
      await until(() => attack.reasons.length === known + 1);
    }
    // They were believed, and nothing but them was looked at.
    expect(attack.refused.filter((fault) => fault !== undefined)).toEqual(['unsigned']);
    expect(await attack.trace()).toEqual(before);
    const unsigned = office.replay(about('not signed').id, { by: 'ada', reason: 'again' });
    await expect(unsigned).rejects.toMatchObject({
      code: 'SAGA_DEAD_LETTER_NOT_ALLOWED',
      message: expect.stringContaining('it has no signature'),
    });
  });

  it('[J1] puts replies aside that nobody signed, or that say so with a key that is unknown, revoked or another one', async () => {
    const keys = [...KEYS, hmacKey('p', 'p-0', { state: 'revoked' })];
    await underAttack(signingWith(...keys));
    const before = await attack.trace();
    const stolen = (...own: Parameters<typeof hmacKey>) => attack.reply('p', 1, signingWith(hmacKey(...own)));
    const broken: Message = { ...attack.reply('p').message, headers: { ...attack.reply('p').message.headers, [HEADER.signature]: '' } };
    await attack.world.publish(
      attack.reply(),
      stolen('p', 'p-9'),
      stolen('p', 'p-0'),
      stolen('p', 'p-1', { secret: secretFor('guessed') }),
      { exchange: '', routingKey: attack.world.names.replies, message: broken },
    );
    const letters = await attack.letters(5);
    expect(letters.toSorted()).toEqual([
      'it is not signed, as replies have to be',
      'it is signed with the key "p-0", which is revoked',
      'it is signed with the key "p-9", which is not known here',
      ...Array.from({ length: 2 }, () => 'its signature is not one of the key "p-1" for this message in this queue'),
    ]);
    expect(attack.refused.map(String).toSorted()).toEqual(['mismatch', 'mismatch', 'revoked-key', 'unknown-key', 'unsigned']);
    expect(await attack.trace()).toEqual(before);
    await completes();
  });

  it('[J4] puts a reply aside that a participant signed whom the command did not go to', async () => {
    await underAttack();
    const before = await attack.trace();
    await attack.world.publish(attack.reply('q'));
    expect(await attack.letters(1)).toEqual(['it is signed by q, but the command went to p']);
    expect(attack.refused).toEqual(['misattributed']);
    expect(await attack.trace()).toEqual(before);
    await completes();
  });

  it('[J4] judges every element of a batch by whose the batch is', async () => {
    await underAttack();
    const before = await attack.trace();
    const { world, id } = attack;
    const answers = ['charge.a.1', 'ship.a.1'].map((command) => ({
      commandId: `${id}.${command}`,
      outcome: 'success' as const,
      body: '',
      attempt: 1,
    }));
    const [batch] = encodeReplies(answers, world.names, { appId: 'q', now: 0 });
    await world.publish(world.participantSigning!.signReply(batch!, 'q'));
    await attack.letters(2);
    expect(attack.refused).toEqual(['misattributed', 'misattributed']);
    expect(await attack.trace()).toEqual(before);
  });

  it('[J4] does so as well with one that was kept for a daemon that knows the definition', async () => {
    await underAttack();
    const { world } = attack;
    const signing = signingWith(...KEYS);
    await world.engine.stop();
    const blind = new EngineWorld({ plans: [], settings: { allowOrphans: true }, beside: world, signing });
    await blind.engine.run();
    await world.publish(attack.reply('q'), attack.reply('p'));
    await until(async () => (await world.inner.find(attack.id))!.parked.length === 2);
    await blind.engine.stop();
    const refused: unknown[] = [];
    const next = new EngineWorld({ plans: [PLAN], beside: world, signing, observer: { deadLettered: ({ fault }) => refused.push(fault) } });
    await next.engine.run();
    await world.clock.advance(1_000);
    await until(() => world.received.some(({ step }) => step === 'ship'));
    expect(refused).toEqual(['misattributed']);
    await next.engine.stop();
  });

  it('[V18] counts as many as were forged, by why, and is moved by none of them', async () => {
    const metrics = new Metrics();
    const observer = metrics.engine([PLAN], namesIn('backstep'));
    attack = await new Attack(signingWith(...KEYS), observer).open();
    const before = await attack.trace();
    const forgeries = forge(attack, 60);
    await attack.world.publish(...forgeries.map(({ out }) => out));
    await until(() => attack.reasons.length === forgeries.length);
    const { text } = await metrics.scrape();
    const counted = [...text.matchAll(/^backstep_signatures_refused_total\{reason="([a-z-]+)"\} (\d+)$/gm)].map(([, why, count]) => [
      why,
      Number(count),
    ]);
    const forged = (why: SignatureFault) => forgeries.filter(({ fault }) => fault === why).length;
    expect(counted).toEqual(SIGNATURE_FAULTS.map((why) => [why, forged(why)]));
    expect(await attack.trace()).toEqual(before);
    await completes();
  });

  it('[J6] is not moved by genuine replies that come again: at once, after the end, a year later', async () => {
    await underAttack();
    const first = attack.reply('p');
    await attack.world.publish(first, first);
    await until(() => attack.world.received.length === 2);
    expect(await attack.status()).toBe('running');
    attack.world.script = () => ({});
    await attack.world.reply(`${attack.id}.ship.a.1`, 'success', '', 1);
    await until(async () => (await attack.status()) === 'completed');
    await attack.world.publish(first);
    attack.world.clock.leap(365 * DAY_MS);
    await attack.world.publish(first);
    await attack.world.clock.advance(1_000);
    expect(await attack.status()).toBe('completed');
    expect(attack.world.received.map(({ step }) => step)).toEqual(['charge', 'ship']);
    expect((await attack.world.inner.find(attack.id))!.state.attention).toEqual([]);
    expect(attack.refused).toEqual([]);
  });

  it('[J6] puts a genuine command aside that comes as a reply, and the start of another installation', async () => {
    await underAttack();
    const before = await attack.trace();
    const { world } = attack;
    const facts = { appId: 'shop', now: 0 };
    const start = { name: 'test-saga', version: 1, key: 'k', startId: 's', input: 'null', replyTo: undefined, traceparent: undefined };
    const elsewhere = signingOf({ keys: KEYS }, 'staging').signStart(encodeStart(start, world.names, facts), 'shop');
    const { settled } = world;
    const genuine = settled.length;
    await world.publish(elsewhere, {
      ...attack.reply('p'),
      message: { ...attack.reply('p').message, correlationId: `${attack.id}.ship.a.1` },
    });
    await attack.letters(2);
    expect(settled.slice(genuine).every(({ verdict }) => verdict === 'done')).toBe(true);
    expect(attack.refused).toEqual(['mismatch', 'mismatch']);
    expect(await attack.trace()).toEqual(before);
  });

  it('[J7] puts the reply of one attempt aside that says that it is of another', async () => {
    await underAttack();
    const before = await attack.trace();
    const genuine = attack.reply('p', 1);
    const later = { ...genuine, message: { ...genuine.message, headers: { ...genuine.message.headers, [HEADER.attempt]: 2 } } };
    await attack.world.publish(later);
    await attack.letters(1);
    expect(attack.refused).toEqual(['mismatch']);
    expect(await attack.trace()).toEqual(before);
  });

  it('[J9] trusts what is genuine whatever its clock says: nothing depends on when a message was made', async () => {
    await underAttack();
    const old = attack.reply('p');
    attack.world.clock.leap(-20 * DAY_MS);
    await attack.world.publish(old);
    await until(() => attack.world.received.length === 2);
    expect(attack.refused).toEqual([]);
  });

  it('[J1] starts nothing that no client has signed, and answers nobody who did not', async () => {
    await underAttack();
    const { world } = attack;
    const answers: Message[] = [];
    await world.consume('shop.answers', (deliveries) => answers.push(...deliveries.map(({ message }) => message)));
    const start = (startId: string) =>
      encodeStart(
        { name: 'test-saga', version: 1, key: startId, startId, input: 'null', replyTo: 'shop.answers', traceparent: undefined },
        world.names,
        { appId: 'shop', now: 0 },
      );
    await world.publish(start('s-1'), signingWith(clientKey('robber')).signStart(start('s-2'), 'robber'));
    await attack.letters(2);
    expect(attack.refused.map(String).toSorted()).toEqual(['unknown-key', 'unsigned']);
    expect(answers).toEqual([]);
    await world.publish(signingWith(clientKey('shop')).signStart(start('s-3'), 'shop'));
    await until(() => answers.length === 1);
    const [answer] = answers as [Message];
    expect(decodeStartAnswer(answer)).toMatchObject({ ok: true, answer: { outcome: 'success', created: true } });
    // The answer bears the client's key, so that it cannot be told anything by others.
    expect(answer.headers[HEADER.signatureKey]).toBe('shop-1');
  });

  it('does not run without the keys of the participants that it speaks to', async () => {
    attack = new Attack(signingWith(hmacKey('q')));
    await expect(attack.world.engine.run()).rejects.toMatchObject({
      code: 'SAGA_CONFIG_INVALID',
      faults: [expect.stringContaining('to sign commands to p with'), expect.stringContaining('no key of p')],
    });
  });
});
