import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { BankLine } from './evidence.js';
import { Journal } from './files.js';

const SUMS = `
  with account as (select 'west' as bank, * from bank_west.account union all select 'east' as bank, * from bank_east.account)
  select sum(balance + held + transit)::float8 as total, sum(held)::float8 as held, sum(transit)::float8 as transit,
         coalesce(array_agg(bank || '/' || account) filter (where balance < 0 or held < 0), '{}') as negative
  from account`;

/** Looks at all accounts of the bank workload again and again, in one snapshot each, and writes down the sums (`bank.jsonl`). */
export class BankWatch {
  private readonly journal: Journal;
  private readonly stopping = new AbortController();
  private done: Promise<void> | undefined;
  looks = 0;

  /** `url` leads to the participants' database directly. */
  constructor(
    private readonly url: string,
    directory: string,
    private readonly everyMs = 100,
  ) {
    this.journal = new Journal(join(directory, 'bank.jsonl'));
  }

  start(): this {
    this.done = this.watch();
    return this;
  }
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.done;
    await this.journal.close();
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 2_000, query_timeout: 10_000 });
      client.on('error', () => {});
      try {
        await client.connect();
        await client.query('set default_transaction_isolation = "repeatable read"');
        while (!signal.aborted) {
          const { rows } = await client.query<Omit<BankLine, 'at'>>(SUMS);
          await this.journal.append({ at: Date.now(), ...rows[0]! } satisfies BankLine);
          this.looks++;
          await delay(this.everyMs, undefined, { signal }).catch(() => undefined);
        }
      } catch {
        // The database is away, which is what experiments are for; it is asked again when it is back.
        await delay(this.everyMs, undefined, { signal }).catch(() => undefined);
      } finally {
        void client.end().catch(() => undefined);
      }
    }
  }
}
