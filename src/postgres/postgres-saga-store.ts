import { randomInt } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type pg from 'pg';
import { pass } from '../core/crash-points.js';
import { SagaError, messageOf } from '../core/errors.js';
import type { HistoryEntry } from '../core/event.js';
import type { SagaState } from '../core/state.js';
import type { FiguresQuery, VersionFigures } from '../ports/saga-figures.js';
import type { Overview, OverviewQuery, SagaOverview } from '../ports/saga-overview.js';
import type {
  Committed,
  Concern,
  DefinitionRef,
  Loaded,
  RegisteredDefinition,
  SagaFilter,
  SagaPage,
  SagaStart,
  SagaStore,
  SagaUpdate,
  StartFate,
  StoredSaga,
  Writes,
} from '../ports/saga-store.js';
import { CONCERN_LIMITS, concernsOf } from './concerns.js';
import { PostgresDeadLetters } from './dead-letters.js';
import { registerDefinitions, replaceDefinition } from './definitions.js';
import { BatchError } from './fate.js';
import { readFigures } from './figures.js';
import { findSaga, findSagaByKey, readHistory, versionsInFlight } from './find-sagas.js';
import { FinishedForgetter } from './forget-finished.js';
import { PostgresHistoryFeed } from './history-feed.js';
import { incomingLocker, PostgresIncomingStarts } from './incoming-starts.js';
import { loadStatements, stored, type LoadedRow } from './load-sagas.js';
import { assertMigrated } from './migrate.js';
import { listSagas } from './list-sagas.js';
import { finishedMover } from './move-finished.js';
import { readOverview } from './overview.js';
import { ensurePartitions } from './partitions.js';
import { Optimism } from './optimism.js';
import { poolOf } from './pool.js';
import { RecentSagas } from './recent-sagas.js';
import { keyClaimer } from './saga-keys.js';
import { namespaceOf, schemaOf } from './schema.js';
import { Searches, type SearchLimits } from './searches.js';
import { readState } from './state-text.js';
import { transact, transactAtOnce, type Closing, type Query, type Transacted } from './transaction.js';
import { batchWriter, type Batch, type UpdateRow } from './write-sagas.js';

/** Saga ids are UUIDs; any other text is the id of no saga. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** About 20 MB of usual sagas. */
const RECENT_SAGAS = 5_000;
/** Of payloads; a few sagas with large ones must not take the memory of all. */
const RECENT_BYTES = 32 * 1_048_576;
const STAMPS = 2 ** 31;

const NO_OWN_KEYS: ReadonlyMap<string, string> = new Map();
function ownKeysIn(rows: readonly { readonly saga_id: string; readonly key: string }[]): ReadonlyMap<string, string> {
  return new Map(rows.map(({ saga_id, key }) => [saga_id, key]));
}
/** One that should have a key of its own and has none: it was shredded. */
function withOwnKey(saga: StoredSaga, keys: ReadonlyMap<string, string>): StoredSaga {
  return saga.state.ownKey ? { ...saga, ownKey: keys.get(saga.state.id) ?? null } : saga;
}

/** It is final, and no reply is kept with it that is still to be read. */
function isEnd({ state, parked }: SagaUpdate, { sagas }: Loaded): boolean {
  return state.end !== null && (parked ?? sagas.get(state.id)!.parked).length === 0;
}

interface Done<R> {
  readonly result: R;
  readonly now: number;
  readonly starts: readonly StartFate[];
  readonly stale: ReadonlySet<string>;
}
/** What was loaded: which of it stands in the finished table, and the marks of its rows. */
interface Locked extends Loaded {
  readonly finished: ReadonlySet<string>;
  readonly stamps: ReadonlyMap<string, number>;
  /** False: its rows are locked only by being written. */
  readonly isLocked: boolean;
  /** Timers found them, of which there may be very many: those that are not remembered anyway would only drive out others. */
  readonly isSweep?: boolean;
}
const NONE_FINISHED: ReadonlySet<string> = new Set();

/** A decision, and what it was made from. */
interface Decided<R> extends Writes<R> {
  readonly from: Locked;
}
type Written<R> = Done<R> & { readonly written: Batch; readonly from: Locked };

/**
 * Keeps sagas in PostgreSQL. Owns the data source: closing the store destroys it. Every commit is a bounded number of statements,
 * however many sagas it touches. What it remembers of its own writes counts only where the row proves that nobody has written since, so any
 * number of stores may work on the same tables.
 */
