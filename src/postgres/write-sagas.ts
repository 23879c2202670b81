import type { QueryConfig } from 'pg';
import type { HistoryEntry } from '../core/event.js';
import { statusOf } from '../core/state.js';
import type { SagaStart, SagaUpdate } from '../ports/saga-store.js';
import { historyText } from './history-text.js';
import { headText, isEmpty, stateText } from './state-text.js';
import { column, columnOf, packed, statement, unpacked, type Statement } from './statement.js';

/** An update, and the stamp of its row when it was read: with the version it says that nobody has written since. */
export interface UpdateRow {
  readonly update: SagaUpdate;
  readonly fromStamp: number;
}

/** What one transaction writes: at most one statement, whatever it is made of and however much of it. */
export interface Batch {
  readonly starts: readonly SagaStart[];
  readonly updates: readonly UpdateRow[];
  /** Updates with which sagas end: their rows go to the finished ones at once. */
  readonly ended: readonly UpdateRow[];
  /** Updates of sagas that have been moved to the finished ones. */
  readonly late: readonly UpdateRow[];
  /** See WriteMark. */
  readonly stamp: number;
}

/** Makes the statement that writes a batch; `undefined` when there is nothing to write. */
export function batchWriter(schema: string): (batch: Batch) => QueryConfig | undefined {
  const known = new Map<string, Statement>();
  return (batch) => {
    const parts = partsOf(schema, batch);
    if (parts.length === 0) return undefined;
    const which = parts.map((part) => part.name).join(' ');
    let write = known.get(which);
    if (!write) known.set(which, (write = statement(combined(parts))));
    return write(...parts.flatMap((part) => part.values), ...parts.flatMap((part) => part.expected ?? []));
  };
}

interface Part {
  readonly name: string;
  /** `$` stands for the next parameter. */
  readonly sql: string;
  readonly values: readonly unknown[];
  /** Rows it must find. */
  readonly expected?: number;
}

function partsOf(schema: string, { starts, updates, ended, late, stamp }: Batch): readonly Part[] {
  const incoming = starts.filter(({ isIncoming }) => isIncoming);
  const history: Line[] = [];
  for (const start of starts) addLines(history, start);
  for (const rows of [updates, ended, late]) for (const { update } of rows) addLines(history, update);
  return [
    ...(starts.length > 0 ? [startsPart(schema, starts, stamp)] : []),
    ...(starts.some(({ ownKey }) => ownKey) ? [ownKeysPart(schema, starts)] : []),
    ...(updates.length > 0 ? [updatesPart(schema, 'saga', updates, stamp)] : []),
    ...(ended.length > 0 ? endedParts(schema, ended, stamp) : []),
    ...(late.length > 0 ? [updatesPart(schema, 'finished_saga', late, stamp)] : []),
    ...(history.length > 0 ? [historyPart(schema, history)] : []),
    ...(incoming.length > 0 ? [incomingPart(schema, incoming)] : []),
  ];
}

/** A line of a saga's history. */
interface Line {
  readonly id: string;
  readonly entry: HistoryEntry;
}
function addLines(lines: Line[], { state: { id }, history }: Pick<SagaUpdate, 'state' | 'history'>): void {
  for (const entry of history) lines.push({ id, entry });
}

// Where rows were locked and their versions compared before, every update finds its row. Where they were not, or should one not, the
// division by zero makes the whole transaction fail, although the commit is already on its way.
function combined(parts: readonly Part[]): string {
  const asserted = parts.filter((part) => part.expected !== undefined);
  const checks = asserted.map((part) => `1 / ((select count(*) from ${part.name}) = $::bigint)::integer`);
  const text = `with ${parts.map((part) => `${part.name} as (${part.sql})`).join(', ')} select ${checks.join(', ') || '1'}`;
  let parameter = 0;
  return text.replaceAll('$', () => `$${++parameter}`);
}

const NO_TAGS = '{}';

