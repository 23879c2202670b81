import { describe, expect, it } from '@jest/globals';
import { nextDue } from '../../../src/core/decide.js';
import { planFrom } from '../../support/plans.js';
import { Scenario } from '../../support/scenario.js';

const two = () => planFrom({ steps: [{ name: 'one', undoAttempts: 2 }, { name: 'two' }] });
/** Up to where the compensation of `one` has been rejected once and waits for its next execution. */
function refused(): Scenario {
  const saga = new Scenario(two());
  saga.reply('one');
  saga.reject('two');
  saga.reject('one', 'no', { phase: 'c' });
  return saga;
}

describe('a rejection that comes again', () => {
  it('[B6] neither puts off the next execution nor fills the history', () => {
    const saga = refused();
    const due = nextDue(saga.state);
    for (let copy = 0; copy < 3; copy++) {
      saga.now += 10;
      saga.reject('one', 'no', { phase: 'c', redelivered: true });
    }
    expect(nextDue(saga.state)).toBe(due);
    expect(saga.events().filter((event) => event === 'duplicate-reply')).toHaveLength(1);
    expect(saga.command('one', 'c').tries).toBe(1);
  });
  it('leaves a stuck step as it is, and its success still counts', () => {
    const saga = refused();
    saga.tick();
    saga.reject('one', 'no', { phase: 'c' });
    const stuck = saga.command('one', 'c');
    expect(stuck.status).toBe('stuck');
    saga.now += 10;
    saga.reject('one', 'no', { phase: 'c' });
    expect(saga.command('one', 'c')).toEqual(stuck);
    saga.undone('one');
    expect(saga.status).toBe('compensated');
  });
});

describe('a success of an execution that was followed by another', () => {
  it('[B7] changes nothing, but contradicts what that one rested on, so a person is told', () => {
    const saga = refused();
    saga.tick();
    saga.reply('one', { phase: 'c', execution: 1 });
    expect(saga.command('one', 'c')).toMatchObject({ execution: 2, status: 'inFlight' });
    expect(saga.events().at(-1)).toBe('conflicting-reply');
    expect(saga.state.attention).toMatchObject([{ kind: 'conflict', step: 'one' }]);
  });
});

describe('what a person should know of', () => {
  it('has a line in the history although the same answer was seen before', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', attempts: 1 }] }));
    saga.exhaust('one');
    // While it is undone it is only late; once the saga has ended it may be an effect that stays.
    saga.reply('one');
    saga.undone('one');
    expect(saga.status).toBe('compensated');
    saga.reply('one');
    saga.reply('one');
    expect(saga.state.attention).toMatchObject([{ kind: 'late-effect', step: 'one' }]);
    expect(saga.history.filter(({ effects }) => effects.some((effect) => effect.do === 'attention'))).toHaveLength(1);
    expect(saga.events().filter((event) => event === 'late-reply')).toHaveLength(2);
  });
});

describe('a late answer of a step whose compensation could not be built', () => {
  const needsReply = (given: { readonly [name: string]: unknown }) => ({ id: (given['own'] as { reply: { id: number } }).reply.id });
  const stuck = () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one', attempts: 1, undoRequest: needsReply }] }));
    saga.exhaust('one');
    expect(saga.status).toBe('stuck');
    return saga;
  };
  it('that is a success lets it be built again', () => {
    const saga = stuck();
    saga.reply('one', { body: { id: 7 } });
    expect(saga.lastSent).toEqual(['one.c.1#1']);
    expect(saga.command('one', 'c').request).toEqual({ id: 7 });
  });
  it('that is a rejection leaves nothing to undo', () => {
    const saga = stuck();
    saga.reject('one');
    expect(saga.status).toBe('compensated');
  });
});

describe('while suspended', () => {
  it('a backoff that begins then lasts no longer than one that does not', () => {
    const saga = new Scenario(two());
    saga.operator('suspend');
    saga.advance(3_600_000);
    saga.fail('one');
    saga.advance(3_600_000);
    saga.operator('resume');
    expect(nextDue(saga.state)! - saga.now).toBeLessThanOrEqual(200);
  });
  it('a pivot that has to be fenced is, as soon as the saga is resumed', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one' }, { name: 'go', kind: 'pivot', attempts: 1 }] }));
    saga.reply('one');
    saga.operator('suspend');
    saga.advance(3_600_000);
    saga.fail('go');
    saga.advance(3_600_000);
    saga.operator('resume');
    expect(nextDue(saga.state)).toBe(saga.now);
    saga.tick();
    expect(saga.lastSent).toEqual(['go.f.1#1']);
  });
});

describe('a pivot without an inbox that backs off when the saga is cancelled', () => {
  it('is asked on while attempts are left', () => {
    const saga = new Scenario(planFrom({ steps: [{ name: 'one' }, { name: 'go', kind: 'pivot', inbox: false, attempts: 3 }] }));
    saga.reply('one');
    saga.fail('go');
    expect(saga.operator('cancel').decided).toBe(false);
    expect(saga.status).toBe('compensating');
    saga.tick();
    expect(saga.lastSent).toEqual(['go.a.1#2']);
  });
});
