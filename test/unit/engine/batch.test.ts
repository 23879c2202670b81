import { describe, expect, it } from '@jest/globals';
import { decodeReplies } from '../../../src/core/codec-replies.js';
import { encodeReply } from '../../../src/core/codec-replies.js';
import { begin, nextDue } from '../../../src/core/decide.js';
import type { Plan } from '../../../src/core/plan.js';
import { commandId, type Outcome, type SagaState } from '../../../src/core/state.js';
import { namesIn } from '../../../src/core/wire.js';
import { applyBatch, applyDue } from '../../../src/engine/batch.js';
import { Definitions } from '../../../src/engine/definitions.js';
import type { ReplyWork, StartWork, Work } from '../../../src/engine/work.js';
import type { Loaded, StoredSaga } from '../../../src/ports/saga-store.js';
import { nextSagaId } from '../../support/engine.js';
import { planFrom } from '../../support/plans.js';

const plan = planFrom({ steps: [{ name: 'one' }, { name: 'two' }, { name: 'three' }] });
const parallel = planFrom({ steps: [{ name: 'left', needs: [] }, { name: 'right', needs: [] }, { name: 'after' }] });
const NOW = 1_000_000;

function running(of: Plan = plan): StoredSaga {
  const id = nextSagaId();
  const { state } = begin(of, { id, key: null, tags: {}, traceparent: null, input: null, bytes: 4 }, NOW);
  return { state, version: 3, wakeAt: nextDue(state), parked: [] };
}
function loaded(...sagas: readonly StoredSaga[]): Loaded {
  return { now: NOW + 100, sagas: new Map(sagas.map((saga) => [saga.state.id, saga])) };
}
function reply(
  id: string,
  step: string,
  outcome: Outcome = 'success',
  options: { execution?: number; redelivered?: boolean; body?: string } = {},
): ReplyWork {
  const raw = { commandId: commandId(id, step, 'a', options.execution ?? 1), outcome, attempt: 1, body: options.body ?? '' };
  const { message } = encodeReply(raw, namesIn('backstep'), { appId: 'test', now: 0 });
  const { replies } = decodeReplies(message);
  return { kind: 'reply', reply: replies[0]!, delivery: { message, redelivered: options.redelivered ?? false, settle: () => {} } };
}
function start(of: Plan, key: string | null, inputHash = 'h'): StartWork {
  const beginning = { id: nextSagaId(), key, tags: {}, traceparent: null, input: null, bytes: 4 };
  return { kind: 'start', plan: of, beginning, inputHash, startId: null, caller: { via: 'call', answer: () => {}, expiresAt: 0 } };
}
const apply = (items: readonly Work[], ...sagas: readonly StoredSaga[]) => applyBatch(items, loaded(...sagas), new Definitions([plan]));
const stepsSent = (applied: ReturnType<typeof apply>) => applied.result.touched.flatMap(({ sends }) => sends.map(({ step }) => step));

