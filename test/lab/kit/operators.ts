import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Api, OperatorVerb } from './api.js';
import type { DecisionLine } from './evidence.js';
import { Journal } from './files.js';

/** Sagas that are suspended at a time. */
const AT_A_TIME = 3;
const EVERY_MS = 250;
const RESUME_WITHIN_MS = 60_000;

/** Decides about sagas over the API, and writes down what was asked and answered (`decisions.jsonl`): what the audit is held against. */
export class Operator {
  private readonly journal: Journal;

  constructor(
    readonly api: Api,
    directory: string,
    readonly by = 'lab',
  ) {
    this.journal = new Journal(join(directory, 'decisions.jsonl'));
  }

  /** The status of the answer; `undefined`: there was none, and nobody knows. */
  async decide(saga: string, verb: OperatorVerb, body: object = {}): Promise<number | undefined> {
    const line = { at: Date.now(), saga, verb };
    try {
      const { status, headers } = await this.api.operate(saga, verb, { by: this.by, ...body });
      const requestId = headers['x-request-id'];
      await this.write({ ...line, status, ...(typeof requestId === 'string' ? { requestId } : {}) });
      return status;
    } catch (error: unknown) {
      await this.write({ ...line, error: (error as Error).message });
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.journal.close();
  }

  private write(line: DecisionLine): Promise<void> {
    return this.journal.append(line);
  }
}

/**
 * Suspends sagas that are under way and lets them go on, again and again; that changes no end, so that everything else can be judged as
 * without it. Whoever says no is asked twice: what is refused is in the audit too.
 */
export class Meddler {
  private readonly over = new AbortController();
  private readonly suspended = new Set<string>();
  private running: Promise<void> | undefined;

  constructor(private readonly operator: Operator) {}

  start(): this {
    this.running = this.meddle();
    this.running.catch(() => undefined); // told by stop
    return this;
  }

  /** Lets everything go on. Throws where that cannot be done. */
  async stop(): Promise<void> {
    this.over.abort();
    try {
      await this.running;
      for (const giveUpAt = performance.now() + RESUME_WITHIN_MS; this.suspended.size > 0; await delay(100)) {
        for (const saga of this.suspended) await this.resume(saga);
        if (performance.now() > giveUpAt) throw new Error(`nobody resumes ${[...this.suspended].join(', ')}`);
      }
    } finally {
      await this.operator.close();
    }
  }

  private async meddle(): Promise<void> {
    while (!this.over.signal.aborted) {
      await this.once();
      await delay(EVERY_MS, undefined, { signal: this.over.signal }).catch(() => undefined);
    }
  }

  private async once(): Promise<void> {
    if (this.suspended.size >= AT_A_TIME) return this.resume([...this.suspended][0]!);
    const saga = await this.operator.api.one('running').catch(() => undefined);
    if (saga === undefined) return;
    // Whatever the answer says, or if there is none: it may be suspended now.
    this.suspended.add(saga);
    const status = await this.operator.decide(saga, 'suspend');
    if (status !== undefined && status >= 400 && status < 500) this.suspended.delete(saga);
  }

  private async resume(saga: string): Promise<void> {
    const status = await this.operator.decide(saga, 'resume');
    // 409: it is not suspended, or not any more.
    if (status === 200 || status === 202 || status === 409 || status === 404) this.suspended.delete(saga);
  }
}
