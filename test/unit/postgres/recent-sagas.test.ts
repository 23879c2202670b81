import { describe, expect, it } from '@jest/globals';
import type { Effect, HistoryEntry } from '../../../src/core/event.js';
import type { CommandFacts, CommandProgress, SagaState, StepState } from '../../../src/core/state.js';
import { historyText } from '../../../src/postgres/history-text.js';
import { RecentSagas, type WriteMark } from '../../../src/postgres/recent-sagas.js';
import { headText, readState, stateText } from '../../../src/postgres/state-text.js';
import { planFrom } from '../../support/plans.js';
import { Scenario } from '../../support/scenario.js';

const stateOf = (id: string, parts: Partial<SagaState> = {}): SagaState => ({
  ...new Scenario(planFrom({ steps: [{ name: 'one' }] })).state,
  id,
  ...parts,
});

const written = (state: SagaState, { version, stamp }: WriteMark) => ({
  state,
  version,
  stamp,
  wakeAt: null,
  parked: [],
  isParked: false,
});

describe('the states that were written last', () => {
  it('count only for the very write that the row holds', () => {
    const recent = new RecentSagas(10, 1_000_000);
    const state = stateOf('a');
    recent.wrote(written(state, { version: 3, stamp: 7 }));
    expect(recent.get('a', { version: 3, stamp: 7 })).toBe(state);
    // Another process wrote it since; or a failover lost our write, and another one has the same version.
    expect(recent.get('a', { version: 4, stamp: 7 })).toBeUndefined();
    expect(recent.get('a', { version: 3, stamp: 8 })).toBeUndefined();
    expect(recent.get('b', { version: 3, stamp: 7 })).toBeUndefined();
  });
  it('are bounded: those written longest ago go first, final ones at once', () => {
    const recent = new RecentSagas(2, 1_000_000);
    for (const id of ['a', 'b', 'a', 'c']) recent.wrote(written(stateOf(id), { version: 1, stamp: 1 }));
    expect(['a', 'b', 'c'].filter((id) => recent.has(id))).toEqual(['a', 'c']);
    recent.wrote(written(stateOf('a', { end: 'completed' }), { version: 2, stamp: 1 }));
    expect(recent.has('a')).toBe(false);
  });
  it('are bounded in what they hold together, however few they are', () => {
    const big = (id: string) => stateOf(id, { bytes: 1_000 });
    const recent = new RecentSagas(100, 2_500);
    for (const id of ['a', 'b', 'c', 'b', 'd']) recent.wrote(written(big(id), { version: 1, stamp: 1 }));
    expect(['a', 'b', 'c', 'd'].filter((id) => recent.has(id))).toEqual(['b', 'd']);
    recent.wrote(written(stateOf('e', { bytes: 5_000 }), { version: 1, stamp: 1 }));
    expect(recent.has('e')).toBe(false);
    recent.wrote(written(big('f'), { version: 1, stamp: 1 }));
    expect(recent.has('f')).toBe(true);
  });
});