export class PostgresSagaStore implements SagaStore, SagaOverview {
  readonly incoming: PostgresIncomingStarts;
  readonly letters: PostgresDeadLetters;
  readonly feed: PostgresHistoryFeed;
  private readonly schema: string;
  private readonly searches: Searches;
  private readonly recent = new RecentSagas(RECENT_SAGAS, RECENT_BYTES);
  private readonly optimism = new Optimism();
  private readonly load: ReturnType<typeof loadStatements>;
  private readonly lockIncoming: ReturnType<typeof incomingLocker>;
  private readonly claimKeys: ReturnType<typeof keyClaimer>;
  private readonly write: ReturnType<typeof batchWriter>;
  private readonly move: ReturnType<typeof finishedMover>;
  private readonly forgetter: FinishedForgetter;

  /** The data source comes from `connect` or an embedded database, initialized; its schema is migrated by `migrate`. */
  constructor(
    readonly dataSource: DataSource,
    searching?: SearchLimits,
  ) {
    this.searches = new Searches(() => this.pool, searching);
    this.schema = schemaOf(dataSource);
    this.load = loadStatements(this.schema);
    this.incoming = new PostgresIncomingStarts(dataSource);
    this.letters = new PostgresDeadLetters(() => this.pool, this.schema);
    this.feed = new PostgresHistoryFeed(() => this.pool, this.schema);
    this.lockIncoming = incomingLocker(this.schema);
    this.claimKeys = keyClaimer(this.schema);
    this.write = batchWriter(this.schema);
    this.move = finishedMover(this.schema);
    this.forgetter = new FinishedForgetter(() => this.pool, this.schema);
  }

  private get pool(): pg.Pool {
    return poolOf(this.dataSource);
  }

  async commit<R>(ids: readonly string[], decide: (loaded: Loaded) => Writes<R>): Promise<Committed<R>> {
    const wanted = [...new Set(ids)].filter((id) => UUID.test(id));
    const remembered = this.remembered(wanted);
    const done = remembered && (await this.withoutLocks(remembered, decide));
    if (done) return done;
    // Where others write the same sagas, what is remembered is mostly outdated, and would have to be asked for a second time.
    const unknown = this.optimism.isDoubtful ? wanted : wanted.filter((id) => !this.recent.has(id));
    const opening = wanted.length > 0 ? this.load.open(wanted, unknown) : this.load.clock();
    return this.decideAndWrite(opening, (rows, query) => this.withFinished(wanted, rows, query), decide);
  }

  async commitDue<R>(limit: number, versions: readonly DefinitionRef[], decide: (loaded: Loaded) => Writes<R>): Promise<Committed<R>> {
    const loadable = [versions.map(({ name }) => name), versions.map(({ version }) => version)] as const;
    const more = async (rows: readonly LoadedRow[], query: Query): Promise<Locked> => {
      if (rows.length >= limit) return this.locked(rows, [], query);
      const finished = await query(this.load.dueFinished(limit - rows.length, ...loadable));
      return this.locked(
        rows,
        finished.rows as LoadedRow[],
        query,
        rows.length + finished.rows.length > 0 ? undefined : await this.clock(query),
      );
    };
    const swept = async (rows: readonly LoadedRow[], query: Query): Promise<Locked> => ({ ...(await more(rows, query)), isSweep: true });
    return this.decideAndWrite(this.load.dueOpen(limit, ...loadable), swept, decide);
  }

  async find(id: string): Promise<StoredSaga | undefined> {
    return UUID.test(id) ? this.reading(async () => this.withKey(await findSaga(this.pool, this.schema, id))) : undefined;
  }

  async findByKey(name: string, key: string): Promise<StoredSaga | undefined> {
    return this.reading(async () => this.withKey(await findSagaByKey(this.pool, this.schema, name, key)));
  }

  async list(filter: SagaFilter): Promise<SagaPage> {
    return this.reading(() => listSagas(this.searches, this.schema, filter));
  }

  async history(id: string, afterSeq: number, limit: number): Promise<readonly HistoryEntry[] | undefined> {
    return UUID.test(id) ? this.reading(() => readHistory(this.pool, this.schema, id, afterSeq, limit)) : undefined;
  }

  async versionsInFlight(): Promise<readonly (DefinitionRef & { readonly count: number })[]> {
    return this.reading(() => versionsInFlight(this.pool, this.schema));
  }

