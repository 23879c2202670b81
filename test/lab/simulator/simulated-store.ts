import { InMemorySagaStore } from '../../../src/memory/in-memory-saga-store.js';
import { RowLocks } from '../../../src/memory/inbox-row-locks.js';
import type { DeadLetters } from '../../../src/ports/dead-letters.js';
import type { HistoryFeed } from '../../../src/ports/history-feed.js';
import type { IncomingPage, IncomingStarts } from '../../../src/ports/incoming-starts.js';
import type {
  Committed,
  DefinitionRef,
  Loaded,
  RegisteredDefinition,
  SagaFilter,
  SagaStore,
  StartFate,
  Writes,
} from '../../../src/ports/saga-store.js';
import type { Chance } from '../kit/chance.js';
import { Connection, ConnectionLost, type Server } from './connection.js';
import type { DatabaseClock } from './database-clock.js';
import type { Life, Port, Strike } from './life.js';

/** As the real store's connections are set up. */
const LOCK_TIMEOUT_MS = 10_000;
const IDLE_IN_TRANSACTION_MS = 30_000;

/** How the next commit of a machine ends. */
export type CommitFate = 'failed' | 'unknown-committed' | 'unknown-undone';

/** One transaction that was committed, for whoever watches the rows. */
export interface CommitSeen {
  readonly loaded: Loaded;
  readonly writes: Writes<unknown>;
  readonly starts: readonly StartFate[];
  readonly stale: ReadonlySet<string>;
  readonly by: string;
}

/**
 * The database of the sagas: what is kept, and who holds which row.
 * `optimistic`: harsher than the port allows, no row is locked while it is decided about. Two may then decide about the same version, only
 * the version keeps them apart, and the engine has to apply the second again.
 */
export class SagaDatabase implements Server {
  readonly inner: InMemorySagaStore;
  readonly locks: RowLocks;
  isUp = true;
  /** By machine. */
  readonly commitFates = new Map<string, CommitFate[]>();
  onCommitted: (seen: CommitSeen) => void = () => undefined;
  onCounted: (what: string) => void = () => undefined;

  constructor(
    readonly clock: DatabaseClock,
    readonly chance: Chance,
    readonly isOptimistic: boolean,
  ) {
    this.inner = new InMemorySagaStore(clock);
    this.locks = new RowLocks(clock);
  }
}

const NOTHING: Writes<undefined> = { starts: [], updates: [], result: undefined };
type Failed = Extract<Committed<never>, { fate: 'failed' }>;

/**
 * The saga store as one process has it: every act takes its time over a link that may break, and the row locks of a transaction are held
 * while its process decides.
 */
export class SimulatedSagaStore implements SagaStore {
  /** Notifications reach who lives and has a link; whoever misses one has its polls. */
  readonly incoming: IncomingStarts = {
    read: (page: IncomingPage) => this.other(() => this.database.inner.incoming.read(page)),
    strangers: (versions, waitedMs) => this.other(() => this.database.inner.incoming.strangers(versions, waitedMs)),
    remove: (ids) => this.other(() => this.database.inner.incoming.remove(ids)),
    restore: (start) => this.other(() => this.database.inner.incoming.restore(start)),
    watch: (arrived) => {
      const end = this.database.inner.incoming.watch(() => {
        if (this.database.isUp && this.life.machine.databaseReachable) this.life.enter(arrived);
      });
      this.life.onDeath(() => void end());
      return end;
    },
  };
  readonly letters: DeadLetters = {
    add: (letters) => this.other(() => this.database.inner.letters.add(letters)),
    page: (filter) => this.other(() => this.database.inner.letters.page(filter)),
    find: (id) => this.other(() => this.database.inner.letters.find(id)),
    replayed: (id, at, decree) => this.other(() => this.database.inner.letters.replayed(id, at, decree)),
    discard: (id, decree) => this.other(() => this.database.inner.letters.discard(id, decree)),
    forget: (keepMs, limit) => this.other(() => this.database.inner.letters.forget(keepMs, limit)),
  };
  readonly feed: HistoryFeed = {
    end: () => this.other(() => this.database.inner.feed.end()),
    read: (page) => this.other(() => this.database.inner.feed.read(page)),
  };

  constructor(
    private readonly database: SagaDatabase,
    private readonly life: Life,
  ) {}

