import { describe, expect, it } from '@jest/globals';
import { nextDue } from '../../../src/core/decide.js';
import { stuckSteps } from '../../../src/core/state.js';
import { planFrom } from '../../support/plans.js';
import { Scenario } from '../../support/scenario.js';

/**
 * The traces that break a naive reading of the rules, one for each numbered flaw of the protocol's exploration that the state machine
 * answers for. The others are tested where they live: 1 and 3 (barrier) and the participant's half of 2 with the SDK, 4 (shape) with
 * the declaration's load checks, 16 and 17 with the contract suites of store and transport.
 */
const piv = (over: { inbox?: boolean; idempotent?: boolean; attempts?: number } = {}) =>
  planFrom({
    steps: [{ name: 'one' }, { name: 'go', kind: 'pivot', attempts: 2, ...over }, { name: 'tell', kind: 'retriable', attempts: 2 }],
  });
/** A step that is given up while another one is still waited for. */
const lateStep = (over: { inbox?: boolean; idempotent?: boolean } = {}) =>
  planFrom({
    steps: [
      { name: 'one', needs: [], attempts: 1, ...over },
      { name: 'two', needs: [], timeoutMs: 60_000 },
    ],
  });
const two = () => planFrom({ steps: [{ name: 'one', undoAttempts: 2 }, { name: 'two' }] });