  async overview(query: OverviewQuery): Promise<Overview> {
    return this.reading(() => readOverview(this.pool, this.schema, query));
  }

  async figures(query: FiguresQuery): Promise<readonly VersionFigures[]> {
    return this.reading(() => readFigures(this.pool, this.schema, query));
  }

  async registerDefinitions(definitions: readonly RegisteredDefinition[]): Promise<readonly RegisteredDefinition[]> {
    return this.reading(() => registerDefinitions(this.pool, this.schema, definitions));
  }

  async replaceDefinition(definition: RegisteredDefinition): Promise<void> {
    await this.reading(() => replaceDefinition(this.pool, this.schema, definition));
  }

  async shred(subject: string): Promise<number> {
    const { rowCount } = await this.reading(() => this.pool.query(`delete from ${this.schema}.payload_key where subject = $1`, [subject]));
    return rowCount ?? 0;
  }
  private async withKey(saga: StoredSaga | undefined): Promise<StoredSaga | undefined> {
    return saga && withOwnKey(saga, await this.ownKeysOf([saga.state], (query) => this.pool.query(query)));
  }

  async moveFinished(limit: number): Promise<number> {
    const moved = await this.reading(() => this.move(this.pool, limit));
    if (moved > 0) pass('finished.moved');
    return moved;
  }

  async forgetFinished(limit: number): Promise<number> {
    return this.reading(() => this.forgetter.run(limit));
  }

  async maintain(): Promise<void> {
    await this.reading(() => ensurePartitions(this.pool, this.schema));
  }

  async now(): Promise<number> {
    return this.reading(() => this.clock((query) => this.pool.query(query)));
  }

  async concerns(): Promise<readonly Concern[]> {
    return this.reading(() => concernsOf(this.pool, namespaceOf(this.dataSource), CONCERN_LIMITS));
  }

  async check(): Promise<void> {
    await this.reading(async () => {
      const { rows } = await this.pool.query<{ writable: boolean }>(
        `select not pg_is_in_recovery() and not current_setting('transaction_read_only')::boolean as writable`,
      );
      if (!rows[0]?.writable) throw new SagaError('SAGA_UNAVAILABLE', 'the database is read-only');
      await assertMigrated(this.dataSource);
    });
  }

