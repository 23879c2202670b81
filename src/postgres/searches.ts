import type pg from 'pg';
import { SagaError } from '../core/errors.js';

/** How searches are kept from being felt by the sagas. */
export interface SearchLimits {
  /** So many at a time on one pool; the others wait. Default: a third of its connections, 3 at most. */
  readonly atOnce?: number;
  /** Milliseconds that PostgreSQL spends on one. Default 5,000. */
  readonly statementMs?: number;
  /** Milliseconds that one waits for its turn. Default 5,000. */
  readonly waitMs?: number;
}

const MOST_AT_ONCE = 3;
const STATEMENT_MS = 5_000;
const WAIT_MS = 5_000;
const QUERY_CANCELED = '57014';

interface Waiting {
  begin(): void;
}

/** Statements that people and scripts ask for: bounded in time, and few at once, so that the connections are there for the sagas. */
export class Searches {
  private running = 0;
  private readonly waiting = new Set<Waiting>();
  private readonly statementMs: number;
  private readonly waitMs: number;

  constructor(
    private readonly pool: () => pg.Pool,
    private readonly limits: SearchLimits = {},
  ) {
    this.statementMs = limits.statementMs ?? STATEMENT_MS;
    this.waitMs = limits.waitMs ?? WAIT_MS;
  }

  /** Throws SAGA_UNAVAILABLE for one that takes too long, or does not get its turn in time. */
  async rows<R extends pg.QueryResultRow>(text: string, values: readonly unknown[]): Promise<R[]> {
    await this.turn();
    try {
      return await this.search<R>(text, values);
    } finally {
      this.running--;
      const [next] = this.waiting;
      next?.begin();
    }
  }

  private get atOnce(): number {
    return this.limits.atOnce ?? Math.max(1, Math.min(MOST_AT_ONCE, Math.floor((this.pool().options.max ?? 1) / 3)));
  }

  private async turn(): Promise<void> {
    if (this.running < this.atOnce) {
      this.running++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        this.waiting.delete(one);
        reject(new SagaError('SAGA_UNAVAILABLE', `${this.atOnce} searches are under way and take long; try again later`));
      }, this.waitMs);
      const one: Waiting = {
        begin: () => {
          clearTimeout(late);
          this.waiting.delete(one);
          this.running++;
          resolve();
        },
      };
      this.waiting.add(one);
    });
  }

  private async search<R extends pg.QueryResultRow>(text: string, values: readonly unknown[]): Promise<R[]> {
    const client = await this.pool().connect();
    // A client that is checked out and loses its connection also emits; the query that meets it says it all.
    const ignore = (): void => {};
    client.on('error', ignore);
    let broken = true;
    try {
      const [, , found, over] = await inOrder(client, [
        { text: 'begin read only' },
        { text: `set local statement_timeout = ${this.statementMs}` },
        { text, values: [...values] },
        { text: 'commit' },
      ]);
      broken = over.status === 'rejected';
      if (found.status === 'fulfilled') return found.value.rows as R[];
      if ((found.reason as { code?: string }).code !== QUERY_CANCELED) throw found.reason;
      throw new SagaError(
        'SAGA_UNAVAILABLE',
        `the search took longer than ${this.statementMs / 1_000} s and was given up; narrow it down by name, status, key or time`,
      );
    } finally {
      client.removeListener('error', ignore);
      client.release(broken);
    }
  }
}

type Settled = PromiseSettledResult<pg.QueryResult>;

/** In one round trip where the client can; each is sent whatever became of the one before. */
async function inOrder(client: pg.PoolClient, queries: readonly pg.QueryConfig[]): Promise<readonly [Settled, Settled, Settled, Settled]> {
  const outcomes: Promise<Settled>[] = [];
  for (const query of queries) {
    const outcome = Promise.allSettled([client.query(query)]).then(([one]) => one);
    if (!client.pipeline) await outcome;
    outcomes.push(outcome);
  }
  return (await Promise.all(outcomes)) as [Settled, Settled, Settled, Settled];
}
