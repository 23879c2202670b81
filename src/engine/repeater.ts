import { messageOf } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { pause } from './pause.js';

/** Longest pause after a run that failed. */
const RETRY_MS = 5_000;

/**
 * Runs a task again and again, one run at a time, with a pause between.
 * Owns: the loop and what goes wrong in it. Does not own: what the task does.
 * Invariants: a run that throws neither ends the loop nor reaches anybody; it is logged when it starts to fail and when it is well again.
 */
export class Repeater {
  /** What went wrong in the last run. */
  problem: string | undefined;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly name: string,
    private readonly everyMs: number,
    private readonly task: (signal: AbortSignal) => Promise<void>,
    private readonly parts: { readonly clock: Clock; readonly logger: Logger },
  ) {}

  start(): void {
    this.running = this.loop();
  }

  /** Resolves when the run under way is over. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async loop(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.runOnce();
      // One that failed shows in the readiness: it must not have to wait an hour for its next chance.
      await pause(this.parts.clock, this.problem ? Math.min(this.everyMs, RETRY_MS) : this.everyMs, signal);
    }
  }

  private async runOnce(): Promise<void> {
    try {
      await this.task(this.stopping.signal);
      if (this.problem) this.parts.logger.info({ loop: this.name }, `${this.name} works again`);
      this.problem = undefined;
    } catch (error: unknown) {
      const message = messageOf(error);
      if (!this.problem) this.parts.logger.error({ loop: this.name, error: message }, `${this.name} fails; it is tried again`);
      this.problem = `${this.name} fails: ${message}`;
    }
  }
}
