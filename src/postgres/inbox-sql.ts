import type { Claim, Direction, InboxClaim, InboxKey, InboxRecord, InboxRow, InboxState, InboxWrite } from '../ports/inbox.js';
import type { Queries } from './inbox-connections.js';
import { column, columnOf } from './statement.js';

/** The name of the table in the participant's own schema. */
const TABLE = 'backstep_inbox';
/** A row found again is marked as used only when the mark is older than this: most repetitions then write nothing. */
const TOUCH_AFTER = '1 hour';
const PRUNE_STEP = 1_000;

interface StoredRow {
  readonly action_id: string;
  readonly direction: Direction;
  readonly command_id: string;
  readonly request_hash: string;
  readonly state: InboxState;
  readonly reply: string | null;
}

/** The statements of one inbox table, beside the mapping of its rows. Set-based: one statement however many rows. */
export class InboxSql {
  readonly table: string;
  /** Unique among the inboxes that may share a connection, for prepared statements and locks. */
  readonly name: string;
  private readonly text: ReturnType<typeof statementsOn>;

  constructor(private readonly schema: string | undefined) {
    this.table = schema === undefined ? TABLE : `${quoted(schema)}.${TABLE}`;
    this.name = schema === undefined ? TABLE : `${TABLE}.${schema}`;
    this.text = statementsOn(this.table);
  }

  /** Makes or finds the rows, which come in key order; see `InboxSession.claim`. */
  async claim(client: Queries, rows: readonly InboxClaim[]): Promise<ReadonlyMap<string, Claim>> {
    const claims = new Map<string, Claim>();
    for (let missing = rows; missing.length > 0; missing = missing.filter((row) => !claims.has(keyText(row)))) {
      const made = await this.run<InboxKey>(client, 'claim', [
        column(missing.map((row) => row.actionId)),
        column(missing.map((row) => row.direction)),
        column(missing.map((row) => row.commandId)),
        column(missing.map((row) => row.requestHash)),
      ]);
      for (const row of made.rows) claims.set(keyText(row), { fresh: true });
      const present = missing.filter((row) => !claims.has(keyText(row)));
      // A second statement: the first one's snapshot does not show rows that were committed while it waited for them. Rows that
      // vanished since (released, pruned) are asked for again.
      if (present.length > 0) for (const row of await this.find(client, present)) claims.set(keyText(row), { fresh: false, row });
    }
    return claims;
  }

  /** See `InboxSession.finalActions`. */
  async finalActions(client: Queries, actionIds: readonly string[]): Promise<InboxRow[]> {
    const { rows } = await this.run<StoredRow>(client, 'finalActions', [column(actionIds)]);
    return rows.map(toRow);
  }

  /** In key order. False: some were there. */
  async record(client: Queries, rows: readonly InboxRecord[]): Promise<boolean> {
    const { rowCount } = await this.run(client, 'record', [
      column(rows.map((row) => row.actionId)),
      column(rows.map((row) => row.direction)),
      column(rows.map((row) => row.commandId)),
      column(rows.map((row) => row.requestHash)),
      column(rows.map((row) => row.state)),
      column(rows.map((row) => row.reply)),
    ]);
    return rowCount === rows.length;
  }

  async store(client: Queries, rows: readonly InboxWrite[]): Promise<void> {
    const stored = await this.run<{ readonly was_missing: boolean }>(client, 'store', [
      column(rows.map((row) => row.actionId)),
      column(rows.map((row) => row.direction)),
      column(rows.map((row) => row.state)),
      column(rows.map((row) => row.reply)),
    ]);
    const present = stored.rows.filter((row) => !row.was_missing).length;
    if (present !== rows.length) throw new Error(`${rows.length} inbox rows were to be stored, ${present} were there`);
  }

  async release(client: Queries, keys: readonly InboxKey[]): Promise<void> {
    await this.run(client, 'release', [column(keys.map((key) => key.actionId)), column(keys.map((key) => key.direction))]);
  }

  async takeTurn(client: Queries, name: string): Promise<void> {
    await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`${this.name} turn of ${name}`]);
  }

  /** One bounded step; gives how many rows it took. */
  async pruneStep(client: Queries, lastUsedBefore: number): Promise<{ readonly rows: number; readonly isLast: boolean }> {
    const { rowCount } = await this.run(client, 'prune', [idsBefore(lastUsedBefore), lastUsedBefore / 1_000, PRUNE_STEP]);
    return { rows: rowCount ?? 0, isLast: (rowCount ?? 0) < PRUNE_STEP };
  }

  /** In a transaction of the caller. */
  async createTable(client: Queries): Promise<void> {
    await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [`${this.name} migrate`]);
    if (this.schema !== undefined) {
      const { rows } = await client.query(`select to_regnamespace($1) is not null as present`, [quoted(this.schema)]);
      if (!(rows[0] as { present: boolean }).present) await client.query(`create schema if not exists ${quoted(this.schema)}`);
    }
    await client.query(tableOf(this.table));
  }

  private async find(client: Queries, keys: readonly InboxKey[]): Promise<InboxRow[]> {
    const asked = [column(keys.map((key) => key.actionId)), column(keys.map((key) => key.direction))];
    const { rows } = await this.run<StoredRow & { readonly is_stale: boolean }>(client, 'find', asked);
    const stale = rows.filter((row) => row.is_stale);
    if (stale.length > 0)
      await this.run(client, 'touch', [column(stale.map((row) => row.action_id)), column(stale.map((row) => row.direction))]);
    return rows.map(toRow);
  }

  private run<R>(
    client: Queries,
    statement: keyof typeof this.text,
    values: unknown[],
  ): Promise<{ readonly rows: R[]; readonly rowCount: number | null }> {
    return client.query({
      ...(PREPARED.has(statement) && { name: `${this.name} ${statement}` }),
      text: this.text[statement],
      values,
    }) as never;
  }
}
function toRow(row: StoredRow): InboxRow {
  return {
    actionId: row.action_id,
    direction: row.direction,
    commandId: row.command_id,
    requestHash: row.request_hash,
    state: row.state,
    reply: row.reply,
  };
}

