import { beforeEach, describe, expect, it } from '@jest/globals';
import { readContent } from '../../../src/core/audit.js';
import type { HostParts } from '../../../src/participant/host.js';
import { Host } from '../../../src/participant/host.js';
import { InMemoryInbox } from '../../../src/memory/in-memory-inbox.js';
import { InProcessTransport } from '../../../src/memory/in-process-transport.js';
import type { Outgoing, Transport } from '../../../src/ports/transport.js';
import { command, contract } from '../../../src/saga/contract.js';
import { handlersOf } from '../../../src/saga/handlers.js';
import { participant } from '../../../src/saga/participant.js';
import type { CommandContext } from '../../../src/saga/participant-declaration.js';
import { typed } from '../../../src/saga/schema.js';
import type { MemoryTransaction } from '../../../src/memory/in-memory-inbox.js';
import { EngineWorld, until } from '../../support/engine.js';
import { planFrom } from '../../support/plans.js';
import { Api, PLAN } from './api.js';

const DAY_MS = 86_400_000;
const numerically = (one: number, other: number) => one - other;

/** What the audit says, in order: who, what, and what became of it. */
async function audited({ audit }: Api): Promise<readonly (readonly (string | undefined | null)[])[]> {
  const { rows } = await audit.read({ after: 0, limit: 100 });
  return rows.map((row) => readContent(row)!).map(({ who, verb, stage, code }) => [who, verb, stage, code]);
}
const shown = async (api: Api, id: string) =>
  (await api.get(`/api/v1/sagas/${id}`)).body as { status: string; steps: { attempts: number }[] };
const historyOf = async (api: Api, id: string) =>
  ((await api.get(`/api/v1/sagas/${id}/history`)).body as { entries: { event: string; by?: string }[] }).entries;

describe('[G7] two operators at two daemons who decide the same stuck step', () => {
  let ada: Api;
  let bob: Api;
  let id: string;
  beforeEach(async () => {
    ada = await new Api().open();
    const beside = await new EngineWorld({ plans: [PLAN], beside: ada.world }).open([]);
    bob = new Api([PLAN], { service: beside.engine, store: beside.store, audit: ada.audit });
    ada.world.script = ({ step }) => (step === 'confirm' ? { outcome: 'error', body: '{"message":"mail is down"}' } : {});
    id = await ada.start();
    await until(async () => (await shown(ada, id)).status === 'stuck');
    ada.world.script = ({ step }) => (step === 'confirm' ? undefined : {});
  });

  type Decision = readonly [verb: 'retry' | 'settle', more: object];
  const RETRY: Decision = ['retry', {}];
  const SETTLE: Decision = ['settle', { outcome: 'success' }];
  it.each<[string, Decision, Decision]>([
    ['both settle', SETTLE, SETTLE],
    ['both retry', RETRY, RETRY],
    ['one settles, the other retries', SETTLE, RETRY],
  ])('%s: one is done, the other gets 409, and both are in the audit', async (_, one, other) => {
    const decide = (api: Api, by: string, [verb, more]: Decision) =>
      api.post(`/api/v1/sagas/${id}/${verb}`, { by, reason: 'a test', step: 'confirm', ...more });
    const answers = await Promise.all([decide(ada, 'ada', one), decide(bob, 'bob', other)]);
    expect(answers.map(({ status }) => status).toSorted(numerically)).toEqual([200, 409]);
    const [winner, loser] = answers[0].status === 200 ? ['ada', 'bob'] : ['bob', 'ada'];
    const verbOf = (who: string) => (who === 'ada' ? one : other)[0];
    const lost = answers.find(({ status }) => status === 409)!;
    expect(lost.body).toMatchObject({ code: 'SAGA_NOT_ALLOWED', detail: expect.stringContaining('confirm') });

    const rows = await audited(ada);
    expect(new Set(rows.filter(([, , stage]) => stage === 'asked').map(([who]) => who))).toEqual(new Set(['ada', 'bob']));
    expect(rows.filter(([, , stage]) => stage !== 'asked')).toEqual(
      expect.arrayContaining([
        [winner, verbOf(winner!), 'done', null],
        [loser, verbOf(loser!), 'refused', 'SAGA_NOT_ALLOWED'],
      ]),
    );
    expect(rows).toHaveLength(4);
    const people = (await historyOf(ada, id)).filter(({ by }) => by !== undefined);
    expect(people.map(({ by }) => by)).toEqual([winner]);
  });

  it('one retries, the other settles what is under way again: not if they say what they have looked at', async () => {
    const etag = (await ada.get(`/api/v1/sagas/${id}`)).headers.get('etag')!;
    const body = { reason: 'a test', step: 'confirm' };
    const retried = await ada.post(`/api/v1/sagas/${id}/retry`, { ...body, by: 'ada' }, { 'if-match': etag });
    const settle = (headers: Record<string, string>) =>
      bob.post(`/api/v1/sagas/${id}/settle`, { ...body, by: 'bob', outcome: 'success' }, headers);
    const unaware = await settle({ 'if-match': etag });
    expect([retried.status, unaware.status, unaware.body]).toEqual([200, 412, expect.objectContaining({ code: 'SAGA_CHANGED' })]);
    expect((await settle({})).body).toMatchObject({ status: 'completed', attention: [{ kind: 'by-hand' }] });
    expect((await audited(ada)).filter(([, , stage]) => stage !== 'asked')).toEqual([
      ['ada', 'retry', 'done', null],
      ['bob', 'settle', 'refused', 'SAGA_CHANGED'],
      ['bob', 'settle', 'done', null],
    ]);
  });
});

