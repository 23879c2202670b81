import type { Tone } from '../../graph/tone.js';

/** Shapes differ, not only colours. */
const PATHS = {
  check: 'M3.2 8.4l3 3 6.6-6.8',
  cross: 'M4 4l8 8M12 4l-8 8',
  back: 'M13 12V9.5A3.5 3.5 0 0 0 9.5 6H3.5M6.5 3l-3 3 3 3',
  play: 'M5.5 3.5l6.5 4.5-6.5 4.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  alert: 'M8 2.2L14.4 13.4H1.6zM8 6.4v3.2M8 11.4v.2',
  retry: 'M12.8 6.2A5.2 5.2 0 1 0 13.2 8.6M13.2 2.8v3.6H9.6',
  question: 'M5.6 6A2.5 2.5 0 1 1 9 8.2c-.7.4-1 .8-1 1.6M8 12.4v.2',
  dot: 'M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z',
  skip: 'M4 8h8',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5l3 3',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  sun: 'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3.1 3.1l1.1 1.1M11.8 11.8l1.1 1.1M3.1 12.9l1.1-1.1M11.8 4.2l1.1-1.1',
  moon: 'M13.2 9.6A5.6 5.6 0 1 1 6.4 2.8a4.6 4.6 0 0 0 6.8 6.8z',
  open: 'M6 3.5H3v9.5h9.5v-3M9 2.5h4.5V7M13.2 2.8L7.5 8.5',
  letter: 'M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5',
  chevron: 'M6 3.5L10.5 8 6 12.5',
} as const;
export type IconName = keyof typeof PATHS;

/** A decoration; whatever it says is also there as text. */
export function Icon({ name, size = 14 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The same within a picture. */
export function IconPath({ name, x, y }: { readonly name: IconName; readonly x: number; readonly y: number }) {
  return <path class="icon-path" transform={`translate(${x} ${y}) scale(0.85)`} d={PATHS[name]} />;
}

/** The shape of a saga's, a step's or a compensation's state. */
export function iconOf(state: string): IconName {
  return STATE_ICONS[state] ?? 'dot';
}
const STATE_ICONS: Readonly<Record<string, IconName>> = {
  running: 'play',
  completed: 'check',
  succeeded: 'check',
  compensating: 'back',
  compensated: 'back',
  suspended: 'pause',
  stuck: 'alert',
  rejected: 'cross',
  unknown: 'question',
  confirming: 'question',
  retrying: 'retry',
  skipped: 'skip',
  dropped: 'skip',
};
export const TONE_ICONS: Readonly<Record<Tone, IconName>> = {
  good: 'check',
  bad: 'cross',
  stuck: 'alert',
  back: 'back',
  busy: 'play',
  idle: 'dot',
};
