import picocolors from 'picocolors';
import type { Terminal } from './terminal.js';

export type Paint = ReturnType<typeof picocolors.createColors>;

/** Colours, or functions that change nothing where there are none. */
export function paintFor(terminal: Terminal): Paint {
  return picocolors.createColors(terminal.colors);
}

/** The colour of a saga's or step's state: green is good, red needs a person, yellow is on its way back. */
export function statePaint(paint: Paint, state: string): (text: string) => string {
  switch (state) {
    case 'completed':
    case 'succeeded':
      return paint.green;
    case 'stuck':
      return (text) => paint.bold(paint.red(text));
    case 'rejected':
    case 'unknown':
      return paint.red;
    case 'compensating':
    case 'compensated':
    case 'retrying':
    case 'suspended':
      return paint.yellow;
    case 'running':
    case 'confirming':
      return paint.cyan;
    default:
      return paint.dim;
  }
}
