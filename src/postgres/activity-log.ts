import type { DataSource } from 'typeorm';
import { messageOf, SagaError } from '../core/errors.js';
import type { ActivityLog, ActivityMinute } from '../ports/activity-log.js';
import { poolOf } from './pool.js';
import { schemaOf } from './schema.js';

/** Activity in a table of its own, a row for each minute and daemon. Does not own the data source. */
export class PostgresActivityLog implements ActivityLog {
  private readonly schema: string;

  constructor(private readonly dataSource: DataSource) {
    this.schema = schemaOf(dataSource);
  }

  async write(daemon: string, minutes: readonly ActivityMinute[]): Promise<void> {
    if (minutes.length === 0) return;
    const rows = minutes.map(({ at, ...counts }) => ({ ...counts, minute: new Date(at).toISOString() }));
    await this.asking(async () => {
      await poolOf(this.dataSource).query(
        `with forgotten as (delete from ${this.schema}.activity where minute < clock_timestamp() - interval '90 minutes')
         insert into ${this.schema}.activity (minute, daemon, started, completed, compensated, took)
         select minute, $1::uuid, started, completed, compensated, took
         from json_to_recordset($2::json) as row(minute timestamptz, started integer, completed integer, compensated integer, took json)
         on conflict (minute, daemon) do update set started = excluded.started, completed = excluded.completed,
           compensated = excluded.compensated, took = excluded.took`,
        [daemon, JSON.stringify(rows)],
      );
    });
  }

  async read(since: number, except: string): Promise<readonly ActivityMinute[]> {
    return this.asking(async () => {
      const { rows } = await poolOf(this.dataSource).query<ActivityMinute>(
        `select date_part('epoch', minute) * 1000 as at, started, completed, compensated, took from ${this.schema}.activity
         where minute >= to_timestamp($1::float8 / 1000) and daemon <> $2::uuid`,
        [since, except],
      );
      return rows;
    });
  }

  private async asking<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error: unknown) {
      throw new SagaError('SAGA_UNAVAILABLE', `the activity of the daemons cannot be had: ${messageOf(error)}`, [], { cause: error });
    }
  }
}