describe('[B17] a compensation that fails for ever', () => {
  it('is retried and settled by operators, each with a reason, and the audit has all of it', async () => {
    const api = await new Api([planFrom({ steps: [{ name: 'reserve', undoAttempts: 2 }, { name: 'ship' }] })]).open();
    api.world.script = ({ step, phase }) => {
      if (step === 'ship') return { outcome: 'rejected', body: '{"code":"no"}' };
      return phase === 'c' ? { outcome: 'error', body: '{"message":"nobody opens"}' } : {};
    };
    const id = await api.start();
    const isStuck = async () => (await shown(api, id)).status === 'stuck';
    await api.world.clock.advance(60_000);
    await until(isStuck);
    const decide = (verb: string, body: object) => api.post(`/api/v1/sagas/${id}/${verb}`, { by: 'ann', step: 'reserve', ...body });

    expect((await decide('settle', { outcome: 'success' })).status).toBe(422); // without a reason
    expect((await decide('settle', { outcome: 'rejected', reason: 'give up' })).status).toBe(409); // there is no skip
    expect((await decide('retry', { reason: 'the door is open now' })).status).toBe(200);
    await api.world.clock.advance(60_000);
    await until(isStuck);
    const settled = await decide('settle', { outcome: 'success', reason: 'carried back by hand' });
    expect([settled.status, settled.body]).toEqual([
      200,
      expect.objectContaining({ status: 'compensated', attention: [expect.objectContaining({ kind: 'by-hand', step: 'reserve' })] }),
    ]);
    expect((await audited(api)).filter(([, , stage]) => stage !== 'asked')).toEqual([
      ['ann', 'settle', 'refused', 'SAGA_REQUEST_INVALID'],
      ['ann', 'settle', 'refused', 'SAGA_NOT_ALLOWED'],
      ['ann', 'retry', 'done', null],
      ['ann', 'settle', 'done', null],
    ]);
    const last = readContent((await api.audit.read({ limit: 1 })).rows[0]!);
    expect(last).toMatchObject({
      reason: 'carried back by hand',
      before: { status: 'stuck' },
      after: { status: 'compensated' },
      details: { step: 'reserve', outcome: 'success' },
    });
  });
});

const Letters = contract('p', { tell: command({ request: typed<{ do: string }>() }) });

