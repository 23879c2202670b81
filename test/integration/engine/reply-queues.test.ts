import { afterEach, describe, expect, it } from '@jest/globals';
import { encodeReply } from '../../../src/core/codec-replies.js';
import type { Started } from '../../../src/engine/service.js';
import { closeAtEnd } from '../../support/closing.js';
import { LogBook } from '../../support/engine.js';
import { Installation } from '../../support/engine-servers.js';
import { eventually } from '../../support/eventually.js';
import { planFrom } from '../../support/plans.js';

const plan = planFrom({ steps: [{ name: 'one' }, { name: 'two' }, { name: 'three' }] });
const requests = Array.from({ length: 60 }, () => ({ name: 'test-saga', input: null }));
const settings = { daemonsMs: 50 };

describe('the reply queues of several engines, on the servers', () => {
  let at: Installation;
  afterEach(() => at.close(), 30_000);

  it('bring answers to the engine that asked, and those of one that is cut off to the others at once', async () => {
    at = await Installation.open();
    const engines = [await at.engine([plan], { settings }), await at.engine([plan], { settings })];
    const ownQueue = ({ logs }: (typeof engines)[number]) => logs.lines.find(({ fields }) => String(fields['queue']).includes('.replies.'));
    await eventually(() => engines.every(ownQueue), { withinMs: 15_000 });
    let answers = true;
    const asked = await at.participant('p', () => (answers ? {} : undefined));
    const started = await Promise.all(engines.map(({ engine }) => engine.startMany(requests)));
    const ids = started.flat().map((one) => (one as Started).id);
    const [first, second] = engines as [(typeof engines)[number], (typeof engines)[number]];
    const open = async () => (await first.store.versionsInFlight()).length;
    await eventually(async () => (await open()) === 0, { withinMs: 20_000 });
    expect(asked).toHaveLength(3 * ids.length);

    // One goes without a word while its answers are outstanding; the resend timer would take 5 seconds.
    answers = false;
    const orphans = (await second.engine.startMany(requests)).map((one) => (one as Started).id);
    await eventually(() => asked.length === 3 * ids.length + orphans.length);
    await second.transport.close();
    const goneAt = performance.now();
    answers = true;
    const replyTo = String(ownQueue(second)!.fields['queue']);
    const late = asked.slice(-orphans.length).map(({ id, attempt }) => {
      const reply = { commandId: id, outcome: 'success', body: '', attempt } as const;
      return encodeReply(reply, at.names, { appId: 'test', now: Date.now(), replyTo });
    });
    const participant = at.transport(new LogBook());
    closeAtEnd(() => participant.close());
    expect(new Set((await participant.publish(late)).map(({ fate }) => fate))).toEqual(new Set(['confirmed']));
    await eventually(async () => (await open()) === 0, { withinMs: 20_000 });
    expect(performance.now() - goneAt).toBeLessThan(4_500);
    const sagas = await Promise.all([...ids, ...orphans].map((id) => first.store.find(id)));
    expect(new Set(sagas.map((saga) => saga!.state.end))).toEqual(new Set(['completed']));
  }, 60_000);
});
