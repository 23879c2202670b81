import type { Terminal } from './terminal.js';

const REDRAW_MS = 100;
const BAR = 30;
/** In a pipe a line appears for so many. */
const LINE_EVERY = 1_000;

/** How far a long command is, on standard error: redrawn on a terminal, plain lines in a pipe. */
export class Progress {
  #drawnAt = -Infinity;
  #isDrawn = false;
  #line = 0;

  constructor(
    private readonly terminal: Terminal,
    private readonly now: () => number,
  ) {}

  show(what: string, done: number, of?: number): void {
    if (this.terminal.isErrTty) {
      if (this.now() - this.#drawnAt < REDRAW_MS) return;
      this.#draw(what, done, of);
    } else if (done - this.#line >= LINE_EVERY) {
      this.#line = done - (done % LINE_EVERY);
      this.terminal.err(`${sentence(what, done, of)}\n`);
    }
  }

  /** The last word on this part. */
  end(what: string, done: number, of?: number): void {
    if (this.terminal.isErrTty) this.#draw(what, done, of);
    this.#line = 0;
    this.#drawnAt = -Infinity;
  }

  /** Leaves an empty line behind. */
  clear(): void {
    if (this.#isDrawn) this.terminal.err('\r\u001b[K');
    this.#isDrawn = false;
  }

  #draw(what: string, done: number, of?: number): void {
    const full = of ? Math.round((BAR * done) / of) : 0;
    const bar = of ? `${'█'.repeat(full)}${'░'.repeat(BAR - full)} ` : '';
    this.terminal.err(`\r\u001b[K${bar}${sentence(what, done, of)}`);
    this.#drawnAt = this.now();
    this.#isDrawn = true;
  }
}

function sentence(what: string, done: number, of?: number): string {
  return `${done}${of === undefined ? '' : ` of ${of}`} ${what}`;
}