/** Identity of a row in a map. */
export function keyText({ actionId, direction }: InboxKey): string {
  return `${actionId} ${direction}`;
}

// "C": ids are compared as bytes, in every database alike; the order in which rows are claimed, and the range that is pruned, rest on it.
const tableOf = (table: string): string => `
  create table if not exists ${table} (
    action_id text collate "C" not null,
    direction text collate "C" not null check (direction in ('action', 'compensation')),
    command_id text collate "C" not null,
    request_hash text not null,
    state text not null check (state in ('claimed', 'started', 'success', 'rejected', 'tombstone')),
    reply text check (reply is null or state in ('success', 'rejected')),
    used_at timestamptz not null default clock_timestamp(),
    primary key (action_id, direction)
  ) with (fillfactor = 60)`;

const texts = (parameter: string) => columnOf(parameter, 'text');

/**
 * Said beside a join with the keys that are asked for: so the rows can be had by their key whatever the planner thinks of the join.
 */
const known = (parameter: string) => `inbox.action_id = any (${texts(parameter)})`;

/**
 * Planned once per connection, perhaps while the table is all but empty; so only what cannot read it whole: an INSERT looks for rows in its way
 * by the key, always. Whatever looks for rows itself is planned each time, for the table as it is by then. Planner settings would be those
 * of the handlers' statements too.
 */
const PREPARED: ReadonlySet<keyof ReturnType<typeof statementsOn>> = new Set(['claim', 'record', 'store'] as const);

const statementsOn = (table: string) => ({
  claim: `
    insert into ${table} (action_id, direction, command_id, request_hash, state)
    select action_id, direction, command_id, coalesce(request_hash, ''), 'claimed'
    from unnest(${texts('$1')}, ${texts('$2')}, ${texts('$3')}, ${texts('$4')}) as asked (action_id, direction, command_id, request_hash)
    on conflict do nothing
    returning action_id as "actionId", direction`,
  record: `
    insert into ${table} (action_id, direction, command_id, request_hash, state, reply)
    select action_id, direction, command_id, coalesce(request_hash, ''), state, reply
    from unnest(${texts('$1')}, ${texts('$2')}, ${texts('$3')}, ${texts('$4')}, ${texts('$5')}, ${texts('$6')})
      as done (action_id, direction, command_id, request_hash, state, reply)
    on conflict do nothing`,
  find: `
    select inbox.action_id, inbox.direction, command_id, request_hash, state, reply,
           used_at < clock_timestamp() - interval '${TOUCH_AFTER}' as is_stale
    from ${table} inbox
    join unnest(${texts('$1')}, ${texts('$2')}) as asked (action_id, direction)
      on inbox.action_id = asked.action_id and inbox.direction = asked.direction
    where ${known('$1')}
    order by inbox.action_id, inbox.direction
    for update of inbox`,
  finalActions: `
    select inbox.action_id, inbox.direction, command_id, request_hash, state, reply
    from ${table} inbox
    where ${known('$1')} and direction = 'action' and state in ('success', 'rejected', 'tombstone')
      and used_at >= clock_timestamp() - interval '${TOUCH_AFTER}'`,
  touch: `
    update ${table} inbox set used_at = clock_timestamp()
    from unnest(${texts('$1')}, ${texts('$2')}) as asked (action_id, direction)
    where ${known('$1')} and inbox.action_id = asked.action_id and inbox.direction = asked.direction`,
  // An UPDATE, said so that it finds its rows by their key; a row that was not there has no command.
  store: `
    insert into ${table} as inbox (action_id, direction, command_id, request_hash, state, reply)
    select action_id, direction, '', '', state, reply
    from unnest(${texts('$1')}, ${texts('$2')}, ${texts('$3')}, ${texts('$4')}) as given (action_id, direction, state, reply)
    on conflict (action_id, direction) do update set state = excluded.state, reply = excluded.reply, used_at = clock_timestamp()
    returning inbox.command_id = '' as was_missing`,
  release: `
    delete from ${table} inbox using unnest(${texts('$1')}, ${texts('$2')}) as given (action_id, direction)
    where ${known('$1')} and inbox.action_id = given.action_id and inbox.direction = given.direction`,
  prune: `
    delete from ${table} where (action_id, direction) in (
      select action_id, direction from ${table}
      where action_id < $1::text and used_at < to_timestamp($2::float8)
      order by action_id, direction limit $3::int for update skip locked)`,
});

/**
 * Where ids of sagas made at this instant begin: they are UUIDs of version 7 and lead every action id, so that what is old enough is a
 * range of the key and needs no index of its own.
 */
function idsBefore(at: number): string {
  const hex = Math.max(0, Math.floor(at)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