describe('applying a batch', () => {
  it('applies several replies of one saga to one state, in their order, and writes it once', () => {
    const saga = running();
    const { id } = saga.state;
    const applied = apply([reply(id, 'one'), reply(id, 'two')], saga);
    expect(applied.updates).toHaveLength(1);
    const [update] = applied.updates;
    expect(update!.fromVersion).toBe(3);
    expect(update!.history.map(({ seq, event, step }) => [seq, event, step])).toEqual([
      [2, 'replied', 'one'],
      [3, 'replied', 'two'],
    ]);
    expect(update!.state.steps['three']!.outcome).toBe('open');
  });

  it('sends what is in flight in the final state only', () => {
    const saga = running();
    const { id } = saga.state;
    const applied = apply([reply(id, 'one'), reply(id, 'two')], saga);
    expect(stepsSent(applied)).toEqual(['three']);
  });

  it('sends nothing for a saga that an operator suspends in the same batch', () => {
    const saga = running();
    const suspend: Work = {
      kind: 'operate',
      sagaId: saga.state.id,
      event: { kind: 'suspend', by: 'ann', text: 'wait' },
      caller: { via: 'call', answer: () => {}, expiresAt: 0 },
    };
    expect(stepsSent(apply([reply(saga.state.id, 'one'), suspend], saga))).toEqual([]);
  });

  it('moves the instant of the row only when a timer is due earlier', () => {
    const saga = running();
    const applied = apply([reply(saga.state.id, 'one')], saga);
    expect(applied.updates[0]!.wakeAt).toBeUndefined();
    const late = { ...saga, wakeAt: NOW + 500_000 };
    const moved = apply([reply(late.state.id, 'one')], late).updates[0]!;
    expect(moved.wakeAt).toBe(nextDue(moved.state));
  });

  it('clears the instant of the row when the saga is final', () => {
    const saga = running(planFrom({ steps: [{ name: 'one' }] }));
    const applied = applyBatch([reply(saga.state.id, 'one')], loaded(saga), new Definitions([planFrom({ steps: [{ name: 'one' }] })]));
    expect(applied.updates[0]).toMatchObject({ wakeAt: null, state: { end: 'completed' } });
    expect(applied.result.touched[0]!.ended).toBe(true);
  });

  it('arms every row of a sweep anew, also one that is not due yet', () => {
    const saga = { ...running(), wakeAt: NOW };
    const { updates } = applyDue(loaded(saga), new Definitions([plan]), new Map());
    expect(updates).toEqual([{ state: saga.state, fromVersion: 3, wakeAt: nextDue(saga.state), history: [] }]);
  });

  it('[B22] puts replies to unknown sagas and steps to the dead letters', () => {
    const saga = running();
    const { verdicts } = apply([reply(nextSagaId(), 'one'), reply(saga.state.id, 'nowhere')], saga).result;
    expect(verdicts).toEqual([
      { kind: 'dead', reason: 'unknown saga' },
      { kind: 'dead', reason: `unknown step 'nowhere' of test-saga version 1` },
    ]);
  });

  it('[B22] keeps a reply for a process that has the definition, once, and applies it there before anything else', () => {
    const saga = running();
    const { id } = saga.state;
    const elsewhere = new Definitions([]);
    const parked = applyBatch([reply(id, 'one'), reply(id, 'one')], loaded(saga), elsewhere).updates[0]!;
    expect(parked).toMatchObject({ wakeAt: NOW + 100, state: saga.state, history: [] });
    expect(parked.parked).toHaveLength(1);
    const withParked: StoredSaga = { state: parked.state, version: 4, wakeAt: parked.wakeAt!, parked: parked.parked! };
    const swept = applyDue(loaded(withParked), new Definitions([plan]), new Map());
    expect(swept.updates[0]).toMatchObject({ parked: [], state: { steps: { one: { outcome: 'succeeded' }, two: { outcome: 'open' } } } });
    expect(swept.result.touched[0]!.sends).toMatchObject([{ step: 'two', phase: 'a' }]);
    const next = apply([reply(id, 'two')], withParked);
    expect(next.updates[0]!.state.steps['three']!.outcome).toBe('open');
  });

  it('[B22] keeps a bounded number of replies for such a process; the rest are dead letters', () => {
    const saga = running();
    const { id } = saga.state;
    const many = Array.from({ length: 300 }, (_, n) => reply(id, 'one', 'success', { execution: n + 1 }));
    const applied = applyBatch(many, loaded(saga), new Definitions([]));
    expect(applied.updates[0]!.parked).toHaveLength(200);
    const dead = applied.result.verdicts.filter(({ kind }) => kind === 'dead');
    expect(dead).toHaveLength(100);
    expect(dead[0]).toMatchObject({ reason: 'too many replies wait for a daemon that has loaded test-saga version 1' });
  });

  it('[A15] puts an event aside whose deciding throws, notes it once, and goes on with the others', () => {
    const broken = planFrom({
      steps: [{ name: 'one', readReply: () => { throw new Error('a bug in a schema'); } }, { name: 'two' }], // prettier-ignore
    });
    const [bad, good] = [running(broken), running(broken)];
    const definitions = new Definitions([broken]);
    const late = reply(good.state.id, 'one', 'rejected', { body: '{"code":"no"}' });
    const applied = applyBatch([reply(bad.state.id, 'one'), late, reply(bad.state.id, 'one')], loaded(bad, good), definitions);
    expect(applied.result.verdicts.map(({ kind }) => kind)).toEqual(['dead', 'done', 'dead']);
    const [put, settled] = applied.updates;
    expect(put!.history).toEqual([
      expect.objectContaining({ seq: 2, event: 'failed-inside', step: 'one', outcome: 'success', message: 'a bug in a schema' }),
    ]);
    expect({ ...put!.state, seq: 0, eventAt: 0, noted: {} }).toEqual({ ...bad.state, seq: 0, eventAt: 0 } as SagaState);
    expect(settled!.state.end).toBe('compensated');
    expect(applied.result.failures).toHaveLength(2);
  });

  it('publishes again what a reminder names, if it is still in flight, and writes nothing', () => {
    const saga = running(parallel);
    const definitions = new Definitions([parallel]);
    const remind: Work = {
      kind: 'remind',
      sagaId: saga.state.id,
      sends: [
        { step: 'left', phase: 'a' },
        { step: 'right', phase: 'a' },
      ],
    };
    const applied = applyBatch([reply(saga.state.id, 'left'), remind], loaded(saga), definitions);
    expect(applied.result.touched[0]!.sends).toEqual([{ step: 'right', phase: 'a' }]);
    expect(applyBatch([remind], loaded(saga), definitions).updates).toEqual([]);
  });

  it('gives two starts with one key in one batch the same saga', () => {
    const applied = apply([start(plan, 'k'), start(plan, 'k'), start(plan, 'other'), start(plan, null), start(plan, null)]);
    expect(applied.starts).toHaveLength(4);
    expect(applied.result.verdicts).toEqual([0, 0, 1, 2, 3].map((number) => ({ kind: 'begun', start: number })));
  });
});