function startsPart(schema: string, starts: readonly SagaStart[], stamp: number): Part {
  const sql = `
    insert into ${schema}.saga (id, name, version, key, tags, status, head, state, row_version, stamp, wake_at, started_at, ended_at)
    select n.id, n.name, n.version, n.key, n.tags::jsonb, n.status, n.head, n.state, 1, $::integer,
      to_timestamp(n.wake_at / 1000), to_timestamp(n.started_at / 1000), to_timestamp(n.ended_at / 1000)
    from unnest(${columnOf('$', 'uuid')}, ${columnOf('$', 'text')}, ${columnOf('$', 'integer')}, $::text[], ${unpacked('$')},
      ${columnOf('$', 'text')}, ${unpacked('$')}, ${unpacked('$')}, ${columnOf('$', 'float8')}, ${columnOf('$', 'float8')}, ${columnOf('$', 'float8')})
      as n(id, name, version, key, tags, status, head, state, wake_at, started_at, ended_at)`;
  const states = starts.map(({ state }) => state);
  const values = [
    stamp,
    column(states.map((state) => state.id)),
    column(states.map((state) => state.name)),
    column(states.map((state) => state.version)),
    // A key is a text of the user's.
    states.map((state) => state.key),
    packed(states, ({ tags }) => (isEmpty(tags) ? NO_TAGS : JSON.stringify(tags))),
    column(states.map(statusOf)),
    packed(states, headText),
    packed(states, stateText),
    column(starts.map(({ wakeAt }) => wakeAt)),
    column(states.map((state) => state.startedAt)),
    column(states.map((state) => state.endedAt)),
  ];
  return { name: 'started', sql, values };
}

/** Keys of sagas that have one of their own. */
function ownKeysPart(schema: string, starts: readonly SagaStart[]): Part {
  const sql = `
    insert into ${schema}.payload_key (saga_id, subject, key)
    select * from unnest(${columnOf('$', 'uuid')}, $::text[], ${columnOf('$', 'text')})`;
  const keyed = starts.flatMap(({ state, ownKey }) => (ownKey ? [{ id: state.id, ...ownKey }] : []));
  // A subject is a text of the user's.
  const values = [column(keyed.map(({ id }) => id)), keyed.map(({ subject }) => subject), column(keyed.map(({ key }) => key))];
  return { name: 'keyed', sql, values };
}

/** Nobody has written it since; a version alone can come twice, see WriteMark. */
const AS_IT_WAS_READ = 'where s.id = n.id and s.row_version = n.from_version and s.stamp = n.from_stamp';

/** Of a row that was last written before heads were kept apart the state of then is the head: there it stands as well. */
const HEAD = 'coalesce(s.head, s.state)';

/** `wake_at` of an update that leaves it alone; no instant is negative. */
const KEEP_WAKE = -1;
/** The same for `parked`; not JSON. */
const KEEP_PARKED = '-';
const NO_PARKED = 'null';

function updatesPart(schema: string, table: 'saga' | 'finished_saga', rows: readonly UpdateRow[], stamp: number): Part {
  const sql = `
    update ${schema}.${table} s set head = ${HEAD}, state = n.state, status = n.status, row_version = s.row_version + 1, stamp = $::integer,
      wake_at = case when n.wake_at = ${KEEP_WAKE} then s.wake_at else to_timestamp(n.wake_at / 1000) end,
      parked = case n.parked when '${KEEP_PARKED}' then s.parked when '${NO_PARKED}' then null else n.parked::json end,
      ended_at = to_timestamp(n.ended_at / 1000)
    from unnest(${columnOf('$', 'uuid')}, ${columnOf('$', 'integer')}, ${columnOf('$', 'integer')}, ${columnOf('$', 'text')}, ${unpacked('$')},
      ${columnOf('$', 'float8')}, ${unpacked('$')}, ${columnOf('$', 'float8')})
      as n(id, from_version, from_stamp, status, state, wake_at, parked, ended_at)
    ${AS_IT_WAS_READ}
    returning 1`;
  const values = [
    stamp,
    ...columnsAsRead(rows),
    column(rows.map(({ update }) => statusOf(update.state))),
    packed(rows, ({ update }) => stateText(update.state)),
    column(rows.map(({ update: { wakeAt } }) => (wakeAt === undefined ? KEEP_WAKE : wakeAt))),
    packed(rows, ({ update }) => parkedText(update.parked)),
    column(rows.map(({ update }) => update.state.endedAt)),
  ];
  return { name: `updated_${table}`, sql, values, expected: rows.length };
}

