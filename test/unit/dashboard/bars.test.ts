import { describe, expect, it } from '@jest/globals';
import { ticksOf, timelineOf } from '../../../src/dashboard/model/bars.js';
import type { HistoryEntryView, SagaView } from '../../../src/http/schemas.js';

const START = Date.UTC(2026, 0, 1, 12);
const at = (ms: number) => new Date(START + ms).toISOString();
const saga = (steps: readonly string[], endedMs?: number) =>
  ({
    startedAt: at(0),
    endedAt: endedMs === undefined ? null : at(endedMs),
    steps: steps.map((name) => ({ name })),
  }) as unknown as SagaView;
let seq = 0;
const entry = (ms: number, event: string, ...effects: HistoryEntryView['effects']): HistoryEntryView => ({
  seq: ++seq,
  at: at(ms),
  event,
  effects,
});
const sent = (step: string, attempt = 1, phase = 'action') => ({ do: 'sent', step, phase, attempt });

describe('the timeline of a saga', () => {
  it('shows waiting, running and a further attempt', () => {
    const { rows } = timelineOf(
      saga(['reserve', 'charge'], 500),
      [
        entry(0, 'started', sent('reserve')),
        entry(100, 'replied', { do: 'succeeded', step: 'reserve' }, sent('charge')),
        entry(200, 'replied', { do: 'will-retry', step: 'charge', phase: 'action', at: at(300) }),
        entry(300, 'backoff-over', sent('charge', 2)),
        entry(500, 'replied', { do: 'succeeded', step: 'charge' }),
      ],
      0,
    );
    const short = rows.map(({ step, bars, end }) => [
      step,
      bars.map(({ kind, from, to, attempt }) => [kind, from - START, to - START, attempt]),
      end?.what,
    ]);
    expect(short).toEqual([
      ['reserve', [['running', 0, 100, undefined]], 'succeeded'],
      [
        'charge',
        [
          ['waiting', 0, 100, undefined],
          ['running', 100, 200, undefined],
          ['retrying', 200, 300, undefined],
          ['running', 300, 500, 2],
        ],
        'succeeded',
      ],
    ]);
  });

  it('shows what undoes a step in a row of its own, and where it turned back', () => {
    const { rows, turnedAt } = timelineOf(
      saga(['reserve', 'charge'], 400),
      [
        entry(0, 'started', sent('reserve')),
        entry(100, 'replied', { do: 'succeeded', step: 'reserve' }, sent('charge')),
        entry(200, 'replied', { do: 'rejected', step: 'charge', code: 'no' }, { do: 'turned-back' }, sent('reserve', 1, 'compensation')),
        entry(400, 'replied', { do: 'undone', step: 'reserve' }),
      ],
      0,
    );
    expect(rows.map(({ step, phase, end }) => [step, phase, end?.what])).toEqual([
      ['reserve', 'action', 'succeeded'],
      ['reserve', 'compensation', 'undone'],
      ['charge', 'action', 'rejected'],
    ]);
    expect(rows[1]!.bars).toEqual([{ kind: 'compensating', from: START + 200, to: START + 400, isOpen: false, attempt: undefined }]);
    expect(turnedAt).toBe(START + 200);
  });

  it('goes on to now where something is open: stuck, confirming, suspended', () => {
    const { rows, pauses, to, isCut } = timelineOf(
      saga(['pay', 'mail']),
      [
        entry(0, 'started', sent('pay', 1, 'fence')),
        entry(50, 'replied', sent('mail')),
        entry(60, 'timed-out', { do: 'stuck', step: 'mail', phase: 'action', message: 'it is' }),
        entry(70, 'suspended'),
      ],
      START + 1_000,
    );
    expect([to, isCut]).toEqual([START + 1_000, false]);
    expect(rows[0]!.bars.at(-1)).toMatchObject({ kind: 'confirming', isOpen: true, to });
    expect(rows[1]!.bars.at(-1)).toMatchObject({ kind: 'stuck', isOpen: true, from: START + 60, to });
    expect(pauses).toEqual([{ from: START + 70, to }]);
  });

  it('does not let a long wait at the end squeeze what happened before', () => {
    const hour = 3_600_000;
    const stuck = [
      entry(0, 'started', sent('pay')),
      entry(9_000, 'timed-out', { do: 'stuck', step: 'pay', phase: 'action', message: 'it is' }),
    ];
    const { to, rows, isCut } = timelineOf(saga(['pay']), stuck, START + hour);
    expect([to, isCut]).toEqual([START + 12_000, true]);
    expect(rows[0]!.bars.at(-1)).toMatchObject({ kind: 'stuck', to: START + hour });
  });

  it('is no point where nothing has happened yet', () => {
    const { from, to, rows } = timelineOf(saga(['pay']), [], START);
    expect(to).toBeGreaterThan(from);
    expect(rows).toEqual([{ step: 'pay', phase: 'action', bars: [], end: undefined }]);
  });
});

describe('the ticks of the timeline', () => {
  it.each([1, 7, 990, 61_000, 3_600_000, 400 * 86_400_000])('are few and round for %s ms', (length) => {
    const ticks = ticksOf(length, 6);
    expect(ticks[0]).toBe(0);
    expect(ticks.length).toBeLessThanOrEqual(7);
    expect(ticks.at(-1)!).toBeLessThanOrEqual(length);
  });
});
