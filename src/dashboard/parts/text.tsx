import { signal } from '@preact/signals';
import { printable } from '../../cli/printable.js';
import { clockOffset } from '../api/session.js';
import { relative, duration } from '../model/words.js';

/** The server's time, by the second. */
export const now = signal(Date.now());
setInterval(() => (now.value = Date.now() + clockOffset.value), 1_000);

/**
 * Text that came from sagas or messages: always a text node, isolated from the direction of what is around it, and with characters that
 * could pretend to be something else written as escapes.
 */
export function Data({ of: text, class: name }: { readonly of: string; readonly class?: string }) {
  return <bdi class={name ?? ''}>{printable(text)}</bdi>;
}

/** An instant, relative to now; the exact one shows when it is pointed at. */
export function Ago({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={exact(at)}>
      {relative(Date.parse(at), now.value)}
    </time>
  );
}

/** How long it took, or has taken until now. */
export function Took({ from, to }: { readonly from: string; readonly to: string | null }) {
  const end = to === null ? now.value : Date.parse(to);
  const text = duration(end - Date.parse(from));
  return (
    <span title={`${exact(from)} – ${to === null ? 'now' : exact(to)}`}>{to === null && end - Date.parse(from) < 1_000 ? '0s' : text}</span>
  );
}

/** In the time zone of whoever looks, with the offset. */
export function exact(at: string): string {
  const date = new Date(at);
  const text = new Intl.DateTimeFormat('en-GB', {
    dateStyle: 'medium',
    timeStyle: 'medium',
  }).format(date);
  return `${text}.${String(date.getMilliseconds()).padStart(3, '0')} (${at})`;
}
