import { describe, expect, it } from '@jest/globals';
import { nextDue } from '../../../src/core/decide.js';
import { stuckSteps } from '../../../src/core/state.js';
import { planFrom } from '../../support/plans.js';
import { Scenario } from '../../support/scenario.js';

const line = () => planFrom({ steps: [{ name: 'one' }, { name: 'two' }, { name: 'three' }] });
const withPivot = (inbox = true) =>
  planFrom({
    steps: [{ name: 'one' }, { name: 'go', kind: 'pivot', inbox, attempts: 2 }, { name: 'tell', kind: 'retriable', attempts: 2 }],
  });

describe('going forward', () => {
  it('sends one step after the other and completes', () => {
    const saga = new Scenario(line());
    expect(saga.lastSent).toEqual(['one.a.1#1']);
    saga.reply('one');
    expect(saga.lastSent).toEqual(['two.a.1#1']);
    saga.reply('two');
    saga.reply('three');
    expect(saga.status).toBe('completed');
    expect(saga.events()).toEqual(['started', 'replied', 'replied', 'replied']);
    expect(nextDue(saga.state)).toBeNull();
  });
  it('starts what needs nothing at once and joins where everything is needed', () => {
    const plan = planFrom({ steps: [{ name: 'one' }, { name: 'side', needs: [] }, { name: 'join' }] });
    const saga = new Scenario(plan);
    expect(saga.sent).toEqual(['one.a.1#1', 'side.a.1#1']);
    saga.reply('side');
    expect(saga.lastSent).toEqual([]);
    saga.reply('one');
    expect(saga.lastSent).toEqual(['join.a.1#1']);
  });
  it('gives a step the replies it uses, frozen, and nothing for a skipped one', () => {
    const seen: unknown[] = [];
    const plan = planFrom({
      steps: [
        { name: 'one' },
        { name: 'maybe', when: () => false },
        {
          name: 'two',
          request: (given) => {
            seen.push(given['one'], given['maybe'], given.input, Object.isFrozen(given['one']), given.saga.startedAt);
            return {};
          },
        },
      ],
    });
    const saga = new Scenario(plan, { sku: 'tea' });
    saga.reply('one', { body: { id: 7 } });
    expect(seen).toEqual([{ id: 7 }, undefined, { sku: 'tea' }, true, '1970-01-01T00:16:40.000Z']);
    expect(saga.state.steps['maybe']?.outcome).toBe('skipped');
  });
  it('completes at once when every step is skipped', () => {
    expect(new Scenario(planFrom({ steps: [{ name: 'one', when: () => false }] })).status).toBe('completed');
  });
  it('turns back with the code of a check that does not pass', () => {
    const plan = planFrom({ steps: [{ name: 'one' }, { name: 'ok', kind: 'check', passes: () => false }, { name: 'two' }] });
    const saga = new Scenario(plan);
    saga.reply('one');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
    saga.undone('one');
    expect(saga.status).toBe('compensated');
    expect(saga.state.reason).toEqual({ kind: 'rejected', step: 'ok', code: 'ok-failed' });
  });
});

describe('trying again', () => {
  it('backs off after an error and sends the next attempt under the same id', () => {
    const saga = new Scenario(line());
    saga.fail('one');
    expect(saga.lastSent).toEqual([]);
    saga.tick();
    expect(saga.lastSent).toEqual(['one.a.1#2']);
  });
  it('sends the next attempt at once after a timeout', () => {
    const saga = new Scenario(line());
    saga.advance(10_000);
    expect(saga.lastSent).toEqual(['one.a.1#2']);
  });
  it('resends the same attempt before the timeout and counts nothing', () => {
    const plan = planFrom({ steps: [{ name: 'one', timeoutMs: 600_000 }] });
    const saga = new Scenario(plan);
    const gaps: number[] = [];
    for (let i = 0; i < 5; i++) {
      const before = saga.now;
      saga.tick();
      gaps.push(saga.now - before);
      expect(saga.lastSent).toEqual(['one.a.1#1']);
    }
    expect(gaps).toEqual([5_000, 30_000, 60_000, 120_000, 240_000]);
  });
  it('waits 30 s for the first resend of what a broker message caused', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one' }, { name: 'two', timeoutMs: 600_000 }] }));
    saga.reply('one');
    expect(nextDue(saga.state)).toBe(saga.now + 30_000);
  });
  it('[B5] undoes a step whose attempts are used up, since it may have happened', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one' }, { name: 'two', attempts: 2 }] }));
    saga.reply('one');
    saga.exhaust('two');
    expect(saga.state.reason).toEqual({ kind: 'exhausted', step: 'two', message: 'no answer in time' });
    expect(saga.lastSent).toEqual(['two.c.1#1']);
    saga.undone('two');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
    saga.undone('one');
    expect(saga.status).toBe('compensated');
  });
});

