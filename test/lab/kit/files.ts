import { mkdirSync, openSync, writeSync, closeSync, fdatasync, readFileSync, existsSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Lines of JSON that are on the disk before anybody goes on: `append` resolves when its line is flushed. Lines that come in the same turn
 * of the event loop, or while a flush is under way, share the next one.
 */
export class Journal {
  private readonly fd: number;
  private waiting: { readonly text: string; readonly done: () => void; readonly failed: (error: Error) => void }[] = [];
  private isFlushing = false;

  constructor(readonly path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.fd = openSync(path, 'a');
  }

  append(line: unknown): Promise<void> {
    return new Promise((done, failed) => {
      this.waiting.push({ text: `${JSON.stringify(line)}\n`, done, failed });
      if (!this.isFlushing) {
        this.isFlushing = true;
        setImmediate(() => this.flush());
      }
    });
  }

  /** Everything that was appended is on the disk. */
  async close(): Promise<void> {
    while (this.isFlushing) await new Promise((next) => setImmediate(next));
    closeSync(this.fd);
  }

  private flush(): void {
    const batch = this.waiting;
    this.waiting = [];
    try {
      writeSync(this.fd, batch.map(({ text }) => text).join(''));
    } catch (error: unknown) {
      for (const { failed } of batch) failed(error as Error);
      this.isFlushing = false;
      return;
    }
    fdatasync(this.fd, (error) => {
      for (const { done, failed } of batch) (error ? failed : done)(error as Error);
      if (this.waiting.length > 0) this.flush();
      else this.isFlushing = false;
    });
  }
}

/** The lines of a journal; a last line that was cut off is left out. A file that is not there has none. */
export function readLines<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.flatMap((line, n) => {
    if (line.trim() === '') return [];
    try {
      return [JSON.parse(line) as T];
    } catch (error: unknown) {
      if (n >= lines.length - 1) return [];
      throw new Error(`${path}:${n + 1} is not JSON`, { cause: error });
    }
  });
}