/** Which rows, and how they were read. */
function columnsAsRead(rows: readonly UpdateRow[]): readonly string[] {
  return [
    column(rows.map(({ update }) => update.state.id)),
    column(rows.map(({ update }) => update.fromVersion)),
    column(rows.map(({ fromStamp }) => fromStamp)),
  ];
}
function parkedText(parked: SagaUpdate['parked']): string {
  if (parked === undefined) return KEEP_PARKED;
  return parked.length === 0 ? NO_PARKED : JSON.stringify(parked);
}

/** One row version less than an update that is moved later, and no index of open sagas is touched by it. */
function endedParts(schema: string, ended: readonly UpdateRow[], stamp: number): readonly Part[] {
  const gone = `
    delete from ${schema}.saga s
    using unnest(${columnOf('$', 'uuid')}, ${columnOf('$', 'integer')}, ${columnOf('$', 'integer')}, ${columnOf('$', 'text')}, ${unpacked('$')},
      ${columnOf('$', 'float8')}) as n(id, from_version, from_stamp, status, state, ended_at)
    ${AS_IT_WAS_READ}
    returning s.id, s.name, s.version, s.key, s.tags, s.started_at, ${HEAD} as head, n.from_version, n.status, n.state, n.ended_at`;
  const values = [
    ...columnsAsRead(ended),
    column(ended.map(({ update }) => statusOf(update.state))),
    packed(ended, ({ update }) => stateText(update.state)),
    column(ended.map(({ update }) => update.state.endedAt)),
  ];
  const finished = `
    insert into ${schema}.finished_saga (id, name, version, key, tags, status, head, state, row_version, stamp, started_at, ended_at)
    select id, name, version, key, tags, status, head, state, from_version + 1, $::integer, started_at, to_timestamp(ended_at / 1000) from gone
    returning 1`;
  return [
    { name: 'gone', sql: gone, values },
    { name: 'finished', sql: finished, values: [stamp], expected: ended.length },
  ];
}

function historyPart(schema: string, lines: readonly Line[]): Part {
  const sql = `
    insert into ${schema}.saga_history (saga_id, seq, at, event, step, data)
    select n.saga_id, n.seq, to_timestamp(n.at / 1000), n.event, n.step, n.data::json
    from unnest(${columnOf('$', 'uuid')}, ${columnOf('$', 'integer')}, ${columnOf('$', 'float8')}, ${columnOf('$', 'text')}, ${columnOf('$', 'text')},
      ${unpacked('$')}) as n(saga_id, seq, at, event, step, data)`;
  const values = [
    column(lines.map((line) => line.id)),
    column(lines.map(({ entry }) => entry.seq)),
    column(lines.map(({ entry }) => entry.at)),
    column(lines.map(({ entry }) => entry.event)),
    column(lines.map(({ entry }) => entry.step ?? null)),
    packed(lines, ({ entry }) => historyText(entry)),
  ];
  return { name: 'logged', sql, values };
}

/** Their rows are locked; they go with the commit that starts them. */
function incomingPart(schema: string, starts: readonly SagaStart[]): Part {
  const sql = `delete from ${schema}.incoming_start where id = any (${columnOf('$', 'uuid')}) returning 1`;
  return { name: 'taken', sql, values: [column(starts.map(({ state }) => state.id))], expected: starts.length };
}
