import type pg from 'pg';
import type { Retention } from '../core/plan.js';
import { RETENTION } from './definitions.js';
import { sqlState } from './fate.js';
import { kindsOf, leaveOneByOne, mayLeaveWhole, type Held, type Kept, type Kind } from './leaving.js';
import { firstIdAt, partitionsLock, partitionsOf, presentWeeks, type Week } from './partitions.js';

/** A lock on whole tables that is waited for holds up everybody behind it; what does not get it by then tries again in the next round. */
const LOCK_WAIT_MS = 300;
const KEYS_AT_ONCE = 10_000;
const DAY_MS = 86_400_000;
/** A week is looked through as a whole: that takes as long as it has sagas. */
const LOOK_AGAIN_MS = 3_000_000;
/** A lock that was not to be had, a deadlock, or more rows than can be looked through in the time of a statement: they leave one by one in the end. */
const NOT_DONE = new Set(['55P03', '40P01', '57014']);

/**
 * Removes finished sagas whose retention is over, with their histories and keys, also those that seal their payloads.
 * Owns: when a kind of sagas of an old week is looked for again. Does not own: who may leave, which the tables of definitions and sagas say.
 * Invariants: a saga that is not finished, of an unknown definition, or kept for ever stays, however many do this at once; nobody waits for a lock of
 * it longer than 300 ms.
 */
export class FinishedForgetter {
  private readonly quietUntil = new Map<string, number>();

  constructor(
    private readonly pool: () => pg.Pool,
    private readonly schema: string,
  ) {}

  /** Whole weeks, or at most `limit` one by one; 0: nothing is left to do now. */
  async run(limit: number): Promise<number> {
    const { now, kept } = await this.policies();
    if (!kept.some((one) => kindsOf(one).length > 0)) return 0;
    const held = await this.held(await presentWeeks(this.pool(), this.schema), kept);
    let dropped = 0;
    for (const one of held) if (mayLeaveWhole(one, now)) dropped += await this.dropWeek(one.week, kept, now);
    return dropped > 0 ? dropped : this.oneByOne(held, kept, now, limit);
  }

  private async policies(): Promise<{ readonly now: number; readonly kept: readonly Kept[] }> {
    const { rows } = await this.pool().query<{ now: number; kept: string }>(
      `select date_part('epoch', clock_timestamp()) * 1000 as now, (${policiesOf(this.schema)}) as kept`,
    );
    const { now, kept } = rows[0]!;
    return { now: Math.floor(now), kept: keptIn(kept) };
  }

  private async held(weeks: readonly Week[], kept: readonly Kept[]): Promise<readonly Held[]> {
    const { rows } = await this.pool().query<{ label: string; is_open: boolean; present: number[] }>(heldIn(this.schema), [
      weeks.map(({ label }) => label),
      weeks.map(({ from }) => from),
      weeks.map(({ to }) => to),
      kept.map(({ name }) => name),
      kept.map(({ version }) => version),
    ]);
    const found = new Map(rows.map((row) => [row.label, row]));
    return weeks.map((week) => {
      const { is_open: isOpen = true, present = [] } = found.get(week.label) ?? {};
      return { week, isOpen, kept: present.map((at) => kept[at - 1]!) };
    });
  }

  private async oneByOne(held: readonly Held[], kept: readonly Kept[], now: number, limit: number): Promise<number> {
    // What came for no week that has partitions leaves one by one in any case.
    const elsewhere = kept.flatMap(kindsOf).map((kind) => ({ kind, week: undefined }));
    const inWeeks = held.flatMap((one) => leaveOneByOne(one, now).map((kind) => ({ kind, week: one.week })));
    let removed = 0;
    for (const { kind, week } of [...elsewhere, ...inWeeks]) {
      const what = `${week?.label} ${kind.name} ${kind.version} ${kind.status}`;
      if ((this.quietUntil.get(what) ?? 0) > now) continue;
      const more = await this.removeSome(kind, week, now, limit - removed);
      removed += more;
      if (removed >= limit) return removed;
      // Of a week that is long over hardly anything is left to become due; those that stay need not be looked through every hour.
      if (week) this.quietUntil.set(what, now + Math.min(DAY_MS, Math.max(0, now - week.endsAt - kind.keptMs) / 20));
    }
    return removed;
  }

