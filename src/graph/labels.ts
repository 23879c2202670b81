import { cut, printable } from '../cli/printable.js';
import type { Graph, GraphCompensation, GraphNode } from './model.js';

/** Longer names are cut: a picture that one name makes wide cannot be read. */
const LONGEST = 40;

/** The lines of a step's box, its name first; none holds a control character. */
export function nodeLines({ name, kind, conditional, command, code, state }: GraphNode): string[] {
  const about = [kind === 'step' ? '' : kind, conditional ? 'conditional' : ''].filter((word) => word !== '').join(', ');
  return lines(name, command ?? (code === undefined ? undefined : `else ${code}`), about === '' ? undefined : about, state);
}

export function compensationLines({ command, state }: GraphCompensation): string[] {
  return lines(command, state);
}

/** `place-order version 1`, and of a saga where it is. */
export function titleOf({ name, version, saga }: Graph): string {
  return printable(`${name} version ${version}${saga ? `, ${saga.id}: ${saga.status}` : ''}`);
}

function lines(...texts: readonly (string | undefined)[]): string[] {
  return texts.flatMap((text) => (text === undefined ? [] : [cut(printable(text), LONGEST)]));
}
