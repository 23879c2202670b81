import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Chance } from './chance.js';
import type { ClientLine } from './evidence.js';
import { Journal } from './files.js';
import { ask } from './http.js';
import type { Start } from './workloads/workload.js';

export interface LoadOptions {
  /** Asked in turn; one that is away is passed over with the next try. A function may change them during the run. */
  readonly api: readonly string[] | (() => readonly string[]);
  /** Where `client.jsonl` is written. */
  readonly directory: string;
  readonly seed: number | string;
  /** Taken one by one, so that there may be endlessly many. */
  readonly starts: Iterable<Start>;
  /** Requests under way at a time. Default 32. */
  readonly inFlight?: number;
  /** Awaited before anything is begun: whoever wants less under way at a time holds it up. */
  readonly mayBegin?: () => Promise<void>;
  /** Starts per second; absent: as fast as they are answered. */
  readonly ratePerSecond?: number;
  /** An unknown start is asked again, under the same key, after this. Default 1 s. */
  readonly retryAfterMs?: number;
  /** And given up (it stays unknown) when its first request is so old. Default 120 s. */
  readonly giveUpAfterMs?: number;
  /** No answer after this is unknown. Default 10 s. */
  readonly timeoutMs?: number;
  /** Distinguishes the keys of several loads of one run. Default `k`. */
  readonly keyPrefix?: string;
  /** The first request's number, less one: several loads of one run must not share numbers. Default 0. */
  readonly firstNumber?: number;
  /** How many of 100 are started without a business key, under an `Idempotency-Key`, and how many through `/sagas/many`. Default 10, 10. */
  readonly mix?: { readonly header?: number; readonly many?: number };
}
export interface LoadCounts {
  /** Starts, not requests. */
  begun: number;
  ok: number;
  failed: number;
  /** Requests whose outcome was unknown. */
  unknown: number;
  /** Starts that stayed unknown to the end. */
  gaveUp: number;
}
type How = 'key' | 'header' | 'many';
interface Begun extends Start {
  readonly key: string;
  readonly how: How;
  readonly since: number;
}
type Outcome =
  { readonly op: 'ok'; readonly id: string; readonly created: boolean } | { readonly op: 'fail' | 'unknown'; readonly error: string };

/**
 * Starts sagas over HTTP and writes down every request before it goes out and every answer when it has come, flushed to the disk
 * (`client.jsonl`). Every saga carries its key as the tag `start` too, so that the checker finds those without a business key.
 */
export class Load {
  readonly counts: LoadCounts = { begun: 0, ok: 0, failed: 0, unknown: 0, gaveUp: 0 };
  /** Milliseconds from request to answer, of starts that were answered 2xx. */
  readonly latencies: number[] = [];
  /** Every start that was begun, by key: for `expectedStuck` and the like. */
  readonly begun = new Map<string, Start>();
  private readonly journal: Journal;
  private readonly chance: Chance;
  private n = 0;
  private turn = 0;
  private stopped = false;
  private readonly pauses = new AbortController();

  constructor(private readonly options: LoadOptions) {
    this.n = options.firstNumber ?? 0;
    // Every worker that waits listens to it.
    setMaxListeners(0, this.pauses.signal);
    this.journal = new Journal(join(options.directory, 'client.jsonl'));
    this.chance = new Chance(`${options.seed}/load/${options.keyPrefix ?? 'k'}`);
  }

  /** Begins nothing new; `run` ends when what is under way is known or given up. */
  stop(): void {
    this.stopped = true;
    this.pauses.abort();
  }

  /** Resolves when every start is known or given up, and the journal is closed. */
  async run(): Promise<LoadCounts> {
    const source = this.options.starts[Symbol.iterator]();
    const began = performance.now();
    let taken = 0;
    setMaxListeners(0, this.pauses.signal); // every worker pauses on it
    const worker = async () => {
      while (!this.stopped) {
        await this.options.mayBegin?.();
        if (this.stopped) return;
        const group = this.take(source);
        if (group.length === 0) return;
        if (this.options.ratePerSecond !== undefined) {
          const wait = began + (taken * 1_000) / this.options.ratePerSecond - performance.now();
          taken += group.length;
          if (wait > 0) await delay(wait, undefined, { signal: this.pauses.signal }).catch(() => undefined);
        }
        await this.untilKnown(group);
      }
    };
    await Promise.all(Array.from({ length: this.options.inFlight ?? 32 }, worker));
    await this.journal.close();
    return this.counts;
  }

