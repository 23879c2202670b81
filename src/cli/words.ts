import { formatDuration } from '../core/duration.js';
import type { HistoryEntryView, StepView, SummaryView } from '../http/schemas.js';

/** An instant for a person: UTC, to the second. */
export function when(isoText: string): string {
  return `${isoText.slice(0, 10)} ${isoText.slice(11, 19)}Z`;
}

/** The time of day alone, to the millisecond. */
export function timeOfDay(isoText: string): string {
  return isoText.slice(11, 23);
}

export function lasted(from: string, to: string): string {
  return formatDuration(Math.max(0, Date.parse(to) - Date.parse(from)));
}

/** A part of the whole, from 0 to 1, for people: `0 %`, `0.4 %`, `12 %`; nothing where there is no whole. */
export function share(part: number | null | undefined): string {
  if (part === null || part === undefined) return '';
  const percent = part * 100;
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  // Nearly all is not all.
  const text = percent < 10 || (percent > 99 && percent < 100) ? Math.min(percent, part < 1 ? 99.9 : 100).toFixed(1) : percent.toFixed(0);
  return `${text.replace(/\.0$/, '')} %`;
}

/** Why a saga turned back, in one sentence without its full stop. */
export function whyBack(reason: NonNullable<SummaryView['reason']>): string {
  switch (reason.kind) {
    case 'rejected':
      return `step ${reason.step} was rejected with ${reason.code}${reason.message ? `: ${reason.message}` : ''}`;
    case 'exhausted':
      return `step ${reason.step} used up its attempts: ${reason.message}`;
    case 'deadline':
      return 'its deadline passed';
    case 'cancelled':
      return `${reason.by} cancelled it: ${reason.text}`;
  }
}

/** A step's command and how often it was tried, as far as that says something. */
export function tries(step: Pick<StepView, 'attempts'>): string {
  return step.attempts > 1 ? `${step.attempts} attempts` : '';
}

/** What happened, in words: `charge replied success (attempt 2)`. */
export function eventWords(entry: HistoryEntryView): string {
  const about = entry.step ? `${entry.step}${entry.phase === undefined || entry.phase === 'action' ? '' : `'s ${entry.phase}`} ` : '';
  const outcome = entry.outcome ? ` ${entry.outcome}${entry.code ? ` ${entry.code}` : ''}` : '';
  const attempt = entry.attempt !== undefined && entry.attempt > 1 ? ` (attempt ${entry.attempt})` : '';
  const by = entry.by ? ` by ${entry.by}` : '';
  const message = entry.message ? `: ${entry.message}` : '';
  const count = entry.count ? ` [${entry.count} times]` : '';
  return `${about}${entry.event.replaceAll('-', ' ')}${outcome}${attempt}${by}${message}${count}`;
}

/** What the engine did in consequence: `sent ship; will retry charge at …`. */
export function effectWords(effect: HistoryEntryView['effects'][number]): string {
  const of = (field: string) => (typeof effect[field] === 'string' || typeof effect[field] === 'number' ? String(effect[field]) : '');
  const phase = effect['phase'] === undefined || effect['phase'] === 'action' ? '' : `'s ${of('phase')}`;
  switch (effect['do']) {
    case 'sent':
      return `sent ${of('step')}${phase}${Number(effect['attempt']) > 1 ? ` (attempt ${of('attempt')})` : ''}`;
    case 'will-retry':
      return `will try ${of('step')}${phase} again at ${timeOfDay(of('at'))}`;
    case 'rejected':
      return `${of('step')} rejected with ${of('code')}`;
    case 'stuck':
    case 'attention':
      return `${of('do') === 'stuck' ? 'STUCK' : 'ATTENTION'} ${of('step')}${phase}: ${of('message')}`;
    case 'turned-back':
      return `turned back: ${whyBack(effect['reason'] as NonNullable<SummaryView['reason']>)}`;
    case 'turned-forward':
      return 'goes forward again';
    case 'status':
      return `is ${of('status')}`;
    default:
      return `${of('step')} ${of('do')}`;
  }
}