describe('2: a participant that may have forgotten', () => {
  it('beyond-horizon is not retried: the step is stuck, and retry needs the word of a person', () => {
    const saga = new Scenario(piv());
    saga.reply('one');
    saga.reply('go');
    saga.fail('tell', { code: 'beyond-horizon', message: 'too old' });
    expect(saga.status).toBe('stuck');
    expect(nextDue(saga.state)).toBeNull();
    expect(saga.retry('tell').refused?.message).toMatch(/confirm: "not-done"/);
    saga.retry('tell', { confirm: 'not-done' });
    expect(saga.lastSent).toEqual(['tell.a.2#1']);
  });
  it('a compensation beyond the horizon is stuck, never silently done', () => {
    const saga = new Scenario(two());
    saga.reply('one');
    saga.reject('two');
    saga.fail('one', { phase: 'c', code: 'beyond-horizon', message: 'too old' });
    expect(stuckSteps(saga.state)).toMatchObject([{ step: 'one', phase: 'c' }]);
    saga.settle('one', 'success');
    expect(saga.status).toBe('compensated');
  });
  it('a pivot that is only asked whether it happened: the word of a person is the answer', () => {
    const saga = new Scenario(piv());
    saga.reply('one');
    saga.operator('cancel');
    saga.fail('go', { phase: 'f', code: 'beyond-horizon', message: 'too old' });
    expect(saga.status).toBe('stuck');
    saga.retry('go', { confirm: 'not-done' });
    expect(saga.lastSent).toEqual(['one.c.1#1']);
    expect(saga.state.reason).toMatchObject({ kind: 'cancelled' });
    expect(saga.state.attention).toMatchObject([{ kind: 'by-hand', step: 'go' }]);
  });
  it('an action beyond the horizon is unknown, so undone, once the saga turns back', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one' }, { name: 'two' }] }));
    saga.fail('one', { code: 'beyond-horizon', message: 'too old' });
    expect(saga.status).toBe('stuck');
    saga.operator('cancel');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
});

describe('5: what was rejected is tried again under a new id', () => {
  it('[B16] a rejected compensation gets a new execution, and the policy counts on', () => {
    const saga = new Scenario(two());
    saga.reply('one');
    saga.reject('two');
    saga.reject('one', 'no', { phase: 'c' });
    saga.tick();
    expect(saga.lastSent).toEqual(['one.c.2#1']);
    saga.reject('one', 'no', { phase: 'c' });
    expect(saga.status).toBe('stuck');
    saga.retry('one');
    expect(saga.lastSent).toEqual(['one.c.3#1']);
    saga.undone('one');
    expect(saga.status).toBe('compensated');
  });
  it('the stored rejection of an older execution changes nothing', () => {
    const saga = new Scenario(two());
    saga.reply('one');
    saga.reject('two');
    saga.reject('one', 'no', { phase: 'c' });
    saga.tick();
    saga.reject('one', 'no', { phase: 'c', execution: 1 });
    expect(saga.command('one', 'c')).toMatchObject({ execution: 2, status: 'inFlight', tries: 2 });
    expect(saga.events().at(-1)).toBe('outdated-reply');
  });
  it('an edited request is refused while the outcome of the current execution is unknown, and taken after a rejection', () => {
    const unknown = new Scenario(piv());
    unknown.reply('one');
    unknown.reply('go');
    unknown.exhaust('tell');
    expect(unknown.retry('tell', { request: { to: 'x' } }).refused?.message).toMatch(/outcome of step tell is unknown/);
    const rejected = new Scenario(piv());
    rejected.reply('one');
    rejected.reply('go');
    rejected.reject('tell');
    rejected.tick();
    rejected.reject('tell');
    rejected.retry('tell', { request: { to: 'x' } });
    expect(rejected.lastSent).toEqual(['tell.a.3#1']);
    expect(rejected.command('tell').request).toEqual({ to: 'x' });
  });
});

describe('6: a pivot of unknown outcome', () => {
  it('(a) cancel, then a timeout: it is fenced, not compensated around', () => {
    const saga = new Scenario(piv());
    saga.reply('one');
    expect(saga.operator('cancel').decided).toBe(false);
    expect(saga.lastSent).toEqual(['go.f.1#1']);
    saga.tick();
    expect(saga.sent.some((sent) => sent.startsWith('one.c'))).toBe(false);
    saga.reply('go', { phase: 'f', body: {} });
    expect(saga.status).toBe('running');
    expect(saga.state.reason).toBeNull();
    expect(saga.lastSent).toEqual(['tell.a.1#1']);
  });
  it('(a) the pivot’s own late success decides as well as the fence’s answer', () => {
    const saga = new Scenario(piv());
    saga.reply('one');
    saga.operator('cancel');
    saga.reply('go');
    expect(saga.lastSent).toEqual(['tell.a.1#1']);
    saga.reply('go', { phase: 'f', body: { from: 'go' } });
    expect(saga.events().at(-1)).toBe('duplicate-reply');
  });
  it('(a) its own rejection under the fence turns back', () => {
    const saga = new Scenario(piv());
    saga.reply('one');
    saga.operator('cancel');
    saga.reject('go', 'undone');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('(b) a participant that errors for ever: the fence’s attempts end, it is stuck and asked on slowly', () => {
    const saga = new Scenario(piv());
    saga.reply('one');
    saga.exhaust('go');
    saga.exhaust('go', 'f');
    expect(saga.status).toBe('stuck');
    expect(nextDue(saga.state)).toBe(saga.now + 600_000);
    saga.tick();
    expect(saga.lastSent).toEqual(['go.f.1#10']);
    saga.reject('go', 'undone', { phase: 'f' });
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('(b) a participant without an inbox is never sent a fence', () => {
    const saga = new Scenario(piv({ inbox: false }));
    saga.reply('one');
    saga.exhaust('go');
    expect(saga.status).toBe('stuck');
    expect(saga.sent.some((sent) => sent.includes('.f.'))).toBe(false);
    saga.tick();
    expect(saga.lastSent).toEqual(['go.a.1#2']);
    saga.reply('go');
    expect(saga.status).toBe('running');
  });
  it('(b) cancel while a pivot without inbox is in flight waits for its answer', () => {
    const saga = new Scenario(piv({ inbox: false }));
    saga.reply('one');
    expect(saga.operator('cancel').decided).toBe(false);
    expect(saga.lastSent).toEqual([]);
    saga.reject('go');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('(b) its last attempt is waited for too: cancel alone does not make it stuck', () => {
    const saga = new Scenario(piv({ inbox: false, attempts: 1 }));
    saga.reply('one');
    expect(saga.operator('cancel').decided).toBe(false);
    expect(stuckSteps(saga.state)).toEqual([]);
    expect(nextDue(saga.state)).toBeLessThanOrEqual(saga.now + 10_000);
    const late = new Scenario(saga.plan);
    late.reply('one');
    late.operator('cancel');
    late.exhaust('go');
    expect(late.status).toBe('stuck');
    saga.reject('go');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('(c) settling it as a success means forward, whatever else was asked', () => {
    const saga = new Scenario(piv());
    saga.reply('one');
    saga.operator('cancel');
    saga.exhaust('go', 'f');
    saga.settle('go', 'success');
    expect(saga.lastSent).toEqual(['tell.a.1#1']);
    expect(saga.state.reason).toBeNull();
  });
});

describe('7: errors belong to an attempt', () => {
  it('[B11] the same error delivered twice uses up one attempt', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', attempts: 2 }] }));
    saga.fail('one');
    saga.fail('one', { redelivered: true });
    expect(saga.command('one')).toMatchObject({ status: 'backingOff', tries: 1 });
    saga.tick();
    saga.fail('one', { attempt: 1 });
    expect(saga.command('one')).toMatchObject({ status: 'inFlight', attempt: 2, tries: 2 });
    expect(saga.state.direction).toBe('forward');
  });
  it('[B11] a late error after the success is no conflict', () => {
    const saga = new Scenario(two());
    saga.advance(10_000);
    saga.reply('one', { attempt: 2 });
    saga.fail('one', { attempt: 1 });
    expect(saga.events().at(-1)).toBe('late-reply');
    expect(saga.state.attention).toEqual([]);
  });
  it('[B10] success and rejected count whatever their attempt, also while backing off', () => {
    const saga = new Scenario(two());
    saga.fail('one');
    saga.reply('one', { attempt: 1 });
    expect(saga.lastSent).toEqual(['two.a.1#1']);
  });
  it('an error without the attempt’s number is taken as the current one’s', () => {
    const saga = new Scenario(two());
    const { attempt: _, ...rest } = { attempt: 1, outcome: 'error' as const, message: 'boom' };
    saga.apply({ kind: 'replied', step: 'one', phase: 'a', execution: 1, attempt: undefined, body: null, redelivered: false, ...rest });
    expect(saga.command('one').status).toBe('backingOff');
  });
  it('[B7] success against rejected of one execution is a conflict that a person is told of', () => {
    const saga = new Scenario(two());
    saga.reply('one');
    saga.reject('one');
    expect(saga.events().at(-1)).toBe('conflicting-reply');
    expect(saga.state.attention).toMatchObject([{ kind: 'conflict', step: 'one' }]);
    saga.reject('one');
    expect(saga.state.attention).toHaveLength(1);
  });
});

describe('8: a success whose reply cannot be used', () => {
  it('[C9] before the pivot: the saga turns back and undoes it', () => {
    const saga = new Scenario(two());
    saga.reply('one', { unusable: 'reply is not JSON' });
    expect(saga.state.reason).toMatchObject({
      kind: 'exhausted',
      step: 'one',
      message: 'p.one succeeded, but its reply cannot be used: reply is not JSON',
    });
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('the pivot is stuck but in effect: cancel and retry are refused, settle goes on', () => {
    const saga = new Scenario(piv());
    saga.reply('one');
    saga.reply('go', { unusable: 'reply is not JSON' });
    expect(saga.status).toBe('stuck');
    expect(nextDue(saga.state)).toBeNull();
    expect(saga.operator('cancel').refused?.message).toMatch(/pivot go has succeeded/);
    expect(saga.retry('go').refused?.message).toMatch(/took effect/);
    expect(saga.settle('go', 'rejected').refused?.message).toMatch(/took effect/);
    saga.reply('go', { unusable: 'reply is not JSON' });
    expect(saga.events().at(-1)).toBe('duplicate-reply');
    saga.settle('go', 'success', { code: 'T' });
    expect(saga.lastSent).toEqual(['tell.a.1#1']);
  });
  it('a pivot that succeeds without a usable reply while settling still decides forward', () => {
    const saga = new Scenario(piv());
    saga.reply('one');
    saga.operator('cancel');
    saga.reply('go', { unusable: 'too large' });
    expect(saga.state.direction).toBe('forward');
    expect(saga.status).toBe('stuck');
  });
});

describe('9: what a person settles keeps its place', () => {
  it('an action settled as a success is undone after its dependents', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one' }, { name: 'two' }, { name: 'three' }] }));
    saga.settle('one', 'success');
    saga.reply('two');
    saga.reject('three');
    expect(saga.lastSent).toEqual(['two.c.1#1']);
    saga.undone('two');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('an action settled as rejected is not undone, and a late success is a conflict', () => {
    const saga = new Scenario(two());
    saga.reply('one');
    saga.settle('two', 'rejected');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
    saga.reply('two');
    expect(saga.state.attention.map((each) => each.kind)).toEqual(['by-hand', 'conflict']);
  });
});

describe('10: stuck belongs to a step', () => {
  const branches = () =>
    planFrom({
      steps: [
        { name: 'go', kind: 'pivot' },
        { name: 'left', kind: 'retriable', needs: ['go'], attempts: 1 },
        { name: 'right', kind: 'retriable', needs: ['go'], attempts: 1 },
        { name: 'last', kind: 'retriable' },
      ],
    });
  it('two stuck branches are retried one by one, and the status is derived', () => {
    const saga = new Scenario(branches());
    saga.reply('go');
    saga.exhaust('left');
    saga.exhaust('right');
    expect(stuckSteps(saga.state).map((each) => each.step)).toEqual(['left', 'right']);
    saga.retry('left');
    saga.reply('left');
    expect(saga.status).toBe('stuck');
    saga.reply('right');
    expect(saga.lastSent).toEqual(['last.a.1#1']);
    expect(saga.status).toBe('running');
  });
  it('a stuck branch does not hold up the other', () => {
    const saga = new Scenario(branches());
    saga.reply('go');
    saga.exhaust('left');
    saga.reply('right');
    expect(saga.status).toBe('stuck');
    saga.reply('left');
    expect(saga.lastSent).toEqual(['last.a.1#1']);
  });
  it('a stuck branch does not keep the other from its next step', () => {
    const saga = new Scenario(
      planFrom({
        steps: [
          { name: 'go', kind: 'pivot' },
          { name: 'left', kind: 'retriable', needs: ['go'], attempts: 1 },
          { name: 'right', kind: 'retriable', needs: ['go'] },
          { name: 'further', kind: 'retriable', needs: ['right'] },
        ],
      }),
    );
    saga.reply('go');
    saga.exhaust('left');
    saga.reply('right');
    expect(saga.lastSent).toEqual(['further.a.1#1']);
    saga.reply('further');
    expect(stuckSteps(saga.state).map((each) => each.step)).toEqual(['left']);
  });
});

describe('11: no echo', () => {
  const wide = () => planFrom({ steps: [{ name: 'one' }, ...['a', 'b', 'c'].map((name) => ({ name, needs: ['one'] })), { name: 'last' }] });
  it('a redelivered reply that changes nothing sends again what it caused, and no others', () => {
    const saga = new Scenario(wide());
    saga.reply('one');
    saga.reply('a');
    saga.reply('one', { redelivered: true });
    expect(saga.lastSent).toEqual(['b.a.1#1', 'c.a.1#1']);
    saga.reply('a', { redelivered: true });
    expect(saga.lastSent).toEqual([]);
  });
  it('[B6] a duplicate that a participant sent never sends anything', () => {
    const saga = new Scenario(wide());
    saga.reply('one');
    for (let i = 0; i < 20; i++) {
      saga.reply('one');
      expect(saga.lastSent).toEqual([]);
    }
    expect(saga.events().filter((event) => event === 'duplicate-reply')).toHaveLength(1);
    expect(Object.values(saga.state.noted)).toEqual([20]);
  });
  it('a participant that babbles cannot make the saga grow without end', () => {
    const saga = new Scenario(two());
    for (let attempt = 0; attempt < 1_000; attempt++) saga.reply('one', { execution: 7, attempt });
    expect(Object.keys(saga.state.noted).length).toBeLessThanOrEqual(201);
    expect(Object.values(saga.state.noted).reduce((a, b) => a + b, 0)).toBe(1_000);
    expect(saga.history.length).toBeLessThanOrEqual(202);
  });
});

describe('12: participants without an inbox', () => {
  it('rejected proves nothing: the step is undone', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', inbox: false }] }));
    saga.reject('one');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
    saga.undone('one');
    expect(saga.status).toBe('compensated');
    expect(saga.state.reason).toMatchObject({ kind: 'rejected', code: 'no' });
  });
  it('a late rejection proves nothing either: the step is undone', () => {
    const saga = new Scenario(lateStep({ inbox: false }));
    saga.advance(10_000);
    saga.reject('one');
    expect(saga.state.steps['one']?.outcome).toBe('unknown');
    saga.reject('two');
    expect(saga.sent).toContain('one.c.1#1');
  });
});

describe('12: idempotent commands of participants without an inbox', () => {
  const inbox = false;
  const idempotent = true;
  it('rejected is proof: there is nothing to undo', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'zero' }, { name: 'one', inbox, idempotent }] }));
    saga.reply('zero');
    saga.reject('one');
    expect(saga.state.steps['one']).toMatchObject({ outcome: 'rejected', code: 'no' });
    expect(saga.lastSent).toEqual(['zero.c.1#1']);
    saga.undone('zero');
    expect(saga.status).toBe('compensated');
    expect(saga.state.reason).toMatchObject({ kind: 'rejected', step: 'one', code: 'no' });
  });
  it('also after tries without an answer: whatever they did, they would have said the same', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', inbox, idempotent, attempts: 3 }] }));
    saga.fail('one');
    saga.tick();
    saga.advance(10_000);
    saga.tick();
    expect(saga.command('one').attempt).toBe(3);
    saga.reject('one');
    expect(saga.status).toBe('compensated');
    expect(saga.sent.some((sent) => sent.includes('.c.'))).toBe(false);
  });
  it('so is a late one, until the compensation is sent', () => {
    const saga = new Scenario(lateStep({ inbox, idempotent }));
    saga.advance(10_000);
    expect(saga.state.steps['one']?.outcome).toBe('unknown');
    saga.reject('one');
    expect(saga.state.steps['one']?.outcome).toBe('rejected');
    saga.reject('two');
    expect(saga.status).toBe('compensated');
    expect(saga.sent.some((sent) => sent.includes('one.c.'))).toBe(false);
  });
  it('one without any usable answer is undone all the same', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', inbox, idempotent, attempts: 1 }] }));
    saga.exhaust('one');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('what an operator answers for the participant counts like its reply', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', inbox, idempotent }] }));
    saga.settle('one', 'rejected');
    expect(saga.status).toBe('compensated');
    expect(saga.sent).toEqual(['one.a.1#1']);
  });
  it('a participant that breaks its word, and says success after all, is told to a person', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', inbox, idempotent }] }));
    saga.reject('one');
    saga.reply('one');
    expect(saga.state.attention).toMatchObject([{ kind: 'conflict', step: 'one' }]);
  });
  it('a pivot is still never sent a fence', () => {
    const saga = new Scenario(piv({ inbox, idempotent }));
    saga.reply('one');
    saga.exhaust('go');
    expect(saga.status).toBe('stuck');
    expect(saga.sent.some((sent) => sent.includes('.f.'))).toBe(false);
  });
  it('with an inbox it changes nothing', () => {
    for (const end of ['reject', 'exhaust'] as const) {
      const [plain, saying] = [{}, { idempotent }].map((over) => new Scenario(piv({ ...over })));
      for (const saga of [plain!, saying!]) {
        saga.reply('one');
        saga[end]('go');
      }
      expect(saying!.sent).toEqual(plain!.sent);
      expect(saying!.state).toEqual(plain!.state);
    }
  });
});

describe('2c: late replies of unknown actions', () => {
  it('[B8] a late success fills the own reply until the compensation is sent', () => {
    const saga = new Scenario(lateStep());
    saga.advance(10_000);
    expect(saga.state.steps['one']?.outcome).toBe('unknown');
    saga.reply('one', { body: { id: 9 } });
    expect(saga.state.steps['one']).toMatchObject({ outcome: 'succeeded', reply: { id: 9 } });
    saga.reject('two');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('a late rejection takes the need to undo away', () => {
    const saga = new Scenario(lateStep());
    saga.advance(10_000);
    saga.reject('one');
    saga.reject('two');
    expect(saga.status).toBe('compensated');
    expect(saga.sent.some((sent) => sent.includes('.c.'))).toBe(false);
  });
  it('[B8] after the compensation was sent it is only recorded', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', attempts: 1 }] }));
    saga.exhaust('one');
    const before = saga.command('one', 'c');
    saga.reply('one');
    expect(saga.command('one', 'c')).toEqual(before);
    expect(saga.state.steps['one']?.outcome).toBe('unknown');
    expect(saga.events().at(-1)).toBe('late-reply');
  });
  it('[B9] a late success of an undone action of a finished saga is told to a person', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', attempts: 1 }] }));
    saga.exhaust('one');
    saga.undone('one');
    expect(saga.status).toBe('compensated');
    saga.reply('one');
    expect(saga.state.attention).toMatchObject([{ kind: 'late-effect', step: 'one' }]);
    expect(saga.status).toBe('compensated');
  });
  it('the refusal of an action that comes after its undo is no conflict', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', attempts: 1 }] }));
    saga.exhaust('one');
    saga.undone('one');
    saga.reject('one', 'undone');
    expect(saga.state.attention).toEqual([]);
  });
});

describe('replies that match no command in flight', () => {
  it('[B22] change nothing but their count', () => {
    const saga = new Scenario(two());
    const pick = () => JSON.stringify([saga.state.steps, saga.state.order, saga.state.direction]);
    const before = pick();
    saga.reply('one', { execution: 2 });
    saga.apply({ kind: 'replied', step: 'two', phase: 'a', execution: 1, attempt: 1, outcome: 'success', body: {}, redelivered: false });
    saga.apply({ kind: 'replied', step: 'one', phase: 'c', execution: 1, attempt: 1, outcome: 'success', body: {}, redelivered: false });
    saga.apply({ kind: 'replied', step: 'gone', phase: 'a', execution: 1, attempt: 1, outcome: 'success', body: {}, redelivered: true });
    expect(pick()).toBe(before);
    expect(saga.events().slice(1)).toEqual(['unexpected-reply', 'unexpected-reply', 'unexpected-reply', 'unexpected-reply']);
    expect(saga.sent).toEqual(['one.a.1#1']);
  });
});
