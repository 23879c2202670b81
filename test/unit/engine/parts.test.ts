import { describe, expect, it } from '@jest/globals';
import { begin, decide } from '../../../src/core/decide.js';
import type { Send } from '../../../src/core/event.js';
import type { SagaState } from '../../../src/core/state.js';
import { sendingOf } from '../../../src/engine/command-message.js';
import { ArrivalRate, lingerMs } from '../../../src/engine/linger.js';
import { resolveSettings } from '../../../src/engine/settings.js';
import { Settler } from '../../../src/engine/settler.js';
import { canonicalJson } from '../../../src/engine/starter.js';
import { WakeUps } from '../../../src/engine/wake-ups.js';
import type { Delivery } from '../../../src/ports/transport.js';
import { held, nextSagaId } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { planFrom } from '../../support/plans.js';

describe('the linger', () => {
  const view = { waiting: 1, maxBatch: 500, rate: 0, maxLingerMs: 5 };
  it('is nothing when little comes', () => {
    expect(lingerMs(view)).toBe(0);
    expect(lingerMs({ ...view, rate: 0.3 })).toBe(0);
  });
  it('grows with the load, up to its maximum', () => {
    expect(lingerMs({ ...view, rate: 1 })).toBe(3);
    expect(lingerMs({ ...view, rate: 100 })).toBe(5);
  });
  it('is nothing when there is company enough', () => {
    expect(lingerMs({ ...view, rate: 1, waiting: 10 })).toBe(0);
    expect(lingerMs({ ...view, rate: 1_000, waiting: 500 })).toBe(0);
  });
  it('follows a rate that forgets within a second', () => {
    const rate = new ArrivalRate(0);
    for (let now = 10; now <= 1_000; now += 10) {
      rate.count(20);
      rate.at(now);
    }
    expect(rate.at(1_000)).toBeCloseTo(2, 1);
    expect(rate.at(2_000)).toBeLessThan(0.01);
  });
});

describe('the settler', () => {
  const delivery = (name: string, log: string[]): Delivery => ({
    message: undefined as never,
    redelivered: false,
    settle: (verdict) => void log.push(`${name} ${verdict}`),
  });

  it('settles batches in the order in which they were taken', async () => {
    const log: string[] = [];
    const settler = new Settler();
    const [first, second] = [settler.open(), settler.open()];
    const confirm = held<void>();
    first.settle(delivery('a', log), 'done');
    first.holdFor(confirm.promise);
    second.settle(delivery('b', log), 'requeue');
    second.close();
    first.close();
    await turns(1);
    expect(log).toEqual([]);
    confirm.release();
    await settler.whenIdle();
    expect(log).toEqual(['a done', 'b requeue']);
  });
});

describe('wake-ups', () => {
  it('keep the near future only, a bounded number of instants', () => {
    const wakeUps = new WakeUps(3_000);
    for (let ms = 0; ms < 10_000; ms++) wakeUps.add(ms, 0);
    expect(wakeUps.nextIn(0)).toBe(0);
    wakeUps.passed(995);
    expect(wakeUps.nextIn(995)).toBe(5);
    wakeUps.passed(3_000);
    expect(wakeUps.nextIn(3_000)).toBeUndefined();
  });
});

describe('canonical JSON', () => {
  it('does not depend on the order of fields', () => {
    expect(canonicalJson({ b: [1, { z: null, a: 'x' }], a: true })).toBe('{"a":true,"b":[1,{"a":"x","z":null}]}');
  });
});

describe('the settings', () => {
  it('have defaults, and name every fault at once', () => {
    expect(resolveSettings()).toMatchObject({ namespace: 'backstep', maxBatch: 500, prefetch: 2_000 });
    expect(() => resolveSettings({ maxBatch: 0, sweepMs: 1.5, namespace: 'a b' })).toThrow(
      /maxBatch is 0[^]*sweepMs is 1.5[^]*namespace is 'a b'/,
    );
  });
});

describe('the message of a command', () => {
  const plan = planFrom({ steps: [{ name: 'one' }, { name: 'two' }, { name: 'go', kind: 'pivot', attempts: 1 }] });
  const answer = (step: string, outcome: 'success' | 'rejected' | 'error', phase: 'a' | 'c' | 'f' = 'a') =>
    ({ kind: 'replied', step, phase, execution: 1, attempt: 1, outcome, body: null, redelivered: false }) as const;
  const id = nextSagaId();
  const after = (...events: ReturnType<typeof answer>[]) => {
    let { state } = begin(plan, { id, key: 'k', tags: {}, traceparent: null, input: null, bytes: 4 }, 1_000);
    for (const event of events) state = decide(plan, state, event, 2_000).state;
    return state;
  };

  const message = (state: SagaState, send: Send) => sendingOf(plan, state, send)?.command;

  it('carries the stored request, and expires after twice the gap to the next copy', () => {
    expect(message(after(), { step: 'one', phase: 'a' })).toEqual({
      id: `${id}.one.a.1`,
      participant: 'p',
      type: 'p.one',
      sagaId: id,
      sagaName: 'test-saga',
      sagaVersion: 1,
      sagaKey: 'k',
      step: 'one',
      phase: 'a',
      attempt: 1,
      execution: 1,
      firstSentAt: 1_000,
      action: undefined,
      traceparent: undefined,
      body: '{"do":"one"}',
      expirationMs: 10_000,
    });
    expect(message(after(answer('one', 'success')), { step: 'two', phase: 'a' })!.expirationMs).toBe(60_000);
  });

  it('says of the action what is known when it is undone', () => {
    const state = after(answer('one', 'success'), answer('two', 'rejected'));
    const undo = message(state, { step: 'one', phase: 'c' });
    expect(undo).toMatchObject({ id: `${id}.one.c.1`, type: 'p.undoone', body: '{"undo":"one"}' });
    expect(undo!.action).toEqual({ id: `${id}.one.a.1`, outcome: 'success', firstSentAt: 1_000 });
  });

  it('of a fence names the action that it makes impossible', () => {
    const state = after(answer('one', 'success'), answer('two', 'success'), answer('go', 'error'));
    const fence = message(state, { step: 'go', phase: 'f' });
    expect(fence).toMatchObject({ id: `${id}.go.f.1`, participant: 'p', type: 'backstep.fence', body: '{}' });
    expect(fence!.action).toEqual({ id: `${id}.go.a.1`, outcome: 'unknown', firstSentAt: 2_000 });
  });

  it('is not made for a command that no longer waits', () => {
    expect(sendingOf(plan, after(answer('one', 'success')), { step: 'one', phase: 'a' })).toBeUndefined();
  });
});
