import type { SagaState } from '../core/state.js';
import type { ParkedReply, StoredSaga } from '../ports/saga-store.js';
import { readState, WHOLE_STATE } from './state-text.js';
import { statement } from './statement.js';

/** What {@link toStored} reads. JSON comes as text: it is parsed here, once, whatever the connection's type parsers do. */
export const STORED = columns(WHOLE_STATE);
function columns(state: string): string {
  return `id, row_version, stamp, ${state} as state, date_part('epoch', wake_at) * 1000 as wake_at, parked::text as parked`;
}
/** Milliseconds since 1970. */
export const CLOCK = `date_part('epoch', clock_timestamp()) * 1000 as now`;

export interface StoredRow {
  readonly id: string;
  readonly row_version: number;
  readonly stamp: number;
  readonly state: string;
  readonly wake_at: number | null;
  readonly parked: string | null;
}
export interface LoadedRow extends Omit<StoredRow, 'state'> {
  /** `null` when it was not asked for, since the state of the row's last write is known here. */
  readonly state: string | null;
  /** Taken after the row was locked: a transaction that waited for it must not be earlier than the one it waited for. */
  readonly now: number;
}

export function toStored(row: StoredRow): StoredSaga {
  return stored(row, readState(row.id, row.state));
}
/** Of a row whose state is known already. */
export function stored({ row_version, wake_at, parked }: Omit<StoredRow, 'state'>, state: SagaState): StoredSaga {
  return {
    state,
    version: row_version,
    wakeAt: wake_at === null ? null : Math.round(wake_at),
    parked: parked === null ? [] : (JSON.parse(parked) as ParkedReply[]),
  };
}

/** The statements that lock and load a batch. All lock in id order, so that two batches never wait for each other. */
export function loadStatements(schema: string) {
  const byId = (table: string, what: string) =>
    statement(`select *, ${CLOCK} from (
      select ${what} from ${schema}.${table} where id = any ($1::uuid[]) order by id for update) locked`);
  const statesOfSome = columns(`case when id = any ($2::uuid[]) then ${WHOLE_STATE} end`);
  // now() is as good as the clock here, and an index can be used with it.
  const due = (table: string) =>
    statement(`select *, ${CLOCK} from (
      select ${STORED} from ${schema}.${table} s where wake_at <= now()
        and exists (select from unnest($2::text[], $3::integer[]) v(name, version) where v.name = s.name and v.version = s.version)
      order by s.wake_at limit $1 for update of s skip locked) locked`);
  return {
    /** With the states of `$2`; the others are known here, unless somebody else has written them meanwhile. */
    open: byId('saga', statesOfSome),
    /** Of rows that are locked. */
    states: statement(`select id, ${WHOLE_STATE} as state from ${schema}.saga where id = any ($1::uuid[])`),
    finished: byId('finished_saga', STORED),
    dueOpen: due('saga'),
    dueFinished: due('finished_saga'),
    /** Own keys of sagas, as far as they were not shredded. */
    ownKeys: statement(`select saga_id, key from ${schema}.payload_key where saga_id = any ($1::uuid[])`),
    clock: statement(`select ${CLOCK}`),
  };
}
