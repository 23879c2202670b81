import { toneOf, type Tone } from '../../graph/tone.js';
import { Icon, iconOf } from './icon.js';

/** A state as a small label; how it looks differs in shape as well as in colour. */
export function Status({ of: state, large = false }: { readonly of: string; readonly large?: boolean }) {
  return (
    <span class={`status tone-${paletteOf(state)} ${large ? 'large' : ''}`}>
      <Icon name={iconOf(state)} size={large ? 14 : 12} />
      {state.replaceAll('-', ' ')}
    </span>
  );
}

/** What is over and undone is calmer than what is on its way back. */
export function paletteOf(state: string): Tone | 'held' | 'undone' {
  if (state === 'suspended') return 'held';
  if (state === 'compensated') return 'undone';
  return toneOf(state);
}