describe('turning back', () => {
  it('undoes in the exact reverse of settling, one after the other', () => {
    const plan = planFrom({
      steps: [{ name: 'one' }, { name: 'left', needs: ['one'] }, { name: 'right', needs: ['one'] }, { name: 'last' }],
    });
    const saga = new Scenario(plan);
    saga.reply('one');
    saga.reply('right');
    saga.reply('left');
    saga.reject('last');
    const undone: string[] = [];
    while (saga.status === 'compensating') {
      const [name] = saga.lastSent[0]!.split('.');
      undone.push(name!);
      expect(saga.lastSent).toHaveLength(1);
      saga.undone(name!);
    }
    expect(undone).toEqual(['left', 'right', 'one']);
    expect(saga.status).toBe('compensated');
  });
  it('lets what is in flight settle first and sends nothing new', () => {
    const plan = planFrom({ steps: [{ name: 'one', needs: [] }, { name: 'two', needs: [] }, { name: 'three' }] });
    const saga = new Scenario(plan);
    saga.reject('one');
    expect(saga.lastSent).toEqual([]);
    expect(saga.status).toBe('compensating');
    saga.reply('two');
    expect(saga.lastSent).toEqual(['two.c.1#1']);
  });
  it('does not retry while settling: an error or a backoff is unknown at once', () => {
    const plan = planFrom({
      steps: [
        { name: 'one', needs: [] },
        { name: 'two', needs: [] },
        { name: 'three', needs: [] },
      ],
    });
    const saga = new Scenario(plan);
    saga.fail('one');
    saga.reject('two');
    expect(saga.state.steps['one']?.outcome).toBe('unknown');
    saga.fail('three');
    expect(saga.state.steps['three']?.outcome).toBe('unknown');
    expect(saga.lastSent).toEqual(['three.c.1#1']);
    saga.undone('three');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('undoes independent branches side by side by dependency', () => {
    const plan = planFrom({
      compensationOrder: 'by-dependency',
      steps: [{ name: 'one' }, { name: 'left', needs: ['one'] }, { name: 'right', needs: ['one'] }, { name: 'last' }],
    });
    const saga = new Scenario(plan);
    saga.reply('one');
    saga.reply('left');
    saga.reply('right');
    saga.reject('last');
    expect([...saga.lastSent].sort()).toEqual(['left.c.1#1', 'right.c.1#1']);
    saga.undone('right');
    expect(saga.lastSent).toEqual([]);
    saga.undone('left');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('sends nothing for a step with nothing to undo', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', compensate: false }, { name: 'two' }] }));
    saga.reply('one');
    saga.reject('two');
    expect(saga.status).toBe('compensated');
  });
  it('knows the own request and reply in a compensation, and no reply when the outcome is unknown', () => {
    const owns: unknown[] = [];
    const undoRequest = (given: { [name: string]: unknown }) => {
      owns.push(given['own']);
      return {};
    };
    const plan = planFrom({
      steps: [
        { name: 'one', undoRequest },
        { name: 'two', attempts: 1, undoRequest },
      ],
    });
    const saga = new Scenario(plan);
    saga.reply('one', { body: { id: 1 } });
    saga.exhaust('two');
    saga.undone('two');
    expect(owns).toEqual([
      { request: { do: 'two' }, reply: undefined, commandId: `${saga.state.id}.two.a.1` },
      { request: { do: 'one' }, reply: { id: 1 }, commandId: `${saga.state.id}.one.a.1` },
    ]);
  });
  it('acts on the deadline before the pivot and ignores it afterwards', () => {
    const plan = planFrom({
      deadlineMs: 5_000,
      steps: [
        { name: 'one', timeoutMs: 4_000 },
        { name: 'go', kind: 'pivot', timeoutMs: 60_000 },
        { name: 'tell', kind: 'retriable' },
      ],
    });
    const early = new Scenario(plan);
    early.advance(5_000);
    expect(early.state.reason).toEqual({ kind: 'deadline' });
    const late = new Scenario(plan);
    late.reply('one');
    late.reply('go');
    late.advance(5_000);
    expect(late.state.reason).toBeNull();
    expect(late.status).toBe('running');
  });
});

describe('the pivot', () => {
  it('is never undone, and its retriables are tried until they are stuck', () => {
    const saga = new Scenario(withPivot());
    saga.reply('one');
    saga.reply('go');
    saga.exhaust('tell');
    expect(saga.status).toBe('stuck');
    expect(stuckSteps(saga.state)[0]?.message).toMatch(/^action p\.tell failed 2 times; the last answer was: no answer in time/);
    expect(saga.sent.filter((sent) => sent.includes('.c.'))).toEqual([]);
    saga.retry('tell');
    expect(saga.lastSent).toEqual(['tell.a.1#3']);
    saga.reply('tell');
    expect(saga.status).toBe('completed');
  });
  it('turns back when it is rejected', () => {
    const saga = new Scenario(withPivot());
    saga.reply('one');
    saga.reject('go');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('is fenced when its attempts are used up; a fence that finds its reply lets the saga go on', () => {
    const saga = new Scenario(withPivot());
    saga.reply('one');
    saga.exhaust('go');
    expect(saga.lastSent).toEqual(['go.f.1#1']);
    saga.reply('go', { phase: 'f', body: { code: 'T1' } });
    expect(saga.state.steps['go']?.reply).toEqual({ code: 'T1' });
    expect(saga.lastSent).toEqual(['tell.a.1#1']);
  });
  it('is fenced off: the saga turns back with the exhausted pivot as the reason', () => {
    const saga = new Scenario(withPivot());
    saga.reply('one');
    saga.exhaust('go');
    saga.reject('go', 'undone', { phase: 'f' });
    expect(saga.state.reason).toEqual({ kind: 'exhausted', step: 'go', message: 'no answer in time' });
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
});

describe('operators', () => {
  it('cancel turns back with who and why, and is refused after the pivot and at the end', () => {
    const saga = new Scenario(withPivot());
    expect(saga.operator('cancel').decided).toBe(true);
    expect(saga.state.reason).toEqual({ kind: 'cancelled', by: 'ann', text: 'because' });
    expect(saga.operator('cancel').refused?.message).toMatch(/already turning back/);
    const after = new Scenario(withPivot());
    after.reply('one');
    after.reply('go');
    expect(after.operator('cancel').refused?.message).toMatch(/its pivot go has succeeded/);
    after.reply('tell');
    expect(after.operator('cancel').refused?.message).toMatch(/final/);
  });
  it('a suspended saga records replies, sends nothing, and its clocks stand still', () => {
    const saga = new Scenario(planFrom({ deadlineMs: 60_000, steps: [{ name: 'one' }, { name: 'two' }] }));
    saga.operator('suspend');
    expect(saga.status).toBe('suspended');
    expect(nextDue(saga.state)).toBeNull();
    saga.advance(1_000_000);
    saga.reply('one');
    expect(saga.lastSent).toEqual([]);
    saga.operator('resume');
    expect(saga.lastSent).toEqual(['two.a.1#1']);
    expect(saga.state.deadlineAt).toBe(1_000_000 + 60_000 + 1_000_000);
  });
  it('resume sends what is in flight again with a fresh timeout', () => {
    const saga = new Scenario(line());
    saga.operator('suspend');
    saga.now += 500_000;
    saga.operator('resume');
    expect(saga.lastSent).toEqual(['one.a.1#1']);
    expect(saga.command('one')).toMatchObject({ status: 'inFlight', timeoutAt: saga.now + 10_000, tries: 1 });
  });
  it('a cancel during suspension acts at resume', () => {
    const saga = new Scenario(line());
    saga.reply('one');
    saga.operator('suspend');
    expect(saga.operator('cancel').decided).toBe(false);
    expect(saga.status).toBe('suspended');
    saga.reply('two');
    saga.operator('resume');
    expect(saga.state.reason).toMatchObject({ kind: 'cancelled' });
    expect(saga.lastSent).toEqual(['two.c.1#1']);
  });
  it('retry names what cannot be retried', () => {
    const saga = new Scenario(line());
    expect(saga.retry('one').refused?.message).toMatch(/neither stuck nor waiting/);
    expect(saga.retry('nope').refused).toMatchObject({ code: 'SAGA_STEP_NOT_FOUND' });
  });
  it('retry of a step that backs off does not wait any longer', () => {
    const saga = new Scenario(line());
    saga.fail('one');
    saga.retry('one');
    expect(saga.lastSent).toEqual(['one.a.1#2']);
  });
  it('[A15] a builder that throws makes its step stuck; other branches go on; retry after the fix builds again', () => {
    let broken = true;
    const request = () => {
      if (broken) throw new Error('no price');
      return {};
    };
    const saga = new Scenario(
      planFrom({
        steps: [
          { name: 'one', needs: [], request },
          { name: 'two', needs: [] },
        ],
      }),
    );
    expect(saga.status).toBe('stuck');
    expect(stuckSteps(saga.state)).toEqual([{ step: 'one', phase: 'a', message: 'the request of p.one could not be built: no price' }]);
    expect(saga.sent).toEqual(['two.a.1#1']);
    broken = false;
    saga.retry('one');
    expect(saga.lastSent).toEqual(['one.a.1#1']);
    expect(saga.status).toBe('running');
  });
  it('a never sent stuck step is dropped when the saga is cancelled', () => {
    const request = () => {
      throw new Error('no price');
    };
    const saga = new Scenario(planFrom({ steps: [{ name: 'one' }, { name: 'two', request }] }));
    saga.reply('one');
    saga.operator('cancel');
    expect(saga.state.steps['two']?.outcome).toBe('dropped');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('[A15] a compensation builder that throws makes its step stuck until retry or settle', () => {
    let broken = true;
    const undoRequest = () => {
      if (broken) throw new Error('nothing known');
      return {};
    };
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', undoRequest }, { name: 'two' }] }));
    saga.reply('one');
    saga.reject('two');
    expect(stuckSteps(saga.state)).toEqual([
      { step: 'one', phase: 'c', message: 'the request of p.undoone could not be built: nothing known' },
    ]);
    broken = false;
    saga.retry('one');
    expect(saga.lastSent).toEqual(['one.c.1#1']);
  });
  it('settle gives the answer that the participant could not, validated, and is kept as attention', () => {
    const readReply = (value: unknown) =>
      typeof value === 'object' && value !== null && 'id' in value
        ? { ok: true as const, value }
        : { ok: false as const, faults: ['id: missing'] };
    const saga = new Scenario(planFrom({ steps: [{ name: 'one' }, { name: 'go', kind: 'pivot', inbox: false, attempts: 1, readReply }] }));
    saga.reply('one');
    saga.exhaust('go');
    expect(saga.status).toBe('stuck');
    expect(saga.settle('go', 'success', {}).refused).toMatchObject({ code: 'SAGA_REPLY_INVALID', faults: ['id: missing'] });
    saga.settle('go', 'success', { id: 1 });
    expect(saga.status).toBe('completed');
    expect(saga.state.attention).toMatchObject([{ kind: 'by-hand', step: 'go' }]);
  });
  it('[B17] settle of a stuck compensation ends the saga with attention', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', undoAttempts: 1 }, { name: 'two' }] }));
    saga.reply('one');
    saga.reject('two');
    saga.exhaust('one', 'c');
    expect(saga.status).toBe('stuck');
    expect(saga.settle('one', 'rejected').refused?.message).toMatch(/only be settled as done/);
    saga.settle('one', 'success');
    expect(saga.status).toBe('compensated');
    expect(saga.state.attention).toMatchObject([{ kind: 'by-hand', step: 'one' }]);
  });
  it('the earliest instant never lies before the last event, whatever the clock says', () => {
    const saga = new Scenario(line());
    saga.now -= 500;
    saga.reply('one');
    expect(saga.history.map((entry) => entry.at)).toEqual([1_000_000, 1_000_000]);
  });
});