  commit<R>(ids: readonly string[], decide: (loaded: Loaded) => Writes<R>): Promise<Committed<R>> {
    return this.transact('store.commit', decide, async (transaction) => {
      const wanted = [...new Set(ids)].toSorted();
      await transaction.lock(wanted);
      return this.load((capture) => this.database.inner.commit(wanted, capture));
    });
  }

  commitDue<R>(limit: number, versions: readonly DefinitionRef[], decide: (loaded: Loaded) => Writes<R>): Promise<Committed<R>> {
    return this.transact('store.sweep', decide, async (transaction) => {
      const due = await this.load((capture) => this.database.inner.commitDue(Infinity, versions, capture));
      const free = [...due.sagas].filter(([id]) => this.database.isOptimistic || !this.database.locks.isHeld(id));
      if (free.length < due.sagas.size) this.database.onCounted('locked row skipped by a sweep');
      const taken = new Map(free.slice(0, limit));
      await transaction.lock([...taken.keys()]);
      return { now: due.now, sagas: taken };
    });
  }

  find(id: string) {
    return this.other(() => this.database.inner.find(id));
  }
  shred(subject: string) {
    return this.other(() => this.database.inner.shred(subject));
  }
  findByKey(name: string, key: string) {
    return this.other(() => this.database.inner.findByKey(name, key));
  }
  list(filter: SagaFilter) {
    return this.other(() => this.database.inner.list(filter));
  }
  history(id: string, afterSeq: number, limit: number) {
    return this.other(() => this.database.inner.history(id, afterSeq, limit));
  }
  versionsInFlight() {
    return this.other(() => this.database.inner.versionsInFlight());
  }
  registerDefinitions(definitions: readonly RegisteredDefinition[]) {
    return this.other(() => this.database.inner.registerDefinitions(definitions));
  }
  replaceDefinition(definition: RegisteredDefinition) {
    return this.other(() => this.database.inner.replaceDefinition(definition));
  }
  moveFinished(limit: number) {
    return this.other(() => this.database.inner.moveFinished(limit));
  }
  forgetFinished(limit: number) {
    return this.other(() => this.database.inner.forgetFinished(limit));
  }
  maintain() {
    return this.other(() => this.database.inner.maintain());
  }
  now() {
    return this.other(() => this.database.inner.now());
  }
  check() {
    return this.other(() => this.database.inner.check());
  }
  async close(): Promise<void> {}

  private other<T>(act: () => Promise<T>): Promise<T> {
    return this.life.port('store.other', async () => {
      const connection = new Connection(this.database, this.life);
      try {
        await connection.hop();
        const result = await act();
        await connection.hop();
        return result;
      } finally {
        connection.close();
      }
    });
  }

  /** What a transaction finds, without writing anything yet. */
  private async load(run: (capture: (loaded: Loaded) => Writes<undefined>) => Promise<unknown>): Promise<Loaded> {
    let found: Loaded | undefined;
    await run((loaded) => {
      found = loaded;
      return NOTHING;
    });
    return found!;
  }

  private transact<R>(
    port: Port,
    decide: (loaded: Loaded) => Writes<R>,
    load: (transaction: Transaction) => Promise<Loaded>,
  ): Promise<Committed<R>> {
    return this.life.port(port, async (strike) => {
      const transaction = new Transaction(this.database, this.life);
      try {
        return await this.run(transaction, strike, decide, load);
      } finally {
        transaction.end();
      }
    });
  }

  private async run<R>(
    transaction: Transaction,
    strike: Strike | undefined,
    decide: (loaded: Loaded) => Writes<R>,
    load: (transaction: Transaction) => Promise<Loaded>,
  ): Promise<Committed<R>> {
    let loaded: Loaded;
    let decided: Decided<R>;
    try {
      await transaction.hop();
      loaded = await load(transaction);
      await transaction.hop();
      decided = await transaction.atClient(strike, () => attempt(() => decide(loaded)));
      if (!decided.ok) return { fate: 'failed', blame: 'row', error: decided.error };
      transaction.check();
    } catch (error: unknown) {
      return lost(error);
    }
    const { writes } = decided;
    if (loaded.sagas.size === 0 && writes.starts.length === 0) {
      return { fate: 'committed', result: writes.result, now: loaded.now, starts: [], stale: new Set() };
    }
    return this.write(transaction, loaded, writes);
  }

