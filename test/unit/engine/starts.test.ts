import { afterEach, describe, expect, it } from '@jest/globals';
import { decodeStartAnswer, encodeStart, type StartMessage } from '../../../src/core/codec-starts.js';
import type { SagaError } from '../../../src/core/errors.js';
import type { Plan } from '../../../src/core/plan.js';
import { EngineWorld, until } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { planFrom } from '../../support/plans.js';
import { lettersIn } from '../../support/dead-letters.js';

const plain = planFrom({ steps: [{ name: 'one' }] });
const newer: Plan = {
  ...plain,
  version: 2,
  readInput: (value) =>
    typeof (value as { order?: unknown } | null)?.order === 'string'
      ? { ok: true, value: { ...(value as object), read: true } }
      : { ok: false, faults: ['input.order is missing'] },
  keyOf: (input) => (input as { order: string }).order,
};

describe('a start', () => {
  let world: EngineWorld;
  const open = async (plans: readonly Plan[] = [plain]) => (world = await new EngineWorld({ plans }).open());
  afterEach(() => world.engine.stop());
  const errorOf = (promise: Promise<unknown>) => promise.then(() => undefined, (error: SagaError) => error); // prettier-ignore

  it('takes the newest version when none is named, and the one named otherwise', async () => {
    const { engine } = await open([plain, newer]);
    expect((await engine.start({ name: 'test-saga', input: { order: 'a' } })).version).toBe(2);
    expect((await engine.start({ name: 'test-saga', version: 1, input: null })).version).toBe(1);
    expect(await errorOf(engine.start({ name: 'test-saga', version: 9, input: null }))).toMatchObject({ code: 'SAGA_UNKNOWN_DEFINITION' });
    expect(await errorOf(engine.start({ name: 'toast', input: null }))).toMatchObject({ code: 'SAGA_UNKNOWN_DEFINITION' });
  });

  it('stores what the schema read, and takes the key from it', async () => {
    const { engine } = await open([newer]);
    const started = await engine.start({ name: 'test-saga', input: { order: 'a' } });
    expect(started.key).toBe('a');
    expect((await world.inner.find(started.id))!.state.input).toEqual({ order: 'a', read: true });
  });

  it('is refused with every fault', async () => {
    const { engine } = await open([newer]);
    const error = await errorOf(engine.start({ name: 'test-saga', input: {} }));
    expect(error).toMatchObject({ code: 'SAGA_INPUT_INVALID', faults: ['input.order is missing'] });
    const tags = { good: 'yes', bad: 7 as unknown as string, ['x'.repeat(201)]: 'long' };
    const other = await errorOf(engine.start({ name: 'test-saga', input: 2n, tags, startId: '' }));
    expect(other!.faults).toHaveLength(4);
    expect(await errorOf(engine.start({ name: 'test-saga', input: { order: 'ä'.repeat(101) } }))).toMatchObject({
      faults: ['key has 202 bytes; the limit is 200'],
    });
  });

  it('[C12] with a key that is there gives the saga that is there, or refuses another input', async () => {
    const { engine } = await open();
    const first = await engine.start({ name: 'test-saga', key: 'k', input: { a: 1, b: 2 } });
    await engine.waitUntilFinal(first.id, 1_000);
    const again = await engine.start({ name: 'test-saga', key: 'k', input: { b: 2, a: 1 } });
    expect(again).toEqual({ ...first, created: false, status: 'completed' });
    expect(await errorOf(engine.start({ name: 'test-saga', key: 'k', input: { a: 2 } }))).toMatchObject({ code: 'SAGA_KEY_REUSED' });
  });

  it('[A2] with a start id can be repeated', async () => {
    const { engine } = await open();
    const request = { name: 'test-saga', input: 1, startId: 'once' };
    const first = await engine.start(request);
    expect(await engine.start(request)).toMatchObject({ id: first.id, created: false });
  });

  it('is one of many in few transactions', async () => {
    const { engine, commits } = await open();
    const before = commits.length;
    const requests = Array.from({ length: 1_000 }, (_, i) => ({
      name: i === 500 ? 'toast' : 'test-saga',
      key: `k${i % 998}`,
      input: i % 998,
    }));
    const answers = await engine.startMany(requests);
    expect(answers[500]).toMatchObject({ code: 'SAGA_UNKNOWN_DEFINITION' });
    expect(answers.filter((answer) => !(answer instanceof Error) && answer.created)).toHaveLength(997);
    expect(answers[998]).toMatchObject({ key: 'k0', created: false, id: (answers[0] as { id: string }).id });
    expect(commits.slice(before).filter((ids) => ids.length === 0).length).toBeLessThanOrEqual(3);
  });

  describe('over the wire', () => {
    const send = async (start: Partial<StartMessage>) => {
      const message = {
        name: 'test-saga',
        version: undefined,
        key: undefined,
        startId: 's1',
        input: '1',
        replyTo: 'asker',
        traceparent: undefined,
      };
      await world.publish(encodeStart({ ...message, ...start }, world.names, { appId: 'test', now: 0 }));
    };
    const asker = async () => {
      const answers: ReturnType<typeof decodeStartAnswer>[] = [];
      await world.consume('asker', (deliveries) => {
        for (const delivery of deliveries) {
          answers.push(decodeStartAnswer(delivery.message));
          delivery.settle('done');
        }
      });
      return answers;
    };

    it('is answered after the commit, and the same message again gets the same saga', async () => {
      await open();
      const answers = await asker();
      await send({});
      await until(() => answers.length === 1);
      const first = answers[0]!;
      expect(first).toMatchObject({ ok: true, correlationId: 's1', answer: { outcome: 'success', created: true, status: 'running' } });
      const { id } = (first as { answer: { id: string } }).answer;
      await world.engine.waitUntilFinal(id, 1_000);
      await send({});
      await until(() => answers.length === 2);
      expect(answers[1]).toMatchObject({ answer: { id, created: false, status: 'completed' } });
      expect(world.broker.depth(world.names.starts)).toBe(0);
    });

    it('that cannot be made is answered with the reason, and is a dead letter when nobody asks', async () => {
      await open([newer]);
      const answers = await asker();
      await send({ input: '{}' });
      await until(() => answers.length === 1);
      expect(answers[0]).toMatchObject({ answer: { outcome: 'rejected', code: 'SAGA_INPUT_INVALID', faults: ['input.order is missing'] } });
      await send({ input: '{}', replyTo: undefined, startId: 'alone' });
      await send({ name: '', startId: 'nameless', replyTo: undefined });
      // Asked, but nobody is there to hear.
      await send({ input: '{}', replyTo: 'gone', startId: 'asked' });
      await until(async () => (await lettersIn(world.inner)).length === 3);
      const letters = await lettersIn(world.inner);
      expect(new Map(letters.map(({ messageId, queue }) => [messageId, queue]))).toEqual(
        new Map([
          ['alone', world.names.starts],
          ['nameless', world.names.starts],
          ['asked', world.names.starts],
        ]),
      );
      expect(world.broker.depth(world.names.starts)).toBe(0);
    });

    it('that comes again without anybody asking is done, whether or not its saga can be read', async () => {
      await open();
      await send({ replyTo: undefined });
      await until(() => world.broker.depth(world.names.starts) === 0);
      world.inner.find = () => Promise.reject(new Error('the database is away'));
      await send({ replyTo: undefined });
      await turns();
      expect(world.broker.depth(world.names.starts)).toBe(0);
      expect(await lettersIn(world.inner)).toEqual([]);
    });

    it('needs an identity', async () => {
      await open();
      await send({ startId: '', replyTo: undefined });
      await until(async () => (await lettersIn(world.inner)).length === 1);
      await send({ startId: '', key: 'k', replyTo: undefined });
      await turns();
      expect((await world.inner.findByKey('test-saga', 'k'))!.state.end).toBe('completed');
    });
  });
});