  private take(source: Iterator<Start>): Begun[] {
    const { header = 10, many = 10 } = this.options.mix ?? {};
    const die = this.chance.next() * 100;
    const how: How = die < many ? 'many' : die < many + header ? 'header' : 'key';
    // A group counts as one draw; smaller groups keep the share of starts near what was asked for.
    const size = how === 'many' ? this.chance.between(2, 8) : 1;
    const group: Begun[] = [];
    while (group.length < size) {
      const next = source.next();
      if (next.done) break;
      const key = `${this.options.keyPrefix ?? 'k'}-${++this.counts.begun}`;
      this.begun.set(key, next.value);
      group.push({ ...next.value, key, how, since: performance.now() });
    }
    return group;
  }

  private async untilKnown(group: readonly Begun[]): Promise<void> {
    const { retryAfterMs = 1_000, giveUpAfterMs = 120_000 } = this.options;
    for (let left = group; left.length > 0;) {
      const outcomes = await this.attempt(left);
      left = left.filter((_, at) => outcomes[at]!.op === 'unknown');
      if (left.length === 0) return;
      if (performance.now() - left[0]!.since > giveUpAfterMs) {
        this.counts.gaveUp += left.length;
        return;
      }
      await delay(retryAfterMs);
    }
  }

  private async attempt(group: readonly Begun[]): Promise<readonly Outcome[]> {
    const numbers = group.map(() => ++this.n);
    const at = Date.now();
    await this.write(group.map(({ saga, key, how, input }, i) => ({ op: 'invoke', at, n: numbers[i]!, name: saga, key, by: how, input })));
    const began = performance.now();
    const outcomes = await this.send(group);
    const took = performance.now() - began;
    const answered = Date.now();
    for (const { op } of outcomes) {
      if (op === 'ok') {
        this.counts.ok++;
        this.latencies.push(took);
      } else if (op === 'fail') this.counts.failed++;
      else this.counts.unknown++;
    }
    await this.write(outcomes.map((outcome, i) => ({ ...outcome, at: answered, n: numbers[i]! })));
    return outcomes;
  }

  private async send(group: readonly Begun[]): Promise<readonly Outcome[]> {
    const urls = typeof this.options.api === 'function' ? this.options.api() : this.options.api;
    const url = urls[this.turn++ % urls.length]!;
    const timeoutMs = this.options.timeoutMs ?? 10_000;
    try {
      if (group[0]!.how === 'many') {
        const body = group.map((start) => JSON.stringify(bodyOf(start))).join('\n');
        const { status, text } = await ask(`${url}/api/v1/sagas/many`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-ndjson' },
          body,
          timeoutMs,
        });
        if (status !== 200) return group.map(() => refusal(status, text));
        const lines = text.split('\n').filter(Boolean);
        return group.map((_, i) => lineOutcome(lines[i]));
      }
      const start = group[0]!;
      const { status, text } = await ask(`${url}/api/v1/sagas`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(start.how === 'header' ? { 'idempotency-key': start.key } : {}) },
        body: JSON.stringify(bodyOf(start)),
        timeoutMs,
      });
      if (status !== 200 && status !== 201) return [refusal(status, text)];
      const { id, created } = JSON.parse(text) as { id: string; created: boolean };
      return [{ op: 'ok', id, created }];
    } catch (error: unknown) {
      return group.map(() => ({ op: 'unknown', error: `${url}: ${(error as Error).message}` }));
    }
  }

  private async write(lines: readonly ClientLine[]): Promise<void> {
    await Promise.all(lines.map((line) => this.journal.append(line)));
  }
}

function bodyOf({ saga, key, how, input }: Begun): object {
  return { name: saga, input, tags: { start: key }, ...(how === 'header' ? {} : { key }) };
}

/** A 4xx is a no for sure; after a 5xx nobody can be sure. */
function refusal(status: number, text: string): Outcome {
  return { op: status >= 400 && status < 500 ? 'fail' : 'unknown', error: `${status} ${text.slice(0, 300)}` };
}
function lineOutcome(line: string | undefined): Outcome {
  if (line === undefined) return { op: 'unknown', error: 'no line for it in the answer' };
  const read = JSON.parse(line) as { started?: { id: string; created: boolean }; problem?: { status: number; code: string } };
  if (read.started) return { op: 'ok', id: read.started.id, created: read.started.created };
  return refusal(read.problem?.status ?? 500, JSON.stringify(read.problem));
}
