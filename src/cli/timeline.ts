import type { HistoryEntryView, SagaView, StepView, StuckView } from '../http/schemas.js';
import { paintFor, statePaint, type Paint } from './paint.js';
import { cut, printable, shortJson } from './printable.js';
import type { Terminal } from './terminal.js';
import { effectWords, eventWords, lasted, timeOfDay, tries, when, whyBack } from './words.js';

/**
 * A saga for a person who is woken by it: where it is, why, what happened, and what can be done next. With `rows`, what happened last takes
 * what room the rest leaves.
 */
export function timelineOf(
  saga: SagaView,
  history: readonly HistoryEntryView[],
  terminal: Pick<Terminal, 'colors' | 'columns'>,
  now: number,
  rows?: number,
): string {
  const paint = paintFor(terminal);
  const before = [heading(saga, paint, now), stepLines(saga, paint, terminal.columns), attentionLines(saga, paint)];
  const after = nextLines(saga, paint);
  const others = [...before, after].filter((lines) => lines.length > 0);
  // A blank line between parts, a head of its own, and a line for what is left out.
  const room = rows === undefined ? SHOWN : { first: 0, last: Math.max(LEAST_SHOWN, rows - others.flat().length - others.length - 2) };
  const parts = [...before, historyLines(history, paint, terminal.columns, room), after];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function heading(saga: SagaView, paint: Paint, now: number): string[] {
  const end = saga.endedAt ?? new Date(now).toISOString();
  const tags = Object.entries(saga.tags).map(([name, value]) => `${name}=${value}`);
  const fields: [string, string | undefined][] = [
    ['id', saga.id],
    ['key', saga.key ?? undefined],
    ['started', `${when(saga.startedAt)}, ${saga.endedAt ? `took ${lasted(saga.startedAt, end)}` : `${lasted(saga.startedAt, end)} ago`}`],
    ['deadline', saga.deadline && saga.endedAt === null ? when(saga.deadline) : undefined],
    ['tags', tags.length > 0 ? tags.join(' ') : undefined],
    ['input', shortJson(saga.input)],
    ['turned back', saga.reason ? whyBack(saga.reason) : undefined],
    ['suspended', saga.suspended ? `by ${saga.suspended.by}: ${saga.suspended.reason}` : undefined],
    ['cancel waits', saga.pendingCancel ? `by ${saga.pendingCancel.by}: ${saga.pendingCancel.reason}` : undefined],
  ];
  const title = `${paint.bold(printable(saga.name))} ${paint.dim(`version ${saga.version}`)}  ${statePaint(paint, saga.status)(saga.status)}`;
  return [
    title,
    ...fields.flatMap(([name, value]) => (value === undefined ? [] : [`  ${paint.dim(name.padEnd(12))} ${printable(value)}`])),
  ];
}

const MARK: Readonly<Record<StepView['state'], string>> = {
  succeeded: '✓',
  compensated: '↩',
  compensating: '↩',
  rejected: '✗',
  unknown: '?',
  stuck: '!',
  running: '▸',
  retrying: '↻',
  confirming: '?',
  waiting: '·',
  skipped: '-',
  dropped: '-',
  'not-reached': '·',
};

function stepLines(saga: SagaView, paint: Paint, columns: number): string[] {
  const width = Math.max(...saga.steps.map(({ name }) => name.length), 4);
  const lines = saga.steps.flatMap((step) => {
    const colour = statePaint(paint, step.state);
    const about = [step.command ?? step.kind, step.startedAt && step.settledAt ? lasted(step.startedAt, step.settledAt) : '', tries(step)];
    const details = about.filter((text) => text !== '').join(', ');
    const first = `  ${colour(MARK[step.state])} ${printable(step.name).padEnd(width)}  ${colour(step.state.padEnd(12))} ${paint.dim(printable(details))}`;
    return [
      first,
      ...stepDetails(step).map((line) => `    ${' '.repeat(width)}${paint.dim(cut(printable(line), Math.max(40, columns - width - 5)))}`),
    ];
  });
  const unknown = saga.definitionLoaded ? [] : ['  its definition is not loaded by this server, so further steps are not shown'];
  return [paint.bold('Steps'), ...lines, ...unknown];
}

function stepDetails(step: StepView): string[] {
  const error = (of: StepView['error']) => of && `${of.code ? `${of.code}: ` : ''}${of.message}`;
  const undo = step.compensation;
  const lines = [
    step.state === 'retrying' && step.retryAt ? `again at ${timeOfDay(step.retryAt)}` : undefined,
    step.state === 'succeeded' ? undefined : error(step.error),
    undo && undo.state !== 'succeeded'
      ? `compensation ${undo.state}${undo.retryAt ? `, again at ${timeOfDay(undo.retryAt)}` : ''}, ${undo.attempts} tries`
      : undefined,
    undo?.byHand ? 'undone by hand' : undefined,
    undo && undo.state !== 'succeeded' ? error(undo.error) : undefined,
  ];
  return lines.filter((line) => line !== undefined);
}

function attentionLines(saga: SagaView, paint: Paint): string[] {
  if (saga.attention.length === 0) return [];
  return [paint.bold(paint.yellow('Attention')), ...saga.attention.map(({ kind, text }) => `  ${kind}: ${printable(text)}`)];
}

/** Long histories are cut in the middle: how it began and how it got here matter. */
const SHOWN: Shown = { first: 15, last: 25 };
const LEAST_SHOWN = 3;
interface Shown {
  readonly first: number;
  readonly last: number;
}

function historyLines(history: readonly HistoryEntryView[], paint: Paint, columns: number, room: Shown): string[] {
  if (history.length === 0) return [];
  const line = (entry: HistoryEntryView) => {
    const then = entry.effects.map(effectWords).join('; ');
    const text = printable(`${eventWords(entry)}${then ? ` → ${then}` : ''}`);
    return `  ${paint.dim(timeOfDay(entry.at))} ${cut(text, Math.max(60, columns - 16))}`;
  };
  const left = history.length - room.first - room.last;
  const shown =
    left <= 1
      ? history.map(line)
      : [...history.slice(0, room.first).map(line), `  … ${left} more: backstep history ID`, ...history.slice(-room.last).map(line)];
  return [paint.bold('What happened'), ...shown];
}

function nextLines(saga: SagaView, paint: Paint): string[] {
  if (saga.endedAt !== null) return [];
  const stuck = saga.stuck.flatMap((one) => [
    `  ${paint.red(`${one.step}${one.phase === 'action' ? '' : `'s ${one.phase}`} is stuck`)}: ${printable(one.sentence)}`,
    ...one.verbs.map((verb) => `    ${commandFor(saga.id, one, verb)}`),
  ]);
  const whole = saga.verbs.map((verb) => `  backstep ${verb} ${saga.id} --reason TEXT`);
  return [paint.bold('What can be done'), ...stuck, ...whole];
}

function commandFor(id: string, { step, phase }: StuckView, verb: StuckView['verbs'][number]): string {
  switch (verb) {
    case 'retry':
      return `backstep retry ${id} ${step} --reason TEXT`;
    case 'retry confirm=not-done':
      return `backstep retry ${id} ${step} --confirm not-done --reason TEXT`;
    case 'settle success':
      return `backstep settle ${id} ${step} --outcome success ${phase === 'compensation' ? '' : '[--reply JSON] '}--reason TEXT`;
    case 'settle rejected':
      return `backstep settle ${id} ${step} --outcome rejected [--code CODE] --reason TEXT`;
  }
}
