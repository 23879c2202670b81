import { SagaError } from '../core/errors.js';
import type { CliContext, Terminal } from './terminal.js';

/** How long a server may be away before a live view gives up on it. */
const PATIENCE_MS = 60_000;
const AGAIN_MS = 1_000;

/** Of a terminal that does not say. */
export const ROWS = 24;

/** Another screen without a cursor, and back. Lines that are longer than they seem (wide letters) are cut by the terminal, not wrapped. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';

/** A view that is drawn again and again over the whole terminal; what was there before comes back when it is left. */
export class LiveScreen {
  constructor(private readonly terminal: Terminal) {}

  enter(): void {
    this.terminal.out(ENTER);
  }
  /** Draws over what is there, line by line, so that nothing flickers; what does not fit is cut off and said. */
  draw(text: string): void {
    const { columns, rows = ROWS } = this.terminal;
    const lines = text.replace(/\n+$/, '').split('\n');
    const left = lines.length - rows;
    const shown = left > 0 ? [...lines.slice(0, Math.max(0, rows - 1)), `… ${left + 1} more lines`] : lines;
    this.terminal.out(`\u001b[H${shown.map((line) => `${fit(line, columns)}\u001b[K`).join('\r\n')}\u001b[J`);
  }
  leave(): void {
    this.terminal.out(LEAVE);
  }
}

/** Cut to so many characters; our own colours take no room. */
export function fit(line: string, columns: number): string {
  const parts = line.match(/\u001b\[[0-9;]*m|./gsu) ?? [];
  const isColour = (part: string) => part.length > 1 && part.startsWith('\u001b');
  if (parts.filter((part) => !isColour(part)).length <= columns) return line;
  let left = Math.max(0, columns - 1);
  const kept = parts.filter((part) => isColour(part) || left-- > 0);
  const firstCut = kept.findLastIndex((part) => !isColour(part)) + 1;
  return [...kept.slice(0, firstCut), '…', ...kept.slice(firstCut)].join('');
}

export interface LookOptions<T> {
  readonly signal: AbortSignal;
  readonly look: () => Promise<T>;
  /** The server is away; it is asked again. */
  readonly away: (why: string) => void;
}

/** Looks once; a server that is away for a while is asked again. `undefined`: interrupted. Throws what else goes wrong. */
export async function lookPatiently<T>(context: CliContext, { signal, look, away }: LookOptions<T>): Promise<T | undefined> {
  const giveUpAt = context.now() + PATIENCE_MS;
  let stop!: () => void;
  const stopped = new Promise<undefined>((resolve) => (stop = () => resolve(undefined)));
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      if (signal.aborted) return undefined;
      try {
        return await Promise.race([look(), stopped]);
      } catch (error: unknown) {
        const isAway = error instanceof SagaError && error.code === 'SAGA_UNAVAILABLE';
        if (!isAway || context.now() >= giveUpAt) throw error;
        away(error.message);
        await context.pause(AGAIN_MS, signal);
      }
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
