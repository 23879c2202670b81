import { expect } from '@jest/globals';
import type { SagaError } from '../../src/core/errors.js';
import type { EngineObserver } from '../../src/engine/observer.js';
import type { Orchestrator } from '../../src/engine/orchestrator.js';
import type { SagaStore } from '../../src/ports/saga-store.js';
import type { RabbitMqOptions } from '../../src/rabbitmq/options.js';
import { closeAtEnd } from '../support/closing.js';
import type { Script } from '../support/engine.js';
import { eventually } from '../support/eventually.js';
import { planFrom } from '../support/plans.js';

/** Two undoable steps, a pivot and a retriable; a command that is lost is sent again after three seconds, as often as it takes. */
export const plan = planFrom({
  steps: [
    { name: 'reserve', timeoutMs: 3_000, attempts: 100, undoAttempts: 100 },
    { name: 'charge', timeoutMs: 3_000, attempts: 100, undoAttempts: 100, rejections: ['card-declined'] },
    { name: 'ship', kind: 'pivot', timeoutMs: 3_000, attempts: 100 },
    { name: 'mail', kind: 'retriable', timeoutMs: 3_000, attempts: 100 },
  ],
});

/** Declines every fourth key at `charge`; decided by the key, so that repetitions agree. */
export const script: Script = ({ step, phase, sagaKey }) => {
  if (phase === 'a' && step === 'charge' && Number(sagaKey) % 4 === 0)
    return { outcome: 'rejected', body: '{"code":"card-declined","message":"no money"}' };
  return {};
};
export const endOf = (key: string | null) => (Number(key) % 4 === 0 ? 'compensated' : 'completed');

/** What a process has when nobody configures it: recovery times are measured with this. */
export const AS_DEPLOYED: Partial<RabbitMqOptions> = { reconnectMs: { first: 100, longest: 2_000 }, random: { next: () => Math.random() } };

/** Starts a few sagas all the time, through one engine, and knows when some end. */
export class Flow {
  readonly ids: string[] = [];
  /** Codes of starts that were refused. */
  readonly refused: string[] = [];
  /** Milliseconds that starts took that were answered. */
  readonly tookMs: number[] = [];
  ended = 0;
  private next: number;
  private timer: NodeJS.Timeout | undefined;
  private underWay = new Set<Promise<void>>();
  private problems: () => Promise<readonly string[]> = () => Promise.resolve([]);

  /** `everyMs` apart. Flows on one installation need keys of their own: give each another `firstKey`. */
  constructor(
    private readonly everyMs = 20,
    firstKey = 1,
  ) {
    this.next = firstKey;
    closeAtEnd(() => this.stop());
  }

  /** To be given to the engine, or to each of several. */
  readonly observer: EngineObserver = {
    sagaEnded: () => void this.ended++,
  };

  run(engine: Pick<Orchestrator, 'start'> & Partial<Pick<Orchestrator, 'problems'>>): this {
    this.problems = () => engine.problems?.() ?? Promise.resolve([]);
    this.timer = setInterval(() => this.start(engine), this.everyMs);
    return this;
  }

  /** No further starts; resolves when those under way are answered. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.underWay);
  }

  /** Milliseconds from now until another saga ends. Rejects when none does within half a minute. */
  async untilNextEnd(): Promise<number> {
    const from = performance.now();
    const { ended } = this;
    await eventually(() => this.ended > ended, { withinMs: 30_000, everyMs: 5, what: 'another saga ends' }).catch(async (error: Error) => {
      const started = `${this.ids.length} were started, ${this.ended} have ended, ${this.underWay.size} are being started`;
      throw new Error(`${error.message}; ${started}; ${(await this.problems()).join('; ') || 'the engine sees no problem'}`);
    });
    return performance.now() - from;
  }

  private start(engine: Pick<Orchestrator, 'start'>): void {
    const key = String(this.next++);
    const from = performance.now();
    const starting: Promise<void> = engine
      .start({ name: 'test-saga', key, input: { number: Number(key) } })
      .then(
        ({ id }) => {
          this.ids.push(id);
          this.tookMs.push(performance.now() - from);
        },
        (error: SagaError) => void this.refused.push(error.code),
      )
      .finally(() => this.underWay.delete(starting));
    this.underWay.add(starting);
  }
}

/** Every saga of the store ends as its key says, and its history has no gap; every id is among them. Gives how many there are. */
export async function expectEnds(store: SagaStore, ids: readonly string[], withinMs = 60_000): Promise<number> {
  await eventually(async () => (await store.versionsInFlight()).length === 0, {
    withinMs,
    everyMs: 100,
    what: 'every saga has ended',
  }).catch(async (error: Error) => {
    const open = (await everySaga(store)).filter(({ state }) => state.end === null);
    const [one] = open;
    const history = one && (await store.history(one.state.id, 0, 100));
    throw new Error(`${error.message}; ${open.length} are open, e.g. ${JSON.stringify(one)} with ${JSON.stringify(history)}`);
  });
  const all = await everySaga(store);
  const wrong: string[] = [];
  for (const { state } of all) {
    if (state.end !== endOf(state.key)) wrong.push(`${state.id} with key ${state.key} ended ${state.end}`);
    const history = (await store.history(state.id, 0, 10_000))!;
    if (history.some(({ seq }, i) => seq !== i + 1)) wrong.push(`${state.id}: history ${history.map(({ seq }) => seq).join()}`);
  }
  expect(wrong).toEqual([]);
  const there = new Set(all.map(({ state }) => state.id));
  expect(ids.filter((id) => !there.has(id))).toEqual([]);
  return all.length;
}

export async function everySaga(store: SagaStore) {
  const all = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({ limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    all.push(...page.sagas);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return all;
}

/** The value that `share` of the numbers are not above. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/** Says what was measured where people and the lab's table can see it. */
export function measured(row: string, what: string, value: number | string): void {
  process.stderr.write(`[${row}] ${what}: ${typeof value === 'number' ? Math.round(value) : value}\n`);
}
