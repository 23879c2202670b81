/** What a state means for whoever looks: `good`, `bad` (it failed), `stuck` (it needs a person), `back` (on its way back), `busy`, or nothing yet. */
export type Tone = 'good' | 'bad' | 'stuck' | 'back' | 'busy' | 'idle';

/** The tone of a saga's, a step's or a compensation's state. */
export function toneOf(state: string): Tone {
  switch (state) {
    case 'completed':
    case 'succeeded':
      return 'good';
    case 'stuck':
      return 'stuck';
    case 'rejected':
    case 'unknown':
      return 'bad';
    case 'compensating':
    case 'compensated':
    case 'retrying':
    case 'suspended':
      return 'back';
    case 'running':
    case 'confirming':
      return 'busy';
    default:
      return 'idle';
  }
}

/** Colours that can be read on a light and on a dark page, since they bring their own background. */
export const FILLS: Readonly<Record<Tone, { readonly fill: string; readonly stroke: string; readonly text: string }>> = {
  good: { fill: '#d3f5df', stroke: '#1a7f45', text: '#0b3d20' },
  bad: { fill: '#fde0df', stroke: '#c0362c', text: '#5c1410' },
  stuck: { fill: '#c0362c', stroke: '#7d1a13', text: '#ffffff' },
  back: { fill: '#fdf0c4', stroke: '#a87900', text: '#4a3500' },
  busy: { fill: '#d5eafc', stroke: '#1f6fb5', text: '#0c3558' },
  idle: { fill: '#eceef1', stroke: '#8a929c', text: '#4b535c' },
};
