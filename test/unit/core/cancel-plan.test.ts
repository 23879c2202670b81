import { describe, expect, it } from '@jest/globals';
import { planCancel, type CancelPlan } from '../../../src/core/cancel-plan.js';
import { begin, decide } from '../../../src/core/decide.js';
import type { SagaEvent } from '../../../src/core/event.js';
import type { Plan } from '../../../src/core/plan.js';
import type { SagaState } from '../../../src/core/state.js';
import { planFrom } from '../../support/plans.js';

const ID = '00000000-0000-7000-8000-000000000001';
const BY = { by: 'ada', text: 'because' };

function started(plan: Plan): SagaState {
  return begin(plan, { id: ID, key: null, tags: {}, traceparent: null, input: {}, bytes: 2 }, 1_000).state;
}
function after(plan: Plan, ...events: readonly SagaEvent[]): SagaState {
  return events.reduce((state, event) => decide(plan, state, event, 2_000).state, started(plan));
}
const replied = (step: string, outcome: 'success' | 'error' = 'success', phase: 'a' | 'c' | 'f' = 'a'): SagaEvent => ({
  kind: 'replied',
  step,
  phase,
  execution: 1,
  attempt: undefined,
  outcome,
  body: { of: step },
  redelivered: false,
});
function commandsOf(planned: CancelPlan): string[] {
  if (!planned.possible) throw new Error(planned.why);
  return planned.commands.map(
    ({ position, command, after: outcome, isOpen }) => `${position} ${command} ${outcome}${isOpen ? ' open' : ''}`,
  );
}

describe('what a cancel would send', () => {
  const chain = planFrom({ steps: [{ name: 'reserve' }, { name: 'charge' }, { name: 'note', compensate: false }, { name: 'book' }] });

  it('is every compensation in the exact reverse of the order in which the actions settled', () => {
    const state = after(chain, replied('reserve'), replied('charge'), replied('note'));
    const planned = planCancel(chain, state);
    expect(commandsOf(planned)).toEqual([
      '1 p.undobook success open',
      '1 p.undobook unknown open',
      '2 p.undocharge success',
      '3 p.undoreserve success',
    ]);
    expect(planned).toMatchObject({ kept: ['note'], notes: ['first it waits for what is under way: book'] });
  });

  it('is what the cancel then sends, with the same requests', () => {
    const plan = planFrom({
      steps: [
        { name: 'reserve', undoRequest: ({ own }) => ({ undoes: (own as { reply: unknown }).reply }) },
        { name: 'charge', compensate: false },
      ],
    });
    const state = after(plan, replied('reserve'));
    const planned = planCancel(plan, state);
    const cancelled = [{ kind: 'cancel', ...BY } as const, replied('charge', 'error')].reduce(
      (now, event) => decide(plan, now, event, 3_000).state,
      state,
    );
    expect(planned).toMatchObject({ commands: [{ step: 'reserve', request: { undoes: { of: 'reserve' } } }] });
    expect(cancelled.steps['reserve']!.undo!.request).toEqual({ undoes: { of: 'reserve' } });
  });

  it('changes nothing of the saga', () => {
    const state = after(chain, replied('reserve'));
    const before = JSON.stringify(state);
    planCancel(chain, state);
    expect(JSON.stringify(state)).toBe(before);
  });

  it('is sent at the same time where nothing depends on each other and the saga is undone by dependency', () => {
    const plan = planFrom({
      steps: [{ name: 'one', needs: [] }, { name: 'two', needs: [] }, { name: 'last' }],
      compensationOrder: 'by-dependency',
    });
    const state = after(plan, replied('one'), replied('two'));
    expect(commandsOf(planCancel(plan, state)).slice(2)).toEqual(['2 p.undoone success', '2 p.undotwo success']);
  });

  it('says that a pivot under way decides, and that it is fenced', () => {
    const plan = planFrom({ steps: [{ name: 'reserve' }, { name: 'ship', kind: 'pivot' }] });
    const planned = planCancel(plan, after(plan, replied('reserve')));
    expect(planned).toMatchObject({
      possible: true,
      notes: [expect.stringContaining('pivot ship is under way')],
      commands: [
        { position: 1, step: 'ship', phase: 'fence' },
        { position: 2, step: 'reserve', phase: 'compensation', after: 'success' },
      ],
    });
  });

  it('is undone also where the pivot cannot be fenced', () => {
    const plan = planFrom({ steps: [{ name: 'reserve' }, { name: 'ship', kind: 'pivot', inbox: false }] });
    expect(commandsOf(planCancel(plan, after(plan, replied('reserve'))))).toEqual(['1 p.undoreserve success']);
  });

  it('is nothing after the pivot, and it says why', () => {
    const plan = planFrom({
      steps: [
        { name: 'ship', kind: 'pivot' },
        { name: 'confirm', kind: 'retriable' },
      ],
    });
    expect(planCancel(plan, after(plan, replied('ship')))).toEqual({
      possible: false,
      why: expect.stringContaining('pivot ship has succeeded'),
    });
  });

  it('waits for a suspended saga to be resumed', () => {
    const planned = planCancel(chain, after(chain, replied('reserve'), { kind: 'suspend', ...BY }));
    expect(planned).toMatchObject({ notes: [expect.stringContaining('resumed'), expect.anything()] });
    expect(commandsOf(planned).at(-1)).toBe('2 p.undoreserve success');
  });

  it('tells of a compensation that cannot be built, and goes on behind it', () => {
    const broken = () => {
      throw new Error('no address');
    };
    const plan = planFrom({ steps: [{ name: 'reserve' }, { name: 'charge', undoRequest: broken }, { name: 'book', compensate: false }] });
    expect(planCancel(plan, after(plan, replied('reserve'), replied('charge')))).toMatchObject({
      commands: [{ step: 'charge', fault: expect.stringContaining('no address') }, { step: 'reserve' }],
    });
  });
});
