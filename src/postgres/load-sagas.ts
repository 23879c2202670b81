import type { SagaState } from '../core/state.js';
import type { ParkedReply, StoredSaga } from '../ports/saga-store.js';
import { statement } from './statement.js';

/** What {@link toStored} reads. JSON comes as text: it is parsed here, once, whatever the connection's type parsers do. */
export const STORED = `id, row_version, state::text as state, date_part('epoch', wake_at) * 1000 as wake_at, parked::text as parked`;
/** Milliseconds since 1970. */
export const CLOCK = `date_part('epoch', clock_timestamp()) * 1000 as now`;

export interface StoredRow {
  readonly id: string;
  readonly row_version: number;
  readonly state: string;
  readonly wake_at: number | null;
  readonly parked: string | null;
}
export interface LoadedRow extends StoredRow {
  /** Taken after the row was locked: a transaction that waited for it must not be earlier than the one it waited for. */
  readonly now: number;
}

export function toStored(row: StoredRow): StoredSaga {
  return {
    state: JSON.parse(row.state) as SagaState,
    version: row.row_version,
    wakeAt: row.wake_at === null ? null : Math.round(row.wake_at),
    parked: row.parked === null ? [] : (JSON.parse(row.parked) as ParkedReply[]),
  };
}

/** The statements that lock and load a batch. All lock in id order, so that two batches never wait for each other. */
export function loadStatements(schema: string) {
  const byId = (table: string) =>
    statement(`select *, ${CLOCK} from (
      select ${STORED} from ${schema}.${table} where id = any ($1::uuid[]) order by id for update) locked`);
  // now() is as good as the clock here, and an index can be used with it.
  const due = (table: string) =>
    statement(`select *, ${CLOCK} from (
      select ${STORED} from ${schema}.${table} s where wake_at <= now()
        and exists (select from unnest($2::text[], $3::integer[]) v(name, version) where v.name = s.name and v.version = s.version)
      order by s.wake_at limit $1 for update of s skip locked) locked`);
  return {
    open: byId('saga'),
    finished: byId('finished_saga'),
    dueOpen: due('saga'),
    dueFinished: due('finished_saga'),
    clock: statement(`select ${CLOCK}`),
  };
}