describe('the text of a state', () => {
  it('gives the same state back, whatever happened to it', () => {
    const saga = new Scenario(
      planFrom({ deadlineMs: 60_000, steps: [{ name: 'one' }, { name: 'two', undoAttempts: 1 }, { name: 'three' }] }),
      { sku: 'a"b\\c' },
    );
    const steps = [
      () => saga.reply('one'),
      () => saga.reply('two'),
      () => saga.reply('one'),
      () => saga.operator('suspend'),
      () => saga.operator('cancel'),
      () => saga.operator('resume'),
      () => saga.reject('three'),
    ];
    for (const step of steps) {
      step();
      expect(readState(saga.state.id, rowText(saga.state))).toEqual(saga.state);
    }
    expect(saga.state.reason).toMatchObject({ kind: 'cancelled' });
  });
  it('leaves no field out: a new one has to be named here, or this does not compile', () => {
    const decree = { by: 'ann', text: 'because', at: 1 };
    const full: SagaState = {
      id: 'a',
      name: 'n',
      version: 2,
      key: 'k"1',
      tags: { shop: 'north' },
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      input: { a: [1] },
      startedAt: 1,
      direction: 'backward',
      end: 'compensated',
      endedAt: 9,
      reason: { kind: 'deadline' },
      suspended: decree,
      pendingCancel: decree,
      deadlineAt: 7,
      steps: { one: { outcome: 'skipped', startedAt: 1 } },
      order: ['one'],
      attention: [{ kind: 'conflict', step: 'one', text: 't', at: 2 }],
      seq: 4,
      eventAt: 5,
      noted: { x: 1 },
      bytes: 6,
    };
    expect(readState('a', rowText(full))).toEqual(full);
  });
  it('leaves no field of a step or a command out: a new one has to be named here, or this does not compile', () => {
    const lastError = { code: 'E"1', message: 'no\\' };
    const facts = { execution: 2, attempt: 3, tries: 4, request: { b: '"' }, firstSentAt: 5, cause: 'one.a.1#success', lastError };
    const progress: Required<CommandProgress>[] = [
      { status: 'settled' },
      { status: 'inFlight', sentAt: 1, timeoutAt: 2, resendAt: 3, gapMs: 4 },
      { status: 'backingOff', retryAt: 1, again: 'execution' },
      { status: 'stuck', message: 'm"', since: 1, again: 'confirm', resendAt: 2, gapMs: 3 },
    ];
    for (const each of progress) {
      const command: Required<CommandFacts> & CommandProgress = { ...facts, ...each };
      const step: Required<StepState> = {
        outcome: 'unknown',
        startedAt: 1,
        settledAt: 2,
        action: command,
        fence: { ...command, request: {} },
        undo: command,
        undone: 'by-hand',
        undoneAt: 3,
        reply: { ref: 'r"' },
        unusable: 'u"',
        code: 'c"',
        message: 'm"',
        fault: { phase: 'c', message: 'f"' },
      };
      const saga: SagaState = { ...stateOf('a', { steps: { one: step } }), tracestate: 'v=1', traceparent: '00-1', ownKey: true };
      expect(readState('a', rowText(saga))).toEqual(saga);
    }
  });
  it('is read as well where a row of before says all in one, and says more', () => {
    const scenario = new Scenario(planFrom({ steps: [{ name: 'one' }, { name: 'two' }] }), { sku: 'x' });
    scenario.reply('one');
    const { id, ...state } = scenario.state;
    const [one, two] = [state.steps['one']!, state.steps['two']!];
    const saga: SagaState = { id, ...state, steps: { one, two: { ...two, action: { ...two.action!, request: state.input } } } };
    const { request: _input, ...facts } = saga.steps['two']!.action!;
    const steps = { one, two: { ...two, action: { ...facts, requestIs: 'input' } } };
    expect(readState(id, JSON.stringify({ ...state, steps }))).toEqual(saga);
    // What is written to such a row leaves what it had in the place of the head, where nothing counts but what never changes.
    const suspended = { by: 'ann', text: 't', at: 1 };
    const before = JSON.stringify({ ...state, steps: {}, suspended, attention: [suspended], order: ['two'] });
    expect(readState(id, `${before}\n${stateText(saga)}`)).toEqual(saga);
  });
  it('has a request that is the input once', () => {
    const input = { sku: 'only-once' };
    const state = new Scenario(planFrom({ steps: [{ name: 'one' }] }), input).state;
    const action = { ...state.steps['one']!.action!, request: state.input };
    const saga = { ...state, steps: { one: { ...state.steps['one']!, action } } };
    const text = rowText(saga);
    expect(text.split('only-once')).toHaveLength(2);
    const read = readState(saga.id, text);
    expect(read).toEqual(saga);
    expect(read.steps['one']!.action!.request).toBe(read.input);
  });
  it('leaves out what was never said', () => {
    expect(rowText(stateOf('a'))).not.toMatch(/null|"id"|\{\}[^}]*"noted"/);
  });
});

/** As SQL gives it: see WHOLE_STATE. */
const rowText = (state: SagaState) => `${headText(state)}\n${stateText(state)}`;

describe('the text of a history line', () => {
  it('leaves no field out: a new one has to be named here, or this does not compile', () => {
    const effects: readonly Effect[] = [
      { do: 'sent', step: 'one', phase: 'a', execution: 1, attempt: 2 },
      { do: 'succeeded', step: 'one' },
      { do: 'undone', step: 'one' },
      { do: 'status', status: 'completed' },
      { do: 'stuck', step: 'one', phase: 'c', message: 'no "way"' },
    ];
    const data = { phase: 'c', execution: 1, attempt: 2, outcome: 'error', code: 'c"', message: 'm"', by: 'ann "b"', effects } as const;
    const line: Required<HistoryEntry> = { seq: 1, at: 2, event: 'replied', step: 'one', ...data };
    expect(JSON.parse(historyText(line))).toEqual(data);
    const { seq, at, event } = line;
    expect(JSON.parse(historyText({ seq, at, event, effects: [] }))).toEqual({ effects: [] });
  });
});
