import { SagaError, messageOf } from '../core/errors.js';
import type { HistoryEntry } from '../core/event.js';
import { FOR_EVER } from '../core/plan.js';
import { statusOf, type SagaState, type Status } from '../core/state.js';
import type { Clock } from '../ports/clock.js';
import type { Overview, OverviewQuery, SagaOverview } from '../ports/saga-overview.js';
import type { FiguresQuery, VersionFigures } from '../ports/saga-figures.js';
import type {
  Committed,
  DefinitionRef,
  Loaded,
  OwnKey,
  ParkedReply,
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
import { InMemoryDeadLetters } from './in-memory-dead-letters.js';
import { InMemoryHistoryFeed, type SagaFacts } from './in-memory-history-feed.js';
import { InMemoryIncomingStarts } from './in-memory-incoming-starts.js';
import { figuresOf } from './in-memory-figures.js';
import { fits } from './in-memory-filter.js';
import { overviewOf } from './in-memory-overview.js';

/** A saga as it is kept: JSON text, so that nothing that a database would lose or change survives here. */
interface Row {
  readonly id: string;
  /** Name and version of its definition, as {@link refOf} writes them. */
  readonly definition: string;
  readonly version: number;
  readonly status: Status;
  readonly state: string;
  readonly wakeAt: number | null;
  readonly parked: string;
}
interface Key {
  readonly id: string;
  readonly inputHash: string;
}
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Keeps sagas in this process, for tests and for trying. The rules are those of the PostgreSQL store: JSON round trips, versions, keys,
 * order and refusals. Each method is one tick, so batches never overlap; nothing survives the process.
 */
export class InMemorySagaStore implements SagaStore, SagaOverview {
  readonly incoming: InMemoryIncomingStarts;
  readonly letters: InMemoryDeadLetters;
  readonly feed: InMemoryHistoryFeed;
  private readonly sagas = new Map<string, Row>();
  private readonly finished = new Map<string, Row>();
  private readonly histories = new Map<string, readonly string[]>();
  private readonly keys = new Map<string, Key>();
  private readonly definitions = new Map<string, string>();
  /** Takes back what the transaction under way has written. */
  private undo: (() => void)[] = [];

  private readonly ownKeys = new Map<string, OwnKey>();

  constructor(private readonly clock: Pick<Clock, 'now'>) {
    this.incoming = new InMemoryIncomingStarts(clock, undefined, (id) => this.row(id) !== undefined);
    this.letters = new InMemoryDeadLetters(clock);
    this.feed = new InMemoryHistoryFeed(clock, (id) => {
      const row = this.row(id);
      return row && factsOf(row);
    });
  }

  async commit<R>(ids: readonly string[], decide: (loaded: Loaded) => Writes<R>): Promise<Committed<R>> {
    return this.transact([...new Set(ids)].toSorted(), decide);
  }

  async commitDue<R>(limit: number, versions: readonly DefinitionRef[], decide: (loaded: Loaded) => Writes<R>): Promise<Committed<R>> {
    const now = this.clock.now();
    const loadable = new Set(versions.map(refOf));
    const due = [...this.sagas.values(), ...this.finished.values()]
      .filter((row) => row.wakeAt !== null && row.wakeAt <= now && loadable.has(row.definition))
      .toSorted((a, b) => (a.wakeAt ?? 0) - (b.wakeAt ?? 0));
    return this.transact(
      due.slice(0, limit).map((row) => row.id),
      decide,
    );
  }

  async find(id: string): Promise<StoredSaga | undefined> {
    const row = this.row(id);
    return row && toStored(row, this.ownKeys);
  }

  async findByKey(name: string, key: string): Promise<StoredSaga | undefined> {
    const owner = this.keys.get(keyOf('key', name, key));
    return owner && this.find(owner.id);
  }

  async list(filter: SagaFilter): Promise<SagaPage> {
    const limit = Math.min(500, Math.max(1, Math.floor(filter.limit)));
    const before = filter.cursor === undefined ? undefined : idOf(filter.cursor);
    const found = [...this.sagas.values(), ...this.finished.values()]
      .filter((row) => (before === undefined || row.id < before) && fits(stateIn(row), filter))
      .toSorted((a, b) => (a.id < b.id ? 1 : -1));
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      sagas: page.map((row) => toStored(row)),
      ...(found.length > limit && last ? { cursor: Buffer.from(last.id).toString('base64url') } : {}),
    };
  }

  async history(id: string, afterSeq: number, limit: number): Promise<readonly HistoryEntry[] | undefined> {
    if (!this.row(id)) return undefined;
    return (this.histories.get(id) ?? []).slice(afterSeq, afterSeq + limit).map((text) => JSON.parse(text) as HistoryEntry);
  }

  async versionsInFlight(): Promise<readonly (DefinitionRef & { readonly count: number })[]> {
    const counted = new Map<string, DefinitionRef & { readonly count: number }>();
    for (const row of this.sagas.values()) {
      const { name, version, end } = stateIn(row);
      if (!end) counted.set(refOf({ name, version }), { name, version, count: (counted.get(refOf({ name, version }))?.count ?? 0) + 1 });
    }
    return [...counted.values()].toSorted((a, b) => (a.name === b.name ? a.version - b.version : a.name < b.name ? -1 : 1));
  }

  async overview(query: OverviewQuery): Promise<Overview> {
    return overviewOf(
      [...this.sagas.values(), ...this.finished.values()].map((row) => toStored(row)),
      this.clock.now(),
      query,
    );
  }

  async figures(query: FiguresQuery): Promise<readonly VersionFigures[]> {
    return figuresOf([...this.finished.values()].map(stateIn), query);
  }

  async registerDefinitions(definitions: readonly RegisteredDefinition[]): Promise<readonly RegisteredDefinition[]> {
    const differing: RegisteredDefinition[] = [];
    for (const definition of definitions) {
      const text = this.definitions.get(refOf(definition));
      const known = text === undefined ? undefined : (JSON.parse(text) as RegisteredDefinition);
      if (known && known.fingerprint !== definition.fingerprint) differing.push(known);
      else this.definitions.set(refOf(definition), JSON.stringify(definition));
    }
    return differing;
  }

  async replaceDefinition(definition: RegisteredDefinition): Promise<void> {
    const inFlight = await this.versionsInFlight();
    if (inFlight.some((version) => refOf(version) === refOf(definition)))
      throw new SagaError('SAGA_DEFINITION_CHANGED', `sagas of ${definition.name} version ${definition.version} are in flight`);
    this.definitions.set(refOf(definition), JSON.stringify(definition));
  }

  async shred(subject: string): Promise<number> {
    const ids = [...this.ownKeys].flatMap(([id, key]) => (key.subject === subject ? [id] : []));
    for (const id of ids) this.ownKeys.delete(id);
    return ids.length;
  }

  async moveFinished(limit: number): Promise<number> {
    const final = [...this.sagas.values()].filter((row) => isFinal(row) && row.parked === '[]');
    const moved = final.toSorted((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
    for (const row of moved) {
      this.sagas.delete(row.id);
      this.finished.set(row.id, row);
    }
    return moved.length;
  }

  async forgetFinished(limit: number): Promise<number> {
    const over = [...this.finished.values()].filter((row) => this.isOver(stateIn(row))).slice(0, limit);
    const gone = new Set(over.map(({ id }) => id));
    for (const id of gone) {
      this.finished.delete(id);
      this.histories.delete(id);
      this.ownKeys.delete(id);
    }
    for (const [name, { id }] of this.keys) if (gone.has(id)) this.keys.delete(name);
    return gone.size;
  }

  async maintain(): Promise<void> {}
  async check(): Promise<void> {}
  async close(): Promise<void> {}

  async now(): Promise<number> {
    return this.clock.now();
  }

  private isOver(state: SagaState): boolean {
    const { retention = FOR_EVER } = JSON.parse(this.definitions.get(refOf(state)) ?? '{}') as Partial<RegisteredDefinition>;
    const keptMs = state.end === 'completed' ? retention.completedMs : retention.compensatedMs;
    return keptMs !== null && state.endedAt !== null && state.endedAt + keptMs <= this.clock.now();
  }

  private row(id: string): Row | undefined {
    return this.sagas.get(id) ?? this.finished.get(id);
  }

  private transact<R>(ids: readonly string[], decide: (loaded: Loaded) => Writes<R>): Committed<R> {
    const now = this.clock.now();
    const rows = ids.flatMap((id) => this.row(id) ?? []);
    this.undo = [];
    try {
      const { starts, updates, result } = decide({ now, sagas: new Map(rows.map((row) => [row.id, toStored(row, this.ownKeys)])) });
      const current = new Map(rows.map((row) => [row.id, row.version]));
      const stale = new Set(
        updates.filter((update) => current.get(update.state.id) !== update.fromVersion).map((update) => update.state.id),
      );
      const fates = starts.map((start) => this.start(start));
      for (const update of updates) if (!stale.has(update.state.id)) this.update(update);
      return { fate: 'committed', result, now, starts: fates, stale };
    } catch (error: unknown) {
      for (const undo of this.undo.toReversed()) undo();
      return { fate: 'failed', blame: 'row', error };
    }
  }

  private start(start: SagaStart): StartFate {
    const { state, startId, inputHash, isIncoming } = start;
    if (isIncoming && !this.incoming.has(state.id)) return { fate: 'elsewhere' };
    const names = [
      ...(state.key === null ? [] : [keyOf('key', state.name, state.key)]),
      ...(startId === null ? [] : [keyOf('start', state.name, startId)]),
    ];
    for (const name of names) {
      const owner = this.keys.get(name);
      if (owner && owner.id !== state.id) return { fate: 'exists', ...owner };
    }
    if (this.row(state.id)) throw new Error(`there is a saga ${state.id}`);
    for (const name of names) this.put(this.keys, assertText(name), { id: state.id, inputHash });
    this.put(this.sagas, state.id, rowOf(state, 1, start.wakeAt, []));
    if (start.ownKey) this.put(this.ownKeys, state.id, start.ownKey);
    this.log(state.id, start.history);
    if (isIncoming) this.undo.push(this.incoming.take(state.id));
    return { fate: 'started' };
  }

  private update({ state, fromVersion, wakeAt, parked, history }: SagaUpdate): void {
    const table = this.sagas.has(state.id) ? this.sagas : this.finished;
    const before = table.get(state.id)!;
    const row = rowOf(
      state,
      fromVersion + 1,
      wakeAt === undefined ? before.wakeAt : wakeAt,
      parked ?? (JSON.parse(before.parked) as ParkedReply[]),
    );
    if (table === this.finished && !isFinal(row)) throw new Error('a finished saga stays final');
    this.put(table, state.id, row);
    this.log(state.id, history);
  }

  private log(id: string, entries: readonly HistoryEntry[]): void {
    const lines = [...(this.histories.get(id) ?? [])];
    for (const entry of entries) {
      if (entry.seq !== lines.length + 1) throw new Error(`history entry ${entry.seq} of saga ${id} does not follow ${lines.length}`);
      const text = JSON.stringify(entry);
      lines.push(text);
      this.undo.push(this.feed.append(id, text));
    }
    this.put(this.histories, id, lines);
  }

  private put<V>(map: Map<string, V>, key: string, value: V): void {
    const before = map.get(key);
    this.undo.push(() => (before === undefined ? map.delete(key) : map.set(key, before)));
    map.set(key, value);
  }
}

/** The same invariants that the tables check. */
function rowOf(state: SagaState, version: number, wakeAt: number | null, parked: readonly ParkedReply[]): Row {
  const status = statusOf(state);
  const texts = { state: JSON.stringify(state), parked: JSON.stringify(parked) };
  const row = { id: state.id, definition: refOf(state), version, status, wakeAt, ...texts };
  if (!UUID.test(state.id)) throw new Error(`${state.id} is not a UUID`);
  for (const text of [state.name, state.key ?? '', ...Object.entries(state.tags).flat()]) assertText(text);
  if ((state.endedAt !== null) !== isFinal(row)) throw new Error('a saga has ended exactly if it is final');
  if (wakeAt === null && (status === 'running' || status === 'compensating')) throw new Error(`a ${status} saga needs a timer`);
  if (wakeAt !== null && isFinal(row) && parked.length === 0) throw new Error('a final saga has nothing to wake for');
  return row;
}

function idOf(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString();
  if (!UUID.test(id)) throw new SagaError('SAGA_REQUEST_INVALID', `the cursor is not one that a page gave: ${messageOf(cursor)}`);
  return id;
}

function assertText(text: string): string {
  if (text.includes(String.fromCharCode(0))) throw new Error('a NUL character cannot be stored');
  return text;
}

const stateIn = (row: Row): SagaState => JSON.parse(row.state) as SagaState;
const factsOf = (row: Row, { name, version } = stateIn(row)): SagaFacts => ({ name, version, status: row.status });
/** Its texts are read when somebody looks. */
function toStored(row: Row, ownKeys?: ReadonlyMap<string, OwnKey>): StoredSaga {
  let state: SagaState | undefined;
  let parked: readonly ParkedReply[] | undefined;
  return {
    get state() {
      return (state ??= stateIn(row));
    },
    version: row.version,
    wakeAt: row.wakeAt,
    get ownKey() {
      return ownKeys && this.state.ownKey ? (ownKeys.get(row.id)?.key ?? null) : undefined;
    },
    get parked() {
      return (parked ??= JSON.parse(row.parked) as ParkedReply[]);
    },
  };
}
const isFinal = (row: Pick<Row, 'status'>): boolean => row.status === 'completed' || row.status === 'compensated';
const refOf = ({ name, version }: DefinitionRef): string => `${name} ${version}`;
const keyOf = (kind: 'key' | 'start', name: string, key: string): string => `${kind} ${name} ${key}`;