  private async removeSome({ name, version, status, keptMs }: Kind, week: Week | undefined, now: number, limit: number): Promise<number> {
    const { schema } = this;
    const over = now - keptMs;
    // A saga began before it ended, so later ids need not be looked at.
    const before = firstIdAt(Math.max(0, Math.min(over, week?.endsAt ?? over)));
    const values = [name, version, status, over / 1_000, limit, before, keptMs, ...(week ? [week.from] : [])];
    const removed = await this.transact(async (client) => {
      const { rows } = await client.query<{ id: string }>(pickIn(schema, week), values);
      if (rows.length === 0) return 0;
      const ids = rows.map(({ id }) => id).toSorted();
      await client.query(forgetIn(schema), [ids, ids[0], ids.at(-1)]);
      return ids.length;
    });
    return removed ?? 0;
  }

  /**
   * Drops a week's partitions if every saga in them is over. They are looked through without a lock; what was written since then shows in the history,
   * whose rows tell their transactions, so that the lock on the tables is held for a moment only.
   */
  private async dropWeek(week: Week, kept: readonly Kept[], now: number): Promise<number> {
    const { schema } = this;
    if ((this.quietUntil.get(week.label) ?? 0) > now) return 0;
    const looked = await this.transact(async (client) => (await client.query<Looked>(lookIn(schema), [week.from, week.to, now])).rows[0]!);
    if (!looked || looked.is_open || looked.staying > 0) {
      this.quietUntil.set(week.label, now + LOOK_AGAIN_MS);
      return 0;
    }
    // Before the sagas, so that a key never leads to one that is gone.
    const free = () => this.pool().query(freeKeys(schema), [week.from, week.to, now, KEYS_AT_ONCE]);
    while (((await free()).rowCount ?? 0) >= KEYS_AT_ONCE);
    const isDropped = await this.transact(async (client) => {
      await client.query(`set local lock_timeout = ${LOCK_WAIT_MS}`);
      const { rows: locks } = await client.query<{ had: boolean }>(`select pg_try_advisory_xact_lock(${partitionsLock(schema)}) as had`);
      if (!locks[0]?.had) return false;
      await client.query(`lock table ${schema}.definition in share mode`);
      await client.query(
        `lock table only ${schema}.saga, only ${schema}.finished_saga, only ${schema}.saga_history in access exclusive mode`,
      );
      const finished = partitionsOf(schema, week)[1];
      const { rows: states } = await client.query<State>(stateIn(schema), [week.from, week.to, looked.xid, finished]);
      const { is_there: isThere, changed, policies } = states[0]!;
      if (!isThere || changed || JSON.stringify(keptIn(policies)) !== JSON.stringify(kept)) return false;
      await client.query(`drop table if exists ${partitionsOf(schema, week).join(', ')}`);
      // What came too late for the week's partitions is in the default ones, and stays.
      await client.query(forgetOwnKeys(schema), [week.from, week.to]);
      return true;
    });
    return isDropped ? looked.total : 0;
  }

  /** One transaction; `undefined`: it came to nothing, which the next round makes up for. */
  private async transact<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T | undefined> {
    const client = await this.pool().connect();
    // A client that is checked out and loses its connection also emits; the query that meets it says it all.
    const ignore = (): void => {};
    client.on('error', ignore);
    let isBroken = true;
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      isBroken = false;
      return result;
    } catch (error: unknown) {
      await client.query('rollback').then(
        () => (isBroken = false),
        () => {},
      );
      if (NOT_DONE.has(sqlState(error) ?? '')) return undefined;
      throw error;
    } finally {
      client.removeListener('error', ignore);
      client.release(isBroken);
    }
  }
}

interface Looked {
  readonly xid: string;
  readonly is_open: boolean;
  readonly total: number;
  readonly staying: number;
}

