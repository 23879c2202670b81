import picocolors from 'picocolors';
import { toneOf } from '../graph/tone.js';
import type { Terminal } from './terminal.js';

export type Paint = ReturnType<typeof picocolors.createColors>;

/** Colours, or functions that change nothing where there are none. */
export function paintFor(terminal: Pick<Terminal, 'colors'>): Paint {
  return picocolors.createColors(terminal.colors);
}

/** The colour of a saga's or step's state: green is good, red needs a person, yellow is on its way back. */
export function statePaint(paint: Paint, state: string): (text: string) => string {
  switch (toneOf(state)) {
    case 'good':
      return paint.green;
    case 'stuck':
      return (text) => paint.bold(paint.red(text));
    case 'bad':
      return paint.red;
    case 'back':
      return paint.yellow;
    case 'busy':
      return paint.cyan;
    case 'idle':
      return paint.dim;
  }
}