describe('[B23] an inbox row that was pruned', () => {
  /** A saga whose letter was written, whose reply is lost, and which sleeps until the letter's row has been pruned. */
  async function forgotten() {
    const api = new Api([planFrom({ steps: [{ name: 'tell', kind: 'retriable', timeoutMs: 1_000 }] })]);
    await api.world.open([]);
    const { clock, broker, logs: logger, names } = api.world;
    const inbox = new InMemoryInbox(clock);
    const own = new InProcessTransport({ broker, clock, logger });
    const lost: Outgoing[] = [];
    let isLossy = true;
    const transport: Transport = {
      declare: (topology) => own.declare(topology),
      consume: (...all) => own.consume(...all),
      health: () => own.health(),
      onHealth: (listener) => own.onHealth(listener),
      close: () => own.close(),
      publish: async (batch) => {
        if (!isLossy) return own.publish(batch);
        lost.push(...batch);
        return batch.map(() => ({ fate: 'confirmed' as const }));
      },
    };
    const written: string[] = [];
    const handlers = participant(Letters, {
      tell: async (_: { do: string }, { tx, commandId }: CommandContext<MemoryTransaction>) => {
        tx.onCommit(() => written.push(commandId));
        return Promise.resolve(undefined);
      },
    });
    const host = new Host({
      declarations: [handlersOf(handlers)],
      store: inbox as HostParts['store'],
      transport,
      clock,
      logger,
      settings: { namespace: names.namespace, pruneMs: DAY_MS },
    });
    await host.start();
    const id = await api.start();
    await until(() => lost.length > 0);
    await api.post(`/api/v1/sagas/${id}/suspend`, { by: 'ann', reason: 'a long holiday' });
    clock.leap(32 * DAY_MS);
    await clock.advance(0);
    expect(logger.count('beyond the horizon were pruned')).toBe(1);
    isLossy = false;
    await api.post(`/api/v1/sagas/${id}/resume`, { by: 'ann', reason: 'back again' });
    await clock.advance(60_000);
    await until(async () => (await shown(api, id)).status === 'stuck');
    const decide = (verb: string, more: object = {}) =>
      api.post(`/api/v1/sagas/${id}/${verb}`, { by: 'ann', reason: 'the archive has it', step: 'tell', ...more });
    return { api, id, written, decide };
  }

  it('answers an old command beyond-horizon and runs nothing: the step is stuck until a person says what became of it', async () => {
    const { api, id, written, decide } = await forgotten();
    expect(written).toEqual([`${id}.tell.a.1`]);
    const { body } = await api.get(`/api/v1/sagas/${id}`);
    expect(body).toMatchObject({ stuck: [{ step: 'tell', sentence: expect.stringContaining('beyond-horizon') }] });
    api.world.clock.leap(DAY_MS);
    await api.world.clock.advance(60_000);
    expect(written).toHaveLength(1); // nobody tries it again
    expect((await decide('settle', { outcome: 'success' })).body).toMatchObject({ status: 'completed', attention: [{ kind: 'by-hand' }] });
    expect(written).toHaveLength(1);
    expect((await audited(api)).at(-1)).toEqual(['ann', 'settle', 'done', null]);
  });

  it('is run again under a new id, if a person says that it was not done', async () => {
    const { api, id, written, decide } = await forgotten();
    const unsure = await decide('retry');
    expect([unsure.status, unsure.body]).toEqual([409, expect.objectContaining({ detail: expect.stringContaining('not-done') })]);
    expect((await decide('retry', { confirm: 'not-done' })).status).toBe(200);
    await until(async () => (await shown(api, id)).status === 'completed');
    expect(written).toEqual([`${id}.tell.a.1`, `${id}.tell.a.2`]);
    expect((await audited(api)).slice(-4)).toEqual([
      ['ann', 'retry', 'asked', null],
      ['ann', 'retry', 'refused', 'SAGA_NOT_ALLOWED'],
      ['ann', 'retry', 'asked', null],
      ['ann', 'retry', 'done', null],
    ]);
  });
});
