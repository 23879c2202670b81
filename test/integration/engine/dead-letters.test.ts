import { describe, expect, it } from '@jest/globals';
import type { Message } from '../../../src/core/wire.js';
import { DeadLetterOffice } from '../../../src/engine/dead-letter-office.js';
import { hash } from '../../support/engine.js';
import { Installation } from '../../support/engine-servers.js';
import { eventually } from '../../support/eventually.js';
import { planFrom } from '../../support/plans.js';

describe('a dead letter', () => {
  it('goes back over RabbitMQ as it came, whatever is in it', async () => {
    const installation = await Installation.open();
    const { names } = installation;
    const { store, transport } = await installation.engine([planFrom({ steps: [{ name: 'reserve' }] })]);
    const original: Message = {
      messageId: 'm-1',
      correlationId: 'nobody',
      type: 'strange',
      replyTo: 'answers',
      contentType: 'application/x-strange',
      timestamp: 1_700_000_000_000,
      appId: 'stranger',
      expirationMs: undefined,
      headers: { 'saga-attempt': 1, 'saga-outcome': 'grüße', large: 2 ** 40 },
      body: Uint8Array.from([0xef, 0xbb, 0xbf, 0, 255, 10]),
    };
    await transport.publish([{ exchange: '', routingKey: names.replies, message: original }]);
    const found = await eventually(async () => (await store.letters.page({ limit: 10 })).letters[0]);
    const letter = (await store.letters.find(found.id))!;
    expect(letter).toMatchObject({ queue: names.replies, encoding: 'base64', bytes: 6, isAltered: false });

    // As if it had been found in a queue that can be looked into.
    const queue = names.commands('p');
    await store.letters.add([{ ...letter, id: 'later', queue }]);
    const received: Message[] = [];
    const consumer = await transport.consume(queue, { prefetch: 10 }, (deliveries) => {
      for (const delivery of deliveries) {
        received.push(delivery.message);
        delivery.settle('done');
      }
    });
    const office = new DeadLetterOffice({ store, transport, names, hash });
    const why = { by: 'ada', reason: 'mended' };
    expect(await office.replay('later', why)).toMatchObject({ status: 'replayed', replays: 1 });
    await eventually(() => received.length > 0);
    expect({ ...received[0]!, body: Uint8Array.from(received[0]!.body) }).toEqual(original);
    await consumer.stop();

    // Back where it really came from nobody understands it; it waits again, as the same letter.
    await office.replay(letter.id, why);
    const again = await eventually(async () => {
      const now = await store.letters.find(letter.id);
      return now?.status === 'waiting' && now.replays === 1 ? now : undefined;
    });
    expect(again.at).not.toBe(letter.at);
  }, 60_000);
});
