import { afterEach, describe, expect, it } from '@jest/globals';
import { decodeDeadLetter, originalOf } from '../../../src/core/codec-dead-letters.js';
import { encodeCommand, encodeCommands, type CarriedCommands } from '../../../src/core/codec-commands.js';
import { HEADER, type Message } from '../../../src/core/wire.js';
import type { SignatureFault } from '../../../src/ports/signing.js';
import type { Outgoing } from '../../../src/ports/transport.js';
import type { MessageSigning } from '../../../src/signing/message-signing.js';
import { turns } from '../../support/manual-clock.js';
import { hmacKey, pairKey, signingOf, signingWith } from '../../support/signing.js';
import { commandOf, DAY } from '../participant/commands.js';
import { Stand } from '../participant/stand.js';

const orchestrator = signingWith(hmacKey('payments'), hmacKey('mail'));

describe('a participant whose messages are signed', () => {
  let stand: Stand;
  let refused: (SignatureFault | undefined)[];
  afterEach(async () => {
    const stopped = stand.host.stop();
    await stand.clock.advance(20_000);
    await stopped;
  });
  const standing = async (signing: MessageSigning = signingWith(hmacKey('payments'))) => {
    refused = [];
    stand = await new Stand().start({ signing, observer: { deadLettered: ({ fault }) => refused.push(fault) } });
  };
  const plain = (changes: Parameters<typeof commandOf>[0] = {}): Outgoing => {
    const now = stand.clock.now();
    return encodeCommand(commandOf({ firstSentAt: now, ...changes }), stand.names, { appId: 'test', now });
  };
  const signed = (changes?: Parameters<typeof commandOf>[0], signing = orchestrator) => signing.signCommand(plain(changes), 'payments');
  const changed = (out: Outgoing, change: Partial<Message>): Outgoing => ({ ...out, message: { ...out.message, ...change } });
  const reasons = () => stand.deadLetters.map(({ headers }) => headers[HEADER.deadReason]);

  it('runs genuine commands, and its answers are genuine', async () => {
    await standing();
    const replies: Message[] = [];
    await stand.transport.consume(stand.names.replies, { prefetch: 10 }, (deliveries) =>
      replies.push(...deliveries.map(({ message }) => message)),
    );
    await stand.publish([signed({ step: 'one' }), signed({ step: 'two' })]);
    await turns(20);
    expect(stand.ran).toEqual(['charge one', 'charge two']);
    expect(refused).toEqual([]);
    for (const message of replies) expect(orchestrator.judgeReply(message)).toEqual({ ok: true, by: 'payments' });
    expect(stand.answers.length + replies.length).toBe(2);
  });

  it('puts an element of a batch aside so that it can be put back: what is signed goes as a whole, and only that element counts', async () => {
    await standing();
    const now = stand.clock.now();
    const of = (step: string, type?: string) => ({ ...commandOf({ firstSentAt: now, step }), ...(type ? { type } : {}) });
    const sendings = [of('one'), of('two', 'payments.steal'), of('three')].map((command) => ({ command, mostTogether: 10 }));
    const [{ addressed }] = encodeCommands(sendings, stand.names, { appId: 'test', now }) as [CarriedCommands];
    await stand.publish([orchestrator.signCommand(addressed, 'payments')]);
    expect(stand.ran).toEqual(['charge one', 'charge three']);
    expect(reasons()).toEqual([`element 1 of a batch (${of('two').id}): nothing here handles payments.steal`]);
    const back = originalOf(decodeDeadLetter(stand.deadLetters[0]!));
    const put = (element: number) => ({ ...back, headers: { ...back.headers, [HEADER.batchElement]: element } });
    const queue = { exchange: '', routingKey: stand.names.commands('payments') };
    await stand.publish([{ ...queue, message: back }]);
    expect(refused).toEqual([undefined, undefined]);
    expect(reasons()[1]).toBe(reasons()[0]);
    expect(stand.answers).toHaveLength(2);
    await stand.publish([{ ...queue, message: put(2) }]);
    expect(stand.replies.slice(2).map(({ commandId }) => commandId)).toEqual([of('three').id]);
    await stand.publish([{ ...queue, message: put(7) }]);
    expect(reasons()[2]).toBe('the batch has no element 7');
    // Nothing else may be said of it.
    await stand.publish([
      { ...queue, message: { ...put(2), body: Buffer.from(String(Buffer.from(back.body)).replace('three', 'threx')) } },
    ]);
    expect(refused.at(-1)).toBe('mismatch');
  });

  it('[J1] runs nothing that is not signed, or with a key that is not its own', async () => {
    await standing(signingWith(hmacKey('payments'), hmacKey('payments', 'payments-0', { state: 'revoked' })));
    const old = signingWith(hmacKey('payments', 'payments-0'));
    await stand.publish([plain(), signed({}, old), signed({}, signingWith(hmacKey('payments', 'payments-7')))]);
    expect(stand.ran).toEqual([]);
    expect(refused).toEqual(['unsigned', 'revoked-key', 'unknown-key']);
    expect(reasons()).toEqual([
      'it is not signed, as commands for payments have to be',
      'it is signed with the key "payments-0", which is revoked',
      'it is signed with the key "payments-7", which is not known here',
    ]);
    expect(stand.answers).toEqual([]);
  });

  it('[J3] runs nothing whose amount, action or attempt was exchanged', async () => {
    await standing();
    const out = signed();
    const header = (name: string, value: string | number) => changed(out, { headers: { ...out.message.headers, [name]: value } });
    await stand.publish([
      changed(out, { body: Buffer.from('{"amount":1000000}') }),
      changed(out, { type: 'payments.refund' }),
      changed(out, { correlationId: commandOf({ execution: 2 }).id, messageId: commandOf({ execution: 2 }).id }),
      header(HEADER.attempt, 2),
      header(HEADER.firstSent, 1),
      header(HEADER.actionId, commandOf().id),
    ]);
    expect(stand.ran).toEqual([]);
    expect(refused).toEqual(Array.from({ length: 6 }, () => 'mismatch'));
  });

  it('[J5] runs nothing that another participant has signed, not even with a key that is known here', async () => {
    await standing(signingWith(hmacKey('payments'), hmacKey('mail')));
    const mail = signingWith(hmacKey('mail'));
    const forged = mail.signCommand(plain(), 'mail');
    await stand.publish([forged, mail.signReply(plain(), 'mail')]);
    expect(stand.ran).toEqual([]);
    expect(refused).toEqual(['misattributed', 'misattributed']);
  });

  it('[J5] runs nothing that it has signed itself, where the orchestrator has a key of its own', async () => {
    const own = signingWith(pairKey({ participant: 'payments' }, 'p', true), pairKey({ orchestrator: true }, 'o', false));
    await standing(own);
    await stand.publish([own.signReply(plain(), 'payments')]);
    expect(refused).toEqual(['misattributed']);
    const real = signingWith(pairKey({ participant: 'payments' }, 'p', false), pairKey({ orchestrator: true }, 'o', true));
    await stand.publish([signed({}, real)]);
    expect(stand.ran).toEqual(['charge charge']);
  });

  it('[J6] does once what a genuine command asks for, however often it comes; and nothing that was for another queue', async () => {
    await standing();
    const out = signed();
    await stand.publish([out, out]);
    await stand.publish([out]);
    expect(stand.ran).toEqual(['charge charge']);
    expect(new Set(stand.answers).size).toBe(1);
    const forMail = orchestrator.signCommand(plain({ step: 'other' }), 'mail');
    const forStaging = signingOf({ keys: [hmacKey('payments')] }, 'staging').signCommand(plain({ step: 'other' }), 'payments');
    await stand.publish([forMail, forStaging].map((each) => ({ ...each, routingKey: 'payments' })));
    expect(stand.ran).toEqual(['charge charge']);
    expect(refused).toEqual(['unknown-key', 'mismatch']);
  });

  it('[J6] does nothing for a genuine command that comes when its row may be gone', async () => {
    await standing();
    const out = signed();
    await stand.publish([out]);
    await stand.clock.advance(40 * DAY);
    await stand.publish([out]);
    await turns(40);
    expect(stand.ran).toEqual(['charge charge']);
  });

  it('[J9] trusts what is genuine although its clock is days wrong', async () => {
    await standing();
    const out = signed();
    stand.clock.leap(10 * DAY);
    await stand.publish([out]);
    stand.clock.leap(-20 * DAY);
    await stand.publish([signed({ step: 'later' })]);
    expect(stand.ran).toEqual(['charge charge', 'charge later']);
    expect(refused).toEqual([]);
  });

  it('[J1] puts a batch aside as a whole whose signature is of another one', async () => {
    await standing();
    const sendings = [1, 2].map((execution) => ({ command: commandOf({ execution, firstSentAt: stand.clock.now() }), mostTogether: 10 }));
    const [{ addressed }] = encodeCommands(sendings, stand.names, { appId: 'test', now: 0 }) as [CarriedCommands];
    const batch = orchestrator.signCommand(addressed, 'payments');
    await stand.publish([
      changed(batch, { body: Buffer.from(Buffer.from(batch.message.body).toString().replaceAll('"amount":1', '"amount":9')) }),
    ]);
    expect([stand.ran, refused]).toEqual([[], ['mismatch']]);
    await stand.publish([batch]);
    expect(stand.ran).toHaveLength(2);
  });

  it('takes commands without a signature while it is brought over, and signs its answers', async () => {
    await standing(signingOf({ keys: [hmacKey('payments')], unsignedAllowed: { participants: ['payments'] } }));
    await stand.publish([plain(), changed(signed({ step: 'bad' }), { type: 'payments.refund' })]);
    expect(stand.ran).toEqual(['charge charge']);
    expect(refused).toEqual(['mismatch']);
  });
});

describe('a participant without its keys', () => {
  it('is not hosted', async () => {
    const stand = new Stand();
    await expect(stand.start({ signing: signingWith(hmacKey('mail')) })).rejects.toMatchObject({
      code: 'SAGA_CONFIG_INVALID',
      faults: ['there is no active key of payments to sign its replies with'],
    });
  });
});