  async close(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  private async decideAndWrite<R>(
    opening: pg.QueryConfig,
    complete: (rows: readonly LoadedRow[], query: Query) => Promise<Locked>,
    decide: (loaded: Loaded) => Writes<R>,
  ): Promise<Committed<R>> {
    return this.concluded(
      await transact<Written<R>>(this.pool, opening, async (opened, query) => {
        const from = await complete(opened.rows as LoadedRow[], query);
        pass('store.locked');
        return this.closing(decided(from, decide), query);
      }),
    );
  }

  private concluded<R>(transacted: Transacted<Written<R>>): Committed<R> {
    if (transacted.fate !== 'committed') return transacted;
    pass('store.committed');
    const { written, from, ...done } = transacted.value;
    if (written.ended.length > 0) pass('finished.moved');
    this.remember(written, from);
    return { fate: 'committed', ...done };
  }

  /** The sagas as they were written here last, if that is known of all of them and nothing else has to be read. */
  private remembered(wanted: readonly string[]): Locked | undefined {
    const now = this.optimism.now();
    if (now === undefined) return undefined;
    const sagas = new Map<string, StoredSaga>();
    const stamps = new Map<string, number>();
    for (const id of wanted) {
      const last = this.recent.last(id);
      if (!last || last.isParked || last.state.ownKey) return undefined;
      sagas.set(id, last);
      stamps.set(id, last.stamp);
    }
    return { now, sagas, stamps, finished: NONE_FINISHED, isLocked: false };
  }

  /**
   * Decides from what is remembered, without locking rows before: should one of them have been written by somebody else, its update finds no
   * row and nothing of the transaction stays. `undefined`: it has to be done in the usual way. Where sagas are started, whoever asked waits
   * for the answer, so that a connection that turns out to be lost may not leave the fate unknown: it is used once before anything is written,
   * unless it was a moment ago.
   */
  private async withoutLocks<R>(from: Locked, decide: (loaded: Loaded) => Writes<R>): Promise<Committed<R> | undefined> {
    let transacted: Transacted<Written<R>> | undefined;
    try {
      const decision = decided(from, decide);
      // Only what is written proves itself: a saga that is left as it is may have been written by somebody else, and what is answered about
      // it be wrong.
      if (decision.updates.length !== from.sagas.size) return undefined;
      transacted = await this.atOnce(decision);
      if (!transacted && decision.starts.length > 0) {
        transacted = await transact(this.pool, this.load.clock(), ({ rows }, query) => {
          this.optimism.read(rows as { now: number }[]);
          return this.closing(decision, query);
        });
      }
    } catch (error: unknown) {
      // Perhaps only since somebody else has written a saga.
      if (error instanceof BatchError) return undefined;
      throw error;
    }
    // Whatever is wrong with a row, the usual way finds out which.
    if (transacted?.fate === 'failed' && transacted.blame === 'row') this.optimism.disappointed();
    else if (transacted) {
      if (transacted.fate === 'committed') this.optimism.justified();
      return this.concluded(transacted);
    }
    return undefined;
  }

  /** In one round trip; `undefined` where that cannot be, or nothing is to be written. */
  private async atOnce<R>(decision: Decided<R>): Promise<Transacted<Written<R>> | undefined> {
    // Keys are claimed, and incoming rows locked, by statements of their own.
    if (decision.starts.some(({ state, startId, isIncoming }) => state.key !== null || startId !== null || isIncoming)) return undefined;
    const { last, value } = await this.closing(decision, noQueries);
    if (!last) return undefined;
    const isStarting = decision.starts.length > 0;
    const once = await transactAtOnce(this.pool, last, isStarting ? { provenMs: PROVEN_MS } : {});
    if (!once && !isStarting) this.optimism.never();
    return once?.fate === 'committed' ? { fate: 'committed', value } : once;
  }

  private remember({ starts, updates, ended, stamp }: Batch, { sagas, isSweep = false }: Locked): void {
    for (const { update } of ended) this.recent.forget(update.state.id);
    for (const { state, wakeAt } of starts) this.recent.wrote({ state, version: 1, stamp, wakeAt, parked: NONE_PARKED, isParked: false });
    for (const { update } of updates) {
      const { state, fromVersion, wakeAt, parked } = update;
      if (isSweep && !this.recent.has(state.id)) continue;
      const before = sagas.get(state.id)!;
      this.recent.wrote({
        state,
        version: fromVersion + 1,
        stamp,
        wakeAt: wakeAt === undefined ? before.wakeAt : wakeAt,
        parked: NONE_PARKED,
        isParked: (parked ?? before.parked).length > 0,
      });
    }
  }

  private async closing<R>({ from: loaded, starts, updates, result }: Decided<R>, query: Query): Promise<Closing<Written<R>>> {
    const isCurrent = ({ state, fromVersion }: SagaUpdate): boolean => loaded.sagas.get(state.id)?.version === fromVersion;
    const wanted = updates.filter(isCurrent);
    // Rows are locked in the order in which they are written then, and two batches must not wait for each other.
    const current = loaded.isLocked ? wanted : wanted.toSorted((one, other) => (one.state.id < other.state.id ? -1 : 1));
    const fates = starts.length > 0 ? await this.fatesOf(starts, query) : [];
    if (starts.length > 0) pass('store.keys-claimed');
    const started = starts.filter((_, n) => fates[n]?.fate === 'started');
    const batch = batchOf(started, current, loaded);
    const stale = new Set(updates.filter((update) => !isCurrent(update)).map(({ state }) => state.id));
    const value = { result, now: loaded.now, starts: fates, stale, written: batch, from: loaded };
    return { last: blamingRows(() => this.write(batch)), value };
  }

  /** Starts whose incoming row cannot be had leave everything else as it is, keys too. */
  private async fatesOf(starts: readonly SagaStart[], query: Query): Promise<readonly StartFate[]> {
    const incoming = starts.filter(({ isIncoming }) => isIncoming).map(({ state }) => state.id);
    if (incoming.length === 0) return this.claimKeys(starts, query);
    const held = await this.lockIncoming(incoming, query);
    const ours = starts.filter(({ isIncoming, state }) => !isIncoming || held.has(state.id));
    const claimed = await this.claimKeys(ours, query);
    const fates = new Map(ours.map((start, n) => [start, claimed[n]!]));
    return starts.map((start) => fates.get(start) ?? { fate: 'elsewhere' });
  }

  /** Sagas that were moved meanwhile, or long ago, are found by a second statement: it sees what the first one waited for. */
  private async withFinished(wanted: readonly string[], rows: readonly LoadedRow[], query: Query): Promise<Locked> {
    if (wanted.length === 0) return this.locked([], [], query, Math.floor(rows[0]?.now ?? 0));
    const open = new Set(rows.map((row) => row.id));
    const missing = wanted.filter((id) => !open.has(id));
    if (missing.length === 0) return this.locked(rows, [], query);
    const finished = (await query(this.load.finished(missing))).rows as LoadedRow[];
    return this.locked(rows, finished, query, rows.length + finished.length > 0 ? undefined : await this.clock(query));
  }

  private async locked(open: readonly LoadedRow[], finished: readonly LoadedRow[], query: Query, now?: number): Promise<Locked> {
    const rows = [...open, ...finished];
    const states = await this.statesOf(rows, query);
    const keys = await this.ownKeysOf(states, query);
    const read = now ?? Math.floor(rows.reduce((latest, row) => Math.max(latest, row.now), 0));
    this.optimism.read([{ now: read }]);
    return {
      now: read,
      isLocked: true,
      stamps: new Map(rows.map((row) => [row.id, row.stamp])),
      sagas: new Map(rows.map((row, at) => [row.id, withOwnKey(stored(row, states[at]!), keys)])),
      finished: new Set(finished.map((row) => row.id)),
    };
  }

  private async ownKeysOf(states: readonly SagaState[], query: Query): Promise<ReadonlyMap<string, string>> {
    const ids = states.flatMap(({ id, ownKey }) => (ownKey ? [id] : []));
    return ids.length === 0 ? NO_OWN_KEYS : ownKeysIn((await query(this.load.ownKeys(ids))).rows);
  }

  /** What was fetched is parsed; what was not is known, or else fetched now, since another store has written it. */
  private async statesOf(rows: readonly LoadedRow[], query: Query): Promise<readonly SagaState[]> {
    const known = rows.map(({ id, state, row_version: version, stamp }) =>
      state === null ? this.recent.get(id, { version, stamp }) : readState(id, state),
    );
    const missing = rows.filter((_, at) => known[at] === undefined).map((row) => row.id);
    if (missing.length === 0) return known as SagaState[];
    this.optimism.disappointed();
    const found = (await query(this.load.states(missing))).rows as { id: string; state: string }[];
    const fetched = new Map(found.map(({ id, state }) => [id, readState(id, state)]));
    return rows.map(({ id }, at) => known[at] ?? fetched.get(id)!);
  }

  private async clock(query: Query): Promise<number> {
    const { rows } = await query(this.load.clock());
    return Math.floor((rows as { now: number }[])[0]?.now ?? 0);
  }

  /** Whatever the database has against it, the caller learns that it can be tried again; but what we say ourselves stays as it is. */
  private async reading<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error: unknown) {
      if (error instanceof SagaError) throw error;
      throw new SagaError('SAGA_UNAVAILABLE', `the database did not do it: ${messageOf(error)}`, [], { cause: error });
    }
  }
}

