import pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import type { Befallen } from './nemesis.js';

/** How much had been done at an instant. */
export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Effects of participants so far. */
  readonly effects: number;
  /** Sagas under way. */
  readonly open: number;
}

const EVERY_MS = 100;

/** Looks at how far the participants have come, ten times a second. While PostgreSQL is away nobody comes any further anyway. */
export class Progress {
  readonly samples: Sample[] = [];
  private isOver = false;
  private watching: Promise<void> = Promise.resolve();

  /** `ask` gives one row with `effects`. */
  constructor(
    private readonly url: string,
    private readonly ask: string,
    private readonly namespace: string,
  ) {}

  start(): void {
    this.watching = this.watch();
  }
  async stop(): Promise<void> {
    this.isOver = true;
    await this.watching;
  }
  get effects(): number {
    return this.samples.at(-1)?.effects ?? 0;
  }

  /** Resolves when fewer sagas than this are under way, as far as is known. */
  async hasRoom(most: number): Promise<void> {
    while (!this.isOver && (this.samples.at(-1)?.open ?? 0) >= most) await delay(EVERY_MS);
  }

  private async watch(): Promise<void> {
    while (!this.isOver) {
      const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 2_000, query_timeout: 2_000 });
      client.on('error', () => {});
      try {
        await client.connect();
        while (!this.isOver) {
          const { rows } = await client.query<{ effects: string }>(this.ask);
          const open = await client.query<{ n: string }>(`select count(*) as n from "${this.namespace}".saga where ended_at is null`);
          this.samples.push({ at: Date.now(), effects: Number(rows[0]?.effects ?? 0), open: Number(open.rows[0]?.n ?? 0) });
          await delay(EVERY_MS);
        }
      } catch {
        await delay(EVERY_MS);
      } finally {
        // A server that stands still says no good-bye.
        await Promise.race([client.end().catch(() => {}), delay(500)]);
      }
    }
  }
}

/** Milliseconds from the end of each fault to the first effect after it; nothing where the run was over before. */
export function recoveries(
  befallen: readonly Befallen[],
  samples: readonly Sample[],
): readonly { readonly kind: string; readonly ms: number }[] {
  return befallen.flatMap(({ kind, endedAt }) => {
    const from = samples.findLastIndex(({ at }) => at <= endedAt);
    const before = samples[Math.max(0, from)];
    const after = samples.find(({ at, effects }, index) => index > from && at > endedAt && before && effects > before.effects);
    return after ? [{ kind, ms: after.at - endedAt }] : [];
  });
}
