import { setTimeout as delay } from 'node:timers/promises';
import { ask, type Answer } from './http.js';

// What the public API shows, as far as the laboratory looks at it (docs/http.md). Written down here on purpose: the checker must not share
// types with what it checks.

export type OperatorVerb = 'cancel' | 'suspend' | 'resume' | 'retry' | 'settle';
export type SagaStatus = 'running' | 'compensating' | 'completed' | 'compensated' | 'suspended' | 'stuck';
export interface SagaSummary {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly key: string | null;
  readonly status: SagaStatus;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly reason: { readonly kind: string; readonly step?: string; readonly code?: string } | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly at: readonly string[];
  readonly attention: readonly { readonly kind: string; readonly step: string; readonly text: string }[];
}
export interface StepShown {
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly attempts: number;
  readonly commandId?: string;
  readonly compensation?: { readonly state: string; readonly attempts: number; readonly commandId?: string };
}
export interface SagaShown extends SagaSummary {
  readonly input: unknown;
  readonly direction: 'forward' | 'settling' | 'backward';
  readonly steps: readonly StepShown[];
  readonly stuck: readonly { readonly step: string; readonly phase: string; readonly sentence: string }[];
}
export interface HistoryEntry {
  readonly seq: number;
  readonly at: string;
  readonly event: string;
  readonly step?: string;
  readonly phase?: 'action' | 'compensation' | 'fence';
  readonly execution?: number;
  readonly attempt?: number;
  readonly outcome?: 'success' | 'rejected' | 'error';
  readonly code?: string;
  readonly message?: string;
  readonly by?: string;
  readonly count?: number;
  readonly effects: readonly HistoryEffect[];
}
export interface HistoryEffect {
  readonly do: string;
  readonly step?: string;
  readonly phase?: 'action' | 'compensation' | 'fence';
  readonly at?: string;
  readonly status?: string;
  readonly execution?: number;
  readonly attempt?: number;
  readonly reason?: { readonly kind: string };
}
export interface DefinitionShown {
  readonly name: string;
  readonly version: number;
  readonly deadlineMs: number | null;
  readonly compensationOrder: 'reverse' | 'by-dependency';
  readonly steps: readonly DefinitionStep[];
}
export interface DefinitionStep {
  readonly name: string;
  readonly kind: 'step' | 'pivot' | 'retriable' | 'check';
  readonly needs: readonly string[];
  readonly conditional: boolean;
  readonly action?: DefinitionCommand;
  readonly compensation?: DefinitionCommand;
}
export interface DefinitionCommand {
  readonly participant: string;
  readonly command: string;
  readonly timeoutMs: number;
}

/** Reads the public API of whichever daemon answers; a daemon that is away, or says 503, is asked again or passed over. */
export class Api {
  private next = 0;
  /** Of its own: who asks and then decides, again and again, would decide at the same daemon always. */
  private nextToDecide = 0;

  constructor(
    readonly urls: readonly string[],
    private readonly patienceMs = 30_000,
  ) {
    if (urls.length === 0) throw new Error('no daemon to ask');
  }

  /** Every saga there is, newest first. */
  async sagas(
    filter: { readonly status?: readonly SagaStatus[]; readonly key?: string; readonly name?: string } = {},
  ): Promise<SagaSummary[]> {
    const found: SagaSummary[] = [];
    for (let cursor: string | undefined; ;) {
      const query = new URLSearchParams({ limit: '500' });
      for (const status of filter.status ?? []) query.append('status', status);
      if (filter.key !== undefined) query.set('key', filter.key);
      if (filter.name !== undefined) query.set('name', filter.name);
      if (cursor !== undefined) query.set('cursor', cursor);
      const page = await this.get<{ readonly sagas: readonly SagaSummary[]; readonly cursor?: string }>(
        `/api/v1/sagas?${query.toString()}`,
      );
      found.push(...page.sagas);
      cursor = page.cursor;
      if (cursor === undefined) return found;
    }
  }
  /** The newest saga of a status, by its id; `undefined`: there is none. */
  async one(status: SagaStatus): Promise<string | undefined> {
    const page = await this.get<{ readonly sagas: readonly SagaSummary[] }>(`/api/v1/sagas?limit=1&status=${status}`);
    return page.sagas[0]?.id;
  }
  async show(id: string): Promise<SagaShown> {
    return this.get(`/api/v1/sagas/${id}`);
  }
  /** Waits at most so many seconds for its end. */
  async wait(id: string, seconds: number): Promise<SagaShown> {
    return this.get(`/api/v1/sagas/${id}?wait=${seconds}s`, seconds * 1_000 + 10_000);
  }
  async history(id: string): Promise<HistoryEntry[]> {
    const found: HistoryEntry[] = [];
    for (let after = 0; ;) {
      const page = await this.get<{ readonly entries: readonly HistoryEntry[]; readonly next?: number }>(
        `/api/v1/sagas/${id}/history?after=${after}`,
      );
      found.push(...page.entries);
      if (page.next === undefined) return found;
      after = page.next;
    }
  }
  async definitions(): Promise<DefinitionShown[]> {
    return (await this.get<{ readonly definitions: DefinitionShown[] }>('/api/v1/definitions')).definitions;
  }
  /** Whether this daemon says that it is ready: database and broker are there. */
  async isReady(url: string): Promise<boolean> {
    return ask(`${url}/readyz`, { timeoutMs: 2_000 }).then(
      ({ status }) => status === 200,
      () => false,
    );
  }
  /** Operator verbs, as in docs/http.md: `operate(id, 'retry', { step: 'credit' })`. */
  async operate(id: string, verb: OperatorVerb, body: object = {}): Promise<Answer> {
    return ask(`${this.urls[this.nextToDecide++ % this.urls.length]}/api/v1/sagas/${id}/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ by: 'lab', reason: 'an experiment', ...body }),
    });
  }

  private async get<T>(path: string, timeoutMs = 15_000): Promise<T> {
    const giveUpAt = performance.now() + this.patienceMs;
    for (;;) {
      const url = `${this.urls[this.next++ % this.urls.length]}${path}`;
      let problem: unknown;
      try {
        const { status, text } = await ask(url, { timeoutMs });
        if (status === 200) return JSON.parse(text) as T;
        problem = new Error(`${url} answered ${status}: ${text.slice(0, 300)}`);
        if (status < 500) throw new Refused((problem as Error).message);
      } catch (error: unknown) {
        if (error instanceof Refused) throw error;
        problem = error;
      }
      if (performance.now() > giveUpAt) throw new Error(`nobody answers ${path}`, { cause: problem });
      await delay(100);
    }
  }
}
class Refused extends Error {}