function batchOf(starts: readonly SagaStart[], updates: readonly SagaUpdate[], loaded: Locked): Batch {
  const [open, ended, late]: [UpdateRow[], UpdateRow[], UpdateRow[]] = [[], [], []];
  for (const update of updates) {
    const { id } = update.state;
    const into = loaded.finished.has(id) ? late : isEnd(update, loaded) ? ended : open;
    into.push({ update, fromStamp: loaded.stamps.get(id)! });
  }
  return { starts, updates: open, ended, late, stamp: randomInt(STAMPS) };
}

/** Throws what the data is to blame for. */
function decided<R>(from: Locked, decide: (loaded: Loaded) => Writes<R>): Decided<R> {
  const writes = blamingRows(() => decide({ now: from.now, sagas: from.sagas }));
  pass('store.decided');
  return { ...writes, from };
}
/** A connection that was in use so short a time ago is hardly lost without its end having been heard of. */
const PROVEN_MS = 250;
const noQueries: Query = () => Promise.reject(new Error('nothing is started, so nothing is asked'));
const NONE_PARKED: readonly never[] = [];

/** What goes wrong with the data before PostgreSQL has seen it. */
function blamingRows<T>(work: () => T): T {
  try {
    return work();
  } catch (error: unknown) {
    throw new BatchError('row', error);
  }
}