  /** From here on the process has asked for the commit. */
  private async write<R>(transaction: Transaction, loaded: Loaded, writes: Writes<R>): Promise<Committed<R>> {
    const { database, life } = this;
    try {
      await transaction.hop();
    } catch (error: unknown) {
      database.onCounted('commit unknown, undone (link)');
      return { fate: 'unknown', error };
    }
    const fate = database.commitFates.get(life.machine.name)?.shift();
    if (fate === 'failed') {
      database.onCounted('commit failed');
      return { fate: 'failed', blame: 'database', error: new Error('deadlock detected') };
    }
    if (fate === 'unknown-undone') {
      database.onCounted('commit unknown, undone');
      return { fate: 'unknown', error: new ConnectionLost() };
    }
    const committed = await database.inner.commit([...loaded.sagas.keys()], () => writes);
    transaction.free();
    if (committed.fate !== 'committed') return committed;
    database.onCommitted({ loaded, writes, starts: committed.starts, stale: committed.stale, by: life.machine.name });
    if (committed.stale.size > 0) database.onCounted('stale write');
    if (committed.starts.some((start) => start.fate === 'elsewhere')) database.onCounted('incoming row gone or in other hands');
    if (fate === 'unknown-committed') {
      database.onCounted('commit unknown, committed');
      return { fate: 'unknown', error: new ConnectionLost() };
    }
    try {
      await transaction.hop();
    } catch (error: unknown) {
      database.onCounted('commit unknown, committed (link)');
      return { fate: 'unknown', error };
    }
    return { ...committed, now: loaded.now };
  }
}

type Decided<R> = { readonly ok: true; readonly writes: Writes<R> } | { readonly ok: false; readonly error: unknown };

function attempt<R>(decide: () => Writes<R>): Decided<R> {
  try {
    return { ok: true, writes: decide() };
  } catch (error: unknown) {
    return { ok: false, error };
  }
}

function lost(error: unknown): Failed {
  return { fate: 'failed', blame: 'database', error };
}

/** One open transaction. Invariant: its rows are free as soon as it has ended, however it ended. */
class Transaction {
  private readonly owner = Symbol('transaction');
  private readonly connection: Connection;
  private hasEnded = false;

  constructor(
    private readonly database: SagaDatabase,
    private readonly life: Life,
  ) {
    this.connection = new Connection(database, life);
    // The server notices that nobody is there any more.
    this.connection.broken.catch(() => this.end());
  }

  hop(): Promise<void> {
    return this.connection.hop();
  }
  check(): void {
    if (this.connection.isBroken) throw new ConnectionLost();
  }

  async lock(ids: readonly string[]): Promise<void> {
    const { locks, isOptimistic, onCounted } = this.database;
    if (isOptimistic) return;
    for (const id of ids) {
      if (locks.isHeld(id)) onCounted('wait for a row lock');
      if (!(await locks.take(id, this.owner, LOCK_TIMEOUT_MS))) throw new Error('canceling statement due to lock timeout');
      if (this.hasEnded) {
        locks.releaseAll(this.owner);
        throw new ConnectionLost();
      }
    }
  }

  /** Lets the process work while the transaction is open. One that stays away too long finds it rolled back. */
  atClient<R>(strike: Strike | undefined, work: () => R): Promise<R> {
    const { life } = this;
    return new Promise((resolve, reject) => {
      if (strike?.moment === 'middle' && life.struck(strike)) return reject(new ConnectionLost());
      const { time } = life.machine.around;
      const idle = time.after(IDLE_IN_TRANSACTION_MS, () => {
        this.database.onCounted('transaction given up by the server');
        this.connection.abandon();
      });
      this.connection.broken.catch(() => {
        if (!life.isAlive) {
          idle.cancel();
          reject(new ConnectionLost());
        }
      });
      life.enter(() => {
        idle.cancel();
        resolve(work());
      });
    });
  }

  /** Its rows may be had by others; the answer is still under way. */
  free(): void {
    this.hasEnded = true;
    this.database.locks.releaseAll(this.owner);
  }
  end(): void {
    this.free();
    this.connection.close();
  }
}