/** Under the locks. */
interface State {
  readonly is_there: boolean;
  readonly changed: boolean;
  readonly policies: string;
}

function keptIn(text: string): readonly Kept[] {
  return JSON.parse(text) as { name: string; version: number; retention: Retention }[];
}

const policiesOf = (schema: string): string => `
  select coalesce(json_agg(json_build_object('name', name, 'version', version, 'retention', (${RETENTION})::json) order by name, version), '[]')::text
  from ${schema}.definition`;

// The limit makes it one look at an index for each definition and week.
const heldIn = (schema: string): string => `
  select w.label, exists (select from ${schema}.saga s where s.id >= w.low and s.id < w.high) as is_open,
    array(select d.at::integer from unnest($4::text[], $5::integer[]) with ordinality d(name, version, at)
      cross join lateral (select from ${schema}.finished_saga f
        where f.name = d.name and f.version = d.version and f.id >= w.low and f.id < w.high limit 1) found order by d.at) as present
  from unnest($1::text[], $2::uuid[], $3::uuid[]) as w(label, low, high)`;

function pickIn(schema: string, week: Week | undefined): string {
  const table = week ? `${schema}.finished_saga` : `${schema}.finished_saga_default`;
  const within = `and id < $6::uuid${week ? ' and id >= $8::uuid' : ''}`;
  return `
    with picked as materialized (
      select id from ${table}
      where name = $1 and version = $2 and status = $3 and ended_at <= to_timestamp($4::float8) ${within}
        and exists (select from ${schema}.definition d where d.name = $1 and d.version = $2
          and case $3 when 'completed' then d.keep_completed_ms else d.keep_compensated_ms end = $7::bigint)
      order by id limit $5 for update skip locked)
    delete from ${table} where id = any (array(select id from picked)) ${within} returning id`;
}

const forgetIn = (schema: string): string => `
  with told as (delete from ${schema}.saga_history where saga_id = any ($1::uuid[]) and saga_id >= $2::uuid and saga_id <= $3::uuid),
    sealed as (delete from ${schema}.payload_key where saga_id = any ($1::uuid[]))
  delete from ${schema}.saga_key where saga_id = any ($1::uuid[]) and saga_id >= $2::uuid and saga_id <= $3::uuid`;

const lookIn = (schema: string): string => `
  select pg_snapshot_xmin(pg_current_snapshot())::text as xid,
    exists (select from ${schema}.saga where id >= $1::uuid and id < $2::uuid) as is_open,
    count(*)::float8 as total,
    count(*) filter (where not coalesce(
      date_part('epoch', f.ended_at) * 1000 + case f.status when 'completed' then d.keep_completed_ms else d.keep_compensated_ms end <= $3::float8,
      false))::float8 as staying
  from ${schema}.finished_saga f left join ${schema}.definition d using (name, version)
  where f.id >= $1::uuid and f.id < $2::uuid`;

// Of sagas that began and ended since the week was looked through, the keys stay.
const freeKeys = (schema: string): string => `
  delete from ${schema}.saga_key where ctid = any (array(
    select k.ctid from ${schema}.saga_key k
    where k.saga_id >= $1::uuid and k.saga_id < $2::uuid
      and not exists (select from ${schema}.saga s where s.id = k.saga_id)
      and not exists (select from ${schema}.finished_saga f where f.id = k.saga_id and f.ended_at > to_timestamp($3::float8 / 1000))
    limit $4))`;

const forgetOwnKeys = (schema: string): string => `
  delete from ${schema}.payload_key k where k.saga_id >= $1::uuid and k.saga_id < $2::uuid
    and not exists (select from ${schema}.saga s where s.id = k.saga_id)
    and not exists (select from ${schema}.finished_saga f where f.id = k.saga_id)`;

const stateIn = (schema: string): string => `
  select to_regclass($4) is not null as is_there, exists (select from ${schema}.saga where id >= $1::uuid and id < $2::uuid)
    or exists (select from ${schema}.saga_history where saga_id >= $1::uuid and saga_id < $2::uuid and xid >= $3::bigint) as changed,
    (${policiesOf(schema)}) as policies`;
