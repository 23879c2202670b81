import { printable } from '../../cli/printable.js';
import { ticksOf, type Bar, type Row, type Timeline } from '../model/bars.js';
import { duration } from '../model/words.js';
import { Icon, iconOf } from './icon.js';
import { Data } from './text.js';

const TICKS = 6;
/** Where the last label begins in a narrow window, in hundredths of the width. */
const ROOM_FOR_NOW = 66;

/** When each step waited, ran, was retried and was undone. */
export function TimelineChart({ timeline }: { readonly timeline: Timeline }) {
  const { from, to, isCut, rows, pauses, turnedAt } = timeline;
  const length = to - from;
  const share = (at: number) => Math.min(100, Math.max(0, ((at - from) / length) * 100));
  const ticks = ticksOf(length, TICKS);
  return (
    <div class="timeline" role="table" aria-label="Timeline">
      <div class="tl-row tl-axis" role="row">
        <span class="tl-name" role="columnheader">
          Step
        </span>
        <span class="tl-track" role="columnheader" aria-label="Time since the start">
          {ticks
            .filter((tick) => !isCut || share(from + tick) < ROOM_FOR_NOW)
            .map((tick) => (
              <span key={tick} class={`tl-tick ${share(from + tick) > 92 ? 'end' : ''}`} style={{ left: `${share(from + tick)}%` }}>
                {tick === 0 ? '0' : duration(tick)}
              </span>
            ))}
          {isCut ? (
            <span class="tl-tick end" style={{ left: '100%' }} title="What still goes on is longer than what is shown">
              … now
            </span>
          ) : null}
        </span>
        <span class="tl-end" role="columnheader">
          Took
        </span>
      </div>
      {rows.map((row) => (
        <div class={`tl-row ${row.phase}`} role="row" key={`${row.step} ${row.phase}`}>
          <span class="tl-name" role="rowheader">
            {row.phase === 'compensation' ? <Icon name="back" size={11} /> : null}
            <Data of={row.step} />
          </span>
          <span class="tl-track" role="cell">
            {ticks.map((tick) => (
              <span key={tick} class="tl-grid" style={{ left: `${share(from + tick)}%` }} />
            ))}
            {pauses.map((pause) => (
              <span
                key={pause.from}
                class="tl-pause"
                style={{ left: `${share(pause.from)}%`, width: `${share(pause.to) - share(pause.from)}%` }}
              />
            ))}
            {turnedAt === undefined ? null : <span class="tl-turn" style={{ left: `${share(turnedAt)}%` }} />}
            {row.bars.map((bar) => (
              <span
                key={`${bar.kind} ${bar.from}`}
                class={`tl-bar ${bar.kind} ${bar.isOpen ? 'open' : ''}`}
                style={{ left: `${share(bar.from)}%`, width: `${share(bar.to) - share(bar.from)}%` }}
                title={barWords(row, bar)}
              />
            ))}
            <span class="unseen">{row.bars.map((bar) => barWords(row, bar)).join('; ')}</span>
          </span>
          <span class="tl-end" role="cell">
            <End row={row} />
          </span>
        </div>
      ))}
      <Legend hasPause={pauses.length > 0} hasTurn={turnedAt !== undefined} />
    </div>
  );
}

/** How it came out, and how long it took without the waiting. */
function End({ row: { bars, end } }: { readonly row: Row }) {
  const last = bars.at(-1);
  const took = last ? duration(last.to - firstOf(bars)) : '';
  if (!end) return <>{took}</>;
  const isPlain = end.what === 'succeeded' || end.what === 'undone';
  return (
    <>
      <Icon name={iconOf(end.what === 'undone' ? 'compensated' : end.what === 'passed' ? 'succeeded' : end.what)} size={11} />
      {isPlain && took !== '' ? null : <span class={took === '' ? '' : 'tl-word'}>{end.what}</span>}
      {took}
    </>
  );
}

function firstOf(bars: readonly Bar[]): number {
  return (bars.find(({ kind }) => kind !== 'waiting') ?? bars[0]!).from;
}

function barWords({ step, phase }: Row, { kind, from, to, isOpen, attempt }: Bar): string {
  const what = phase === 'compensation' ? `compensation of ${printable(step)}` : printable(step);
  return `${what}: ${kind}${attempt === undefined ? '' : ` (attempt ${attempt})`} ${duration(to - from)}${isOpen ? ' so far' : ''}`;
}

const KINDS = ['waiting', 'running', 'retrying', 'confirming', 'compensating', 'stuck'] as const;
function Legend({ hasPause, hasTurn }: { readonly hasPause: boolean; readonly hasTurn: boolean }) {
  return (
    <p class="tl-legend" aria-hidden="true">
      {KINDS.map((kind) => (
        <span key={kind}>
          <i class={`tl-bar ${kind}`} /> {kind}
        </span>
      ))}
      {hasPause ? (
        <span>
          <i class="tl-pause" /> suspended
        </span>
      ) : null}
      {hasTurn ? (
        <span>
          <i class="tl-turn" /> turned back
        </span>
      ) : null}
    </p>
  );
}
