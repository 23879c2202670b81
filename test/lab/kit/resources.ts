import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ResourceLine } from './evidence.js';
import { Journal } from './files.js';
import type { LabProcess } from './processes.js';

/** Resident memory (MiB) and open files of a process, as Linux tells; `undefined` where it has ended. */
export function usageOf(pid: number): { rssMiB: number; fds: number } | undefined {
  try {
    const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
    return { rssMiB: Math.round(kilobytes / 102.4) / 10, fds: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}

/** Samples processes and whatever else is asked into `resources.jsonl`. */
export class ResourceWatch {
  private readonly journal: Journal;
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> = Promise.resolve();

  constructor(
    private readonly parts: {
      readonly directory: string;
      readonly processes: readonly LabProcess[];
      readonly everyMs?: number;
      /** Further measures, e.g. of the database; a failure is a sample less. */
      readonly more?: () => Promise<readonly Omit<ResourceLine, 'at'>[]>;
    },
  ) {
    this.journal = new Journal(join(parts.directory, 'resources.jsonl'));
  }

  start(): this {
    const sample = () => (this.working = this.working.then(() => this.sample()));
    this.timer = setInterval(() => void sample(), this.parts.everyMs ?? 1_000);
    return this;
  }
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.working;
    await this.journal.close();
  }

  private async sample(): Promise<void> {
    const at = Date.now();
    const lines: object[] = this.parts.processes
      .filter((process) => process.isRunning)
      .map((process) => ({ at, process: process.name, run: process.starts, ...usageOf(process.pid) }));
    const more = await this.parts.more?.().catch(() => []);
    for (const line of more ?? []) lines.push({ at, ...line });
    await Promise.all(lines.map((line) => this.journal.append(line)));
  }
}
