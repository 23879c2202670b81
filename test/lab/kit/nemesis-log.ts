import { join } from 'node:path';
import type { NemesisLine } from './evidence.js';
import { Journal } from './files.js';

/** `nemesis.jsonl`: what was done to the system, and when. */
export class NemesisLog {
  private readonly journal: Journal;
  private count = 0;

  constructor(directory: string) {
    this.journal = new Journal(join(directory, 'nemesis.jsonl'));
  }

  /** Call what it gives when the fault is over. */
  async begin(kind: string, rows: readonly string[], detail?: unknown): Promise<() => Promise<void>> {
    const fault = ++this.count;
    const write = (what: NemesisLine['what']) =>
      this.journal.append({ at: Date.now(), fault, what, kind, rows, ...(detail === undefined ? {} : { detail }) } satisfies NemesisLine);
    await write('begin');
    return () => write('end');
  }
  /** A fault from its beginning to its end, also when `work` throws. */
  async during<T>(kind: string, rows: readonly string[], work: () => Promise<T>, detail?: unknown): Promise<T> {
    const end = await this.begin(kind, rows, detail);
    try {
      return await work();
    } finally {
      await end();
    }
  }
  get faults(): number {
    return this.count;
  }
  async close(): Promise<void> {
    await this.journal.close();
  }
}
